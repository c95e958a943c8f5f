"""The same elements elsewhere: another shape or order, joined, cut, repeated, padded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod

import numpy as np

from tenuto_backend.reference.dtypes import DType, working
from tenuto_backend.reference.pattern import ELLIPSIS, Axis, Side, parse, replace_ellipsis, solve, spread
from tenuto_backend.reference.reduce import PRIMITIVES as REDUCTIONS
from tenuto_backend.reference.values import Array, Refused


def _reshape(x: Array, to: tuple[int, ...]) -> Array:
    return np.reshape(x, to)


def _transpose(x: Array) -> Array:
    return np.swapaxes(x, -1, -2)


def _permute(x: Array, order: Sequence[int]) -> Array:
    return np.transpose(x, order)


def _swap_axes(x: Array, a: int, b: int) -> Array:
    return np.swapaxes(x, a, b)


def _rearrange(x: Array, pattern: str, sizes: Mapping[str, int]) -> Array:
    split, left, right, known = _split(x, pattern, sizes)
    if set(left) != set(right.names):
        raise Refused(f"both sides of {pattern!r} must name the same axes")
    ordered = np.transpose(split, [left.index(name) for name in right.names])
    return np.reshape(ordered, _merged(right, known))


def _reduce(x: Array, pattern: str, reducer: str, sizes: Mapping[str, int]) -> Array:
    split, left, right, known = _split(x, pattern, sizes)
    if not set(right.names) <= set(left):
        raise Refused(f"the right side of {pattern!r} names an axis that the left side lacks")
    gone = [at for at, name in enumerate(left) if name not in right.names]
    if reducer not in ("sum", "mean", "max", "min", "prod"):
        raise Refused(f"`{reducer}` is no reduction")
    reduced = REDUCTIONS[reducer](split, axis=gone) if gone else split
    kept = [name for name in left if name in right.names]
    ordered = np.transpose(reduced, [kept.index(name) for name in right.names])
    return np.reshape(ordered, _merged(right, known))


def _split(x: Array, pattern: str, sizes: Mapping[str, int]) -> tuple[Array, list[str], Side, dict[str, int]]:
    """`x` with one axis for each name of the left side, those names, the right side, and every name's size."""
    rule = parse(pattern)
    if len(rule.inputs) != 1:
        raise Refused(f"{pattern!r} is for one tensor")
    left = spread(rule.inputs[0], x.ndim, pattern)
    if len(set(left.names)) != len(left.names) or len(set(rule.output.names)) != len(rule.output.names):
        raise Refused(f"a name stands twice on one side of {pattern!r}")
    count = sum(name.startswith(ELLIPSIS) for name in left.names)
    right = replace_ellipsis(rule.output, count) if (ELLIPSIS,) in rule.output.axes else rule.output
    unused = set(sizes) - set(left.names)
    if unused:
        raise Refused(f"{pattern!r} has no axis {', '.join(sorted(unused))}")
    known = solve(left, x.shape, sizes, pattern)
    names = list(left.names)
    return np.reshape(x, [known[name] for name in names]), names, right, known


def _merged(side: Side, known: Mapping[str, int]) -> tuple[int, ...]:
    def size(axis: Axis) -> int:
        return prod(known[name] for name in axis)

    return tuple(map(size, side.axes))


def _concat(parts: Sequence[Array], axis: int = 0) -> Array:
    return np.concatenate(parts, axis)


def _stack(parts: Sequence[Array], axis: int = 0) -> Array:
    return np.stack(parts, axis)


def _split_equally(x: Array, n: int, axis: int = -1) -> list[Array]:
    return [np.asarray(part) for part in np.split(x, n, axis)]


def _pad(x: Array, before: Sequence[int], after: Sequence[int], value: Array) -> Array:
    widths = list(zip(before, after, strict=True))
    if not widths:
        return x
    wide = np.pad(x.astype(working(x.dtype)), widths, constant_values=value.astype(working(x.dtype)))
    return np.asarray(wide).astype(x.dtype)


def _pad_reflect(x: Array, before: int, after: int, axis: int = -1) -> Array:
    return np.take(x, np.pad(np.arange(x.shape[axis]), (before, after), "reflect"), axis)


def _pad_edge(x: Array, before: int, after: int, axis: int = -1) -> Array:
    return np.take(x, np.pad(np.arange(x.shape[axis]), (before, after), "edge"), axis)


def _tile(x: Array, repeats: Sequence[int]) -> Array:
    return np.tile(x, tuple(repeats))


def _expand(x: Array, to: tuple[int, ...]) -> Array:
    return np.broadcast_to(x, to)


def _unsqueeze(x: Array, axis: int) -> Array:
    return np.expand_dims(x, axis)


def _flip(x: Array, axis: int | Sequence[int]) -> Array:
    return np.flip(x, axis if isinstance(axis, int) else tuple(axis))


def _roll(x: Array, shift: int, axis: int) -> Array:
    return np.roll(x, shift, axis)


def _arange(n: int, dtype: DType) -> Array:
    return np.arange(n).astype(dtype)


PRIMITIVES: Mapping[str, Callable[..., Array | list[Array]]] = {
    "reshape": _reshape,
    "transpose": _transpose,
    "permute": _permute,
    "swap_axes": _swap_axes,
    "rearrange": _rearrange,
    "reduce": _reduce,
    "concat": _concat,
    "stack": _stack,
    "split": _split_equally,
    "pad": _pad,
    "pad_reflect": _pad_reflect,
    "pad_edge": _pad_edge,
    "tile": _tile,
    "expand": _expand,
    "unsqueeze": _unsqueeze,
    "flip": _flip,
    "roll": _roll,
    "arange": _arange,
}
