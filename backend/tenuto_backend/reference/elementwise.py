"""One element from one element of each operand: arithmetic, elementary functions, rounding, choice, casts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import erf

import numpy as np

from tenuto_backend.reference.dtypes import INTEGER, cast, working
from tenuto_backend.reference.values import Array

Primitive = Callable[..., Array]


def unary(function: Primitive) -> Primitive:
    """`function` computed wide, and given in the operand's dtype."""

    def primitive(x: Array) -> Array:
        return np.asarray(function(x.astype(working(x.dtype)))).astype(x.dtype)

    return primitive


def binary(function: Primitive) -> Primitive:
    """`function` computed wide, and given in the first operand's dtype; shapes broadcast."""

    def primitive(a: Array, b: Array) -> Array:
        return np.asarray(function(a.astype(working(a.dtype)), b.astype(working(b.dtype)))).astype(a.dtype)

    return primitive


def _power(base: Array, exponent: Array) -> Array:
    wide, by = base.astype(working(base.dtype)), exponent.astype(working(exponent.dtype))
    if base.dtype not in INTEGER:
        return np.asarray(np.power(wide, by)).astype(base.dtype)
    return np.asarray(np.where(by >= 0, np.power(wide, np.maximum(by, 0)), 0)).astype(base.dtype)


def _atan2(y: Array, x: Array) -> Array:
    return binary(np.arctan2)(y, x)


def _rsqrt(x: Array) -> Array:
    return np.asarray(1 / np.sqrt(x))


_ERF = np.vectorize(erf, otypes=[np.float64])


def _where(condition: Array, a: Array, b: Array) -> Array:
    return np.asarray(np.where(condition, a, b)).astype(a.dtype)


def _is_nan(x: Array) -> Array:
    return np.asarray(np.isnan(x.astype(working(x.dtype))))


def _is_inf(x: Array) -> Array:
    return np.asarray(np.isinf(x.astype(working(x.dtype))))


PRIMITIVES: Mapping[str, Primitive] = {
    "add": binary(np.add),
    "subtract": binary(np.subtract),
    "multiply": binary(np.multiply),
    "divide": binary(np.divide),
    "floor_divide": binary(np.floor_divide),
    "modulo": binary(np.mod),
    "power": _power,
    "negate": unary(np.negative),
    "abs": unary(np.abs),
    "sign": unary(np.sign),
    "maximum": binary(np.maximum),
    "minimum": binary(np.minimum),
    "sqrt": unary(np.sqrt),
    "rsqrt": unary(_rsqrt),
    "exp": unary(np.exp),
    "exp2": unary(np.exp2),
    "expm1": unary(np.expm1),
    "log": unary(np.log),
    "log1p": unary(np.log1p),
    "log2": unary(np.log2),
    "log10": unary(np.log10),
    "sin": unary(np.sin),
    "cos": unary(np.cos),
    "tan": unary(np.tan),
    "asin": unary(np.arcsin),
    "acos": unary(np.arccos),
    "atan": unary(np.arctan),
    "atan2": _atan2,
    "sinh": unary(np.sinh),
    "cosh": unary(np.cosh),
    "tanh": unary(np.tanh),
    "asinh": unary(np.arcsinh),
    "acosh": unary(np.arccosh),
    "atanh": unary(np.arctanh),
    "erf": unary(_ERF),
    "floor": unary(np.floor),
    "ceil": unary(np.ceil),
    "round": unary(np.rint),
    "trunc": unary(np.trunc),
    "is_nan": _is_nan,
    "is_inf": _is_inf,
    "cast": cast,
    "where": _where,
}
