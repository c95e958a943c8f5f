"""Products of short integers, whose sums are kept in 32 bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tenuto_analysis.dtypes import Kind
from tenuto_analysis.graph import tensors_of
from tenuto_backend.applied import scalar
from tenuto_backend.onnx.declared import equation
from tenuto_backend.onnx.site import Rule, Site


def matmul(site: Site) -> Sequence[str] | None:
    dtype = site.dtype("a")
    if dtype == site.result.dtype or dtype.kind is Kind.FLOAT:
        return None
    a, b = site.value("a"), site.value("b")
    if dtype.bits == 8:
        return [site("MatMulInteger", a, b)]
    return [site("MatMul", site.cast(a, site.result.dtype), site.cast(b, site.result.dtype))]


def einsum(site: Site) -> Sequence[str] | None:
    parts = list(tensors_of(site.arguments["parts"]))
    dtype = scalar(parts[0].type.dtype)
    if dtype == site.result.dtype or dtype.kind is Kind.FLOAT:
        return None
    wide = [site.cast(site.scope.value(part), site.result.dtype) for part in parts]
    return [site("Einsum", *wide, equation=equation(site.text("pattern")))]


EXCEPTIONS: Mapping[str, Rule] = {"matmul": matmul, "einsum": einsum}
