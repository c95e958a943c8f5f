"""The same elements elsewhere: orders, patterns, joints, borders, and tensors that a size alone makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tenuto_backend.mlir.operations import Value
from tenuto_backend.spelling import spelled
from tenuto_backend.stablehlo import tensors
from tenuto_backend.stablehlo.rules import reduce
from tenuto_backend.stablehlo.site import Rule, Site
from tenuto_backend.stablehlo.types import numbers, shape


def _reshape(site: Site) -> Sequence[Value]:
    return [tensors.reshaped(site.body, site.value("x"), site.sizes)]


def _transpose(site: Site) -> Sequence[Value]:
    rank = len(site.sizes)
    return [tensors.permuted(site.body, site.value("x"), [*range(rank - 2), rank - 1, rank - 2])]


def _permute(site: Site) -> Sequence[Value]:
    rank = len(site.sizes)
    return [tensors.permuted(site.body, site.value("x"), [axis % rank for axis in site.numbers("order")])]


def _swap_axes(site: Site) -> Sequence[Value]:
    rank = len(site.sizes)
    order = [*range(rank)]
    a, b = site.axis("a", rank), site.axis("b", rank)
    order[a], order[b] = order[b], order[a]
    return [tensors.permuted(site.body, site.value("x"), order)]


def _expand(site: Site) -> Sequence[Value]:
    return site.broadcast("x")


# ------------------------------------------------------------------------------------------------------------- patterns


def _rearrange(site: Site) -> Sequence[Value]:
    pattern = spelled(site)
    split = tensors.reshaped(site.body, site.value("x"), numbers(pattern.dims))
    return _merged(site, split, pattern.names, pattern.kept)


def _reduce(site: Site) -> Sequence[Value]:
    pattern = spelled(site)
    x = tensors.reshaped(site.body, site.value("x"), numbers(pattern.dims))
    gone = [at for at, name in enumerate(pattern.names) if name not in pattern.kept]
    left = [name for name in pattern.names if name in pattern.kept]
    found = reduce.along(site.body, x, gone, site.text("reducer"), site.element) if gone else x
    return _merged(site, found, left, pattern.kept)


def _merged(site: Site, x: Value, names: Sequence[str], kept: Sequence[str]) -> Sequence[Value]:
    """The axes `names` in the order of the right side, then grouped as it says."""
    turned = tensors.permuted(site.body, x, [names.index(name) for name in kept])
    return [tensors.reshaped(site.body, turned, site.sizes)]


# --------------------------------------------------------------------------------------------------------------- joints


def _concat(site: Site) -> Sequence[Value]:
    return [tensors.joined(site.body, site.values("parts"), site.axis("axis", len(site.sizes)))]


def _stack(site: Site) -> Sequence[Value]:
    sizes = site.sizes
    axis = site.axis("axis", len(sizes))
    row = (*sizes[:axis], 1, *sizes[axis + 1 :])
    return [tensors.joined(site.body, [tensors.reshaped(site.body, p, row) for p in site.values("parts")], axis)]


def _split(site: Site) -> Sequence[Value]:
    x = site.value("x")
    axis = site.axis("axis", len(shape(x)))
    length = site.sizes[axis]
    return [tensors.part(site.body, x, axis, at * length, (at + 1) * length) for at in range(len(site.results))]


def _tile(site: Site) -> Sequence[Value]:
    """Each axis after a new one, along which it is repeated."""
    x, sizes = site.value("x"), site.sizes
    own = (1,) * (len(sizes) - len(shape(x))) + shape(x)
    repeats = site.numbers("repeats")
    repeats = (1,) * (len(own) - len(repeats)) + repeats
    long = tuple(size for pair in zip(repeats, own, strict=True) for size in pair)
    spread = tensors.stretched(site.body, tensors.reshaped(site.body, x, own), long, range(1, len(long), 2))
    return [tensors.reshaped(site.body, spread, sizes)]


# -------------------------------------------------------------------------------------------------------------- borders


def _pad(site: Site) -> Sequence[Value]:
    before, after = site.numbers("before"), site.numbers("after")
    return [tensors.padded(site.body, site.value("x"), site.value("value"), before, after)]


def _pad_edge(site: Site) -> Sequence[Value]:
    """Beyond an end the element at the end."""
    before, after, size = _border(site)
    return [_chosen(site, [0] * before + [*range(size)] + [size - 1] * after)]


def _pad_reflect(site: Site) -> Sequence[Value]:
    """Beyond an end what is as far before it."""
    before, after, size = _border(site)
    ahead, behind = range(before, 0, -1), range(size - 2, size - 2 - after, -1)
    return [_chosen(site, [*ahead, *range(size), *behind])]


def _border(site: Site) -> tuple[int, int, int]:
    """How much is added at both ends of the axis, and how long it is."""
    own = numbers(site.shape("x"))
    return site.number("before"), site.number("after"), own[site.axis("axis", len(own))]


def _chosen(site: Site, places: Sequence[int]) -> Value:
    """Along the axis the slices at these places."""
    body, x = site.body, site.value("x")
    axis = site.axis("axis", len(shape(x)))
    return tensors.taken(body, x, axis, tensors.line(body, places))


# ------------------------------------------------------------------------------------------------------ order and count


def _flip(site: Site) -> Sequence[Value]:
    x = site.value("x")
    return [tensors.reversed_(site.body, x, sorted(axis % len(shape(x)) for axis in site.numbers("axis")))]


def _roll(site: Site) -> Sequence[Value]:
    """Each element from the place before it by `shift`, counted around."""
    x = site.value("x")
    axis = site.axis("axis", len(shape(x)))
    size = shape(x)[axis]
    shift = site.number("shift") % size if size else 0
    if not shift:
        return [x]
    ends = [tensors.part(site.body, x, axis, size - shift, size), tensors.part(site.body, x, axis, 0, size - shift)]
    return [tensors.joined(site.body, ends, axis)]


def _arange(site: Site) -> Sequence[Value]:
    return [tensors.places(site.body, site.sizes, 0, site.element)]


RULES: Mapping[str, Rule] = {
    "reshape": _reshape,
    "transpose": _transpose,
    "permute": _permute,
    "swap_axes": _swap_axes,
    "rearrange": _rearrange,
    "reduce": _reduce,
    "concat": _concat,
    "stack": _stack,
    "split": _split,
    "pad": _pad,
    "pad_edge": _pad_edge,
    "pad_reflect": _pad_reflect,
    "tile": _tile,
    "expand": _expand,
    "unsqueeze": _reshape,
    "flip": _flip,
    "roll": _roll,
    "arange": _arange,
}
