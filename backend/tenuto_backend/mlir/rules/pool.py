"""Pooling, channels first: one value for each window of a grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tenuto_analysis.dims import literal
from tenuto_backend.mlir.body import PARALLEL, REDUCTION, Loops, Tensor, generic, variable
from tenuto_backend.mlir.operations import Value
from tenuto_backend.mlir.rules import arithmetic
from tenuto_backend.mlir.rules.conv import bordered, window
from tenuto_backend.mlir.rules.reduce import neutral
from tenuto_backend.mlir.site import Rule, Site, identity


def _max_pool(site: Site) -> Sequence[Value]:
    x = bordered(site, site.value("x"), site.dim("padding"), float("-inf"))
    return [_pooled(site, x, "maximum", site.integer("dilation"))]


def _avg_pool(site: Site) -> Sequence[Value]:
    x, dims = site.value("x"), site.result_shape
    total = Tensor(_pooled(site, bordered(site, x, site.dim("padding"), 0.0), "add", 1), dims)
    rank = len(dims) - 2
    if site.truth("count_padding"):
        count = Tensor(total.value, (), float(site.integer("kernel") ** rank))
        return [site.each([total, count], lambda body, seen: body.op("arith.divf", list(seen[:2]), site.element))]
    ones = Tensor(site.filled(x.dims, 1.0, x.element), x.dims)
    inside = Tensor(_pooled(site, bordered(site, ones, site.dim("padding"), 0.0), "add", 1), dims)
    return [site.each([total, inside], lambda body, seen: body.op("arith.divf", list(seen[:2]), site.element))]


def _pooled(site: Site, x: Tensor, operator: str, dilation: int) -> Value:
    """Every window of `x` joined by an operator."""
    dims, dtype = site.result_shape, site.result.dtype
    rank = len(dims) - 2
    kernel, stride = site.integer("kernel"), site.integer("stride")
    taps = (literal(kernel),) * rank
    shape_only = Tensor(site.empty(taps, x.element), taps)  # A tensor that only tells how large a window is.
    after = len(dims)
    windows = tuple(window(2 + at, stride, after + at, dilation) for at in range(rank))
    return generic(
        site.body,
        [PARALLEL] * after + [REDUCTION] * rank,
        [
            Loops(x, (variable(0), variable(1), *windows)),
            Loops(shape_only, tuple(variable(after + at) for at in range(rank))),
        ],
        site.filled(dims, neutral(operator, dtype), site.element),
        identity(after),
        lambda body, seen: arithmetic.binary(body, operator, dtype, seen[2], seen[0]),
    )


RULES: Mapping[str, Rule] = {
    **{f"max_pool{rank}d": _max_pool for rank in (1, 2, 3)},
    **{f"avg_pool{rank}d": _avg_pool for rank in (1, 2, 3)},
}
