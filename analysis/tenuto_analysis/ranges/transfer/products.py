"""Products, quotients and powers: from the corners of two ranges, and from what relates them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import floor, inf, isinf, isnan

from msgspec.structs import replace

from tenuto_analysis.graph import Ssa
from tenuto_analysis.ranges.formats import rounded
from tenuto_analysis.ranges.frames import Step, facts_of, is_float
from tenuto_analysis.ranges.transfer.sums import TOPS, relates
from tenuto_analysis.ranges.values import (
    UNKNOWN,
    Cause,
    Fact,
    Kind,
    Number,
    Range,
    Relation,
    Some,
)

_SLACK = 1.0 + 2.0**-10
"""What a bound that holds for exact numbers is widened by: rounding may pass it a little."""


def multiply(step: Step) -> Range:
    a, b = step.range("a"), step.range("b")
    if step.same("a", "b"):
        return square(step, a, step.ssa("a"))
    found = product(step, a, b)
    if step.causes or not (a.facts or b.facts):
        return found
    for x, name in ((a, "b"), (b, "a")):
        for fact in facts_of(x, Relation.INVERSE):
            if relates(step, fact, name):
                found = _clipped(found, fact.n, step.range(name))
    return found


def square(step: Step, x: Range, ssa: Ssa) -> Range:
    ends = sorted((abs(x.low), abs(x.high)))
    straddles = x.low <= 0 <= x.high
    low: Number = 0 if straddles else ends[0] * ends[0]
    larger_known = x.high_known if abs(x.high) >= abs(x.low) else x.low_known
    if abs(x.high) == abs(x.low):
        larger_known = x.high_known or x.low_known
    larger_met = x.high_met if abs(x.high) >= abs(x.low) else x.low_met
    low_known = True if straddles else (x.low_known if x.low > 0 else x.high_known)
    met = (x.uniform or (straddles and x.low == 0 and x.low_met), larger_met)
    ends_finite = not isinf(ends[1])
    found = step.close(
        low, ends[1] * ends[1], (low_known, larger_known), met, (True, ends_finite), nan=x.nan, fixed=x.fixed
    )
    if is_float(step.result):
        return replace(found, facts=(Fact(Relation.SQUARE, step.frame.number(ssa)),))
    return found


def product(step: Step, a: Range, b: Range) -> Range:
    corners: list[tuple[Number, bool, bool, bool]] = []
    uniform = a.uniform or b.uniform
    for x, x_known, x_met in ((a.low, a.low_known, a.low_met), (a.high, a.high_known, a.high_met)):
        for y, y_known, y_met in ((b.low, b.low_known, b.low_met), (b.high, b.high_known, b.high_met)):
            if x == 0 or y == 0:
                known = (x_known if x == 0 else False) or (y_known if y == 0 else False)
                corners.append((0, known, x_met and y_met and uniform, True))
            else:
                corners.append((x * y, x_known and y_known, x_met and y_met and uniform, not (isinf(x) or isinf(y))))
    least = min(corners, key=_value)
    largest = max(corners, key=_value)
    nan = a.nan or b.nan
    causes: tuple[Cause, ...] = ()
    if zero_meets_infinity(a, b) or zero_meets_infinity(b, a):
        nan = True
        if not step.struck:
            definite = a.uniform and b.uniform
            what = f"`{step.node.op}` of 0 and an infinity is NaN"
            causes = (step.hazard(Kind.INFINITIES_MEET, what, definite, "choose with `where` instead of multiplying"),)
    elif (a.low <= 0 <= a.high and b.causes) or (b.low <= 0 <= b.high and a.causes):
        nan = True  # An infinity that something told of may meet the 0, whether or not anybody said that it is reached.
    return step.close(
        least[0],
        largest[0],
        (least[1], largest[1]),
        (least[2], largest[2]),
        (least[3], largest[3]),
        nan=nan,
        causes=causes,
        fixed=a.fixed and b.fixed,
    )


def _value(corner: tuple[Number, bool, bool, bool]) -> Number:
    return corner[0]


def zero_meets_infinity(a: Range, b: Range) -> bool:
    return _may_be_zero(a) and ((b.low == -inf and b.low_known) or (b.high == inf and b.high_known))


def _may_be_zero(x: Range) -> bool:
    """Whether 0 is among the values, as far as anybody said."""
    if x.low == 0:
        return x.low_known or (x.high == 0 and x.high_known)
    if x.high == 0:
        return x.high_known
    return x.low < 0 < x.high and x.known


def divide(step: Step) -> Range:
    a, b = step.range("a"), step.range("b")
    if not step.causes and step.same("a", "b") and not _may_be_zero(b) and b.known and not b.infinite:
        return Range(1.0, 1.0, low_met=True, high_met=True)
    dtype = step.result.type.dtype
    causes: tuple[Cause, ...] = ()
    nan = a.nan or b.nan
    if _may_be_zero(b) and step.format is not None:
        if not step.struck:
            definite = b.uniform or (b.low == 0 and b.low_met) or (b.high == 0 and b.high_met)
            gives = "0 / 0 is NaN" if a.low <= 0 <= a.high else "the quotient is infinite"
            what = f"the divisor may be 0 in {dtype}: {gives}"
            advice = "keep the divisor away from 0: `maximum(divisor, epsilon)`"
            causes = (step.hazard(Kind.OUTSIDE_DOMAIN, what, definite, advice),)
        nan = nan or a.low <= 0 <= a.high
    if b.causes and step.format is not None and a.known:
        largest = max(abs(a.low), abs(a.high))
        if largest > 2 * step.format.unit * step.format.largest:  # What overflowed is not large against this.
            step.frame.harm(b.causes)
    nan = nan or _both_infinite(a, b)
    if _both_infinite(a, b) and not step.struck:
        what = "the quotient of two infinities is NaN"
        causes = causes or (step.hazard(Kind.INFINITIES_MEET, what, a.uniform and b.uniform),)
    found = _quotient(step, a, b, nan, causes)
    if step.causes:
        return found
    for fact in facts_of(b, Relation.ABSOLUTE):
        if relates(step, fact, "a"):
            found = _clipped(found, fact.n, a)
    for fact in facts_of(b, *TOPS):
        if relates(step, fact, "a") and a.low >= 0:
            found = _clipped(found, fact.n, a)
            if fact.axes and fact.relation is Relation.ABOVE and not found.causes:
                found = replace(found, total=Some(fact.axes, _SLACK))
    some = a.some
    if (
        some is not None
        and some.low > 0
        and b.low >= 0
        and 0 < b.high < inf
        and not step.causes
        and step.format is not None
    ):
        least = rounded(float(some.low) / float(b.high), step.format)
        found = replace(found, some=Some(some.axes, least))
    number = a.constant
    if number is not None and number > 0:
        inverse = [
            replace(fact, relation=Relation.INVERSE, n=fact.n * number) for fact in facts_of(b, Relation.ABSOLUTE)
        ]
        found = replace(found, facts=tuple(inverse))
    return found


def _both_infinite(a: Range, b: Range) -> bool:
    def infinite(x: Range) -> bool:
        return (x.low == -inf and x.low_known) or (x.high == inf and x.high_known)

    return infinite(a) and infinite(b)


def _clipped(found: Range, bound: float, x: Range) -> Range:
    """A quotient that is at most `bound` in size, because it is `x` over something that is not smaller.

    Where nothing bounds `x` it may be infinite, and the quotient NaN: then the ends are bounds alone.
    """
    if isinf(bound) or found.causes:
        return found
    limit = bound if bound == 1.0 else bound * _SLACK
    low = 0.0 if x.low >= 0 else -limit
    high = 0.0 if x.high <= 0 else limit
    finite = not (isinf(x.low) or isinf(x.high))
    nan = x.nan or (not finite and x.infinite)
    return replace(
        found, low=max(found.low, low), high=min(found.high, high), low_known=finite, high_known=finite, nan=nan
    )


def _quotient(step: Step, a: Range, b: Range, nan: bool, causes: tuple[Cause, ...]) -> Range:
    if b.low < 0 < b.high or _may_be_zero(b):  # A zero has either sign.
        known = (a.known and b.known) or bool(causes)
        return _open(step, -inf, inf, known, known, nan, causes, met=b.uniform and a.uniform)
    corners: list[tuple[Number, bool, bool, bool]] = []
    uniform = a.uniform or b.uniform
    for x, x_known, x_met in ((a.low, a.low_known, a.low_met), (a.high, a.high_known, a.high_met)):
        for y, y_known, y_met in ((b.low, b.low_known, b.low_met), (b.high, b.high_known, b.high_met)):
            met = x_met and y_met and uniform
            if x == 0:
                corners.append((0.0, x_known, met, True))
            elif y == 0:
                # Towards 0 from the side on which the divisor lies.
                positive = (x > 0) == (b.high > 0)
                corners.append((inf if positive else -inf, x_known and y_known, met, False))
            elif isinf(y):
                corners.append((0.0, x_known and y_known, met and not isinf(x), True))
                if isinf(x):
                    corners.append((inf if (x > 0) == (y > 0) else -inf, x_known and y_known, False, False))
            else:
                corners.append((_divided(x, y), x_known and y_known, met, not isinf(x)))
    least, largest = min(corners, key=_value), max(corners, key=_value)
    return step.close(
        least[0],
        largest[0],
        (least[1], largest[1]),
        (least[2], largest[2]),
        (least[3], largest[3]),
        nan=nan,
        causes=causes,
        fixed=a.fixed and b.fixed,
    )


def _divided(x: Number, y: Number) -> float:
    try:
        return x / y
    except OverflowError:
        return inf if (x > 0) == (y > 0) else -inf


def _open(
    step: Step,
    low: Number,
    high: Number,
    low_known: bool,
    high_known: bool,
    nan: bool,
    causes: tuple[Cause, ...],
    met: bool = False,
) -> Range:
    return step.close(low, high, (low_known, high_known), (met, met), (False, False), nan, causes)


def floor_divide(step: Step) -> Range:
    a, b = step.range("a"), step.range("b")
    if step.format is not None:
        nan, causes = _undefined(step, a, b)
        quotient = _quotient(step, a, b, nan, causes)
        low = quotient.low if isinf(quotient.low) else floor(quotient.low)
        high = quotient.high if isinf(quotient.high) else floor(quotient.high)
        return replace(quotient, low=float(low), high=float(high), low_met=False, high_met=False)
    if b.low <= 0 <= b.high or isinf(b.low) or isinf(b.high):
        if _may_be_zero(b):
            what = f"the divisor may be 0, and {step.result.type.dtype} has no value for that"
            step.tell(step.hazard(Kind.OUTSIDE_DOMAIN, what, b.uniform, "keep the divisor away from 0"))
        return UNKNOWN
    ends = [(x if isinf(x) else x // y) for x in (a.low, a.high) for y in (b.low, b.high)]
    ends = [-end if isinf(end) and b.high < 0 else end for end in ends]
    return step.close(min(ends), max(ends), (a.known and b.known,) * 2, fixed=a.fixed and b.fixed)


def modulo(step: Step) -> Range:
    a, b = step.range("a"), step.range("b")
    if step.format is not None:
        return _float_remainder(step, a, b)
    if b.low <= 0 <= b.high:
        if _may_be_zero(b):
            what = f"the divisor may be 0, and {step.result.type.dtype} has no value for that"
            step.tell(step.hazard(Kind.OUTSIDE_DOMAIN, what, b.uniform, "keep the divisor away from 0"))
        return UNKNOWN
    if b.low > 0:
        high = b.high - 1
        if a.low >= 0 and a.high <= high and a.high < b.low:
            return Range(a.low, a.high, a.low_known, a.high_known, fixed=a.fixed and b.fixed)
        return step.close(0, high, (True, b.high_known), fixed=a.fixed and b.fixed)
    return step.close(b.low + 1, 0, (b.low_known, True), fixed=a.fixed and b.fixed)


def _float_remainder(step: Step, a: Range, b: Range) -> Range:
    """A remainder has the sign of the divisor, and its size at most."""
    nan, causes = _undefined(step, a, b)
    least, largest = min(b.low, 0.0), max(b.high, 0.0)
    return step.close(least, largest, (a.known and b.known,) * 2, (False,) * 2, (False,) * 2, nan, causes)


def _undefined(step: Step, a: Range, b: Range) -> tuple[bool, tuple[Cause, ...]]:
    """Whether the remainder may be NaN, and why."""
    nan = a.nan or b.nan or a.infinite
    if a.infinite and not a.nan and not a.causes and not step.struck:
        what = f"`{step.node.op}` of an infinity is NaN"
        return nan, (step.hazard(Kind.INFINITIES_MEET, what, a.uniform, "choose with `where` before the remainder"),)
    if not _may_be_zero(b):
        return nan, ()
    if step.struck:
        return True, ()
    what = f"the divisor may be 0 in {step.result.type.dtype}: there is no remainder"
    return True, (step.hazard(Kind.OUTSIDE_DOMAIN, what, b.uniform, "keep the divisor away from 0"),)


def power(step: Step) -> Range:
    base, exponent = step.range("base"), step.range("exponent")
    number = exponent.constant
    if number is not None and number == 2:
        return square(step, base, step.ssa("base"))
    if number is not None and number == int(number) and 0 <= number <= 64:
        return _whole_power(step, base, int(number))
    if step.format is None:
        return UNKNOWN
    causes: tuple[Cause, ...] = ()
    dtype = step.result.type.dtype
    if number is not None and number == int(number) and -64 <= number < 0:
        return _negative_power(step, base, int(number))
    if base.low < 0:
        reaches = (
            base.low_known and (number is None or number != int(number)) and exponent.known and not isinf(base.low)
        )
        if reaches and not step.struck:
            what = f"the base may be negative, and a fractional power of it is NaN in {dtype}"
            advice = "raise `abs(x)`, or clamp the base to 0 or more"
            causes = (step.hazard(Kind.OUTSIDE_DOMAIN, what, base.high_met and base.high < 0, advice),)
        return step.close(-inf, inf, (bool(causes),) * 2, (False,) * 2, (False,) * 2, bool(causes) or base.nan, causes)
    if _may_be_zero(base) and exponent.low < 0 and exponent.low_known and not step.struck:
        what = f"the base may be 0, and a negative power of it is infinite in {dtype}"
        definite = base.low_met and base.low == 0 and exponent.high < 0
        causes = (step.hazard(Kind.OUTSIDE_DOMAIN, what, definite, "keep the base away from 0"),)
    corners: list[tuple[Number, bool, bool, bool]] = []
    uniform = base.uniform or exponent.uniform
    for x, x_known, x_met in (
        (base.low, base.low_known, base.low_met),
        (base.high, base.high_known, base.high_met),
    ):
        for y, y_known, y_met in (
            (exponent.low, exponent.low_known, exponent.low_met),
            (exponent.high, exponent.high_known, exponent.high_met),
        ):
            known, met = x_known and y_known, x_met and y_met and uniform
            corners.append((_raise(x, y), known, met, not isinf(x) and not isinf(y) and not (x == 0 and y < 0)))
    if base.low <= 1 <= base.high or exponent.low <= 0 <= exponent.high:
        corners.append((1.0, True, False, True))
    least, largest = min(corners, key=_value), max(corners, key=_value)
    return loose(
        step,
        step.close(
            least[0],
            largest[0],
            (least[1], largest[1]),
            (least[2], largest[2]),
            (least[3], largest[3]),
            base.nan or exponent.nan,
            causes,
            fixed=base.fixed and exponent.fixed,
        ),
    )


def _whole_power(step: Step, base: Range, number: int) -> Range:
    ends = [(_raise(x, number), known, met) for x, known, met in (
        (base.low, base.low_known, base.low_met), (base.high, base.high_known, base.high_met))]  # fmt: skip
    if number % 2 == 0 and base.low < 0:
        largest = max(ends, key=lambda end: end[0])
        low, low_known = (0.0, True) if base.high >= 0 else (ends[1][0], ends[1][1])
        exact = (int(low) if step.bounds else low, largest[0])
        known, met = (low_known, largest[1]), (base.uniform, largest[2])
    else:
        exact = (ends[0][0], ends[1][0])
        known, met = (ends[0][1], ends[1][1]), (ends[0][2], ends[1][2])
    finite = (not isinf(base.low), not isinf(base.high))
    return loose(step, step.close(exact[0], exact[1], known, met, finite, base.nan, fixed=base.fixed))


def _negative_power(step: Step, base: Range, number: int) -> Range:
    """`1 / base ** n` for a whole number."""
    causes: tuple[Cause, ...] = ()
    if _may_be_zero(base) and not step.struck:
        what = f"the base may be 0, and a negative power of it is infinite in {step.result.type.dtype}"
        definite = base.uniform or (base.low == 0 and base.low_met) or (base.high == 0 and base.high_met)
        causes = (step.hazard(Kind.OUTSIDE_DOMAIN, what, definite, "keep the base away from 0"),)
    if base.low <= 0 <= base.high:
        known = base.known or bool(causes)
        low = 0.0 if number % 2 == 0 else -inf
        return step.close(low, inf, (known, known), (base.uniform,) * 2, (False, False), base.nan, causes)
    ends = sorted(((_raise(base.low, number), base.low_known), (_raise(base.high, number), base.high_known)))
    finite = not (isinf(base.low) or isinf(base.high))
    met = (base.uniform, base.uniform)
    return loose(
        step, step.close(ends[0][0], ends[1][0], (ends[0][1], ends[1][1]), met, (finite, finite), base.nan, causes)
    )


def _raise(x: Number, y: Number) -> Number:
    try:
        found = x**y
    except (OverflowError, ZeroDivisionError):
        return inf if x >= 0 or (y == int(y) and int(y) % 2 == 0) else -inf
    return found if isinstance(found, int | float) and not isnan(found) else inf


def loose(step: Step, found: Range) -> Range:
    """A range whose ends were computed by a function that no machine rounds correctly: a few steps wider."""
    if step.format is None or step.frame.executing or (found.low_met and found.high_met and isinf(found.low)):
        return found
    return replace(found, low=wider(step, found.low, -1), high=wider(step, found.high, 1))


def wider(step: Step, end: Number, direction: int) -> Number:
    from_format = step.format
    if from_format is None or isinf(end) or end == 0:
        return end
    width = abs(end) * max(from_format.unit * 2, 2.0**-21 if from_format.precision <= 24 else 2.0**-50)
    return end + direction * width


PRODUCTS: Mapping[str, Callable[[Step], Range]] = {
    "multiply": multiply,
    "divide": divide,
    "floor_divide": floor_divide,
    "modulo": modulo,
    "power": power,
}
