"""Comparisons, logic on `bool` and on bits, and `where`, which a comparison makes precise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf, isinf

from msgspec.structs import replace

from tenuto_analysis.graph import Apply, Ssa, tensors_of
from tenuto_analysis.ranges.frames import Step
from tenuto_analysis.ranges.transfer.elementary import ELEMENTARY
from tenuto_analysis.ranges.transfer.products import PRODUCTS
from tenuto_analysis.ranges.transfer.sums import SUMS
from tenuto_analysis.ranges.values import (
    SOME_TRUTH,
    TRUTH,
    UNKNOWN,
    Number,
    Range,
    Some,
    joined,
    softened,
    united,
)

_DEEPEST = 4
"""How many operations are computed once more under the condition of a `where`."""

TRUE = Range(1, 1, low_met=True, high_met=True)
FALSE = Range(0, 0, low_met=True, high_met=True)


def _decided(step: Step, a: Range, b: Range, always: bool, never: bool) -> Range:
    if a.nan or b.nan or not (always or never):
        free = (a.known and b.known) and not (a.fixed and b.fixed)
        return TRUTH if free else replace(SOME_TRUTH, fixed=a.fixed and b.fixed)
    return TRUE if always else FALSE


def less(step: Step) -> Range:
    a, b = step.range("a"), step.range("b")
    return _some_true(step, _decided(step, a, b, a.high < b.low, a.low >= b.high), a, b, strict=True)


def less_equal(step: Step) -> Range:
    a, b = step.range("a"), step.range("b")
    return _some_true(step, _decided(step, a, b, a.high <= b.low, a.low > b.high), a, b, strict=False)


def greater(step: Step) -> Range:
    a, b = step.range("a"), step.range("b")
    return _some_true(step, _decided(step, a, b, a.low > b.high, a.high <= b.low), b, a, strict=True)


def greater_equal(step: Step) -> Range:
    a, b = step.range("a"), step.range("b")
    return _some_true(step, _decided(step, a, b, a.low >= b.high, a.high < b.low), b, a, strict=False)


def _some_true(step: Step, found: Range, small: Range, large: Range, strict: bool) -> Range:
    """`small <= large`: true somewhere along the axes on which `small` comes down to what `large` never falls below."""
    least, some = small.least, large.some
    if least is not None and (least.low < large.low or (least.low == large.low and not strict)):
        return replace(found, some=Some(least.axes, 1))
    if some is not None and (some.low > small.high or (some.low == small.high and not strict)):
        return replace(found, some=Some(some.axes, 1))
    return found


def equal(step: Step) -> Range:
    a, b = step.range("a"), step.range("b")
    same = a.uniform and b.uniform and a.low == b.low
    return _decided(step, a, b, same, a.high < b.low or b.high < a.low)


def not_equal(step: Step) -> Range:
    a, b = step.range("a"), step.range("b")
    same = a.uniform and b.uniform and a.low == b.low
    return _decided(step, a, b, a.high < b.low or b.high < a.low, same)


def _truth(low: Number, high: Number, low_known: bool, high_known: bool, fixed: bool, some: Some | None) -> Range:
    met = low == high
    return Range(low, high, low_known, high_known, low_met=met, high_met=met, fixed=fixed, some=some)


def logical_and(step: Step) -> Range:
    a, b = step.range("a"), step.range("b")
    some = b.some if a.low == 1 else a.some if b.low == 1 else None
    return _truth(
        min(a.low, b.low),
        min(a.high, b.high),
        (a.low_known and a.low == 0) or (b.low_known and b.low == 0) or (a.low_known and b.low_known),
        a.high_known and b.high_known,
        a.fixed and b.fixed,
        some,
    )


def logical_or(step: Step) -> Range:
    a, b = step.range("a"), step.range("b")
    return _truth(
        max(a.low, b.low),
        max(a.high, b.high),
        a.low_known and b.low_known,
        (a.high_known and a.high == 1) or (b.high_known and b.high == 1) or (a.high_known and b.high_known),
        a.fixed and b.fixed,
        a.some or b.some,
    )


def logical_xor(step: Step) -> Range:
    a, b = step.range("a"), step.range("b")
    if a.uniform and b.uniform:
        return TRUE if a.low != b.low else FALSE
    return TRUTH if a.known and b.known else SOME_TRUTH


def logical_not(step: Step) -> Range:
    x = step.range("x")
    return _truth(1 - x.high, 1 - x.low, x.high_known, x.low_known, x.fixed, None)


def bits(step: Step) -> Range:
    """An operation on bits: of numbers that are not negative it stays below the next power of two."""
    given = [step.range(name) for name in ("a", "b") if name in step.node.arguments]
    if given and all(x.low >= 0 and not isinf(x.high) for x in given):
        length = max(int(x.high).bit_length() for x in given)
        return Range(0, (1 << length) - 1, False, False)
    return _of_dtype(step)


def bitwise_and(step: Step) -> Range:
    a, b = step.range("a"), step.range("b")
    highs = [x.high for x in (a, b) if x.low >= 0]
    return Range(0, min(highs), False, False) if highs else _of_dtype(step)


def _of_dtype(step: Step) -> Range:
    return Range(step.bounds[0], step.bounds[1], False, False) if step.bounds is not None else UNKNOWN


def shift_right(step: Step) -> Range:
    x, by = step.range("x"), step.range("by")
    if isinf(x.high) or x.low < 0 or by.low < 0:
        return _of_dtype(step)
    least = 0 if isinf(by.high) else int(x.low) >> min(int(by.high), 64)
    return Range(least, int(x.high) >> min(int(by.low), 64), False, False)


# --------------------------------------------------------------------------------------------------------------- where


def where(step: Step) -> Range:
    condition = step.range("condition")
    if condition.low == condition.high and condition.known:
        return _one_branch(step, "a" if condition.low else "b")
    a, b = step.range("a"), step.range("b")
    a = _under(step, "a", True) or a
    b = _under(step, "b", False) or b
    if not condition.known:
        a, b = _doubted(a), _doubted(b)
    found = joined(replace(a, facts=()), replace(b, facts=()))
    causes = softened(united(a.causes, b.causes)) if found.infinite or isinf(found.low) or isinf(found.high) else ()
    some = None
    if condition.some is not None:
        some = Some(condition.some.axes, a.low)
    elif a.some is not None and b.low >= a.some.low:
        some = a.some
    return replace(found, low_met=False, high_met=False, causes=causes, some=some, facts=())


def _doubted(x: Range) -> Range:
    """A branch that may never be chosen: its infinities are only bounds."""
    if not x.infinite or x.causes:
        return x
    return replace(x, low_known=x.low_known and x.low != -inf, high_known=x.high_known and x.high != inf)


def _one_branch(step: Step, name: str) -> Range:
    found = step.range(name)
    causes = found.causes
    return replace(found, causes=causes, facts=())


def _under(step: Step, name: str, holds: bool) -> Range | None:
    """The range of a branch where the condition holds, or does not: what it compares is narrowed, and the branch
    computed once more from that."""
    narrowed = dict(_narrowings(step, step.frame.makers.get(id(step.ssa("condition"))), holds))
    if not narrowed:
        return None
    frame = step.frame
    before, frame.silent = frame.silent, True
    try:
        return _again(step, step.ssa(name), narrowed, _DEEPEST)
    finally:
        frame.silent = before


def _narrowings(step: Step, test: object, holds: bool) -> list[tuple[int, Range]]:
    """The values that a condition speaks of, by their numbers, with what it says of them."""
    if not isinstance(test, Apply):
        return []
    frame = step.frame
    match test.op:
        case "logical_not":
            return _narrowings(step, frame.makers.get(id(test.arguments["x"])), not holds)
        case "logical_and" if holds:
            return [
                item
                for argument in test.arguments.values()
                for item in _narrowings(step, frame.makers.get(id(argument)), True)
            ]
        case "unsqueeze" | "expand" | "reshape":
            return []
        case "less" | "less_equal" | "greater" | "greater_equal" | "equal" | "not_equal":
            pass
        case _:
            return []
    a, b = test.arguments["a"], test.arguments["b"]
    assert isinstance(a, Ssa) and isinstance(b, Ssa)
    x, y = frame.ranges[id(a)], frame.ranges[id(b)]
    relation = test.op if holds else _OPPOSITE[test.op]
    found = []
    if y.constant is not None or isinf(y.low):
        found.append((frame.number(a), _narrowed(x, relation, y, _step_of(a))))
    if x.constant is not None or isinf(x.low):
        found.append((frame.number(b), _narrowed(y, _TURNED[relation], x, _step_of(b))))
    return found


_OPPOSITE = {
    "less": "greater_equal",
    "less_equal": "greater",
    "greater": "less_equal",
    "greater_equal": "less",
    "equal": "not_equal",
    "not_equal": "equal",
}
_TURNED = {
    "less": "greater",
    "less_equal": "greater_equal",
    "greater": "less",
    "greater_equal": "less_equal",
    "equal": "equal",
    "not_equal": "not_equal",
}


def _step_of(ssa: Ssa) -> float:
    """The smallest step above 0 that the dtype of a value can make."""
    from_format = _FORMATS.get(str(ssa.type.dtype))
    return from_format if from_format is not None else 1


_FORMATS = {"f64": 5e-324, "f32": 2.0**-149, "f16": 2.0**-24, "bf16": 2.0**-133, "f8e4m3": 2.0**-9, "f8e5m2": 2.0**-16}


def _narrowed(x: Range, relation: str, bound: Range, step: float) -> Range:
    low, high = x.low, x.high
    low_known, high_known = x.low_known, x.high_known
    match relation:
        case "greater" | "greater_equal":
            edge = bound.low
            if relation == "greater" and (edge == 0 or isinstance(edge, int)):
                edge = edge + step
            if edge > low:
                low, low_known = edge, True
        case "less" | "less_equal":
            edge = bound.high
            if relation == "less" and (edge == 0 or isinstance(edge, int)):
                edge = edge - step
            if edge < high:
                high, high_known = edge, True
        case "equal":
            low, high, low_known, high_known = bound.low, bound.high, True, True
        case "not_equal" if bound.low == low == 0:
            low, low_known = step, x.low_known
        case "not_equal" if bound.low == high and isinf(high):
            high_known = False
        case "not_equal" if bound.low == low and isinf(low):
            low_known = False
        case _:
            pass
    if low > high:
        low, high = x.low, x.high
    causes = x.causes if x.nan or isinf(low) or isinf(high) else ()
    return replace(x, low=low, high=high, low_known=low_known, high_known=high_known, causes=causes, facts=())


def _again(step: Step, ssa: Ssa, narrowed: dict[int, Range], depth: int) -> Range | None:
    """A value computed once more from what was narrowed; None where it does not depend on that."""
    frame = step.frame
    found = narrowed.get(frame.number(ssa))
    if found is not None:
        return found
    maker = frame.makers.get(id(ssa))
    if depth == 0 or not isinstance(maker, Apply) or maker.op not in _POINTWISE:
        return None
    operands = [item for argument in maker.arguments.values() for item in tensors_of(argument)]
    again = {id(item): inner for item in operands if (inner := _again(step, item, narrowed, depth - 1)) is not None}
    if not again:
        return None
    kept = {key: frame.ranges[key] for key in again}
    frame.ranges.update(again)
    try:
        return _POINTWISE[maker.op](Step(frame, maker))
    finally:
        frame.ranges.update(kept)


_POINTWISE: Mapping[str, Callable[[Step], Range]] = {**SUMS, **PRODUCTS, **ELEMENTARY}
"""The primitives that give an element from an element."""


CHOOSING: Mapping[str, Callable[[Step], Range]] = {
    "equal": equal,
    "not_equal": not_equal,
    "less": less,
    "less_equal": less_equal,
    "greater": greater,
    "greater_equal": greater_equal,
    "logical_and": logical_and,
    "logical_or": logical_or,
    "logical_xor": logical_xor,
    "logical_not": logical_not,
    "bitwise_and": bitwise_and,
    "bitwise_or": bits,
    "bitwise_xor": bits,
    "bitwise_not": _of_dtype,
    "shift_left": _of_dtype,
    "shift_right": shift_right,
    "where": where,
}
