"""Numbers times their scales, element by element."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tenuto_analysis.dims import Dim, literal
from tenuto_backend.mlir.body import PARALLEL, Body, Loops, Tensor, generic, variable
from tenuto_backend.mlir.layout import reshaped
from tenuto_backend.mlir.operations import Value
from tenuto_backend.mlir.rules import arithmetic
from tenuto_backend.mlir.site import Rule, Site, identity, plain


def _dequantize(site: Site) -> Sequence[Value]:
    x, scale, dims = site.value("x"), site.value("scale"), site.result_shape
    if site.is_none("axis"):
        return [_scaled(site, x, Loops(scale, ()), dims)]
    axis = site.integer("axis")
    if site.is_none("group"):
        return [_scaled(site, x, Loops(scale, (variable(axis),)), dims)]
    # Groups on an axis of their own, behind that of their places.
    group = site.integer("group")
    apart = (*dims[:axis], dims[axis] // group, literal(group), *dims[axis + 1 :])
    read = Loops(scale, tuple(variable(at) for at in range(len(apart)) if at != axis + 1))
    found = _scaled(site, reshaped(site, x, apart), read, apart)
    return site.as_result(reshaped(site, Tensor(found, apart), dims).value)


def _scaled(site: Site, x: Tensor, scale: Loops, dims: Sequence[Dim]) -> Value:
    source, target = site.dtype("x"), site.result.dtype

    def compute(body: Body, seen: Sequence[Value]) -> Value:
        return arithmetic.binary(body, "multiply", target, arithmetic.cast(body, seen[0], source, target), seen[1])

    start = site.empty(dims, site.element)
    return generic(site.body, [PARALLEL] * len(dims), [plain(x), scale], start, identity(len(dims)), compute)


RULES: Mapping[str, Rule] = {"dequantize": _dequantize}
