"""One element from one element of each operand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tenuto_analysis.dtypes import DType
from tenuto_backend.applied import scalar
from tenuto_backend.mlir.body import Body
from tenuto_backend.mlir.operations import I1, Value
from tenuto_backend.mlir.rules import arithmetic
from tenuto_backend.mlir.site import Rule, Site
from tenuto_backend.mlir.types import element

_LOG10_E = 0.4342944819032518


def _binary(operator: str) -> Rule:
    def rule(site: Site) -> Sequence[Value]:
        dtype = site.result.dtype
        operands = [site.value("a"), site.value("b")]
        return [site.each(operands, lambda body, seen: arithmetic.binary(body, operator, dtype, seen[0], seen[1]))]

    return rule


def _function(operation: str) -> Rule:
    """An operation of MLIR on floats."""

    def rule(site: Site) -> Sequence[Value]:
        kind = site.element
        return [site.each([site.value("x")], lambda body, seen: body.op(operation, [seen[0]], kind))]

    return rule


def _is_nan(site: Site) -> Sequence[Value]:
    return [site.each([site.value("x")], lambda body, seen: body.op("math.isnan", [seen[0]], I1))]


def _is_inf(site: Site) -> Sequence[Value]:
    """IREE 3.13 knows no `math.isinf`."""
    dtype, kind = site.dtype("x"), site.value("x").element

    def compute(body: Body, seen: Sequence[Value]) -> Value:
        size = body.op("math.absf", [seen[0]], kind)
        return arithmetic.test(body, "equal", dtype, size, body.constant(float("inf"), kind))

    return [site.each([site.value("x")], compute)]


def _log10(site: Site) -> Sequence[Value]:
    """IREE 3.13 knows no `math.log10`."""
    kind = site.element

    def compute(body: Body, seen: Sequence[Value]) -> Value:
        return body.op("arith.mulf", [body.op("math.log", [seen[0]], kind), body.constant(_LOG10_E, kind)], kind)

    return [site.each([site.value("x")], compute)]


def _asinh(site: Site) -> Sequence[Value]:
    """As `math.asinh` is taken apart it is no number at minus infinity, so it is asked of the size alone."""
    kind = site.element

    def compute(body: Body, seen: Sequence[Value]) -> Value:
        size = body.op("math.asinh", [body.op("math.absf", [seen[0]], kind)], kind)
        return body.op("math.copysign", [size, seen[0]], kind)

    return [site.each([site.value("x")], compute)]


def _negate(site: Site) -> Sequence[Value]:
    dtype, kind = site.result.dtype, site.element

    def compute(body: Body, seen: Sequence[Value]) -> Value:
        if arithmetic.is_float(dtype):
            return body.op("arith.negf", [seen[0]], kind)
        return body.op("arith.subi", [body.constant(0, kind), seen[0]], kind)

    return [site.each([site.value("x")], compute)]


def _abs(site: Site) -> Sequence[Value]:
    dtype, kind = site.result.dtype, site.element

    def compute(body: Body, seen: Sequence[Value]) -> Value:
        if arithmetic.is_float(dtype):
            return body.op("math.absf", [seen[0]], kind)
        return body.op("math.absi", [seen[0]], kind) if arithmetic.is_signed(dtype) else seen[0]

    return [site.each([site.value("x")], compute)]


def _sign(site: Site) -> Sequence[Value]:
    """-1, 0 or 1; of what is no number the same."""
    dtype, kind = site.result.dtype, site.element

    def compute(body: Body, seen: Sequence[Value]) -> Value:
        nought, one = body.constant(0, kind), body.constant(1, kind)
        above = arithmetic.test(body, "greater", dtype, seen[0], nought)
        below = arithmetic.test(body, "less", dtype, seen[0], nought)
        other = body.op("arith.select", [below, body.constant(-1, kind), seen[0]], kind)
        return body.op("arith.select", [above, one, other], kind)

    return [site.each([site.value("x")], compute)]


def _floor_divide(site: Site) -> Sequence[Value]:
    dtype, kind = site.result.dtype, site.element

    def compute(body: Body, seen: Sequence[Value]) -> Value:
        if arithmetic.is_float(dtype):
            return body.op("math.floor", [body.op("arith.divf", list(seen[:2]), kind)], kind)
        operation = "arith.floordivsi" if arithmetic.is_signed(dtype) else "arith.divui"
        return body.op(operation, list(seen[:2]), kind)

    return [site.each([site.value("a"), site.value("b")], compute)]


def _modulo(site: Site) -> Sequence[Value]:
    """The remainder has the sign of the divisor."""
    dtype, kind = site.result.dtype, site.element

    def compute(body: Body, seen: Sequence[Value]) -> Value:
        a, b = seen[:2]
        if not arithmetic.is_float(dtype) and not arithmetic.is_signed(dtype):
            return body.op("arith.remui", [a, b], kind)
        rest = body.op("arith.remf" if arithmetic.is_float(dtype) else "arith.remsi", [a, b], kind)
        nought = body.constant(0, kind)
        other_sign = body.op(
            "arith.xori",
            [arithmetic.test(body, "less", dtype, item, nought) for item in (rest, b)],
            I1,
        )
        some = arithmetic.test(body, "not_equal", dtype, rest, nought)
        wrong = body.op("arith.andi", [other_sign, some], I1)
        return body.op("arith.select", [wrong, arithmetic.binary(body, "add", dtype, rest, b), rest], kind)

    return [site.each([site.value("a"), site.value("b")], compute)]


def _power(site: Site) -> Sequence[Value]:
    """A negative exponent of integers gives 0."""
    dtype, kind = site.result.dtype, site.element

    def compute(body: Body, seen: Sequence[Value]) -> Value:
        base, exponent = seen[:2]
        if arithmetic.is_float(dtype):
            return body.op("math.powf", [base, exponent], kind)
        nought = body.constant(0, kind)
        negative = arithmetic.test(body, "less", dtype, exponent, nought)
        return body.op("arith.select", [negative, nought, _squared(body, dtype, base, exponent)], kind)

    return [site.each([site.value("base"), site.value("exponent")], compute)]


def _squared(body: Body, dtype: DType, base: Value, exponent: Value) -> Value:
    """The power by a square for each bit of the exponent: IREE 3.13 knows no `math.ipowi` of vectors."""
    kind, one = element(dtype), body.constant(1, element(dtype))
    result = one
    for _ in range(scalar(dtype).bits):
        odd = arithmetic.test(body, "equal", dtype, body.op("arith.andi", [exponent, one], kind), one)
        factor = body.op("arith.select", [odd, base, one], kind)
        result = body.op("arith.muli", [result, factor], kind)
        base = body.op("arith.muli", [base, base], kind)
        exponent = body.op("arith.shrui", [exponent, one], kind)
    return result


def _atan2(site: Site) -> Sequence[Value]:
    kind = site.element
    operands = [site.value("y"), site.value("x")]
    return [site.each(operands, lambda body, seen: body.op("math.atan2", list(seen[:2]), kind))]


def _cast(site: Site) -> Sequence[Value]:
    source, target = site.dtype("x"), site.result.dtype
    return [site.each([site.value("x")], lambda body, seen: arithmetic.cast(body, seen[0], source, target))]


def _where(site: Site) -> Sequence[Value]:
    kind = site.element
    operands = [site.value("condition"), site.value("a"), site.value("b")]
    return [site.each(operands, lambda body, seen: body.op("arith.select", list(seen[:3]), kind))]


_FUNCTIONS: Mapping[str, str] = {
    **{name: f"math.{name}" for name in ("sqrt", "rsqrt", "exp", "exp2", "expm1", "log", "log1p", "log2")},
    **{name: f"math.{name}" for name in ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh")},
    **{name: f"math.{name}" for name in ("acosh", "atanh", "erf", "floor", "ceil", "trunc")},
    "round": "math.roundeven",
}

_BINARY: Sequence[str] = ("add", "subtract", "multiply", "divide", "maximum", "minimum")

RULES: Mapping[str, Callable[[Site], Sequence[Value]]] = {
    **{name: _binary(name) for name in _BINARY},
    **{name: _function(operation) for name, operation in _FUNCTIONS.items()},
    "is_nan": _is_nan,
    "is_inf": _is_inf,
    "log10": _log10,
    "asinh": _asinh,
    "negate": _negate,
    "abs": _abs,
    "sign": _sign,
    "floor_divide": _floor_divide,
    "modulo": _modulo,
    "power": _power,
    "atan2": _atan2,
    "cast": _cast,
    "where": _where,
}
