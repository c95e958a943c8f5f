"""Convolution, channels first, over one to three axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tenuto_backend.mlir.operations import Integer, Value, Word
from tenuto_backend.stablehlo import tensors
from tenuto_backend.stablehlo.site import Rule, Site
from tenuto_backend.stablehlo.types import kind, shape, wide


def _conv(site: Site) -> Sequence[Value]:
    padding = site.number("padding")
    rank = len(site.sizes) - 2
    return _convolved(site, site.value("weight"), site.integer("stride"), 1, [(padding, padding)] * rank)


def _convolved(
    site: Site, weight: Value, stride: int, gaps: int, padding: Sequence[tuple[int, int]]
) -> Sequence[Value]:
    """`gaps` is how far the elements of the input lie apart, with noughts between them."""
    body, x = site.body, site.value("x")
    rank = len(site.sizes) - 2
    places = ", ".join(map(str, range(rank)))
    to = wide(site.element)
    if kind(x) != kind(weight):
        x, weight = tensors.converted(body, x, to), tensors.converted(body, weight, to)
    found = tensors.made(
        body,
        "convolution",
        [x, weight],
        to,
        site.sizes,
        window_strides=tensors.array([stride] * rank),
        padding=tensors.pairs(padding),
        lhs_dilation=tensors.array([gaps] * rank),
        rhs_dilation=tensors.array([site.integer("dilation")] * rank),
        dimension_numbers=Word(f"#stablehlo.conv<[b, f, {places}]x[o, i, {places}]->[b, f, {places}]>"),
        feature_group_count=Integer(site.number("groups")),
        batch_group_count=Integer(1),
    )
    if not site.is_none("bias"):
        bias = tensors.converted(body, site.value("bias"), to)
        found = tensors.same(body, "add", [found, tensors.stretched(body, bias, site.sizes, [1])])
    return [tensors.converted(body, found, site.element)]


def _conv_transpose(site: Site) -> Sequence[Value]:
    """A convolution of the input with gaps between its elements, by the weight turned around."""
    body, x, weight = site.body, site.value("x"), site.value("weight")
    stride, groups = site.integer("stride"), site.number("groups")
    inputs, outputs, *taps = shape(weight)
    split = tensors.reshaped(body, weight, (groups, inputs // groups, outputs, *taps))
    turned = tensors.permuted(body, split, [0, 2, 1, *range(3, 3 + len(taps))])
    turned = tensors.reshaped(body, turned, (groups * outputs, inputs // groups, *taps))
    turned = tensors.reversed_(body, turned, range(2, 2 + len(taps)))
    padding = []
    for size, whole, tap in zip(shape(x)[2:], site.sizes[2:], taps, strict=True):
        span = site.integer("dilation") * (tap - 1)
        low = span - site.number("padding")
        long = (size - 1) * stride + 1 if size else 0
        padding.append((low, whole + span - long - low))
    return _convolved(site, turned, 1, stride, padding)


RULES: Mapping[str, Rule] = {
    **{f"conv{rank}d": _conv for rank in (1, 2, 3)},
    **{f"conv_transpose{rank}d": _conv_transpose for rank in (1, 2)},
}
