"""Fewer elements from many, along axes; over no element each gives its neutral value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tenuto_backend.reference.dtypes import FLOATING, DType, working
from tenuto_backend.reference.elementwise import Primitive
from tenuto_backend.reference.values import Array

Axes = int | Sequence[int] | None


def lowest(dtype: DType) -> float | int:
    """The value below or at every other of a dtype NumPy computes in."""
    return -np.inf if dtype in FLOATING else int(np.iinfo(dtype).min)


def highest(dtype: DType) -> float | int:
    return np.inf if dtype in FLOATING else int(np.iinfo(dtype).max)


def _axes(axis: Axes) -> int | tuple[int, ...] | None:
    return axis if axis is None or isinstance(axis, int) else tuple(axis)


def _sum(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    return np.asarray(np.sum(x.astype(working(x.dtype)), axis=_axes(axis), keepdims=keepdims)).astype(x.dtype)


def _prod(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    return np.asarray(np.prod(x.astype(working(x.dtype)), axis=_axes(axis), keepdims=keepdims)).astype(x.dtype)


def _mean(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    wide = x.astype(working(x.dtype))
    total = np.asarray(np.sum(wide, axis=_axes(axis), keepdims=keepdims))
    count = x.size // total.size if total.size else 1
    return np.asarray(total / np.asarray(count, wide.dtype)).astype(x.dtype)


def _max(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    wide = x.astype(working(x.dtype))
    found = np.max(wide, axis=_axes(axis), keepdims=keepdims, initial=lowest(wide.dtype))
    return np.asarray(found).astype(x.dtype)


def _min(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    wide = x.astype(working(x.dtype))
    found = np.min(wide, axis=_axes(axis), keepdims=keepdims, initial=highest(wide.dtype))
    return np.asarray(found).astype(x.dtype)


def _any(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    return np.asarray(np.any(x, axis=_axes(axis), keepdims=keepdims))


def _all(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    return np.asarray(np.all(x, axis=_axes(axis), keepdims=keepdims))


def _arg_max(x: Array, axis: int = -1) -> Array:
    return np.asarray(np.argmax(x.astype(working(x.dtype)), axis=axis)).astype(np.int64)


def _arg_min(x: Array, axis: int = -1) -> Array:
    return np.asarray(np.argmin(x.astype(working(x.dtype)), axis=axis)).astype(np.int64)


def _cumulative_sum(x: Array, axis: int = -1, exclusive: bool = False, reverse: bool = False) -> Array:
    wide = x.astype(working(x.dtype))
    if reverse:
        wide = np.flip(wide, axis)
    found = np.cumsum(wide, axis=axis)
    if exclusive:
        found = found - wide
    return np.asarray(np.flip(found, axis) if reverse else found).astype(x.dtype)


PRIMITIVES: Mapping[str, Primitive] = {
    "sum": _sum,
    "mean": _mean,
    "max": _max,
    "min": _min,
    "prod": _prod,
    "any": _any,
    "all": _all,
    "arg_max": _arg_max,
    "arg_min": _arg_min,
    "cumulative_sum": _cumulative_sum,
}
