"""Roots, exponentials, logarithms, angles, roundings, casts: one range from one, and where they have no value."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from math import inf, isinf, isnan, pi

from msgspec import Struct
from msgspec.structs import replace

from tenuto_analysis.dtypes import Kind as DTypeKind
from tenuto_analysis.dtypes import Scalar
from tenuto_analysis.ranges.constants import constant_hazard
from tenuto_analysis.ranges.formats import Beyond, format_of, integer_bounds, rounded
from tenuto_analysis.ranges.frames import Step, facts_of
from tenuto_analysis.ranges.transfer.products import wider
from tenuto_analysis.ranges.values import (
    TRUTH,
    UNKNOWN,
    Cause,
    Fact,
    Kind,
    Number,
    Range,
    Relation,
    Some,
    exactly,
    shown,
)


class Domain(Struct, frozen=True):
    """Where a function has no finite value: outside of `low .. high`, and at their ends where these are `open`."""

    low: float
    high: float
    open: bool
    needs: str
    advice: str


class Curve(Struct, frozen=True):
    """A function that never falls (or, where it is `falling`, never rises), with the values that bound it."""

    value: Callable[[float], float]
    low: float = -inf
    high: float = inf
    domain: Domain | None = None
    falling: bool = False
    exact: bool = False
    """Whether machines round it correctly."""
    at: tuple[tuple[float, float], ...] = ()
    """Arguments with the value that every machine gives there: no rounding passes it."""


def curve(step: Step, of: Curve) -> Range:
    x = step.range("x")
    ends = [(x.low, x.low_known, x.low_met), (x.high, x.high_known, x.high_met)]
    causes: tuple[Cause, ...] = ()
    nan = x.nan
    outside = False
    if of.domain is not None:
        outside, definite = _outside(x, of.domain)
        if outside and not step.struck:
            causes = (step.hazard(Kind.OUTSIDE_DOMAIN, _needs(step, x, of.domain), definite, of.domain.advice),)
        domain = of.domain
        nan = nan or (outside and ((x.low_known and x.low < domain.low) or (x.high_known and x.high > domain.high)))
        ends = [(min(max(end, domain.low), domain.high), known, met) for end, known, met in ends]
        if not outside:  # What is beyond the domain is only a bound.
            ends[0] = (ends[0][0], ends[0][1] and x.low >= domain.low, ends[0][2])
            ends[1] = (ends[1][0], ends[1][1] and x.high <= domain.high, ends[1][2])
    if of.falling:
        ends.reverse()
    values = [_valued(of, end) for end, _, _ in ends]
    known = [end_known and not (isinf(end) and not end_known) for end, end_known, _ in ends]
    finite = [not isinf(end) and not outside for end, _, _ in ends]
    found = step.close(
        values[0],
        values[1],
        (known[0], known[1]),
        (ends[0][2], ends[1][2]),
        (finite[0], finite[1]),
        nan,
        causes,
        fixed=x.fixed,
    )
    if not of.exact and not step.frame.executing:
        found = _loosened(step, of, found, ends)
    some = x.some
    if some is not None and not of.falling and not found.causes:
        at_least = _valued(of, some.low)
        found = replace(
            found, some=Some(some.axes, at_least if of.exact or _is_at(of, some.low) else wider(step, at_least, -1))
        )
    return found


def _loosened(step: Step, of: Curve, found: Range, ends: list[tuple[Number, bool, bool]]) -> Range:
    assert step.format is not None
    least, most = min(of.low, rounded(of.low, step.format)), max(of.high, rounded(of.high, step.format))
    low = found.low if _is_at(of, ends[0][0]) else max(wider(step, found.low, -1), least)
    high = found.high if _is_at(of, ends[1][0]) else min(wider(step, found.high, 1), most)
    for argument, value in of.at:
        first, second = (ends[1][0], ends[0][0]) if of.falling else (ends[0][0], ends[1][0])
        above, below = first >= argument, second <= argument
        if (above and not of.falling) or (below and of.falling):
            low = max(low, value)
        if (below and not of.falling) or (above and of.falling):
            high = min(high, value)
    if (low, high) == (found.low, found.high):
        return found
    return replace(found, low=low, high=max(low, high), low_met=False, high_met=False)


def _is_at(of: Curve, end: Number) -> bool:
    return any(argument == end for argument, _ in of.at) or isinf(end)


def _valued(of: Curve, end: Number) -> float:
    try:
        found = of.value(float(end))
    except OverflowError:
        return of.high if end > 0 else of.low
    except ValueError:
        return of.low if not of.falling else of.high
    return of.low if isnan(found) else found


def _outside(x: Range, domain: Domain) -> tuple[bool, bool]:
    """Whether values lie outside of a domain, as far as anybody said, and whether some surely do."""
    if domain.open:
        below = x.low <= domain.low and (x.low_known if x.low == domain.low or not isinf(x.low) else False)
        if x.low < domain.low and x.low_known:
            below = True
        above = x.high >= domain.high and x.high_known and not isinf(domain.high)
        sure = (below and (x.low_met or x.high <= domain.low)) or (above and (x.high_met or x.low >= domain.high))
        return below or above, sure
    below = x.low < domain.low and x.low_known
    above = x.high > domain.high and x.high_known
    sure = (below and (x.low_met or x.high < domain.low)) or (above and (x.high_met or x.low > domain.high))
    return below or above, sure


def _needs(step: Step, x: Range, domain: Domain) -> str:
    return f"the argument of `{step.node.op}` {domain.needs}, but lies in {x} in {step.result.type.dtype}"


def exponential(step: Step) -> Range:
    return curve(step, _CURVES["exp"])


def _log(x: float) -> float:
    return -inf if x <= 0 else math.log(x)


_POSITIVE = (
    "raise the argument above 0: `maximum(x, epsilon)`; for a probability there is `log_softmax` or `log_sigmoid`"
)
_ROOT = "clamp the argument: `maximum(x, 0.0)`"
_NOT_NEGATIVE = Domain(0.0, inf, False, "must not be negative", _ROOT)
_ABOVE_ZERO = Domain(0.0, inf, True, "must be above 0", _POSITIVE)
_UNIT = Domain(-1.0, 1.0, False, "must lie in -1 .. 1", "clamp the argument: `clamp(x, -1.0, 1.0)`")
_INSIDE_UNIT = Domain(-1.0, 1.0, True, "must lie between -1 and 1", "clamp the argument below 1")
_ABOVE_MINUS_ONE = Domain(-1.0, inf, True, "must be above -1", "clamp the argument above -1")
_FROM_ONE = Domain(1.0, inf, False, "must be at least 1", "clamp the argument: `maximum(x, 1.0)`")
_EPSILON = Domain(0.0, inf, True, "must be above 0", "add an epsilon that the dtype can hold, or clamp the argument")


def _rsqrt(x: float) -> float:
    return inf if x <= 0 else 0.0 if isinf(x) else 1.0 / math.sqrt(x)


def _exp2(x: float) -> float:
    return 2.0**x if not isinf(x) or x > 0 else 0.0


def _log1p(x: float) -> float:
    return -inf if x <= -1 else math.log1p(x)


def _log2(x: float) -> float:
    return -inf if x <= 0 else math.log2(x)


def _log10(x: float) -> float:
    return -inf if x <= 0 else math.log10(x)


def _atanh(x: float) -> float:
    return -inf if x <= -1 else inf if x >= 1 else math.atanh(x)


_CURVES: Mapping[str, Curve] = {
    "sqrt": Curve(math.sqrt, 0.0, domain=_NOT_NEGATIVE, exact=True),
    "rsqrt": Curve(_rsqrt, 0.0, domain=_EPSILON, falling=True),
    "exp": Curve(math.exp, 0.0, at=((0.0, 1.0),)),
    "exp2": Curve(_exp2, 0.0, at=((0.0, 1.0),)),
    "expm1": Curve(math.expm1, -1.0, at=((0.0, 0.0),)),
    "log": Curve(_log, domain=_ABOVE_ZERO, at=((1.0, 0.0),)),
    "log1p": Curve(_log1p, domain=_ABOVE_MINUS_ONE, at=((0.0, 0.0),)),
    "log2": Curve(_log2, domain=_ABOVE_ZERO, at=((1.0, 0.0),)),
    "log10": Curve(_log10, domain=_ABOVE_ZERO, at=((1.0, 0.0),)),
    "asin": Curve(math.asin, -pi / 2 - 1e-3, pi / 2 + 1e-3, domain=_UNIT),
    "acos": Curve(math.acos, 0.0, pi + 1e-3, domain=_UNIT, falling=True),
    "atan": Curve(math.atan, -pi / 2 - 1e-3, pi / 2 + 1e-3),
    "sinh": Curve(math.sinh, at=((0.0, 0.0),)),
    "tanh": Curve(math.tanh, -1.0, 1.0, at=((0.0, 0.0),)),
    "asinh": Curve(math.asinh, at=((0.0, 0.0),)),
    "acosh": Curve(lambda x: math.acosh(x) if x >= 1 else 0.0, 0.0, domain=_FROM_ONE),
    "atanh": Curve(_atanh, domain=_INSIDE_UNIT, at=((0.0, 0.0),)),
    "erf": Curve(math.erf, -1.0, 1.0, at=((0.0, 0.0),)),
}


def square_root(step: Step) -> Range:
    found = curve(step, _CURVES["sqrt"])
    facts = [
        Fact(Relation.ABSOLUTE, fact.of, math.sqrt(fact.n), missing=fact.missing)
        for fact in facts_of(step.range("x"), Relation.SQUARE)
    ]
    return replace(found, facts=tuple(facts)) if facts else found


def reciprocal_root(step: Step) -> Range:
    x = step.range("x")
    if x.causes:  # What overflowed would be 0 now, and what is multiplied by that is wrong.
        step.frame.harm(x.causes)
    found = curve(step, _CURVES["rsqrt"])
    if x.low <= 0 <= x.high:  # The root of -0.0 is -0.0.
        found = replace(found, low=-math.inf, low_known=bool(found.causes), low_met=False)
    facts = [
        Fact(Relation.INVERSE, fact.of, math.sqrt(fact.n), missing=fact.missing)
        for fact in facts_of(x, Relation.SQUARE)
    ]
    return replace(found, facts=tuple(facts)) if facts else found


def hyperbolic_cosine(step: Step) -> Range:
    x = step.range("x")
    largest = max(abs(x.low), abs(x.high))
    larger_known = x.high_known if abs(x.high) >= abs(x.low) else x.low_known
    least = 0.0 if x.low <= 0 <= x.high else min(abs(x.low), abs(x.high))
    ends = [1.0 if not least else _cosh(least), _cosh(largest)]
    met = (x.uniform, x.uniform or (x.high_met if abs(x.high) >= abs(x.low) else x.low_met))
    found = step.close(ends[0], ends[1], (True, larger_known), met, (True, not isinf(largest)), x.nan)
    return _widened(step, found, 1.0)


def _cosh(x: float) -> float:
    try:
        return math.cosh(x)
    except OverflowError:
        return inf


def _widened(step: Step, found: Range, floor: float) -> Range:
    if step.frame.executing:
        return found
    low, high = max(wider(step, found.low, -1), floor), wider(step, found.high, 1)
    return replace(found, low=low, high=high, low_met=False, high_met=False)


def wave(step: Step, of: Callable[[float], float]) -> Range:
    """A sine or a cosine."""
    x = step.range("x")
    number = x.constant
    if step.frame.executing and number is not None:
        return step.close(of(number), of(number), met=(True, True), fixed=x.fixed)
    return step.close(-1.0, 1.0, nan=x.nan or x.infinite, causes=_of_infinity(step, x), fixed=x.fixed)


def tangent(step: Step) -> Range:
    x = step.range("x")
    if x.low > -1.5 and x.high < 1.5:
        return curve(step, Curve(math.tan, at=((0.0, 0.0),)))
    largest = min(_STEEPEST, step.format.largest) if step.format is not None else _STEEPEST
    causes = _of_infinity(step, x)
    return step.close(-largest, largest, (x.known, x.known), nan=x.nan or x.infinite, causes=causes)


def _of_infinity(step: Step, x: Range) -> tuple[Cause, ...]:
    """What is told where an infinity has no angle."""
    if not x.infinite or step.struck:
        return ()
    return (step.hazard(Kind.INFINITIES_MEET, f"`{step.node.op}` of an infinity is NaN", x.uniform),)


_STEEPEST = 1e17
"""More than the tangent of any number of a format: none is nearer to a pole."""


def angle(step: Step) -> Range:
    """`atan2`: it has a value everywhere."""
    y, x = step.range("y"), step.range("x")
    return step.close(-3.1426, 3.1426, (y.known and x.known,) * 2, nan=y.nan or x.nan, fixed=y.fixed and x.fixed)


def stepped(step: Step, of: Callable[[float], float]) -> Range:
    """A rounding to whole numbers."""
    x = step.range("x")
    low, high = (x.low if isinf(x.low) else of(x.low)), (x.high if isinf(x.high) else of(x.high))
    found = step.close(
        low, high, (x.low_known, x.high_known), (x.low_met, x.high_met), (False, False), x.nan, fixed=x.fixed
    )
    return found


def tested(step: Step) -> Range:
    """`is_nan`, `is_inf`."""
    x = step.range("x")
    if x.known and not x.infinite:
        return Range(0, 0, low_met=True, high_met=True)
    return Range(0, 1, False, False)


# ---------------------------------------------------------------------------------------------------------------- casts


def cast(step: Step) -> Range:
    x = step.range("x")
    source, target = step.ssa("x").type.dtype, step.result.type.dtype
    if not isinstance(target, Scalar) or not isinstance(source, Scalar):
        return UNKNOWN
    if target.kind is DTypeKind.BOOL:
        return _truth(x)
    if integer_bounds(target) is not None:
        return _to_integer(step, x, str(source), str(target))
    if format_of(target) is None:
        return UNKNOWN
    return _to_float(step, x, str(source), str(target))


def _truth(x: Range) -> Range:
    if x.low > 0 or x.high < 0:
        return Range(1, 1, low_met=True, high_met=True)
    if x.constant == 0:
        return Range(0, 0, low_met=True, high_met=True)
    return replace(TRUTH, low_known=x.known, high_known=x.known)


def _to_integer(step: Step, x: Range, source: str, target: str) -> Range:
    assert step.bounds is not None
    least, largest = step.bounds
    low = x.low if isinf(x.low) else math.trunc(x.low)
    high = x.high if isinf(x.high) else math.trunc(x.high)
    below, above = low < least and x.low_known, high > largest and x.high_known
    if (below or above or x.nan) and not step.struck:
        definite = (below and x.low_met) or (above and x.high_met)
        what = f"the cast from {source} to {target} cannot hold {x}: {target} ends at {least} and {largest}"
        step.tell(step.hazard(Kind.CAST_OUT_OF_RANGE, what, definite, _CLAMP))
    if step.causes:
        step.frame.harm(step.causes)
    if low < least or high > largest or x.nan:
        return Range(least, largest, False, False, tainted=below or above)
    return Range(low, high, x.low_known, x.high_known, False, x.low_met, x.high_met, fixed=x.fixed)


_CLAMP = "clamp the values to what the dtype can hold before the cast, or cast to a wider dtype"


def _to_float(step: Step, x: Range, source: str, target: str) -> Range:
    assert step.format is not None
    to = step.format
    ends = [x.low, x.high]
    known, met = [x.low_known, x.high_known], [x.low_met, x.high_met]
    struck = False
    nan = x.nan
    constant = x.constant
    if constant is not None and x.fixed and not step.struck:
        number = rounded(float(constant), to)
        hazard = constant_hazard(float(constant), number, target, step.node.origin)
        if hazard is not None:
            step.tell(hazard)
            return replace(exactly(number), tainted=True) if not isnan(number) else replace(UNKNOWN, tainted=True)
    for place, end in enumerate((x.low, x.high)):
        value = rounded(float(end), to) if not isinf(end) or to.beyond is Beyond.INFINITY else end
        if isinf(end) and to.beyond is Beyond.INFINITY:
            continue
        if (
            isnan(value)
            or isinf(value)
            or (to.beyond is Beyond.LARGEST and abs(float(end)) > to.largest * (1 + to.unit))
        ):
            if known[place] and not step.struck and not struck:
                struck = True
                _cannot_hold(step, x, source, target, met[place])
            nan = nan or isnan(value) or (isinf(end) and to.beyond is Beyond.NAN)
            limit = inf if to.beyond is Beyond.INFINITY else to.largest
            value, known[place], met[place] = limit if end > 0 else -limit, False, False
        ends[place] = value
    infinite = nan or isinf(ends[0]) or isinf(ends[1])
    wider_format = format_of(step.ssa("x").type.dtype)
    keeps = wider_format is not None and wider_format.precision <= to.precision
    some = None
    if x.some is not None:
        some = Some(x.some.axes, rounded(float(x.some.low), to))
    return Range(
        ends[0],
        ends[1],
        known[0],
        known[1],
        nan,
        met[0],
        met[1],
        x.fixed,
        step.causes if infinite else (),
        x.facts if keeps else (),
        some,
        tainted=struck,
    )


def _cannot_hold(step: Step, x: Range, source: str, target: str, definite: bool) -> None:
    to = step.format
    assert to is not None
    if (to.precision <= 4 and to.largest <= 57344 and to.name.startswith("f8")) or to.beyond is Beyond.LARGEST:
        largest = shown(to.largest)
        what = f"the cast from {source} to {target} saturates: values lie in {x}, and the largest {target} is {largest}"
        advice = "scale the values before the cast, and back after it, or use `f8e5m2` or a wider dtype"
        step.tell(step.hazard(Kind.SATURATION, what, definite, advice))
        return
    what = f"the cast from {source} to {target} cannot hold {x}: the largest finite {target} is {shown(to.largest)}"
    step.tell(step.hazard(Kind.CAST_OUT_OF_RANGE, what, definite, _CLAMP))


def _applied(name: str) -> Callable[[Step], Range]:
    of = _CURVES[name]
    return lambda step: curve(step, of)


ELEMENTARY: Mapping[str, Callable[[Step], Range]] = {
    **{name: _applied(name) for name in _CURVES if name not in ("sqrt", "rsqrt")},
    "sqrt": square_root,
    "rsqrt": reciprocal_root,
    "cosh": hyperbolic_cosine,
    "sin": lambda step: wave(step, math.sin),
    "cos": lambda step: wave(step, math.cos),
    "tan": tangent,
    "atan2": angle,
    "floor": lambda step: stepped(step, lambda x: float(math.floor(x))),
    "ceil": lambda step: stepped(step, lambda x: float(math.ceil(x))),
    "round": lambda step: stepped(step, lambda x: float(round(x))),
    "trunc": lambda step: stepped(step, lambda x: float(math.trunc(x))),
    "is_nan": tested,
    "is_inf": tested,
    "cast": cast,
}
