"""The dtypes of the language as NumPy knows them, and the classes that a generic may be bounded by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import ml_dtypes
import numpy as np
import numpy.typing as npt

DType: TypeAlias = np.dtype[Any]

DTYPES: Mapping[str, DType] = {
    "f64": np.dtype(np.float64),
    "f32": np.dtype(np.float32),
    "f16": np.dtype(np.float16),
    "bf16": np.dtype(ml_dtypes.bfloat16),
    "f8e4m3": np.dtype(ml_dtypes.float8_e4m3fn),
    "f8e5m2": np.dtype(ml_dtypes.float8_e5m2),
    "f8e4m3fnuz": np.dtype(ml_dtypes.float8_e4m3fnuz),
    "f8e5m2fnuz": np.dtype(ml_dtypes.float8_e5m2fnuz),
    "f8e8m0": np.dtype(ml_dtypes.float8_e8m0fnu),
    "f4e2m1": np.dtype(ml_dtypes.float4_e2m1fn),
    "i64": np.dtype(np.int64),
    "i32": np.dtype(np.int32),
    "i16": np.dtype(np.int16),
    "i8": np.dtype(np.int8),
    "i4": np.dtype(ml_dtypes.int4),
    "i2": np.dtype(ml_dtypes.int2),
    "u64": np.dtype(np.uint64),
    "u32": np.dtype(np.uint32),
    "u16": np.dtype(np.uint16),
    "u8": np.dtype(np.uint8),
    "u4": np.dtype(ml_dtypes.uint4),
    "u2": np.dtype(ml_dtypes.uint2),
    "bool": np.dtype(np.bool_),
}

NAMES: Mapping[DType, str] = {dtype: name for name, dtype in DTYPES.items()}

FLOAT = DTYPES["f32"]
BOOL = DTYPES["bool"]

FLOATING = frozenset(dtype for name, dtype in DTYPES.items() if name.startswith(("f", "bf")))
UNSIGNED = frozenset(dtype for name, dtype in DTYPES.items() if name.startswith("u"))
INTEGER = UNSIGNED | frozenset(dtype for name, dtype in DTYPES.items() if name.startswith("i"))

_NARROW = frozenset(DTYPES[name] for name in ("i4", "i2", "u4", "u2"))

CLASSES: Mapping[str, frozenset[DType]] = {
    "floating": FLOATING,
    "integer": INTEGER,
    "unsigned": UNSIGNED,
    "number": FLOATING | INTEGER,
    "any": frozenset(DTYPES.values()),
}


def named(name: str) -> DType | None:
    """The dtype that `name` means as the element type of a tensor; `float` is f32 here."""
    return FLOAT if name == "float" else DTYPES.get(name)


def cast(x: npt.NDArray[Any], dtype: DType) -> npt.NDArray[Any]:
    """The numbers in another dtype; between integers of less than a byte NumPy knows no direct way."""
    return (x.astype(np.int64) if x.dtype in _NARROW and dtype in _NARROW else x).astype(dtype)


def accumulated(dtype: DType) -> DType:
    """The dtype in which a product of two tensors of `dtype` is given."""
    return DTYPES["i32"] if dtype in INTEGER and dtype.itemsize < 4 else dtype


def summing(*dtypes: DType) -> DType:
    """The dtype in which the evaluator sums products of tensors, whose sum is given in the last of these dtypes."""
    return np.result_type(*map(working, dtypes))


def working(dtype: DType) -> DType:
    """The dtype in which the evaluator computes for tensors of `dtype`: NumPy's own, wide enough to sum in."""
    if dtype in FLOATING and dtype != DTYPES["f64"]:
        return FLOAT
    if dtype in INTEGER and dtype.itemsize < 4:
        return DTYPES["i64"]
    return dtype
