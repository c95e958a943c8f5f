"""The types of the language as MLIR knows them. Signs belong to operations there: `u8` and `i8` are both `i8`."""

from __future__ import annotations

from collections.abc import Sequence

from tenuto_analysis.dims import Dim
from tenuto_analysis.dtypes import DType, Kind
from tenuto_analysis.graph import dims_of
from tenuto_analysis.types import Tensor
from tenuto_backend.applied import scalar
from tenuto_backend.mlir.operations import Ranked, Scalar

_NAMES = {
    "bool": "i1",
    "f8e4m3": "f8E4M3FN",
    "f8e5m2": "f8E5M2",
    "f8e4m3fnuz": "f8E4M3FNUZ",
    "f8e5m2fnuz": "f8E5M2FNUZ",
    "f8e8m0": "f8E8M0FNU",
    "f4e2m1": "f4E2M1FN",
    "c64": "complex<f32>",
    "c128": "complex<f64>",
}


def element(dtype: DType) -> Scalar:
    found = scalar(dtype)
    name = f"i{found.bits}" if found.kind is Kind.UNSIGNED else found.name
    return Scalar(_NAMES.get(found.name, name))


def ranked(type_: Tensor) -> Ranked:
    return shaped(element(type_.dtype), dims_of(type_))


def shaped(kind: Scalar, dims: Sequence[Dim]) -> Ranked:
    return Ranked(kind, tuple(dim.constant for dim in dims))
