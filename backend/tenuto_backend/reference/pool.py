"""Pooling, channels first: one value for each window of a grid."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tenuto_backend.reference.conv import padded, windows
from tenuto_backend.reference.dtypes import working
from tenuto_backend.reference.elementwise import Primitive
from tenuto_backend.reference.values import Array


def _max_pool(x: Array, kernel: int, stride: int, padding: int = 0, dilation: int = 1) -> Array:
    rank = x.ndim - 2
    wide = padded(x.astype(working(x.dtype)), padding, -np.inf)
    found = np.max(windows(wide, [kernel] * rank, stride, dilation), axis=_last(rank), initial=-np.inf)
    return np.asarray(found).astype(x.dtype)


def _avg_pool(x: Array, kernel: int, stride: int, padding: int = 0, count_padding: bool = True) -> Array:
    rank = x.ndim - 2
    wide = padded(x.astype(working(x.dtype)), padding, 0.0)
    total = np.sum(windows(wide, [kernel] * rank, stride, 1), axis=_last(rank))
    if count_padding:
        return np.asarray(total / kernel**rank).astype(x.dtype)
    inside = padded(np.ones_like(x, dtype=wide.dtype), padding, 0.0)
    return np.asarray(total / np.sum(windows(inside, [kernel] * rank, stride, 1), axis=_last(rank))).astype(x.dtype)


def _last(count: int) -> tuple[int, ...]:
    return tuple(range(-count, 0))


PRIMITIVES: Mapping[str, Primitive] = {
    "max_pool1d": _max_pool,
    "max_pool2d": _max_pool,
    "max_pool3d": _max_pool,
    "avg_pool1d": _avg_pool,
    "avg_pool2d": _avg_pool,
    "avg_pool3d": _avg_pool,
}
