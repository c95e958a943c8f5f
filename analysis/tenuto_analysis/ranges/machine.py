"""Carries out a graph on ranges: functions by what they are given, loops to a fixpoint, branches joined.

A function is looked at once for each choice of ranges of its inputs (a summary): six layers whose weights have no range
are looked at once. What is found inside goes up with the calls that lead there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, isinf, isnan

from msgspec import Struct
from msgspec.structs import replace

from tenuto_analysis.diagnostics.base import Place
from tenuto_analysis.dims import Leaf
from tenuto_analysis.graph import Apply, Block, Call, Function, If, Literal, Loop, Node, Size, Ssa, given
from tenuto_analysis.ranges.constants import constant_hazard
from tenuto_analysis.ranges.formats import BOUNDARIES, format_of, integer_bounds, rounded
from tenuto_analysis.ranges.frames import Frame, Numbers, Step, within_of
from tenuto_analysis.ranges.sizes import Extent, extent_of
from tenuto_analysis.ranges.transfer.table import TRANSFERS
from tenuto_analysis.ranges.values import (
    UNKNOWN,
    Cause,
    Fact,
    Hazard,
    Inherited,
    Range,
    exactly,
    joined,
    united,
)

MOST_STEPS = 64
"""Up to so many steps of a loop are followed one by one; beyond that its values are widened."""
_PATIENCE = 3
"""How many steps of a longer loop are looked at before its values are widened."""
_NARROWING = 40
"""How many further steps bring back what was widened."""


class Summary(Struct, frozen=True):
    """What a function gives and does for one choice of ranges; causes are in the function's own terms."""

    results: tuple[Range, ...]
    found: tuple[Hazard, ...]
    harmed: frozenset[Inherited]


class Machine:
    """`executing` where every input is a single number: then what goes wrong is a witness."""

    def __init__(self, executing: bool = False) -> None:
        self.executing = executing
        self.numbers = Numbers()
        self.summaries: dict[tuple[object, ...], Summary] = {}
        self.seen: dict[int, Range] = {}
        """The range of every value, over all that its function was called with."""

    def run(self, function: Function, values: Sequence[Range], extents: Mapping[Leaf, Extent]) -> Summary:
        """A function for these ranges of what it is given, in order: inputs, sizes, weights."""
        sizes = tuple((leaf, extents.get(leaf)) for leaf in function.symbols)
        key = (id(function), tuple(values), sizes)
        found = self.summaries.get(key)
        if found is None:
            found = self.summaries[key] = self._run(function, values, extents)
        return found

    def _run(self, function: Function, values: Sequence[Range], extents: Mapping[Leaf, Extent]) -> Summary:
        frame = Frame(function, extents, self.numbers, self.executing)
        for place, (ssa, value) in enumerate(zip(given(function), values, strict=True)):
            causes: tuple[Cause, ...] = ()
            if value.causes:
                causes = (Inherited(place, any(cause.definite for cause in value.causes)),)
            self._set(frame, ssa, replace(value, causes=causes) if causes else value)
        results = self._block(frame, function.body)
        return Summary(tuple(results), tuple(frame.found), frozenset(frame.harmed))

    def _set(self, frame: Frame, ssa: Ssa, value: Range) -> None:
        frame.ranges[id(ssa)] = value
        if frame.silent:
            return
        before = self.seen.get(id(ssa))
        self.seen[id(ssa)] = value if before is None or before is value else _plain_union(before, value)

    def _block(self, frame: Frame, block: Block) -> list[Range]:
        for node in block.nodes:
            for ssa in node.results:
                frame.makers[id(ssa)] = node
            for ssa, value in zip(node.results, self._node(frame, node), strict=True):
                self._set(frame, ssa, _within(frame, ssa, value) if ssa.type.within is not None else value)
        return [frame.ranges[id(result)] for result in block.results]

    def _node(self, frame: Frame, node: Node) -> Sequence[Range]:
        match node:
            case Apply(op=op):
                transfer = TRANSFERS.get(op)
                if transfer is None:
                    return [UNKNOWN] * len(node.results)
                step = Step(frame, node)
                found = transfer(step)
                return [step.finished(item) for item in found] if isinstance(found, tuple) else (step.finished(found),)
            case Literal():
                return (_literal(frame, node),)
            case Size(dim=dim):
                extent = extent_of(dim, frame.extents)
                if extent.only is not None:
                    return (exactly(extent.only),)
                high = extent.high
                low_known = extent.low > -(1 << 60)
                return (
                    Range(
                        extent.low if low_known else -inf,
                        inf if high is None else high,
                        low_known,
                        high is not None,
                        fixed=True,
                    ),
                )
            case Call():
                return self._call(frame, node)
            case If():
                return self._if(frame, node)
            case Loop():
                return self._loop(frame, node)

    # ---------------------------------------------------------------------------------------------------------- calls

    def _call(self, frame: Frame, node: Call) -> Sequence[Range]:
        operands = (*node.operands, *node.weights)
        values = [frame.ranges[id(ssa)] for ssa in operands]
        function = node.function
        inputs = list(given(function))
        meets = any(value.facts for value in values)
        plain = [self._entered(frame, value, operands, inputs) if meets else value for value in values]
        extents = {leaf: extent_of(dim, frame.extents) for leaf, dim in node.sizes.items()}
        for leaf, ssa in function.size_inputs:
            value = frame.ranges[id(operands[inputs.index(ssa)])] if ssa in inputs else UNKNOWN
            if not isinf(value.low) and leaf not in extents:
                extents[leaf] = Extent(int(value.low), None if isinf(value.high) else int(value.high))
        summary = self.run(function, plain, extents)
        for hazard in summary.found:
            frame.tell(replace(hazard, calls=(node.origin, *hazard.calls)))
        for harmed in summary.harmed:
            frame.harm(values[harmed.index].causes)
        return [self._left(frame, node, result, values, operands, inputs) for result in summary.results]

    def _entered(self, frame: Frame, value: Range, operands: Sequence[Ssa], inputs: Sequence[Ssa]) -> Range:
        """The facts of an argument about other arguments, as the callee numbers them."""
        if not value.facts:
            return value
        places = {frame.number(ssa): place for place, ssa in reversed(list(enumerate(operands)))}
        callee = Frame(frame.function, {}, self.numbers, self.executing)
        facts = tuple(
            replace(fact, of=callee.number(inputs[places[fact.of]])) for fact in value.facts if fact.of in places
        )
        return replace(value, facts=facts)

    def _left(
        self,
        frame: Frame,
        node: Call,
        result: Range,
        values: Sequence[Range],
        operands: Sequence[Ssa],
        inputs: Sequence[Ssa],
    ) -> Range:
        """A result in the caller's terms."""
        if result.facts:
            callee = Frame(frame.function, {}, self.numbers, self.executing)
            places: dict[int, int] = {callee.number(ssa): place for place, ssa in enumerate(inputs)}
            facts: tuple[Fact, ...] = tuple(
                replace(fact, of=frame.number(operands[places[fact.of]])) for fact in result.facts if fact.of in places
            )
            result = replace(result, facts=facts)
        if result.causes:
            result = replace(result, causes=_outside(node.origin, result.causes, values))
        return result

    # ----------------------------------------------------------------------------------------------- branches and loops

    def _if(self, frame: Frame, node: If) -> Sequence[Range]:
        test = frame.ranges[id(node.test)] if isinstance(node.test, Ssa) else None
        if test is not None:
            frame.harm(test.causes)
            if test.uniform and test.known:
                return self._block(frame, node.then if test.low else node.otherwise)
        first = self._block(frame, node.then)
        second = self._block(frame, node.otherwise)
        return [_soft(joined(replace(a, facts=()), replace(b, facts=()))) for a, b in zip(first, second, strict=True)]

    def _loop(self, frame: Frame, node: Loop) -> Sequence[Range]:
        length = extent_of(node.length, frame.extents) if node.length is not None else None
        carried = [replace(frame.ranges[id(ssa)], facts=(), some=None, least=None, total=None) for ssa in node.initial]
        most = length.high if length is not None else None
        if most is not None and most <= MOST_STEPS:
            return self._followed(frame, node, carried, length.only if length is not None else None, most)
        return self._widened(frame, node, carried, most)

    def _step(self, frame: Frame, node: Loop, carried: Sequence[Range], index: Range, extent: Extent) -> list[Range]:
        frame.extents[node.symbol] = extent
        self._set(frame, node.index, index)
        for ssa, value in zip(node.carried, carried, strict=True):
            self._set(frame, ssa, value)
        if node.test is not None:
            frame.harm(self._block(frame, node.test)[0].causes)
        return [replace(value, facts=(), some=None, least=None, total=None) for value in self._block(frame, node.body)]

    def _followed(self, frame: Frame, node: Loop, carried: list[Range], only: int | None, most: int) -> Sequence[Range]:
        """A short loop, step by step; where its length is not known, every step may be the last."""
        count = len(carried)
        after = carried
        gathered: list[Range] | None = None
        for place in range(most):
            given_back = self._step(frame, node, carried, exactly(place), Extent(place, place))
            same = given_back[:count] == carried
            carried = given_back[:count]
            after = carried if only is not None else [_soft(joined(a, b)) for a, b in zip(after, carried, strict=True)]
            rows = given_back[count:]
            gathered = rows if gathered is None else [_beside(a, b) for a, b in zip(gathered, rows, strict=True)]
            if same and place and self._settled(frame, node, carried, place, most):
                break
        return [*after, *(gathered if gathered is not None else [UNKNOWN] * (len(node.results) - count))]

    def _settled(self, frame: Frame, node: Loop, carried: list[Range], place: int, most: int) -> bool:
        """Whether all steps that are left leave the carried values as they are."""
        index, extent = Range(place, most - 1), Extent(place, most - 1)
        after = self._step(frame, node, carried, index, extent)[: len(carried)]
        return all(_inside(new, old) for new, old in zip(after, carried, strict=True))

    def _widened(self, frame: Frame, node: Loop, carried: list[Range], most: int | None) -> Sequence[Range]:
        """A loop of many steps, or of nobody knows how many: what it carries is widened until a step adds nothing."""
        index = Range(0, inf if most is None else max(most - 1, 0), True, most is not None)
        extent = Extent(0, None if most is None else max(most - 1, 0))
        count = len(carried)
        invariant = carried
        found = dict(frame.found), set(frame.harmed)
        for turn in range(_PATIENCE + 2 * len(BOUNDARIES) + 2):
            frame.found, frame.harmed = dict(found[0]), set(found[1])
            given_back = self._step(frame, node, invariant, index, extent)
            wider = [_soft(joined(a, b)) for a, b in zip(invariant, given_back[:count], strict=True)]
            if all(_inside(new, old) for new, old in zip(given_back[:count], invariant, strict=True)):
                if turn > _PATIENCE:
                    invariant = self._narrowed(frame, node, carried, invariant, index, extent)
                    frame.found, frame.harmed = dict(found[0]), set(found[1])
                    given_back = self._step(frame, node, invariant, index, extent)
                return [*(_soft(value) for value in invariant), *(_soft(row) for row in given_back[count:])]
            if turn >= _PATIENCE:
                wider = [
                    _to_boundary(new, old, ssa) for new, old, ssa in zip(wider, invariant, node.carried, strict=True)
                ]
            invariant = wider
        invariant = [UNKNOWN] * count
        frame.found, frame.harmed = found
        given_back = self._step(frame, node, invariant, index, extent)
        return [*invariant, *(_soft(row) for row in given_back[count:])]

    def _narrowed(
        self, frame: Frame, node: Loop, initial: list[Range], invariant: list[Range], index: Range, extent: Extent
    ) -> list[Range]:
        """What was widened, brought back by further steps: `h / 2 + 1` stays at 2, not at the largest number."""
        widened = invariant
        before, frame.silent = frame.silent, True
        for _ in range(_NARROWING):
            known = [replace(value, low_known=True, high_known=True) for value in invariant]
            given_back = self._step(frame, node, known, index, extent)
            new = [_soft(joined(a, b)) for a, b in zip(initial, given_back, strict=False)]
            if new == invariant or not all(_inside(a, b) for a, b in zip(new, invariant, strict=True)):
                break
            invariant = new
        frame.silent = before
        return [
            replace(
                value,
                low_known=value.low_known and (old.low_known or value.low > old.low),
                high_known=value.high_known and (old.high_known or value.high < old.high),
            )
            for value, old in zip(invariant, widened, strict=True)
        ]


def _outside(call: Place, causes: tuple[Cause, ...], values: Sequence[Range]) -> tuple[Cause, ...]:
    """The causes of a result, as the caller tells them."""
    told: list[tuple[Cause, ...]] = []
    for cause in causes:
        match cause:
            case Hazard():
                told.append((replace(cause, calls=(call, *cause.calls)),))
            case Inherited(index=index, definite=definite):
                brought = values[index].causes
                told.append(brought if definite else tuple(replace(item, definite=False) for item in brought))
    return united(*told)


def _soft(value: Range) -> Range:
    """A value of which one does not know which path gave it."""
    if value.uniform and not value.causes:
        return value
    if not (value.low_met or value.high_met or value.causes):
        return value
    return replace(
        value,
        low_met=False,
        high_met=False,
        causes=tuple(replace(cause, definite=False) for cause in value.causes),
    )


def _beside(a: Range, b: Range) -> Range:
    """Two rows of one tensor."""
    found = joined(a, b)
    low_met = (a.low == found.low and a.low_met) or (b.low == found.low and b.low_met)
    high_met = (a.high == found.high and a.high_met) or (b.high == found.high and b.high_met)
    return replace(found, low_met=low_met, high_met=high_met)


def _inside(new: Range, old: Range) -> bool:
    return old.low <= new.low and new.high <= old.high and (old.nan or not new.nan or not old.known)


def _to_boundary(new: Range, old: Range, ssa: Ssa) -> Range:
    """A range that grew, as far as the next boundary of a format; how far it really goes nobody knows."""
    bounds = integer_bounds(ssa.type.dtype)
    if bounds is not None:
        grew = (new.low < old.low, new.high > old.high)
        return Range(
            bounds[0] if grew[0] else new.low,
            bounds[1] if grew[1] else new.high,
            new.low_known and not grew[0],
            new.high_known and not grew[1],
        )
    low, low_known, high, high_known = new.low, new.low_known, new.high, new.high_known
    to = format_of(ssa.type.dtype)
    edges = [edge for edge in BOUNDARIES if to is None or edge <= to.largest]
    if new.low < old.low:
        low, low_known = -min((edge for edge in edges if edge >= -new.low), default=inf), False
    if new.high > old.high:
        high, high_known = min((edge for edge in edges if edge >= new.high), default=inf), False
    return replace(new, low=low, high=high, low_known=low_known, high_known=high_known)


def _plain_union(a: Range, b: Range) -> Range:
    same_known = a.low_known == b.low_known and a.high_known == b.high_known
    same_taint = a.tainted or not b.tainted
    if same_known and same_taint and a.low <= b.low and a.high >= b.high and (a.nan or not b.nan):
        return a
    return Range(
        min(a.low, b.low),
        max(a.high, b.high),
        a.low_known and b.low_known,
        a.high_known and b.high_known,
        a.nan or b.nan,
        tainted=a.tainted or b.tainted,
    )


def _within(frame: Frame, ssa: Ssa, value: Range) -> Range:
    """A value whose type declares its range; what could not be NaN or infinite by that may still have been struck."""
    interval = ssa.type.within
    assert interval is not None
    low, high = within_of(interval, frame.extents)
    to = format_of(ssa.type.dtype)
    if to is not None:  # The ends are numbers of the dtype, or next to them.
        low, high = min(low, rounded(float(low), to)), max(high, rounded(float(high), to))
    if value.causes or value.tainted:
        return value
    bounded = value.low >= low and value.high <= high
    if bounded and value.known:
        return value
    ends = max(value.low, low), min(value.high, high)
    if ends[0] > ends[1]:
        ends = low, high
    return replace(
        value,
        low=ends[0],
        high=ends[1],
        low_known=value.low_known or not isinf(low),
        high_known=value.high_known or not isinf(high),
        low_met=value.low_met and value.low == ends[0],
        high_met=value.high_met and value.high == ends[1],
        nan=False,
    )


def _literal(frame: Frame, node: Literal) -> Range:
    """A number of the program in its dtype: where that cannot hold it, something else is computed with."""
    dtype = node.result.type.dtype
    to = format_of(dtype)
    if to is None:
        number = node.value
        return exactly(int(number) if isinstance(number, bool) or float(number).is_integer() else number)
    exact = float(node.value)
    number = rounded(exact, to)
    hazard = constant_hazard(exact, number, str(dtype), node.origin)
    if hazard is not None:
        frame.tell(hazard)
    if isnan(number):
        return replace(UNKNOWN, nan=True, fixed=True, tainted=True)
    return exactly(number) if hazard is None else replace(exactly(number), tainted=True)
