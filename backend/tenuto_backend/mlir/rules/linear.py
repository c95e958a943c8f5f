"""Sums of products along axes that tensors share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tenuto_analysis.dims import ONE, Dim
from tenuto_analysis.dtypes import DType
from tenuto_analysis.patterns import Pattern, parse_pattern
from tenuto_backend.mlir.body import NOUGHT, PARALLEL, REDUCTION, Body, Loops, Tensor, generic, variable
from tenuto_backend.mlir.operations import Affine, Value
from tenuto_backend.mlir.rules import arithmetic
from tenuto_backend.mlir.site import Rule, Site, identity
from tenuto_backend.mlir.types import element


def product(body: Body, dtypes: Sequence[DType], to: DType, seen: Sequence[Value]) -> Value:
    """The sum so far and one more product of numbers of these dtypes, in the dtype of the sum."""
    total = seen[-1]
    factors = [arithmetic.cast(body, value, dtype, to) for value, dtype in zip(seen[:-1], dtypes, strict=True)]
    found = factors[0]
    for factor in factors[1:]:
        found = arithmetic.binary(body, "multiply", to, found, factor)
    return arithmetic.binary(body, "add", to, total, found)


def narrowed(site: Site, total: Value, dims: Sequence[Dim]) -> Value:
    """Sums in the dtype of the result."""
    source, target = arithmetic.accumulator(site.result.dtype), site.result.dtype
    if source == target:
        return total
    read = [Loops(Tensor(total, tuple(dims)), identity(len(dims)))]
    loops, start = [PARALLEL] * len(dims), site.empty(dims, site.element)
    into = identity(len(dims))
    return generic(
        site.body, loops, read, start, into, lambda body, seen: arithmetic.cast(body, seen[0], source, target)
    )


def _matmul(site: Site) -> Sequence[Value]:
    a, b = site.value("a"), site.value("b")
    dims, rank = site.result_shape, len(site.result_shape)
    sources, target = (site.dtype("a"), site.dtype("b")), arithmetic.accumulator(site.result.dtype)
    has_rows = len(a.dims) > 1  # A vector on the left has none.
    batch = rank - 2 if has_rows else rank - 1
    shared = variable(rank)

    def leading(tensor: Tensor, own: int) -> tuple[Affine, ...]:
        """How the axes before the last `own` are read: they broadcast."""
        axes = tensor.dims[: len(tensor.dims) - own]
        before = batch - len(axes)
        return tuple(
            NOUGHT if size is ONE and dims[before + at] is not ONE else variable(before + at)
            for at, size in enumerate(axes)
        )

    left = (*leading(a, 2), variable(rank - 2), shared) if has_rows else (shared,)
    right = (*leading(b, 2), shared, variable(rank - 1))
    total = generic(
        site.body,
        [PARALLEL] * rank + [REDUCTION],
        [Loops(a, left), Loops(b, right)],
        site.filled(dims, 0, element(target)),
        identity(rank),
        lambda body, seen: product(body, sources, target, seen),
    )
    return [narrowed(site, total, dims)]


def _einsum(site: Site) -> Sequence[Value]:
    pattern = parse_pattern(site.text("pattern"))
    assert isinstance(pattern, Pattern), pattern
    parts = site.values("parts")
    sources, target = [part.type.dtype for part in site.tensors("parts")], arithmetic.accumulator(site.result.dtype)
    output = [group[0] for group in pattern.output]
    names = [*output, *dict.fromkeys(g[0] for side in pattern.inputs for g in side if g[0] not in output)]
    at = {name: variable(index) for index, name in enumerate(names)}
    total = generic(
        site.body,
        [PARALLEL if name in output else REDUCTION for name in names],
        [Loops(part, tuple(at[g[0]] for g in side)) for part, side in zip(parts, pattern.inputs, strict=True)],
        site.filled(site.result_shape, 0, element(target)),
        tuple(at[name] for name in output),
        lambda body, seen: product(body, sources, target, seen),
    )
    return [narrowed(site, total, site.result_shape)]


RULES: Mapping[str, Rule] = {"matmul": _matmul, "einsum": _einsum}
