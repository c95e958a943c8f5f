"""Every `op` of the standard library and its meaning in NumPy: the tables of the families, put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tenuto_backend.reference import compare, conv, elementwise, index, linear, pool, quantised, reduce, resize, shape
from tenuto_backend.reference.values import Array

PRIMITIVES: Mapping[str, Callable[..., Array | list[Array] | tuple[Array, Array]]] = {
    **elementwise.PRIMITIVES,
    **compare.PRIMITIVES,
    **reduce.PRIMITIVES,
    **linear.PRIMITIVES,
    **shape.PRIMITIVES,
    **index.PRIMITIVES,
    **conv.PRIMITIVES,
    **pool.PRIMITIVES,
    **resize.PRIMITIVES,
    **quantised.PRIMITIVES,
}

PRODUCTS = frozenset({*linear.PRIMITIVES, *conv.PRIMITIVES})
"""Sums of products, which may be given the dtype of their result as `result`: products are exact, sums kept in it."""

DTYPED = frozenset({"cast", "arange"})
"""Primitives whose result has a dtype that no argument has; they are given their first generic as `dtype`."""
