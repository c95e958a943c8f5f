"""Sums, differences, sizes, the larger and the smaller: from two ranges, and from what relates them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf, isinf

from msgspec.structs import replace

from tenuto_analysis.ranges.formats import rounded
from tenuto_analysis.ranges.frames import Step, facts_of, is_float
from tenuto_analysis.ranges.values import (
    Cause,
    Fact,
    Kind,
    Number,
    Range,
    Relation,
    Some,
    shown,
)


def add(step: Step) -> Range:
    a, b = step.range("a"), step.range("b")
    found = _sum(step, a, b)
    facts = [*_raised(a, b), *_raised(b, a)]
    return replace(found, facts=tuple(facts)) if facts else found


def _raised(raised: Range, by: Range) -> list[Fact]:
    """What a value that is above another is still above once something that is not negative is added."""
    if by.low < 0 or by.nan:
        return []
    return [_no_peak(fact) for fact in facts_of(raised, *_ABOVE)]


_ABOVE = (Relation.ABOVE, Relation.PEAK, Relation.ABSOLUTE, Relation.SQUARE)


def _no_peak(fact: Fact) -> Fact:
    return replace(fact, relation=Relation.ABOVE, axes=()) if fact.relation is Relation.PEAK else fact


def subtract(step: Step) -> Range:
    a, b = step.range("a"), step.range("b")
    if b.facts and not step.causes:
        found = _below_another(step, a, b)
        if found is not None:
            return found
    if not step.causes and step.same("a", "b"):
        if a.infinite:
            return _sum(step, a, _negated(b))
        return Range(0 if step.bounds else 0.0, 0 if step.bounds else 0.0, low_met=True, high_met=True)
    found = _sum(step, a, _negated(b))
    if a.facts and not step.causes and any(relates(step, fact, "b") and fact.n == 1.0 for fact in facts_of(a, *TOPS)):
        found = replace(found, low=max(found.low, 0.0), low_known=True)
    return found


TOPS = (Relation.ABOVE, Relation.PEAK)


def relates(step: Step, fact: Fact, name: str) -> bool:
    return fact.aligned and fact.of == step.number(name)


def _below_another(step: Step, a: Range, b: Range) -> Range | None:
    """`x - max(x)`: at most 0, and 0 somewhere along the axes of the maximum."""
    for fact in facts_of(b, *TOPS):
        if fact.n != 1.0 or not relates(step, fact, "a"):
            continue
        if b.low == -inf and b.low_known and a.low == -inf and a.low_known:
            return Range(-inf, 0.0, nan=True) if step.struck else _masked_row(step, a, b)
        meets = a.high == inf and a.high_known
        found = _sum(step, replace(a, facts=()), _negated(b), quiet=not meets)
        some = Some(fact.axes, 0.0) if fact.relation is Relation.PEAK and not a.infinite else None
        return replace(found, high=min(found.high, 0.0), low=min(found.low, 0.0), high_known=True, some=some)
    return None


def _masked_row(step: Step, a: Range, b: Range) -> Range:
    what = f"a row that is masked whole has only -inf, and -inf - -inf is NaN in {step.result.type.dtype}"
    advice = "use `masked_softmax`, which gives zeros for such a row, or a mask constant that is finite"
    definite = a.low_met and b.low_met and (b.uniform or a.uniform)
    hazard = step.hazard(Kind.MASKED_ROW, what, definite, advice)
    return Range(-inf, 0.0, nan=True, causes=(hazard,))


def _negated(x: Range) -> Range:
    return Range(
        -x.high,
        -x.low,
        x.high_known,
        x.low_known,
        x.nan,
        low_met=x.high_met,
        high_met=x.low_met,
        fixed=x.fixed,
        causes=x.causes,
    )


def _sum(step: Step, a: Range, b: Range, quiet: bool = False) -> Range:
    """`a + b`."""
    low, high = a.low + b.low, a.high + b.high
    uniform = a.uniform or b.uniform
    nan = a.nan or b.nan
    causes: tuple[Cause, ...] = ()
    if not quiet and not step.struck and (_meet(a, b) or _meet(b, a)):
        nan = True
        definite = a.uniform and b.uniform
        what = f"`{step.node.op}` of two infinities of opposite meaning is NaN"
        causes = (
            step.hazard(Kind.INFINITIES_MEET, what, definite, "keep the infinities apart: mask after, not before"),
        )
    elif _meet(a, b) or _meet(b, a):
        nan = True
    found = step.close(
        low,
        high,
        known=(a.low_known and b.low_known, a.high_known and b.high_known),
        met=(uniform and a.low_met and b.low_met, uniform and a.high_met and b.high_met),
        finite=(not isinf(a.low) and not isinf(b.low), not isinf(a.high) and not isinf(b.high)),
        nan=nan,
        causes=causes,
        fixed=a.fixed and b.fixed,
    )
    if step.format is not None and not (step.struck or quiet or step.frame.executing):
        _absorbed(step, a, b)
    return found


def _meet(a: Range, b: Range) -> bool:
    return a.high == inf and a.high_known and b.low == -inf and b.low_known


def _absorbed(step: Step, a: Range, b: Range) -> None:
    """An addend that changes nothing, whatever the values are: half a step of the other, or less."""
    assert step.format is not None
    if a.infinite or b.infinite or not (a.known and b.known):
        return
    for small, large in ((a, b), (b, a)):
        most = max(abs(small.low), abs(small.high))
        least = 0.0 if large.low <= 0 <= large.high else min(abs(large.low), abs(large.high))
        if small.low <= 0 <= small.high or not least or most >= least:
            continue
        if 0 < small.high <= _EPSILON and small.fixed and step.node.op == "add" and large.low > 0 and not large.fixed:
            continue  # An epsilon that shall keep a divisor from 0: here it is not near 0.
        if not _changes_nothing(step, most, least):
            continue
        dtype = step.result.type.dtype
        what = (
            f"`{step.node.op}` changes nothing in {dtype}: beside {shown(least)} and more,"
            f" {shown(most)} and less is lost"
        )
        advice = "add what is small together first, or compute this in a wider dtype"
        step.tell(step.hazard(Kind.CANCELLATION, what, True, advice))
        return


_EPSILON = 1e-5


def _changes_nothing(step: Step, most: float, least: float) -> bool:
    """Whether the smallest number absorbs the largest addend on both sides; larger ones do all the more."""
    to = step.format
    assert to is not None
    return rounded(least + most, to) == least and rounded(least - most, to) == least


# -------------------------------------------------------------------------------------------------- one after the other


def maximum(step: Step) -> Range:
    a, b = step.range("a"), step.range("b")
    low, low_known, low_met = _larger((a.low, a.low_known, a.low_met), (b.low, b.low_known, b.low_met), a, b)
    high, high_known, high_met = _larger((a.high, a.high_known, a.high_met), (b.high, b.high_known, b.high_met), a, b)
    facts = [_no_peak(fact) for x in (a, b) for fact in facts_of(x, *_ABOVE)]
    return _chosen(step, a, b, (low, high), (low_known, high_known), (low_met, high_met), tuple(facts))


def minimum(step: Step) -> Range:
    a, b = _negated(step.range("a")), _negated(step.range("b"))
    low, low_known, low_met = _larger((a.low, a.low_known, a.low_met), (b.low, b.low_known, b.low_met), a, b)
    high, high_known, high_met = _larger((a.high, a.high_known, a.high_met), (b.high, b.high_known, b.high_met), a, b)
    found = _chosen(step, a, b, (-high, -low), (high_known, low_known), (high_met, low_met), ())
    x, bound = step.range("a"), step.range("b")
    if x.some is not None and bound.low >= x.some.low:
        return replace(found, some=x.some)
    return found


def _larger(
    x: tuple[Number, bool, bool], y: tuple[Number, bool, bool], a: Range, b: Range
) -> tuple[Number, bool, bool]:
    """The larger of two ends, whether it is known, and whether it is met: one uniform operand decides."""
    first, second = (x, y) if x[0] >= y[0] else (y, x)
    if first[0] == second[0]:
        return first[0], first[1] or second[1], (first[2] or second[2]) and (a.uniform or b.uniform)
    return first[0], first[1], first[2] and (a.uniform or b.uniform)


def _chosen(
    step: Step,
    a: Range,
    b: Range,
    ends: tuple[Number, Number],
    known: tuple[bool, bool],
    met: tuple[bool, bool],
    facts: tuple[Fact, ...],
) -> Range:
    low, high = ends
    nan = a.nan or b.nan
    infinite = nan or isinf(low) or isinf(high)
    if low == high and not nan:
        met = (True, True)
    return Range(
        low,
        high,
        known[0],
        known[1],
        nan,
        met[0],
        met[1],
        fixed=a.fixed and b.fixed,
        causes=step.causes if infinite else (),
        facts=facts,
    )


def negate(step: Step) -> Range:
    x = step.range("x")
    if step.bounds is None:
        return _negated(x)
    return step.close(-x.high, -x.low, (x.high_known, x.low_known), (x.high_met, x.low_met), fixed=x.fixed)


def absolute(step: Step) -> Range:
    x = step.range("x")
    straddles = x.low <= 0 <= x.high
    least, largest = sorted((abs(x.low), abs(x.high)))
    larger_known = x.high_known if abs(x.high) > abs(x.low) else x.low_known
    larger_met = x.high_met if abs(x.high) > abs(x.low) else x.low_met
    if abs(x.low) == abs(x.high):
        larger_known, larger_met = x.low_known or x.high_known, x.low_met or x.high_met
    low = (0 if step.bounds else 0.0) if straddles else least
    low_known = True if straddles else (x.low_known if x.low > 0 else x.high_known)
    found = step.close(
        low, largest, (low_known, larger_known), (x.uniform, larger_met), (True, False), x.nan, fixed=x.fixed
    )
    if is_float(step.result):
        return replace(found, facts=(Fact(Relation.ABSOLUTE, step.number("x")),))
    return found


def sign(step: Step) -> Range:
    x = step.range("x")
    low, high = (x.low > 0) - (x.low < 0), (x.high > 0) - (x.high < 0)
    ends: tuple[Number, Number] = (float(low), float(high)) if step.bounds is None else (low, high)
    causes = step.causes if x.nan else ()
    return Range(ends[0], ends[1], x.low_known, x.high_known, x.nan, x.uniform, x.uniform, x.fixed, causes)


SUMS: Mapping[str, Callable[[Step], Range]] = {
    "add": add,
    "subtract": subtract,
    "negate": negate,
    "abs": absolute,
    "sign": sign,
    "maximum": maximum,
    "minimum": minimum,
}
