"""What quantised tensors mean: each number times its scale."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tenuto_backend.reference.dtypes import FLOAT
from tenuto_backend.reference.elementwise import Primitive
from tenuto_backend.reference.values import Array


def dequantize(x: Array, scale: Array, axis: int | None = None, group: int | None = None) -> Array:
    """Numbers of any dtype and scales of f32; `axis` has a scale for each place, or for each `group` of places."""
    if axis is not None and group is not None:
        scale = np.repeat(scale, group, axis=axis)
    elif axis is not None:
        scale = scale.reshape([-1 if at == axis else 1 for at in range(x.ndim)])
    return np.asarray(x.astype(FLOAT) * scale)


PRIMITIVES: Mapping[str, Primitive] = {"dequantize": dequantize}
