"""One element from one element of each operand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tenuto_backend.mlir.operations import Value
from tenuto_backend.stablehlo import functions, sizes, tensors
from tenuto_backend.stablehlo.site import Rule, Site
from tenuto_backend.stablehlo.types import is_float, is_unsigned, kind, wide


def _binary(operation: str, first: str = "a", second: str = "b") -> Rule:
    def rule(site: Site) -> Sequence[Value]:
        return [tensors.same(site.body, operation, site.broadcast(first, second))]

    return rule


def _unary(operation: str) -> Rule:
    def rule(site: Site) -> Sequence[Value]:
        return [tensors.same(site.body, operation, [site.value("x")])]

    return rule


def _computed(compute: functions.Compute) -> Rule:
    """A function that several operations make, computed in at least `f32`."""

    def rule(site: Site) -> Sequence[Value]:
        x = site.value("x")
        found = compute(site.body, tensors.converted(site.body, x, wide(kind(x))))
        return [tensors.converted(site.body, found, kind(x))]

    return rule


def _is_nan(site: Site) -> Sequence[Value]:
    return [tensors.is_nan(site.body, site.value("x"))]


def _is_inf(site: Site) -> Sequence[Value]:
    size = tensors.same(site.body, "abs", [site.value("x")])
    return [tensors.compare(site.body, "EQ", size, tensors.like(site.body, float("inf"), size))]


def _abs(site: Site) -> Sequence[Value]:
    x = site.value("x")
    return [x if is_unsigned(kind(x)) else tensors.same(site.body, "abs", [x])]


def _sign(site: Site) -> Sequence[Value]:
    """-1, 0 or 1; of what is no number the same."""
    x = site.value("x")
    if is_unsigned(kind(x)):
        return [tensors.same(site.body, "minimum", [x, tensors.like(site.body, 1, x)])]
    return [tensors.same(site.body, "sign", [x])]


def _trunc(site: Site) -> Sequence[Value]:
    body, x = site.body, site.value("x")
    below = tensors.compare(body, "LT", x, tensors.like(body, 0.0, x))
    return [tensors.select(body, below, tensors.same(body, "ceil", [x]), tensors.same(body, "floor", [x]))]


def _floor_divide(site: Site) -> Sequence[Value]:
    body = site.body
    a, b = site.broadcast("a", "b")
    if is_float(kind(a)):
        return [tensors.same(body, "floor", [tensors.same(body, "divide", [a, b])])]
    if is_unsigned(kind(a)):
        return [tensors.same(body, "divide", [a, b])]
    return [sizes.floor_divide(body, a, b)]


def _modulo(site: Site) -> Sequence[Value]:
    """The remainder has the sign of the divisor."""
    a, b = site.broadcast("a", "b")
    if is_unsigned(kind(a)):
        return [tensors.same(site.body, "remainder", [a, b])]
    return [sizes.modulo(site.body, a, b)]


def _power(site: Site) -> Sequence[Value]:
    """A negative exponent of integers gives 0."""
    body = site.body
    base, exponent = site.broadcast("base", "exponent")
    if is_float(kind(base)) or is_unsigned(kind(base)):
        return [tensors.same(body, "power", [base, exponent])]
    nought = tensors.like(body, 0, exponent)
    negative = tensors.compare(body, "LT", exponent, nought)
    raised = tensors.same(body, "power", [base, tensors.same(body, "maximum", [exponent, nought])])
    return [tensors.select(body, negative, nought, raised)]


def _cast(site: Site) -> Sequence[Value]:
    return [tensors.converted(site.body, site.value("x"), site.element)]


def _where(site: Site) -> Sequence[Value]:
    return [tensors.select(site.body, *site.broadcast("condition", "a", "b"))]


_OPERATIONS: Mapping[str, str] = {
    **{name: name for name in ("sqrt", "rsqrt", "log", "tanh", "floor", "ceil", "negate")},
    "exp": "exponential",
    "expm1": "exponential_minus_one",
    "log1p": "log_plus_one",
    "sin": "sine",
    "cos": "cosine",
    "round": "round_nearest_even",
}

RULES: Mapping[str, Rule] = {
    **{name: _binary(name) for name in ("add", "subtract", "multiply", "divide", "maximum", "minimum")},
    **{name: _unary(operation) for name, operation in _OPERATIONS.items()},
    **{name: _computed(compute) for name, compute in functions.FUNCTIONS.items()},
    "atan2": _binary("atan2", "y", "x"),
    "is_nan": _is_nan,
    "is_inf": _is_inf,
    "abs": _abs,
    "sign": _sign,
    "trunc": _trunc,
    "floor_divide": _floor_divide,
    "modulo": _modulo,
    "power": _power,
    "cast": _cast,
    "where": _where,
}
