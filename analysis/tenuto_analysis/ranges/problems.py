"""What the ranges of a deploy say, as diagnostics of the check."""

from __future__ import annotations

from collections.abc import Iterator

from tenuto_analysis.database import Database, query
from tenuto_analysis.diagnostics import ranges as told
from tenuto_analysis.diagnostics.base import GraphProblem, Place
from tenuto_analysis.elaborate.builder import Refusal
from tenuto_analysis.elaborate.deploys import elaborated
from tenuto_analysis.extremes import weight_ranges
from tenuto_analysis.graph import Graph
from tenuto_analysis.modules import declaration
from tenuto_analysis.ranges.analysis import Analysis, Finding, analyse
from tenuto_analysis.ranges.values import Kind
from tenuto_grammar import syntax

RULES: dict[Kind, type[told.RangeProblem]] = {
    Kind.OVERFLOW: told.Overflow,
    Kind.LOST_EPSILON: told.LostEpsilon,
    Kind.OUTSIDE_DOMAIN: told.OutsideDomain,
    Kind.CAST_OUT_OF_RANGE: told.CastOutOfRange,
    Kind.SATURATION: told.Saturation,
    Kind.LONG_SUM: told.LongSum,
    Kind.CANCELLATION: told.Cancellation,
    Kind.INFINITE_CONSTANT: told.InfiniteConstant,
    Kind.MASKED_ROW: told.MaskedRow,
    Kind.INFINITIES_MEET: told.InfinitiesMeet,
    Kind.UNSTABLE_FORM: told.UnstableForm,
}


def range_problems(db: Database, file: str, name: str, graph: Graph) -> Iterator[GraphProblem]:
    """The numerical hazards of a deploy."""
    found = analysed(db, file, name)
    if found is None:
        return
    node = declaration(db, file, name)
    assert isinstance(node, syntax.Deploy)
    start = Place(file, name, node.name.span)
    for finding in found.findings:
        yield _problem(finding, start)


@query
def analysed(db: Database, file: str, name: str) -> Analysis | None:
    """The ranges of a deploy, None where there is no graph."""
    graph = elaborated(db, file, name)
    if isinstance(graph, Refusal):
        return None
    return analyse(graph, weight_ranges(db, file, name, graph))


def _problem(finding: Finding, start: Place) -> told.RangeProblem:
    hazard = finding.hazard
    rule = RULES[hazard.kind]
    return rule(
        hazard.place.span,
        place=hazard.place,
        calls=(start, *hazard.calls),
        what=hazard.what,
        path=hazard.path,
        advice=hazard.advice,
        proved=finding.proved,
        witness=finding.witness,
    )
