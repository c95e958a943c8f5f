"""Elements by their order or by a mask: the largest, a running sum, the places of what is true, what an index adds to.

All are loops of `linalg` and `scf`, which every compiler knows; where all elements of an axis are compared with all,
the cost is the square of its length.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tenuto_analysis.dims import ONE, Dim, Relation
from tenuto_analysis.dtypes import SCALARS, DType
from tenuto_backend.mlir.body import PARALLEL, REDUCTION, Body, Loops, Tensor, generic, generics, variable
from tenuto_backend.mlir.layout import Stretch, extracted, inserted, reshaped
from tenuto_backend.mlir.operations import I1, I64, INDEX, Affine, Integer, Ranked, Region, Value
from tenuto_backend.mlir.rules import arithmetic
from tenuto_backend.mlir.site import Rule, Site, identity
from tenuto_backend.mlir.sizes import compare

_I64 = SCALARS["i64"]
_FAR = 2**62  # A place behind all others.


def _before(body: Body, dtype: DType, largest: bool, a: Value, b: Value) -> tuple[Value, Value]:
    """Whether `a` comes before `b`, and whether they are equal; NaN counts as larger than every number."""
    first = arithmetic.test(body, "greater" if largest else "less", dtype, a, b)
    same = arithmetic.test(body, "equal", dtype, a, b)
    if arithmetic.is_float(dtype):
        nan_a, nan_b = (body.op("math.isnan", [item], I1) for item in (a, b))
        one, other = (nan_a, nan_b) if largest else (nan_b, nan_a)
        alone = body.op("arith.andi", [one, _not(body, other)], I1)
        first = body.op("arith.ori", [first, alone], I1)
        same = body.op("arith.ori", [same, body.op("arith.andi", [nan_a, nan_b], I1)], I1)
    return first, same


def _not(body: Body, test: Value) -> Value:
    return body.op("arith.xori", [test, body.constant(True, I1)], I1)


def _or_first(body: Body, ahead: Value, same: Value, earlier: Value) -> Value:
    """Of equals the one that stands first."""
    return body.op("arith.ori", [ahead, body.op("arith.andi", [same, earlier], I1)], I1)


def _less(body: Body, a: Value, b: Value) -> Value:
    return body.op("arith.cmpi", [a, b], I1, predicate=Integer(2))


def _place(body: Body, loop: int) -> Value:
    return body.op("arith.index_cast", [body.op("linalg.index", [], INDEX, dim=Integer(loop))], I64)


# -------------------------------------------------------------------------------------------------------- the outermost


def _arg(largest: bool) -> Rule:
    """The place of the largest, or the smallest, along an axis; NaN is before all numbers either way."""

    def rule(site: Site) -> Sequence[Value]:
        x, dims, dtype = site.value("x"), site.result_shape, site.dtype("x")
        axis, rank = site.axis("axis", len(x.dims)), len(x.dims)
        worst = arithmetic.lowest(dtype) if largest else arithmetic.highest(dtype)
        starts = [site.filled(dims, worst, x.element), site.filled(dims, _FAR, I64)]

        def compute(body: Body, seen: Sequence[Value]) -> Sequence[Value]:
            new, best, at = seen
            place = _place(body, axis)
            ahead, same = _before(body, dtype, largest, new, best)
            if arithmetic.is_float(dtype) and not largest:
                nan_new, nan_best = (body.op("math.isnan", [item], I1) for item in (new, best))
                ahead = body.op("arith.andi", [ahead, _not(body, nan_best)], I1)
                ahead = body.op("arith.ori", [ahead, body.op("arith.andi", [nan_new, _not(body, nan_best)], I1)], I1)
            taken = _or_first(body, ahead, same, _less(body, place, at))
            return [
                body.op("arith.select", [taken, new, best], x.element),
                body.op("arith.select", [taken, place, at], I64),
            ]

        loops = [REDUCTION if at == axis else PARALLEL for at in range(rank)]
        into = [variable(at) for at in range(rank) if at != axis]
        read = Loops(x, tuple(variable(at) for at in range(rank)))
        return [generics(site.body, loops, [read], starts, into, compute)[1]]

    return rule


def _top_k(site: Site) -> Sequence[Value]:
    """Each element's rank is how many come before it; the element of rank `p` is the `p`th."""
    x, dtype, largest = site.value("x"), site.dtype("x"), site.truth("largest")
    rank = len(x.dims)
    own = (*(variable(at) for at in range(rank - 1)), variable(rank - 1))
    other = (*(variable(at) for at in range(rank - 1)), variable(rank))

    def counted(body: Body, seen: Sequence[Value]) -> Value:
        mine, yours, total = seen
        ahead, same = _before(body, dtype, largest, yours, mine)
        earlier = _less(body, _place(body, rank), _place(body, rank - 1))
        comes = body.op("arith.extui", [_or_first(body, ahead, same, earlier)], I64)
        return body.op("arith.addi", [total, comes], I64)

    loops = [PARALLEL] * rank + [REDUCTION]
    ranks = Tensor(
        generic(site.body, loops, [Loops(x, own), Loops(x, other)], site.filled(x.dims, 0, I64), own, counted), x.dims
    )
    dims = site.result_shape

    def placed(body: Body, seen: Sequence[Value]) -> Value:
        here = arithmetic.test(body, "equal", site.results[1].type.dtype, seen[0], _place(body, rank - 1))
        return body.op("arith.select", [here, _place(body, rank), seen[1]], I64)

    places = generic(site.body, loops, [Loops(ranks, other)], site.filled(dims, 0, I64), own, placed)

    def chosen(body: Body, seen: Sequence[Value]) -> Value:
        at = [body.op("linalg.index", [], INDEX, dim=Integer(loop)) for loop in range(rank - 1)]
        return body.op("tensor.extract", [x.value, *at, body.op("arith.index_cast", [seen[0]], INDEX)], x.element)

    read = Loops(Tensor(places, dims), identity(rank))
    values = generic(site.body, [PARALLEL] * rank, [read], site.empty(dims, x.element), identity(rank), chosen)
    return [values, places]


# -------------------------------------------------------------------------------------------------------- what is true


def _positions(site: Site, keep: Tensor) -> tuple[Value, Value, Tensor]:
    """The places of what is true, in order: how many there are (an `index`), and a tensor of that length."""
    one = (variable(0),)

    def counted(body: Body, seen: Sequence[Value]) -> Value:
        earlier = _less(body, _place(body, 1), _place(body, 0))
        counts = body.op("arith.extui", [body.op("arith.andi", [seen[0], earlier], I1)], I64)
        return body.op("arith.addi", [seen[1], counts], I64)

    ranks = generic(
        site.body,
        [PARALLEL, REDUCTION],
        [Loops(keep, (variable(1),))],
        site.filled(keep.dims, 0, I64),
        one,
        counted,
    )

    def total(body: Body, seen: Sequence[Value]) -> Value:
        return body.op("arith.addi", [seen[1], body.op("arith.extui", [seen[0]], I64)], I64)

    whole = generic(site.body, [REDUCTION], [Loops(keep, one)], site.filled((), 0, I64), (), total)
    count = site("arith.index_cast", [site("tensor.extract", [whole], I64)], INDEX)
    start = _zeros(site, count)

    def placed(body: Body, seen: Sequence[Value]) -> Value:
        rank, kept, found = seen
        here = body.op("arith.cmpi", [rank, _place(body, 0)], I1, predicate=Integer(0))
        here = body.op("arith.andi", [here, kept], I1)
        return body.op("arith.select", [here, _place(body, 1), found], I64)

    read = [Loops(Tensor(ranks, keep.dims), (variable(1),)), Loops(keep, (variable(1),))]
    places = generic(site.body, [PARALLEL, REDUCTION], read, start, one, placed)
    return count, places, Tensor(places, site.result_shape[:1])


def _zeros(site: Site, count: Value) -> Value:
    """A line of noughts whose length was just counted."""
    empty = site("tensor.empty", [count], Ranked(I64, (None,)))
    return generic(site.body, [PARALLEL], [], empty, identity(1), lambda body, _: body.constant(0, I64))


def _true_positions(site: Site) -> Sequence[Value]:
    _, places, _ = _positions(site, site.value("keep"))
    return site.as_result(places)


def _compress(site: Site) -> Sequence[Value]:
    x, dims = site.value("x"), site.result_shape
    count, _, places = _positions(site, site.value("keep"))
    rank = len(dims)

    def chosen(body: Body, seen: Sequence[Value]) -> Value:
        row = body.op("arith.index_cast", [seen[0]], INDEX)
        rest = [body.op("linalg.index", [], INDEX, dim=Integer(at)) for at in range(1, rank)]
        return body.op("tensor.extract", [x.value, row, *rest], x.element)

    sizes = [count, *(site.size(dim) for dim in dims[1:] if dim.constant is None)]
    start = site("tensor.empty", sizes, Ranked(x.element, (None, *(dim.constant for dim in dims[1:]))))
    read = Loops(places, (variable(0),))
    return [generic(site.body, [PARALLEL] * rank, [read], start, identity(rank), chosen)]


def _nonzero(site: Site) -> Sequence[Value]:
    """A row for each element that is not 0: its place along every axis."""
    x, dtype = site.value("x"), site.dtype("x")
    total = ONE
    for dim in x.dims:
        total = total * dim
    flat = reshaped(site, x, (total,))
    keep = generic(
        site.body,
        [PARALLEL],
        [Loops(flat, identity(1))],
        site.empty((total,), I1),
        identity(1),
        lambda body, seen: arithmetic.test(body, "not_equal", dtype, seen[0], body.constant(0, x.element)),
    )
    count, _, places = _positions(site, Tensor(keep, (total,)))
    sizes = [site.size(dim) for dim in x.dims]

    def spread(body: Body, seen: Sequence[Value]) -> Value:
        column = body.op("linalg.index", [], INDEX, dim=Integer(1))
        rest = body.op("arith.index_cast", [seen[0]], INDEX)
        found = body.constant(0, INDEX)
        for axis in reversed(range(len(sizes))):
            own = body.op("arith.remui", [rest, sizes[axis]], INDEX)
            rest = body.op("arith.divui", [rest, sizes[axis]], INDEX)
            here = compare(body, Relation.EQ, column, body.constant(axis, INDEX))
            found = body.op("arith.select", [here, own, found], INDEX)
        return body.op("arith.index_cast", [found], I64)

    start = site("tensor.empty", [count], Ranked(I64, (None, len(x.dims))))
    return [generic(site.body, [PARALLEL] * 2, [Loops(places, (variable(0),))], start, identity(2), spread)]


# ------------------------------------------------------------------------------------------------------- running totals


def _cumulative_sum(site: Site) -> Sequence[Value]:
    """Slice after slice along the axis, each added to the sum so far."""
    x, dims, dtype = site.value("x"), site.result_shape, site.result.dtype
    axis = site.axis("axis", len(dims))
    exclusive, reverse = site.truth("exclusive"), site.truth("reverse")
    slice_dims = tuple(ONE if at == axis else dim for at, dim in enumerate(dims))
    inside = site.body.inner()
    inner = Site(site.op, site.arguments, site.results, inside)
    step = Value(INDEX)
    total, found = Value(_ranked(site, slice_dims)), Value(_ranked(site, dims))
    length = site.size(dims[axis])
    place = step
    if reverse:
        place = inside.op("arith.subi", [inside.op("arith.subi", [length, step], INDEX), _one(inside)], INDEX)
    stretches = [Stretch(place if at == axis else 0, dim) for at, dim in enumerate(slice_dims)]
    taken = Tensor(extracted(inner, x, stretches, slice_dims), slice_dims)
    read = [Loops(Tensor(total, slice_dims), identity(len(dims))), Loops(taken, identity(len(dims)))]
    after = generic(
        inside,
        [PARALLEL] * len(dims),
        read,
        inner.empty(slice_dims, site.element),
        identity(len(dims)),
        lambda body, seen: arithmetic.binary(body, "add", dtype, seen[0], seen[1]),
    )
    written = inserted(inner, total if exclusive else after, found, stretches)
    inside.ops("scf.yield", [after, written], [])
    bounds = [site.index(0), length, site.index(1)]
    initial = [site.filled(slice_dims, 0, site.element), site.empty(dims, site.element)]
    region = Region((step, total, found), inside.operations)
    results = site.body.ops("scf.for", [*bounds, *initial], [value.type for value in initial], (region,))
    return [results[1]]


def _ranked(site: Site, dims: Sequence[Dim]) -> Ranked:
    return Ranked(site.element, tuple(dim.constant for dim in dims))


def _one(body: Body) -> Value:
    return body.constant(1, INDEX)


# ------------------------------------------------------------------------------------------------------- what is placed


def _scattered(adds: bool) -> Rule:
    """Each element of the result looks for the updates whose index names it."""

    def rule(site: Site) -> Sequence[Value]:
        rank = len(site.result_shape)
        axis = site.axis("axis", rank)
        read = tuple(variable(rank if at == axis else at) for at in range(rank))
        return [_placed(site, axis, Loops(site.value("index"), read), read, adds)]

    return rule


def _index_add(site: Site) -> Sequence[Value]:
    rank = len(site.result_shape)
    axis = site.axis("axis", rank)
    read = tuple(variable(rank if at == axis else at) for at in range(rank))
    return [_placed(site, axis, Loops(site.value("index"), (variable(rank),)), read, True)]


def _placed(site: Site, axis: int, index: Loops, updates: tuple[Affine, ...], adds: bool) -> Value:
    x, kind, dtype = site.value("x"), site.element, site.result.dtype
    rank = len(x.dims)
    length = site("arith.index_cast", [site.size(x.dims[axis])], I64)
    index_dtype = site.dtype("index")

    def compute(body: Body, seen: Sequence[Value]) -> Value:
        place, update, so_far = seen
        wide = arithmetic.cast(body, place, index_dtype, _I64)
        negative = _less(body, wide, body.constant(0, I64))
        wide = body.op("arith.select", [negative, body.op("arith.addi", [wide, length], I64), wide], I64)
        here = body.op("arith.cmpi", [wide, _place(body, axis)], I1, predicate=Integer(0))
        new = arithmetic.binary(body, "add", dtype, so_far, update) if adds else update
        return body.op("arith.select", [here, new, so_far], kind)

    loops = [PARALLEL] * rank + [REDUCTION]
    return generic(site.body, loops, [index, Loops(site.value("updates"), updates)], x.value, identity(rank), compute)


def _update_slice(site: Site) -> Sequence[Value]:
    x, values = site.value("x"), site.value("values")
    axis = site.axis("axis", len(x.dims))
    start = site.value("start")
    if start.number is not None:
        offset: Value | int = int(start.number)
    else:
        offset = site("arith.index_cast", [site("tensor.extract", [start.value], start.element)], INDEX)
    stretches = [Stretch(offset if at == axis else 0, dim) for at, dim in enumerate(values.dims)]
    return [inserted(site, values.value, x.value, stretches)]


RULES: Mapping[str, Rule] = {
    "arg_max": _arg(largest=True),
    "arg_min": _arg(largest=False),
    "top_k": _top_k,
    "true_positions": _true_positions,
    "compress": _compress,
    "nonzero": _nonzero,
    "cumulative_sum": _cumulative_sum,
    "scatter": _scattered(adds=False),
    "scatter_add": _scattered(adds=True),
    "index_add": _index_add,
    "update_slice": _update_slice,
}
