"""What a quantised type says of a tensor: which numbers share a scale, and what becomes of that when axes move.

`quant(i8, axis = 0)[N, K]` has a scale for each place along axis 0. `quant(i4, group = 32)[N, K]` has one for each 32
neighbours along its last axis, or along `axis` where that is given too. Without either, one scale is for the whole
tensor. So the type of a transpose is another: `quant(i8, axis = 1)[K, N]`, `quant(i4, group = 32, axis = 0)[K, N]`.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from tenuto_analysis.dims import Dim
from tenuto_analysis.dtypes import SCALARS, Quantised, Scalar

SCALE = SCALARS["f32"]
"""The dtype of a scale whose type names none."""


def normal(dtype: Quantised, rank: int) -> Quantised:
    """The one way to write it for a tensor of this rank: axes from the front, the last one unsaid for groups."""
    if dtype.axis is None:
        return dtype
    axis = dtype.axis % rank
    return replace(dtype, axis=None if dtype.group is not None and axis == rank - 1 else axis)


def scaled_axis(dtype: Quantised, rank: int) -> int | None:
    """The axis along which scales differ: of the places, or of the groups; None where one scale is for all."""
    if dtype.axis is not None:
        return dtype.axis % rank
    return rank - 1 if dtype.group is not None else None


def with_axis(dtype: Quantised, axis: int | None, rank: int) -> Quantised:
    """The same scales along another axis."""
    return normal(replace(dtype, axis=axis), rank)


def permuted(dtype: Quantised, order: Sequence[int]) -> Quantised:
    """The dtype of a tensor whose axis `i` was axis `order[i]` before."""
    axis = scaled_axis(dtype, len(order))
    return dtype if axis is None else with_axis(dtype, list(order).index(axis), len(order))


def scale_of(dtype: Quantised) -> Scalar:
    """The dtype of the scales."""
    return dtype.scale or SCALE


def scale_shape(dtype: Quantised, shape: Sequence[Dim]) -> tuple[Dim, ...]:
    """Of the tensor of scales: none, the places of one axis, or the tensor's own with groups for numbers."""
    axis = scaled_axis(dtype, len(shape))
    if axis is None:
        return ()
    if dtype.group is None:
        return (shape[axis],)
    return (*shape[:axis], shape[axis] // dtype.group, *shape[axis + 1 :])
