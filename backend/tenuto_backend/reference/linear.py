"""Sums of products along axes that tensors share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_letters

import numpy as np

from tenuto_backend.reference.dtypes import DType, accumulated, summing
from tenuto_backend.reference.elementwise import Primitive
from tenuto_backend.reference.pattern import ELLIPSIS, Side, parse, spread
from tenuto_backend.reference.values import Array, Refused


def _matmul(a: Array, b: Array, result: DType | None = None) -> Array:
    target = accumulated(a.dtype) if result is None else result
    wide = summing(a.dtype, b.dtype, target)
    return np.asarray(np.matmul(a.astype(wide), b.astype(wide))).astype(target)


def _einsum(pattern: str, parts: Sequence[Array], result: DType | None = None) -> Array:
    rule = parse(pattern)
    if len(rule.inputs) != len(parts):
        raise Refused(f"the pattern {pattern!r} is for {len(rule.inputs)} tensors, not {len(parts)}")
    letters: dict[str, str] = {}
    for side in (*rule.inputs, rule.output):
        for axis in side.axes:
            if len(axis) != 1 or axis[0] == ELLIPSIS:
                raise Refused(f"each axis of {pattern!r} must be one name")
            letters.setdefault(axis[0], ascii_letters[len(letters)])
    if not set(rule.output.names) <= {name for side in rule.inputs for name in side.names}:
        raise Refused(f"the right side of {pattern!r} names an axis that the left side lacks")
    _agree(rule.inputs, parts, pattern)
    equation = ",".join(_word(side, letters) for side in rule.inputs) + "->" + _word(rule.output, letters)
    target = accumulated(parts[0].dtype) if result is None else result
    wide = summing(*(part.dtype for part in parts), target)
    return np.asarray(np.einsum(equation, *(part.astype(wide) for part in parts))).astype(target)


def _agree(inputs: Sequence[Side], parts: Sequence[Array], pattern: str) -> None:
    """A name has one size: NumPy alone would let an axis of size 1 meet any other."""
    found: dict[str, int] = {}
    for side, part in zip(inputs, parts, strict=True):
        for name, size in zip(spread(side, part.ndim, pattern).names, part.shape, strict=True):
            if found.setdefault(name, size) != size:
                raise Refused(f"in {pattern!r} `{name}` has the sizes {found[name]} and {size}")


def _word(side: Side, letters: Mapping[str, str]) -> str:
    return "".join(letters[name] for name in side.names)


PRIMITIVES: Mapping[str, Primitive] = {
    "matmul": _matmul,
    "einsum": _einsum,
}
