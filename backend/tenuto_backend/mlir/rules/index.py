"""Elements chosen by index, and the two operations that the language writes as an index."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tenuto_analysis.dims import ONE, Dim
from tenuto_backend.mlir.body import PARALLEL, Body, Loops, generic, variable
from tenuto_backend.mlir.layout import Stretch, extracted, gathered, wrapped
from tenuto_backend.mlir.operations import INDEX, Integer, Value
from tenuto_backend.mlir.rules import arithmetic
from tenuto_backend.mlir.site import Rule, Site, identity

Others = Callable[[Sequence[Value]], Sequence[Value]]
"""From the index of an element of the result to those of its axes that `x` shares."""


def _take(site: Site) -> Sequence[Value]:
    """Along an axis of `x` the slices that `index` says; its axes stand where that axis was."""
    x, index = site.value("x"), site.value("index")
    axis = site.axis("axis", len(x.dims))
    count = len(index.dims)
    return [_chosen(site, [*range(axis, axis + count)], lambda at: [*at[:axis], *at[axis + count :]], axis)]


def _gather(site: Site) -> Sequence[Value]:
    """Of each line along an axis the element that `index` says."""
    rank = len(site.shape("x"))
    axis = site.axis("axis", rank)
    return [_chosen(site, [*range(rank)], lambda at: [*at[:axis], *at[axis + 1 :]], axis)]


def _chosen(site: Site, read: Sequence[int], others: Others, axis: int) -> Value:
    """Elements of `x`: along `axis` where `index` says, which is read at the loops `read`; elsewhere at `others`."""
    x, index = site.value("x"), site.value("index")
    dims, kind, dtype = site.result_shape, site.element, site.dtype("index")
    size = site.size(x.dims[axis])

    def compute(body: Body, seen: Sequence[Value]) -> Value:
        own = [body.op("linalg.index", [], INDEX, dim=Integer(at)) for at in range(len(dims))]
        cast = "arith.index_cast" if arithmetic.is_signed(dtype) else "arith.index_castui"
        place = wrapped(body, body.op(cast, [seen[0]], INDEX), size)
        rest = others(own)
        return body.op("tensor.extract", [x.value, *rest[:axis], place, *rest[axis:]], kind)

    operand = Loops(index, tuple(variable(at) for at in read))
    start = site.empty(dims, kind)
    return generic(site.body, [PARALLEL] * len(dims), [operand], start, identity(len(dims)), compute)


def _slice(site: Site) -> Sequence[Value]:
    """Bounds as in Python. How long the result is, its type says; so only where it begins is computed."""
    x, dims = site.value("x"), site.result_shape
    axes = [dim.constant for dim in site.dims("axes")]
    starts, steps = site.bounds("starts"), site.bounds("steps")
    begin: dict[int, Value | int] = {}
    by: dict[int, int] = {}
    for axis, start, step in zip(axes, starts, steps, strict=True):
        assert axis is not None
        constant = 1 if step is None else step.constant
        assert constant is not None, "the step of a slice is known"
        by[axis] = constant
        begin[axis] = _begin(site, start, x.dims[axis], constant)
    if all(step > 0 for step in by.values()):
        stretches = [Stretch(begin.get(at, 0), size, by.get(at, 1)) for at, size in enumerate(dims)]
        return [extracted(site, x, stretches, dims)]
    first = {at: site.index(item) if isinstance(item, int) else item for at, item in begin.items()}

    def places(body: Body, own: Sequence[Value]) -> Sequence[Value]:
        return [
            body.op("arith.addi", [first[at], _times(body, place, by[at])], INDEX) if at in first else place
            for at, place in enumerate(own)
        ]

    return [gathered(site, x, places)]


def _times(body: Body, place: Value, step: int) -> Value:
    return body.op("arith.muli", [place, body.constant(step, INDEX)], INDEX)


def _begin(site: Site, start: Dim | None, size: Dim, step: int) -> Value | int:
    """The first element: counted from the end where it is negative, and held inside."""
    whole, known = size.constant, None if start is None else start.constant
    if start is None:
        return 0 if step > 0 else whole - 1 if whole is not None else site.size(size - 1)
    if known is not None and (whole is not None or known == 0):
        return range(whole if whole is not None else 1)[known:].start if step > 0 else _last(known, whole or 1)
    length, nought = site.size(size), site.index(0)
    place = wrapped(site.body, site.size(start), length)
    highest = length if step > 0 else site("arith.subi", [length, site.index(1)], INDEX)
    return site("arith.minsi", [site("arith.maxsi", [place, nought], INDEX), highest], INDEX)


def _last(start: int, size: int) -> int:
    return min(start if start >= 0 else start + size, size - 1)


def _select(site: Site) -> Sequence[Value]:
    x, place = site.value("x"), site.dim("index")
    axis = site.axis("axis", len(x.dims))
    size, known = x.dims[axis].constant, place.constant
    if known is not None and (known >= 0 or size is not None):
        offset: Value | int = known if known >= 0 else known + (size or 0)
    else:
        offset = wrapped(site.body, site.size(place), site.size(x.dims[axis]))
    stretches = [Stretch(offset if at == axis else 0, ONE if at == axis else size) for at, size in enumerate(x.dims)]
    return [extracted(site, x, stretches, site.result_shape)]


RULES: Mapping[str, Rule] = {"take": _take, "gather": _gather, "slice": _slice, "select": _select}
