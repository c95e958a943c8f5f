"""Fewer elements from many, along axes; over no element each gives its neutral value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tenuto_analysis.dims import Dim
from tenuto_analysis.dtypes import DType
from tenuto_backend.mlir.body import PARALLEL, REDUCTION, Body, Compute, Tensor, generic, variable
from tenuto_backend.mlir.operations import I64, Affine, Ranked, Value
from tenuto_backend.mlir.rules import arithmetic
from tenuto_backend.mlir.rules.linear import narrowed
from tenuto_backend.mlir.site import Rule, Site, identity, plain
from tenuto_backend.mlir.types import element

_NEUTRAL = {"add": 0, "multiply": 1}


def along(site: Site, x: Tensor, axes: Sequence[int], dims: Sequence[Dim], operator: str, dtype: DType) -> Value:
    """`x` joined by an operator along axes; `dims` are those of the result, with those axes as 1 or left out."""
    wide = arithmetic.accumulator(dtype)
    is_open = any(x.dims[axis].constant is None for axis in axes) and len(x.dims) - 1 not in axes
    is_sum = operator == "add" and arithmetic.is_float(wide) and is_open

    def widened(body: Body, value: Value) -> Value:
        found = arithmetic.cast(body, value, dtype, wide)
        return _apart(body, found) if is_sum else found

    total = _joined(
        site,
        x,
        axes,
        site.filled(dims, neutral(operator, dtype), element(wide)),
        lambda body, seen: arithmetic.binary(body, operator, wide, seen[1], widened(body, seen[0])),
    )
    return narrowed(site, total, dims)


def _apart(body: Body, value: Value) -> Value:
    """A number as it is, which no compiler takes for a factor of a product of matrices.

    IREE 3.13 does where products are summed, and then cannot tile a sum over an axis of unknown length that is not the
    last. LLVM drops this.
    """
    return body.op("math.copysign", [value, value], value.type)


def _joined(site: Site, x: Tensor, axes: Sequence[int], start: Value, compute: Compute) -> Value:
    """`x` joined along axes, which `start` has as 1 or not; `compute` sees an element and what is joined so far."""
    assert isinstance(start.type, Ranked)
    rank = len(x.dims)
    kept = len(start.type.sizes) == rank
    into = [Affine() if at in axes else variable(at) for at in range(rank) if kept or at not in axes]
    loops = [REDUCTION if at in axes else PARALLEL for at in range(rank)]
    return generic(site.body, loops, [plain(x)], start, into, compute)


def neutral(operator: str, dtype: DType) -> int | float:
    """What an operator leaves as it is."""
    match operator:
        case "maximum":
            return arithmetic.lowest(dtype)
        case "minimum":
            return arithmetic.highest(dtype)
        case _:
            return _NEUTRAL[operator]


def _reduction(operator: str) -> Rule:
    def rule(site: Site) -> Sequence[Value]:
        return [along(site, site.value("x"), _axes(site), site.result_shape, operator, site.result.dtype)]

    return rule


def _axes(site: Site) -> list[int]:
    rank = len(site.shape("x"))
    return [*range(rank)] if site.is_none("axis") else site.axes(site.arguments["axis"])


def _mean(site: Site) -> Sequence[Value]:
    dtype, dims = site.result.dtype, site.result_shape
    x, axes = site.value("x"), _axes(site)
    total = Tensor(along(site, x, axes, dims, "add", dtype), dims)
    return [divided(site, total, mean_count(site, x, axes), dims)]


def divided(site: Site, total: Tensor, count: Value, dims: Sequence[Dim]) -> Value:
    """Every element divided by a number of elements, an `i64`."""
    kind = total.element
    return generic(
        site.body,
        [PARALLEL] * len(dims),
        [plain(total)],
        site.empty(dims, kind),
        identity(len(dims)),
        lambda body, seen: body.op("arith.divf", [seen[0], body.op("arith.sitofp", [count], kind)], kind),
    )


def mean_count(site: Site, x: Tensor, axes: Sequence[int]) -> Value:
    """How many elements are joined in one, as an `i64`."""
    count = site("arith.index_cast", [site.index(1)], I64)
    for axis in axes:
        size = site("arith.index_cast", [site.size(x.dims[axis])], I64)
        count = site("arith.muli", [count, size], I64)
    return count


def _truth(operation: str, start: bool) -> Rule:
    def rule(site: Site) -> Sequence[Value]:
        kind = site.element
        whole = site.filled(site.result_shape, start, kind)
        return [
            _joined(
                site,
                site.value("x"),
                _axes(site),
                whole,
                lambda body, seen: body.op(operation, [seen[1], seen[0]], kind),
            )
        ]

    return rule


RULES: Mapping[str, Rule] = {
    "sum": _reduction("add"),
    "prod": _reduction("multiply"),
    "max": _reduction("maximum"),
    "min": _reduction("minimum"),
    "mean": _mean,
    "any": _truth("arith.ori", False),
    "all": _truth("arith.andi", True),
}
