"""What may go wrong with the numbers of a deploy: its graph on ranges, then on single numbers that show it.

`analyse` first carries out the graph on the ranges that inputs declare and weights have. What may go wrong then is
tried: the same machine runs on inputs that are single numbers within the ranges, every operation rounded as its dtype
rounds. A hazard that such a run meets is *proved*, and the inputs are its witness; any other is *possible*.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product as choices
from math import isinf, log
from random import Random

from msgspec import Struct

from tenuto_analysis.diagnostics.base import Place
from tenuto_analysis.dims import Leaf, holds
from tenuto_analysis.dtypes import Kind as DTypeKind
from tenuto_analysis.dtypes import Scalar
from tenuto_analysis.graph import Function, Graph, Ssa, Weight, walk
from tenuto_analysis.ranges.formats import Format, format_of, integer_bounds, rounded
from tenuto_analysis.ranges.frames import within_of
from tenuto_analysis.ranges.machine import Machine
from tenuto_analysis.ranges.sizes import Extent, extents
from tenuto_analysis.ranges.values import (
    TRUTH,
    UNKNOWN,
    Hazard,
    Kind,
    Number,
    Range,
    shown,
)
from tenuto_analysis.ranges.witnesses import Confirm, nobody, suspect_of

Key = tuple[Kind, Place, tuple[Place, ...]]
"""What tells hazards apart: the rule, the place, the calls that lead there."""

MOST_TRIALS = 48
FEW_TRIALS = 6
MOST_VISITS = 4_000
"""How many inputs are tried: at most, at least, and so that no more nodes than this are visited."""
_SEED = 20_261
_ORDINARY: tuple[float, ...] = (1.0, 0.0, 100.0, -100.0, 12.0, -1.0)
"""What an input that declares no range is tried with."""
_LONGEST = 4096
"""Sizes that nothing bounds from above are tried with at most so many elements."""


class Finding(Struct, frozen=True):
    """A hazard; `witness` says the inputs that meet it, and is empty where none was found."""

    hazard: Hazard
    proved: bool
    witness: str


class Analysis(Struct, frozen=True):
    """`ranges` gives the range of every value of the graph by `id(ssa)`, over all calls of its function."""

    findings: tuple[Finding, ...]
    ranges: Mapping[int, Range]


def analyse(graph: Graph, weight_ranges: Mapping[str, tuple[float, float]] = {}, confirm: Confirm = nobody) -> Analysis:
    """What may go wrong in a deploy, each hazard once for its place and the calls that lead there.

    `weight_ranges` gives the least and the greatest number of each weight that is known, by its path; `confirm` runs
    the graph on arrays, where no single number has met a hazard.
    """
    entry = graph.entry
    known = extents(graph.bounds)
    inputs = [input_range(ssa, known) for ssa in entry.inputs]
    weights = [_stored(weight, weight_ranges.get(weight.path)) for weight in entry.weights]
    machine = Machine()
    hazards = _carried_out(machine, entry, [*inputs, *_size_inputs(entry), *weights], known)
    pending = {hazard.key: hazard for hazard in hazards}
    if not pending:
        return Analysis((), machine.seen)
    found = _tried(graph, inputs, weights, pending, known)
    told = []
    for key, (hazard, witness) in found.items():
        told.append(Finding(pending.get(key, hazard), True, witness))
    open_ = {key: hazard for key, hazard in pending.items() if key not in found}
    suspects = {key: suspect_of(hazard) for key, hazard in open_.items() if not hazard.definite}
    witnesses = confirm([*suspects.values()]) if suspects else {}
    for key, hazard in open_.items():
        shown_by = witnesses.get(suspects[key]) if key in suspects else None
        if shown_by is not None:
            told.append(Finding(hazard, True, shown_by))
        elif hazard.definite or not hazard.doubtful:
            told.append(Finding(hazard, hazard.definite, hazard.witness))
    return Analysis(tuple(told), machine.seen)


def _size_inputs(entry: Function) -> list[Range]:
    return [UNKNOWN for _ in entry.size_inputs]


def _carried_out(
    machine: Machine, entry: Function, values: Sequence[Range], known: Mapping[Leaf, Extent]
) -> list[Hazard]:
    """What goes wrong, and what of it reaches a result."""
    summary = machine.run(entry, values, known)
    found = dict.fromkeys(summary.found)
    for result in summary.results:
        found.update(dict.fromkeys(cause for cause in result.causes if isinstance(cause, Hazard)))
    best: dict[Key, Hazard] = {}
    for hazard in found:
        before = best.get(hazard.key)
        if before is None or (hazard.definite and not before.definite):
            best[hazard.key] = hazard
    return list(best.values())


def input_range(ssa: Ssa, known: Mapping[Leaf, Extent]) -> Range:
    """What is known of an input: what its type declares, or that it is a `bool`."""
    dtype = ssa.type.dtype
    if isinstance(dtype, Scalar) and dtype.kind is DTypeKind.BOOL:
        return TRUTH
    if ssa.type.within is None:
        return UNKNOWN
    low, high = within_of(ssa.type.within, known)
    to = format_of(dtype)
    if to is not None:
        low, high = _held(float(low), to), _held(float(high), to)
    return Range(low, high, not isinf(low), not isinf(high))


def _held(end: float, to: Format) -> float:
    """A declared end as a number of the dtype."""
    return end if isinf(end) else rounded(max(-to.largest, min(to.largest, end)), to)


def _stored(weight: Weight, ends: tuple[float, float] | None) -> Range:
    """A weight's range as its dtype holds it."""
    if ends is None:
        return UNKNOWN
    to = format_of(weight.value.type.dtype)
    low, high = ends if to is None else (rounded(ends[0], to), rounded(ends[1], to))
    return Range(low, high, low_met=True, high_met=True, spread=low != high)


# ------------------------------------------------------------------------------------------------------------ witnesses


def _tried(
    graph: Graph,
    inputs: Sequence[Range],
    weights: Sequence[Range],
    pending: Mapping[Key, Hazard],
    known: Mapping[Leaf, Extent],
) -> dict[Key, tuple[Hazard, str]]:
    """The hazards that some choice of inputs meets, each with that choice in words.

    They may be more than those that the ranges showed, of which two in a row are one. But where an input declares no
    range, the numbers that it is tried with are nobody's: then they count only for what was known.
    """
    entry = graph.entry
    found: dict[Key, tuple[Hazard, str]] = {}
    trials = 0
    declared = all(range_.known for range_ in inputs)
    nodes = sum(1 for function in graph.functions for _ in walk(function.body))
    most = max(FEW_TRIALS, min(MOST_TRIALS, MOST_VISITS // nodes))
    for sizes in _sizes(graph, known):
        for numbers in _choices(entry.inputs, inputs):
            if trials >= most:
                return found
            trials += 1
            values = [Range(number, number, low_met=True, high_met=True) for number in numbers]
            met = _carried_out(Machine(executing=True), entry, [*values, *_size_inputs(entry), *weights], sizes)
            for hazard in met:
                if not hazard.definite or hazard.key in found or _certain(pending, hazard):
                    continue
                if declared or hazard.key in pending:
                    found[hazard.key] = hazard, _told(entry.inputs, numbers)
    return found


def _certain(pending: Mapping[Key, Hazard], hazard: Hazard) -> bool:
    known = pending.get(hazard.key)
    return known is not None and known.definite


def _told(inputs: Sequence[Ssa], numbers: Sequence[Number]) -> str:
    parts = []
    for ssa, number in zip(inputs, numbers, strict=True):
        dtype = ssa.type.dtype
        truth = isinstance(dtype, Scalar) and dtype.kind is DTypeKind.BOOL
        parts.append(f"{ssa.name} = {('true' if number else 'false') if truth else shown(number)}")
    return ", ".join(parts)


def _sizes(graph: Graph, known: Mapping[Leaf, Extent]) -> Iterator[Mapping[Leaf, Extent]]:
    """Sizes to try: the largest that a deploy allows, then the smallest."""
    symbols = graph.entry.symbols
    seen = []
    for largest in (True, False):
        chosen: dict[Leaf, int] = {}
        for leaf in symbols:
            extent = known.get(leaf, Extent(1, None))
            low = max(extent.low, 1)
            high = extent.high if extent.high is not None else max(low, 4)
            chosen[leaf] = min(high, max(low, _LONGEST)) if largest else low
        if chosen in seen or not all(holds(bound, chosen) is not False for bound in graph.bounds):
            continue
        seen.append(chosen)
        yield {**known, **{leaf: Extent(size, size) for leaf, size in chosen.items()}}


def _choices(inputs: Sequence[Ssa], ranges: Sequence[Range]) -> Iterator[tuple[Number, ...]]:
    """Numbers for the inputs: all at one place of their ranges, then mixed, then at random."""
    points = [_points(ssa, range_) for ssa, range_ in zip(inputs, ranges, strict=True)]
    if not points:
        yield ()
        return
    seen: set[tuple[Number, ...]] = set()
    widest = max(len(item) for item in points)
    together = [tuple(item[min(place, len(item) - 1)] for item in points) for place in range(widest)]
    ends = [item[:3] for item in points]
    mixed = list(choices(*ends)) if len(points) <= 3 else []
    random = Random(_SEED)
    scattered = [tuple(random.choice(item) for item in points) for _ in range(24)]
    for numbers in (*together, *mixed, *scattered):
        if numbers not in seen:
            seen.add(numbers)
            yield numbers


def _points(ssa: Ssa, range_: Range) -> list[Number]:
    """The numbers of an input's range that are worth a trial, the most telling first."""
    dtype = ssa.type.dtype
    if isinstance(dtype, Scalar) and dtype.kind is DTypeKind.BOOL:
        return [0, 1]
    whole = integer_bounds(dtype) is not None
    if not range_.known and isinf(range_.low) and isinf(range_.high):
        return [int(number) for number in _ORDINARY if number >= 0] if whole else list(_ORDINARY)
    low = range_.low if not isinf(range_.low) else min(-100, range_.high)
    high = range_.high if not isinf(range_.high) else max(100, range_.low)
    inner: list[Number] = [0, 1, -1, (low + high) / 2, low * 0.5, high * 0.5, high * 0.1, low * 0.1]
    if whole:
        found: list[Number] = [int(low), int(high), *(int(number) for number in inner)]
    else:
        to = format_of(dtype)
        small = to.smallest if to is not None else 0.0
        found = [float(low), float(high), *(float(number) for number in inner), small, -small]
        if to is not None:
            found.append(log(to.largest) - 0.7)
        if to is not None:
            found = [rounded(float(number), to) for number in found]
    return list(dict.fromkeys(number for number in found if low <= number <= high)) or [found[0]]
