"""Comparison and logic between tensors, and the bits of integers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tenuto_backend.reference.dtypes import working
from tenuto_backend.reference.elementwise import Primitive, binary, unary
from tenuto_backend.reference.values import Array


def _comparison(function: Primitive) -> Primitive:
    def primitive(a: Array, b: Array) -> Array:
        return np.asarray(function(a.astype(working(a.dtype)), b.astype(working(b.dtype))))

    return primitive


def _shift_left(x: Array, by: Array) -> Array:
    return binary(np.left_shift)(x, by)


def _shift_right(x: Array, by: Array) -> Array:
    return binary(np.right_shift)(x, by)


PRIMITIVES: Mapping[str, Primitive] = {
    "equal": _comparison(np.equal),
    "not_equal": _comparison(np.not_equal),
    "less": _comparison(np.less),
    "less_equal": _comparison(np.less_equal),
    "greater": _comparison(np.greater),
    "greater_equal": _comparison(np.greater_equal),
    "logical_and": binary(np.logical_and),
    "logical_or": binary(np.logical_or),
    "logical_xor": binary(np.logical_xor),
    "logical_not": unary(np.logical_not),
    "bitwise_and": binary(np.bitwise_and),
    "bitwise_or": binary(np.bitwise_or),
    "bitwise_xor": binary(np.bitwise_xor),
    "bitwise_not": unary(np.bitwise_not),
    "shift_left": _shift_left,
    "shift_right": _shift_right,
}
