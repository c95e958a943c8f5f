"""The types of the language as StableHLO knows them: integers without a sign have types of their own there."""

from __future__ import annotations

from collections.abc import Sequence

from tenuto_analysis.dims import Dim
from tenuto_analysis.dtypes import DType, Kind
from tenuto_analysis.graph import dims_of
from tenuto_analysis.types import Tensor
from tenuto_backend.applied import scalar
from tenuto_backend.mlir import types as mlir
from tenuto_backend.mlir.operations import Ranked, Scalar, Value

Sizes = tuple[int, ...]


class NotLowered(Exception):
    """StableHLO cannot say it; the message says why."""


def element(dtype: DType) -> Scalar:
    found = scalar(dtype)
    return Scalar(f"ui{found.bits}") if found.kind is Kind.UNSIGNED else mlir.element(dtype)


def ranked(type_: Tensor) -> Ranked:
    """Raises `NotLowered` where a size is known only at run time."""
    return Ranked(element(type_.dtype), numbers(dims_of(type_)))


def numbers(dims: Sequence[Dim]) -> Sizes:
    return tuple(map(number, dims))


def number(dim: Dim) -> int:
    if dim.constant is None:
        raise NotLowered(f"the size `{dim}` is known only at run time, and those of StableHLO are numbers")
    return dim.constant


def shape(value: Value) -> Sizes:
    """The sizes of a tensor, all of which are known."""
    assert isinstance(value.type, Ranked)
    return tuple(size for size in value.type.sizes if size is not None)


def kind(value: Value) -> Scalar:
    """The type of its elements."""
    assert isinstance(value.type, Ranked)
    return value.type.element


def is_float(kind_: Scalar) -> bool:
    return kind_.name.startswith(("f", "bf"))


def is_unsigned(kind_: Scalar) -> bool:
    return kind_.name.startswith("ui") or kind_.name == "i1"


def bits(kind_: Scalar) -> int:
    """Of a float or an integer: `bf16` has 16, `f8E4M3FN` 8."""
    digits = kind_.name.lstrip("abcdefghijklmnopqrstuvwxyz")
    return int(digits.partition("E")[0])


F32 = Scalar("f32")


def wide(kind_: Scalar) -> Scalar:
    """What is computed in where a result is put together of many: at least `f32` for floats."""
    return F32 if is_float(kind_) and bits(kind_) < bits(F32) else kind_
