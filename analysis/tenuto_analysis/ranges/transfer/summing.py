"""Reductions and products: sums of terms, of which there may be too many, and what a sum says of its terms.

The type of a result says what its sum is kept in. A sum is taken to round as one in `f32` does, or in `f64`, and once
more to its dtype; that it may not exceed the dtype on the way is looked at apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf, isinf

from msgspec.structs import replace

from tenuto_analysis.dims import ONE, Dim
from tenuto_analysis.dtypes import Kind as DTypeKind
from tenuto_analysis.dtypes import Scalar
from tenuto_analysis.graph import Ssa, dims_of
from tenuto_analysis.patterns import exact_quotient
from tenuto_analysis.ranges.formats import integer_bounds, rounded
from tenuto_analysis.ranges.frames import Step, facts_of
from tenuto_analysis.ranges.sizes import Extent
from tenuto_analysis.ranges.transfer.products import zero_meets_infinity
from tenuto_analysis.ranges.values import (
    UNKNOWN,
    Cause,
    Fact,
    Kind,
    Number,
    Range,
    Relation,
    joined,
)
from tenuto_analysis.types import Reference, Str

# ---------------------------------------------------------------------------------------------------------- reductions


def total(step: Step) -> Range:
    ssa = step.ssa("x")
    axes = step.axes("axis", len(ssa.type.shape))
    x = _operand(step, ssa)
    found = _summed(step, x, step.count(ssa, axes), narrow=not step.range("x").known, spread=x.spread)
    return _related(step, found, axes, 1.0)


def average(step: Step) -> Range:
    ssa = step.ssa("x")
    axes = step.axes("axis", len(ssa.type.shape))
    count = step.count(ssa, axes)
    found = _summed(step, step.range("x"), count, mean=True)
    return _related(step, found, axes, inf if count.high is None else float(count.high))


def _related(step: Step, found: Range, axes: tuple[int, ...], n: float) -> Range:
    """What a sum, or a mean of `n` terms, says of terms that are not negative."""
    ssa, x = step.ssa("x"), step.range("x")
    if x.low < 0 or x.nan or step.format is None or found.causes:
        return found
    rank = len(ssa.type.shape)
    behind = tuple(axis - rank for axis in axes)
    missing = () if step.flag("keepdims") else axes
    facts: list[Fact] = []
    if not isinf(n):
        slack = 1.0 if n == 1.0 else 1.0 + 2.0 * n * step.format.unit if n * step.format.unit < 0.25 else 1.0 + n
        facts.append(Fact(Relation.ABOVE, step.number("x"), n * slack if n != 1.0 else 1.0, behind, missing))
        facts += [
            replace(fact, n=fact.n * n * slack, axes=(), missing=missing)
            for fact in facts_of(x, Relation.ABSOLUTE, Relation.SQUARE)
            if not fact.missing
        ]
        if n != 1.0:
            facts[0] = replace(facts[0], axes=())
    if x.some is not None and set(x.some.axes) <= set(behind):
        least = rounded(float(x.some.low) / n, step.format) if not isinf(n) else 0.0
        if least > found.low:
            found = replace(found, low=least, low_known=True, low_met=False)
    return replace(found, facts=tuple(facts))


def _summed(
    step: Step,
    term: Range,
    n: Extent,
    mean: bool = False,
    narrow: bool = False,
    spread: bool = False,
    met: tuple[Cause, ...] = (),
) -> Range:
    """A sum of terms of one range.

    `narrow`: the range of a short integer stands for what is not known. `spread`: the terms hardly reach their ends
    together, so that nobody knows how far the sum goes. `met`: what went wrong in the terms themselves.
    """
    low, low_known = _times(term.low, term.low_known, n, lower=True)
    high, high_known = _times(term.high, term.high_known, n, lower=False)
    if spread and n.high != 1:
        low_known, high_known = low_known and low == 0, high_known and high == 0
    nan = term.nan
    causes = met or step.causes
    if term.low == -inf and term.low_known and term.high == inf and term.high_known:
        nan = True
        if not step.struck:
            what = f"`{step.node.op}` of infinities of both signs is NaN"
            causes = (step.hazard(Kind.INFINITIES_MEET, what),)
    reached = (term.uniform and n.only is not None,) * 2
    finite = (not isinf(term.low), not isinf(term.high))
    if step.format is None:
        found = step.close(
            low, high, (low_known, high_known), reached, finite, nan, causes, term.fixed, kind=Kind.LONG_SUM
        )
        return replace(found, low_known=False, high_known=False) if narrow else found
    slack = 0.0 if step.frame.executing else (n.high or 1) * (2.0**-24 if step.format.precision <= 24 else 2.0**-52)
    if mean:
        low, high, low_known, high_known = term.low, term.high, term.low_known, term.high_known
        reached = (term.uniform, term.uniform)
    return step.close(
        _eased(low, slack, -1),
        _eased(high, slack, 1),
        (low_known, high_known),
        reached,
        finite,
        nan,
        causes,
        term.fixed,
    )


def _eased(end: Number, slack: float, direction: int) -> Number:
    """An end of a sum, wider by what its roundings may add."""
    if isinf(end) or not slack or isinstance(end, int):
        return end if not isinstance(end, int) or not slack else end + direction * abs(end) * slack
    return end + direction * abs(end) * slack


def _times(end: Number, known: bool, n: Extent, lower: bool) -> tuple[Number, bool]:
    if end == 0:
        return end, known
    outwards = (end < 0) == lower
    if not outwards:
        return end * n.low, known
    if n.high is None:
        return (-inf if lower else inf), False
    return end * n.high, known


def _too_long(step: Step, n: Extent) -> None:
    """A product whose type says that its sum is kept in 16 bits, over so many terms that one more changes nothing."""
    if step.format is None or step.format.name not in ("f16", "bf16") or n.high is None:
        return
    most = 1 << step.format.precision
    if n.high <= most:
        return
    dtype = step.result.type.dtype
    what = (
        f"`{step.node.op}` adds {'up to ' if n.low != n.high else ''}{n.high:,} terms in {dtype},"
        f" which counts no further than {most:,}: {most:,} + 1 is {most:,}"
    )
    advice = "keep the sum in a wider dtype: `precision policy(accumulate = f32)`"
    step.tell(step.hazard(Kind.LONG_SUM, what, False, advice))


def cumulative(step: Step) -> Range:
    ssa = step.ssa("x")
    rank = len(ssa.type.shape)
    n = step.count(ssa, (step.integer("axis", -1) % rank,))
    x = _operand(step, ssa)
    whole = _summed(step, x, n, narrow=not step.range("x").known, spread=x.spread)
    found = joined(replace(whole, facts=()), replace(x, facts=(), causes=whole.causes))
    if step.flag("exclusive"):
        zero = 0 if step.bounds is not None else 0.0
        found = joined(found, Range(zero, zero))
    return replace(found, low_met=False, high_met=False)


def multiplied(step: Step) -> Range:
    """`prod`."""
    ssa, x = step.ssa("x"), step.range("x")
    n = step.count(ssa, step.axes("axis", len(ssa.type.shape)))
    size = max(abs(x.low), abs(x.high))
    if size <= 1:
        low = 0.0 if x.low >= 0 else -1.0
        return step.close(
            low if step.bounds is None else int(low),
            1 if step.bounds else 1.0,
            (x.low_known, x.high_known),
            nan=x.nan,
        )
    if n.high is None or n.high > 10_000 or isinf(size):
        return replace(UNKNOWN, nan=x.nan or isinf(size), causes=step.causes)
    largest = _raised(size, n.high)
    low = (_raised(x.low, n.low) if x.low >= 1 else 0) if x.low >= 0 else -largest
    met = x.uniform and n.only is not None
    if met and x.low < 0:
        low = largest = largest if n.low % 2 == 0 else -largest
    if step.format is not None and not step.frame.executing:  # Each of the products is rounded.
        apart = 2 * n.high * step.format.unit
        low, largest = low - apart * abs(low), largest + apart * abs(largest)
    return step.close(low, largest, (x.known, x.known), (met, met), nan=x.nan)


def _raised(x: Number, n: int) -> Number:
    try:
        return x**n
    except OverflowError:
        return inf


def largest(step: Step) -> Range:
    ssa, x = step.ssa("x"), step.range("x")
    rank = len(ssa.type.shape)
    axes = step.axes("axis", rank)
    behind = tuple(axis - rank for axis in axes)
    missing = () if step.flag("keepdims") else axes
    found = replace(x, low_met=x.uniform, some=None, least=None, facts=(), total=None)
    if x.some is not None and set(x.some.axes) <= set(behind) and x.some.low > x.low:
        found = replace(found, low=x.some.low, low_known=True, low_met=False)
    if found.low > -inf and not found.nan and found.high < inf:
        found = replace(found, causes=())
    facts = [Fact(Relation.PEAK, step.number("x"), 1.0, behind, missing)]
    facts += [
        replace(fact, axes=(), missing=missing)
        for fact in facts_of(x, Relation.ABSOLUTE, Relation.SQUARE)
        if not fact.missing
    ]
    return replace(found, facts=tuple(facts))


def smallest(step: Step) -> Range:
    x = step.range("x")
    return replace(x, high_met=x.uniform, some=None, least=None, facts=(), total=None)


def either(step: Step) -> Range:
    """`any`."""
    x = step.range("x")
    rank = len(step.ssa("x").type.shape)
    behind = {axis - rank for axis in step.axes("axis", rank)}
    if x.some is not None and set(x.some.axes) <= behind and x.some.low >= 1:
        return Range(1, 1, low_met=True, high_met=True)
    return replace(x, some=None, least=None, low_met=x.uniform, high_met=x.uniform)


def every(step: Step) -> Range:
    """`all`."""
    x = step.range("x")
    return replace(x, some=None, least=None, low_met=x.uniform, high_met=x.uniform)


def reduced(step: Step) -> Range:
    """`reduce` by a pattern: as its reducer, over as many elements as are no longer there."""
    reducer = step.node.arguments.get("reducer")
    name = reducer.name if isinstance(reducer, Reference) else ""
    x = step.range("x")
    match name:
        case "max" | "min":
            return replace(x, low_met=x.uniform, high_met=x.uniform, some=None, least=None, facts=(), total=None)
        case "sum" | "mean":
            return _summed(step, x, _gone(step), mean=name == "mean", spread=x.spread)
        case _:
            return replace(UNKNOWN, causes=step.causes)


def _gone(step: Step) -> Extent:
    before, after = _elements(step.ssa("x")), _elements(step.result)
    ratio = exact_quotient(before, after)
    if ratio is not None:
        found = step.extent(ratio)
        return Extent(max(found.low, 1), found.high)
    whole, left = step.extent(before), step.extent(after)
    return Extent(1, None if whole.high is None else max(whole.high // max(left.low, 1), 1))


def _elements(ssa: Ssa) -> Dim:
    found = ONE
    for size in dims_of(ssa.type):
        found = found * size
    return found


# ------------------------------------------------------------------------------------------------------------ products


def matmul(step: Step) -> Range:
    left, right = step.ssa("a"), step.ssa("b")
    a, b = _operand(step, left), _operand(step, right)
    n = step.count(left, (len(left.type.shape) - 1,))
    if a.total is not None and -1 in a.total.axes and a.low >= 0 and not step.causes and step.format is not None:
        most = float(a.total.low)
        _too_long(step, n)
        slack = 1.0 + 2.0**-10 + (step.format.unit * 4)
        low, high = min(b.low, 0.0) * most * slack, max(b.high, 0.0) * most * slack
        finite = (not isinf(b.low), not isinf(b.high))
        return step.close(low, high, (b.low_known, b.high_known), finite=finite, nan=b.nan)
    return _products(step, [(left, a), (right, b)], n)


def _operand(step: Step, ssa: Ssa) -> Range:
    """An operand of a product; of a short integer its dtype is range enough."""
    found = step.frame.ranges[id(ssa)]
    dtype = ssa.type.dtype
    bounds = integer_bounds(dtype)
    if bounds is not None and isinstance(dtype, Scalar) and dtype.bits <= 8 and not found.known:
        return Range(max(found.low, bounds[0]), min(found.high, bounds[1]))
    return found


def _products(step: Step, operands: list[tuple[Ssa, Range]], n: Extent) -> Range:
    """A sum of products. One operand may be spread, as weights are: what meets them chooses its signs."""
    if all(range_.constant != 0 for _, range_ in operands):
        _too_long(step, n)
    term = operands[0][1]
    met: tuple[Cause, ...] = ()
    for _, other in operands[1:]:
        if not step.struck and (zero_meets_infinity(term, other) or zero_meets_infinity(other, term)):
            what = f"`{step.node.op}` multiplies 0 by an infinity, which is NaN"
            met = (step.hazard(Kind.INFINITIES_MEET, what, False, "mask the result, not what is multiplied"),)
        term = _term(term, other)
    narrow = any(not step.frame.ranges[id(ssa)].known for ssa, _ in operands)
    integers = all(_is_integer(ssa) for ssa, _ in operands)
    spread = sum(range_.spread and not range_.uniform for _, range_ in operands) > 1
    return _summed(step, term, n, narrow=narrow and integers, spread=spread, met=met)


def _is_integer(ssa: Ssa) -> bool:
    dtype = ssa.type.dtype
    return isinstance(dtype, Scalar) and dtype.kind in (DTypeKind.SIGNED, DTypeKind.UNSIGNED)


def _term(a: Range, b: Range) -> Range:
    """The exact product of two elements."""
    corners: list[tuple[Number, bool]] = []
    for x, x_known in ((a.low, a.low_known), (a.high, a.high_known)):
        for y, y_known in ((b.low, b.low_known), (b.high, b.high_known)):
            if x == 0 or y == 0:
                corners.append((0, (x_known and x == 0) or (y_known and y == 0)))
            else:
                corners.append((x * y, x_known and y_known))
    least, most = min(corners), max(corners)
    uniform = a.uniform and b.uniform
    return Range(
        least[0],
        most[0],
        least[1],
        most[1],
        a.nan or b.nan or zero_meets_infinity(a, b) or zero_meets_infinity(b, a),
        uniform,
        uniform,
        fixed=a.fixed and b.fixed,
    )


def einsum(step: Step) -> Range:
    pattern = step.node.arguments.get("pattern")
    parts = step.operands()
    if not isinstance(pattern, Str) or pattern.value is None:
        return replace(UNKNOWN, causes=step.causes)
    given, _, result = pattern.value.partition("->")
    kept = set(result.split())
    low, high = 1, 1
    unbounded = False
    counted: set[str] = set()
    for side, ssa in zip(given.split(","), parts, strict=True):
        for name, size in zip(side.split(), dims_of(ssa.type), strict=False):
            if name in kept or name in counted:
                continue
            counted.add(name)
            extent = step.extent(size)
            low *= max(extent.low, 1)
            unbounded = unbounded or extent.high is None
            high *= max(extent.high or 1, 1)
    return _products(step, [(ssa, _operand(step, ssa)) for ssa in parts], Extent(low, None if unbounded else high))


def convolution(step: Step) -> Range:
    weight = step.ssa("weight")
    return _convolved(step, step.count(weight, tuple(range(1, len(weight.type.shape)))), padded=True)


def convolution_transposed(step: Step) -> Range:
    weight = step.ssa("weight")
    axes = (0, *range(2, len(weight.type.shape)))
    found = step.count(weight, axes)
    return _convolved(step, Extent(1, found.high), padded=True)


def _convolved(step: Step, n: Extent, padded: bool) -> Range:
    x = step.range("x")
    if padded:
        x = joined(replace(x, facts=()), Range(0.0, 0.0))
    found = _products(step, [(step.ssa("x"), x), (step.ssa("weight"), step.range("weight"))], n)
    bias = step.node.arguments.get("bias")
    if isinstance(bias, Ssa):
        b = step.frame.ranges[id(bias)]
        known = (found.low_known and b.low_known, found.high_known and b.high_known)
        finite = (not isinf(found.low) and not isinf(b.low), not isinf(found.high) and not isinf(b.high))
        return step.close(
            found.low + b.low, found.high + b.high, known, finite=finite, nan=found.nan or b.nan, causes=found.causes
        )
    return replace(found, low_met=False, high_met=False)


def pooled_average(step: Step) -> Range:
    x = step.range("x")
    if step.integer("padding"):
        x = joined(replace(x, facts=()), Range(0.0, 0.0))
    kernel, rank = step.integer("kernel", 1), len(step.result.type.shape) - 2
    return _summed(step, replace(x, facts=()), Extent(1, kernel**rank), mean=True)


def pooled_maximum(step: Step) -> Range:
    return step.kept(step.range("x"), elements=False)


SUMMING: Mapping[str, Callable[[Step], Range]] = {
    "sum": total,
    "mean": average,
    "max": largest,
    "min": smallest,
    "prod": multiplied,
    "any": either,
    "all": every,
    "cumulative_sum": cumulative,
    "reduce": reduced,
    "matmul": matmul,
    "einsum": einsum,
    "conv1d": convolution,
    "conv2d": convolution,
    "conv3d": convolution,
    "conv_transpose1d": convolution_transposed,
    "conv_transpose2d": convolution_transposed,
    "avg_pool1d": pooled_average,
    "avg_pool2d": pooled_average,
    "avg_pool3d": pooled_average,
    "max_pool1d": pooled_maximum,
    "max_pool2d": pooled_maximum,
    "max_pool3d": pooled_maximum,
}
