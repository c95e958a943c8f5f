"""The dtypes of the language as ONNX and as safetensors know them, and what each needs of a model."""

from __future__ import annotations

from collections.abc import Mapping

from onnx import TensorProto

from tenuto_analysis.dtypes import BOOL, SCALARS, DType, Kind, Scalar
from tenuto_backend.applied import scalar

ELEMENTS: Mapping[str, int] = {
    "f64": TensorProto.DOUBLE,
    "f32": TensorProto.FLOAT,
    "f16": TensorProto.FLOAT16,
    "bf16": TensorProto.BFLOAT16,
    "f8e4m3": TensorProto.FLOAT8E4M3FN,
    "f8e5m2": TensorProto.FLOAT8E5M2,
    "f8e4m3fnuz": TensorProto.FLOAT8E4M3FNUZ,
    "f8e5m2fnuz": TensorProto.FLOAT8E5M2FNUZ,
    "f8e8m0": TensorProto.FLOAT8E8M0,
    "f4e2m1": TensorProto.FLOAT4E2M1,
    "i64": TensorProto.INT64,
    "i32": TensorProto.INT32,
    "i16": TensorProto.INT16,
    "i8": TensorProto.INT8,
    "i4": TensorProto.INT4,
    "i2": TensorProto.INT2,
    "u64": TensorProto.UINT64,
    "u32": TensorProto.UINT32,
    "u16": TensorProto.UINT16,
    "u8": TensorProto.UINT8,
    "u4": TensorProto.UINT4,
    "u2": TensorProto.UINT2,
    "c64": TensorProto.COMPLEX64,
    "c128": TensorProto.COMPLEX128,
    "bool": TensorProto.BOOL,
    "string": TensorProto.STRING,
}

NAMES: Mapping[int, str] = {element: name for name, element in ELEMENTS.items()}

OPSET_OF_DTYPE: Mapping[str, int] = {"f4e2m1": 23, "f8e8m0": 24, "i2": 25, "u2": 25}
"""The first opset whose operators know a dtype, where that is later than 21."""

# A dtype in which an operator that lacks another may compute: the first that it takes.
_WIDER: Mapping[Kind, tuple[str, ...]] = {
    Kind.FLOAT: ("f32", "f64"),
    Kind.SIGNED: ("i32", "i64"),
    Kind.UNSIGNED: ("i32", "i64"),
    Kind.BOOL: ("u8", "i32", "i64"),
    Kind.COMPLEX: (),
    Kind.STRING: (),
}


def element(dtype: DType) -> int:
    """The number of a dtype in ONNX."""
    return ELEMENTS[scalar(dtype).name]


def wider(dtype: Scalar) -> tuple[Scalar, ...]:
    """What may stand for `dtype` where an operator does not take it, best first: values fit, or wrap and return."""
    if dtype.name == "u64":
        return (SCALARS["i64"],)
    return tuple(found for name in _WIDER[dtype.kind] if (found := SCALARS[name]).bits > dtype.bits or dtype == BOOL)
