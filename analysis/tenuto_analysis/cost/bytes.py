"""How many bytes a tensor takes, as a size: elements of less than a byte are packed, those of a tensor together."""

from __future__ import annotations

from tenuto_analysis.dims import ONE, Dim
from tenuto_analysis.dtypes import SCALARS, DType, Quantised, Scalar
from tenuto_analysis.graph import dims_of
from tenuto_analysis.shapes import product
from tenuto_analysis.types import Tensor

_BYTE = 8
# The scale of a quantised tensor whose type names no dtype for it.
_SCALE = SCALARS["f32"]


def elements(type_: Tensor) -> Dim:
    """How many numbers a tensor holds."""
    return product(type_.shape)


def bytes_of(type_: Tensor) -> Dim:
    """Its numbers, and its scales where it is quantised."""
    match type_.dtype:
        case Quantised(storage=storage, axis=axis, group=group, scale=scale):
            scales = _scales(type_, axis, group)
            return _packed(elements(type_), storage) + _packed(scales, scale or _SCALE)
        case dtype:
            return _packed(elements(type_), dtype)


def _packed(count: Dim, dtype: DType) -> Dim:
    assert isinstance(dtype, Scalar), f"{dtype} is no dtype of a machine"
    if dtype.bits % _BYTE == 0:
        return count * (dtype.bits // _BYTE)
    return -((-count * dtype.bits) // _BYTE)


def _scales(type_: Tensor, axis: int | None, group: int | None) -> Dim:
    """How many scales there are: one for each step along the axis, one for each group of the last axis, or one."""
    shape = dims_of(type_)
    if axis is not None:
        return shape[axis % len(shape)]
    if group is not None:
        return product(shape[:-1]) * -(-shape[-1] // group)
    return ONE
