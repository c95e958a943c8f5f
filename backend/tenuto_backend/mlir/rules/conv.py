"""Convolution, channels first, over one to three axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tenuto_analysis.dims import ONE, ZERO, Dim, Relation
from tenuto_backend.mlir.body import PARALLEL, REDUCTION, Body, Loops, Tensor, generic, variable
from tenuto_backend.mlir.layout import reshaped
from tenuto_backend.mlir.operations import I1, INDEX, Affine, Integer, Value
from tenuto_backend.mlir.rules import arithmetic
from tenuto_backend.mlir.rules.linear import narrowed, product
from tenuto_backend.mlir.rules.shape import padded
from tenuto_backend.mlir.site import Rule, Site, identity
from tenuto_backend.mlir.sizes import compare
from tenuto_backend.mlir.types import element


def window(place: int, stride: int, tap: int, dilation: int) -> Affine:
    """Where a window reads: the place in the result times the stride, and the tap times the dilation."""
    return Affine(((place, stride), (tap, dilation)))


def _conv(site: Site) -> Sequence[Value]:
    padding = site.dim("padding")
    x = bordered(site, site.value("x"), padding, 0)
    stride, dilation = site.integer("stride"), site.integer("dilation")
    return _summed(site, x, site.value("weight"), stride, dilation, site.dim("groups"))


def bordered(site: Site, x: Tensor, padding: Dim, number: float) -> Tensor:
    """`x` with as many more elements at both ends of the axes after the first two."""
    if padding is ZERO:
        return x
    widths = [ZERO, ZERO, *[padding] * (len(x.dims) - 2)]
    value = padded(site, x, widths, widths, site.body.constant(number, x.element))
    return Tensor(value, (*x.dims[:2], *(dim + 2 * padding for dim in x.dims[2:])))


def _summed(site: Site, x: Tensor, weight: Tensor, stride: int, dilation: int, groups: Dim) -> Sequence[Value]:
    """Sums of products over windows: groups of channels on an axis of their own, where there are several."""
    dims, rank = site.result_shape, len(x.dims) - 2
    batch, outputs, places = dims[0], dims[1], dims[2:]
    grouped = [] if groups is ONE else [groups]
    if grouped:
        x = reshaped(site, x, (x.dims[0], groups, weight.dims[1], *x.dims[2:]))
        weight = reshaped(site, weight, (groups, outputs // groups, *weight.dims[1:]))
    channels = outputs // groups if grouped else outputs
    split = (batch, *grouped, channels, *places)
    first = len(grouped)
    out = [variable(at) for at in range(1, 1 + first)]  # The axis of groups, if there is one.
    channel, inner = 1 + first, 2 + first + rank
    windows = tuple(window(2 + first + at, stride, inner + 1 + at, dilation) for at in range(rank))
    taps = tuple(variable(inner + 1 + at) for at in range(rank))
    sources, target = (site.dtype("x"), site.dtype("weight")), arithmetic.accumulator(site.result.dtype)
    total = generic(
        site.body,
        [PARALLEL] * len(split) + [REDUCTION] * (1 + rank),
        [
            Loops(x, (variable(0), *out, variable(inner), *windows)),
            Loops(weight, (*out, variable(channel), variable(inner), *taps)),
        ],
        _start(site, split),
        identity(len(split)),
        lambda body, seen: product(body, sources, target, seen),
    )
    value = narrowed(site, total, split)
    return site.as_result(reshaped(site, Tensor(value, split), dims).value)


def _start(site: Site, split: Sequence[Dim]) -> Value:
    """What sums begin with: the bias of a channel, or nothing."""
    target = arithmetic.accumulator(site.result.dtype)
    if site.is_none("bias"):
        return site.filled(split, 0, element(target))
    source = site.dtype("bias")
    rank = len(site.shape("x")) - 2
    channels = split[1 : len(split) - rank]
    bias = reshaped(site, site.value("bias"), channels)
    read = Loops(bias, tuple(variable(1 + at) for at in range(len(channels))))
    loops = [PARALLEL] * len(split)
    empty, into = site.empty(split, element(target)), identity(len(split))
    return generic(
        site.body, loops, [read], empty, into, lambda body, seen: arithmetic.cast(body, seen[0], source, target)
    )


def _conv_transpose(site: Site) -> Sequence[Value]:
    """A convolution of the input with gaps between its elements, by the weight turned around."""
    x, weight = site.value("x"), site.value("weight")
    stride, dilation = site.integer("stride"), site.integer("dilation")
    groups, taps, places = site.dim("groups"), weight.dims[2:], site.result_shape[2:]
    spans = [dilation * (tap - 1) for tap in taps]
    long = tuple(place + span for place, span in zip(places, spans, strict=True))
    spread = _spread(site, x, stride, [span - site.dim("padding") for span in spans], long)
    return _summed(site, spread, _turned(site, weight, groups), stride=1, dilation=dilation, groups=groups)


def _spread(site: Site, x: Tensor, stride: int, before: Sequence[Dim], places: Sequence[Dim]) -> Tensor:
    """`x` with `stride - 1` noughts between its elements and `before` more, or fewer, in front of them."""
    dims, kind = (*x.dims[:2], *places), x.element
    lengths = [site.size(dim) for dim in x.dims[2:]]
    shifts = [site.size(dim) for dim in before]

    def compute(body: Body, seen: Sequence[Value]) -> Value:
        own = [body.op("linalg.index", [], INDEX, dim=Integer(at)) for at in range(len(dims))]
        nought, step = body.constant(0, INDEX), body.constant(stride, INDEX)
        inside = body.constant(True, I1)
        found = own[:2]
        for at, (length, shift) in enumerate(zip(lengths, shifts, strict=True)):
            place = body.op("arith.subi", [own[2 + at], shift], INDEX)
            number = body.op("arith.floordivsi", [place, step], INDEX)
            whole = body.op("arith.muli", [number, step], INDEX)
            for test in (
                compare(body, Relation.EQ, whole, place),
                compare(body, Relation.GE, place, nought),
                compare(body, Relation.LT, number, length),
            ):
                inside = body.op("arith.andi", [inside, test], I1)
            found.append(
                body.op("arith.maxsi", [body.op("arith.minsi", [number, _last(body, length)], INDEX), nought], INDEX)
            )
        value = body.op("tensor.extract", [x.value, *found], kind)
        return body.op("arith.select", [inside, value, body.constant(0, kind)], kind)

    start = site.empty(dims, kind)
    value = generic(site.body, [PARALLEL] * len(dims), [], start, identity(len(dims)), compute)
    return Tensor(value, dims)


def _last(body: Body, length: Value) -> Value:
    return body.op("arith.subi", [length, body.constant(1, INDEX)], INDEX)


def _turned(site: Site, weight: Tensor, groups: Dim) -> Tensor:
    """From `[inputs, outputs of a group, taps]` to `[outputs, inputs of a group, taps]`, the taps from the last on."""
    inputs, outputs, *taps = weight.dims
    split = reshaped(site, weight, (groups, inputs // groups, outputs, *taps))
    dims = (groups, outputs, inputs // groups, *taps)
    last = [site.size(tap - 1) for tap in taps]

    def compute(body: Body, seen: Sequence[Value]) -> Value:
        own = [body.op("linalg.index", [], INDEX, dim=Integer(at)) for at in range(len(dims))]
        turned = [body.op("arith.subi", [end, at], INDEX) for end, at in zip(last, own[3:], strict=True)]
        return body.op("tensor.extract", [split.value, own[0], own[2], own[1], *turned], weight.element)

    start = site.empty(dims, weight.element)
    value = generic(site.body, [PARALLEL] * len(dims), [], start, identity(len(dims)), compute)
    return reshaped(site, Tensor(value, dims), (outputs * groups, inputs // groups, *taps))


RULES: Mapping[str, Rule] = {
    **{f"conv{rank}d": _conv for rank in (1, 2, 3)},
    **{f"conv_transpose{rank}d": _conv_transpose for rank in (1, 2)},
}
