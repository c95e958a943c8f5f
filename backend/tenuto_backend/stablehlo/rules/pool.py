"""Pooling, channels first: one value for each window of a grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tenuto_backend.mlir.operations import Ranked, Value
from tenuto_backend.stablehlo import tensors
from tenuto_backend.stablehlo.rules.reduce import neutral
from tenuto_backend.stablehlo.site import Rule, Site
from tenuto_backend.stablehlo.types import kind, shape, wide


def _max_pool(site: Site) -> Sequence[Value]:
    return [_pooled(site, site.value("x"), "maximum", site.integer("dilation"))]


def _avg_pool(site: Site) -> Sequence[Value]:
    body, x = site.body, site.value("x")
    held = tensors.converted(body, x, wide(kind(x)))
    total = _pooled(site, held, "add", 1)
    if site.truth("count_padding"):
        count = tensors.like(body, float(site.integer("kernel") ** (len(site.sizes) - 2)), total)
    else:
        count = _pooled(site, tensors.like(body, 1.0, held), "add", 1)
    return [tensors.converted(body, tensors.same(body, "divide", [total, count]), kind(x))]


def _pooled(site: Site, x: Value, operator: str, dilation: int) -> Value:
    """Every window of `x` joined by an operator; beyond the border is what the operator leaves as it is."""
    body, rank = site.body, len(shape(x)) - 2
    padding = site.number("padding")
    (found,) = body.ops(
        "stablehlo.reduce_window",
        [x, tensors.constant(body, neutral(operator, kind(x)), kind(x))],
        [Ranked(kind(x), site.sizes)],
        (tensors.region(body, [kind(x)] * 2, tensors.binary(operator)),),
        window_dimensions=tensors.array([1, 1] + [site.integer("kernel")] * rank),
        window_strides=tensors.array([1, 1] + [site.integer("stride")] * rank),
        window_dilations=tensors.array([1, 1] + [dilation] * rank),
        padding=tensors.pairs([(0, 0), (0, 0)] + [(padding, padding)] * rank),
    )
    return found


RULES: Mapping[str, Rule] = {
    **{f"max_pool{rank}d": _max_pool for rank in (1, 2, 3)},
    **{f"avg_pool{rank}d": _avg_pool for rank in (1, 2, 3)},
}
