"""A deploy run at the ends of its ranges and inside of them, every value held against the range that was inferred."""

from __future__ import annotations

from enum import Enum
from itertools import islice
from math import nan

import numpy as np
from msgspec import Struct

from tenuto_analysis import model, modules
from tenuto_analysis.database import Database
from tenuto_analysis.diagnostics import CATALOGUE
from tenuto_analysis.diagnostics.base import GraphProblem, Severity
from tenuto_analysis.elaborate.builder import Refusal
from tenuto_analysis.elaborate.deploys import elaborated
from tenuto_analysis.graph import Call, Node, Ssa
from tenuto_analysis.ranges.analysis import Analysis, analyse
from tenuto_analysis.ranges.values import Range
from tenuto_backend.evaluate import run
from tenuto_backend.reference.dtypes import BOOL, FLOATING
from tenuto_backend.reference.values import Array
from tenuto_backend.witnesses import confirmed
from tests.adversary import adversarial
from tests.generate.numeric import numeric

FILE = "/watched/main.ten"
RUNS = 8
OF_GRAPHS = frozenset(item.rule for item in CATALOGUE if issubclass(item, GraphProblem))


class Outcome(Enum):
    FINITE = "all results are finite, and nothing was found"
    CAREFUL = "all results are finite, though something was found"
    FLAGGED = "a result is not finite, and something was found"
    UNFLAGGED = "a result is not finite, and nothing was found"
    OUTSIDE = "a value lies outside of its range"
    REFUSED = "the program was not accepted"


class Verdict(Struct, frozen=True):
    seed: int
    outcome: Outcome
    report: str = ""


def judge(db: Database, seed: int) -> Verdict:
    text = numeric(seed)
    db.set(modules.file_text, FILE, text)
    graph = elaborated(db, FILE, "made")
    if isinstance(graph, Refusal):
        return Verdict(seed, Outcome.REFUSED, graph.reason)
    analysis = analyse(graph, confirm=lambda suspects: confirmed(graph, suspects, 0))
    watcher = _Watcher(analysis)
    finite = True
    for size in (1, 3):
        for inputs in islice(adversarial(graph, dict.fromkeys(graph.entry.symbols, size)), RUNS):
            results = run(graph, inputs, {}, watcher.watch)
            if watcher.outside:
                return Verdict(seed, Outcome.OUTSIDE, f"seed {seed}: {watcher.outside}\n{text}")
            finite &= all(
                _as_meant(array.astype(np.float64), "-inf" in text) or not analysis.ranges[id(ssa)].known
                for ssa, array in zip(graph.entry.results, results, strict=True)
            )
    if finite:
        return Verdict(seed, Outcome.CAREFUL if analysis.findings else Outcome.FINITE)
    return Verdict(seed, Outcome.FLAGGED if analysis.findings else Outcome.UNFLAGGED, f"seed {seed}\n{text}")


def _as_meant(array: Array, infinite: bool) -> bool:
    """Whether a result is finite, or only as infinite as the program says. What nobody bounds may be anything."""
    return not bool(np.isnan(array).any()) and (infinite or bool(np.isfinite(array).all()))


class _Watcher:
    """Holds the values of runs against the ranges; what was told of already may be NaN from there on."""

    def __init__(self, analysis: Analysis) -> None:
        self._ranges = analysis.ranges
        self._told = bool(analysis.findings)
        self.outside = ""

    def watch(self, calls: tuple[Call, ...], node: Node | None, ssa: Ssa, array: Array) -> None:
        if self.outside or array.size == 0 or array.dtype == BOOL:
            return
        range_ = self._ranges.get(id(ssa))
        wrong = _outside(range_, array, self._told)
        if wrong:
            op = getattr(node, "op", type(node).__name__)
            self.outside = f"`{op}` gave {wrong} ({array.dtype}), not within {range_}"


def accepted(db: Database, seed: int) -> bool:
    db.set(modules.file_text, FILE, numeric(seed))
    errors = (finding for finding in model.findings(db, FILE) if finding.severity is Severity.ERROR)
    return all(finding.rule in OF_GRAPHS for finding in errors)


def _outside(range_: Range | None, array: Array, told: bool) -> str:
    """The number that a range does not contain, if there is one; `told` where NaN and infinities are no news."""
    wide = array.astype(np.float64) if array.dtype in FLOATING else array.astype(np.int64)
    if range_ is None:
        return f"{wide.flat[0]}, which nothing is known of"
    missing = np.isnan(wide)
    if missing.any() and not told and not range_.contains(nan):
        return "nan"
    numbers = wide[~(np.isinf(wide) | missing) if told else ~missing]
    if numbers.size == 0:
        return ""
    low, high = numbers.min(), numbers.max()
    return f"{low}" if low < range_.low else f"{high}" if high > range_.high else ""
