"""The same elements elsewhere: orders, patterns, joints, borders, and tensors that a size alone makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tenuto_analysis.dims import ONE, Dim
from tenuto_analysis.dtypes import SCALARS
from tenuto_backend.mlir.body import PARALLEL, Body, Loops, Tensor, generic, variable
from tenuto_backend.mlir.layout import Stretch, extracted, gathered, reshaped
from tenuto_backend.mlir.operations import I64, INDEX, Integer, Numbers, Ranked, Region, Scalar, Value
from tenuto_backend.mlir.rules import arithmetic, reduce
from tenuto_backend.mlir.site import Rule, Site, identity, static
from tenuto_backend.mlir.sizes import sizes
from tenuto_backend.mlir.types import element, shaped
from tenuto_backend.spelling import Spelled, spelled


def _reshape(site: Site) -> Sequence[Value]:
    return site.as_result(reshaped(site, site.value("x"), site.result_shape).value)


def ordered(site: Site, x: Tensor, order: Sequence[int]) -> Tensor:
    """The axes of `x` in another order: axis `at` of the result is axis `order[at]` of `x`."""
    if [*order] == [*range(len(order))]:
        return x
    dims = tuple(x.dims[axis] for axis in order)
    indices = tuple(variable(order.index(axis)) for axis in range(len(order)))
    start = site.empty(dims, x.element)
    loops = [PARALLEL] * len(dims)
    value = generic(site.body, loops, [Loops(x, indices)], start, identity(len(dims)), lambda _, seen: seen[0])
    return Tensor(value, dims)


def _transpose(site: Site) -> Sequence[Value]:
    rank = len(site.result_shape)
    return site.as_result(ordered(site, site.value("x"), [*range(rank - 2), rank - 1, rank - 2]).value)


def _permute(site: Site) -> Sequence[Value]:
    rank = len(site.result_shape)
    order = [dim.constant % rank for dim in site.dims("order") if dim.constant is not None]
    return site.as_result(ordered(site, site.value("x"), order).value)


def _swap_axes(site: Site) -> Sequence[Value]:
    rank = len(site.result_shape)
    order = [*range(rank)]
    a, b = site.axis("a", rank), site.axis("b", rank)
    order[a], order[b] = order[b], order[a]
    return site.as_result(ordered(site, site.value("x"), order).value)


def _expand(site: Site) -> Sequence[Value]:
    return [site.each([site.value("x")], lambda _, seen: seen[0])]


# ------------------------------------------------------------------------------------------------------------- patterns


def _rearrange(site: Site) -> Sequence[Value]:
    pattern = spelled(site)
    split = reshaped(site, site.value("x"), pattern.dims)
    return _merged(site, split, pattern.names, pattern)


def _reduce(site: Site) -> Sequence[Value]:
    pattern = spelled(site)
    x = reshaped(site, site.value("x"), pattern.dims)
    dtype = site.result.dtype
    gone = [at for at, name in enumerate(pattern.names) if name not in pattern.kept]
    left = [name for name in pattern.names if name in pattern.kept]
    dims = tuple(pattern.sizes[name] for name in left)
    if gone:
        operator = {"sum": "add", "mean": "add", "max": "maximum", "min": "minimum", "prod": "multiply"}
        reducer = site.text("reducer")
        value = reduce.along(site, x, gone, dims, operator[reducer], dtype)
        if reducer == "mean":
            value = reduce.divided(site, Tensor(value, dims), reduce.mean_count(site, x, gone), dims)
        x = Tensor(value, dims)
    return _merged(site, x, left, pattern)


def _merged(site: Site, x: Tensor, names: Sequence[str], pattern: Spelled) -> Sequence[Value]:
    """The axes `names` in the order of the right side, then grouped as it says."""
    turned = ordered(site, x, [names.index(name) for name in pattern.kept])
    return site.as_result(reshaped(site, turned, site.result_shape).value)


# --------------------------------------------------------------------------------------------------------------- joints


def _concat(site: Site) -> Sequence[Value]:
    axis = site.axis("axis", len(site.result_shape))
    return [joined(site, [part.value for part in site.values("parts")], axis)]


def joined(site: Site, parts: Sequence[Value], axis: int) -> Value:
    return site("tensor.concat", parts, shaped(site.element, site.result_shape), dim=Integer(axis))


def _stack(site: Site) -> Sequence[Value]:
    dims = site.result_shape
    axis = site.axis("axis", len(dims))
    row = (*dims[:axis], ONE, *dims[axis + 1 :])
    return [joined(site, [reshaped(site, part, row).value for part in site.values("parts")], axis)]


def _split(site: Site) -> Sequence[Value]:
    x = site.value("x")
    axis = site.axis("axis", len(x.dims))
    dims = site.result_shape
    found: list[Value] = []
    for at in range(len(site.results)):
        offset: Value | int = 0
        if at:
            known = dims[axis].constant
            offset = at * known if known is not None else site.size(dims[axis] * at)
        stretches = [Stretch(offset if own == axis else 0, size) for own, size in enumerate(dims)]
        found.append(extracted(site, x, stretches, dims))
    return found


def _tile(site: Site) -> Sequence[Value]:
    x = site.value("x")
    own = [site.size(dim) for dim in x.dims]

    def places(body: Body, at: Sequence[Value]) -> Sequence[Value]:
        inner = at[len(at) - len(own) :]
        return [body.op("arith.remui", [place, size], INDEX) for place, size in zip(inner, own, strict=True)]

    return [gathered(site, x, places)]


# -------------------------------------------------------------------------------------------------------------- borders


def _pad(site: Site) -> Sequence[Value]:
    value = site.value("value")
    number = (
        site.body.constant(value.number, value.element)
        if value.number is not None
        else site("tensor.extract", [value.value], value.element)
    )
    return site.as_result(padded(site, site.value("x"), site.dims("before"), site.dims("after"), number))


def padded(site: Site, x: Tensor, before: Sequence[Dim], after: Sequence[Dim], number: Value) -> Value:
    """`x` with a border of one number."""
    inside = site.body.inner()
    inside.ops("tensor.yield", [number], [])
    places = tuple(Value(INDEX) for _ in x.dims)
    low, high = sizes(site.body, before), sizes(site.body, after)
    known = tuple(
        sum(parts) if len(parts := [n for d in sizes_ if (n := d.constant) is not None]) == len(sizes_) else None
        for sizes_ in zip(before, x.dims, after, strict=True)
    )
    (found,) = site.body.ops(
        "tensor.pad",
        [x.value, *low, *high],
        [Ranked(x.element, known)],
        (Region(places, inside.operations),),
        static_low=static(before),
        static_high=static(after),
        operandSegmentSizes=Numbers((1, len(low), len(high)), Scalar("i32")),
    )
    return found


def _pad_edge(site: Site) -> Sequence[Value]:
    """Beyond an end the element at the end."""
    return [_continued(site, _held)]


def _pad_reflect(site: Site) -> Sequence[Value]:
    """Beyond an end what is as far before it."""

    def mirrored(body: Body, place: Value, last: Value) -> Value:
        nought = body.constant(0, INDEX)
        back = body.op("arith.subi", [nought, place], INDEX)
        place = body.op("arith.maxsi", [place, back], INDEX)
        twice = body.op("arith.addi", [last, last], INDEX)
        return body.op("arith.minsi", [place, body.op("arith.subi", [twice, place], INDEX)], INDEX)

    return [_continued(site, mirrored)]


def _held(body: Body, place: Value, last: Value) -> Value:
    low = body.op("arith.maxsi", [place, body.constant(0, INDEX)], INDEX)
    return body.op("arith.minsi", [low, last], INDEX)


def _continued(site: Site, inside: Callable[[Body, Value, Value], Value]) -> Value:
    """A border along one axis, each element of it read where `inside` says, from its place and the last one."""
    x = site.value("x")
    axis = site.axis("axis", len(x.dims))
    before, last = site.size(site.dim("before")), site.size(x.dims[axis] - 1)

    def places(body: Body, at: Sequence[Value]) -> Sequence[Value]:
        place = inside(body, body.op("arith.subi", [at[axis], before], INDEX), last)
        return [*at[:axis], place, *at[axis + 1 :]]

    return gathered(site, x, places)


# ------------------------------------------------------------------------------------------------------ order and count


def _flip(site: Site) -> Sequence[Value]:
    x = site.value("x")
    axes = [dim.constant % len(x.dims) for dim in site.dims("axis") if dim.constant is not None]
    last = {axis: site.size(x.dims[axis] - 1) for axis in axes}

    def places(body: Body, at: Sequence[Value]) -> Sequence[Value]:
        return [
            body.op("arith.subi", [last[axis], place], INDEX) if axis in axes else place
            for axis, place in enumerate(at)
        ]

    return [gathered(site, x, places)]


def _roll(site: Site) -> Sequence[Value]:
    """Each element from the place before it by `shift`, counted around."""
    x = site.value("x")
    axis = site.axis("axis", len(x.dims))
    size = site.size(x.dims[axis])
    shift = site.index(site.integer("shift"))

    def places(body: Body, at: Sequence[Value]) -> Sequence[Value]:
        moved = body.op("arith.subi", [at[axis], shift], INDEX)
        turns = body.op("arith.muli", [body.op("arith.floordivsi", [moved, size], INDEX), size], INDEX)
        place = body.op("arith.subi", [moved, turns], INDEX)
        return [*at[:axis], place, *at[axis + 1 :]]

    return [gathered(site, x, places)]


def _arange(site: Site) -> Sequence[Value]:
    dtype = site.result.dtype

    def compute(body: Body, seen: Sequence[Value]) -> Value:
        place = body.op("linalg.index", [], INDEX, dim=Integer(0))
        return arithmetic.cast(body, body.op("arith.index_cast", [place], I64), SCALARS["i64"], dtype)

    start = site.empty(site.result_shape, element(dtype))
    return [generic(site.body, [PARALLEL], [], start, identity(1), compute)]


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
