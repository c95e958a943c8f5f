"""What the ranges of a deploy say, as diagnostics of the check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tenuto_analysis.check import loading
from tenuto_analysis.database import Database, input_fact, query
from tenuto_analysis.diagnostics import ranges as told
from tenuto_analysis.diagnostics.base import GraphProblem, Place
from tenuto_analysis.elaborate.builder import Refusal
from tenuto_analysis.elaborate.deploys import elaborated
from tenuto_analysis.extremes import weight_ranges
from tenuto_analysis.graph import Graph, walk
from tenuto_analysis.modules import STD, declaration
from tenuto_analysis.ranges.analysis import Analysis, Finding, analyse
from tenuto_analysis.ranges.repairs import repairs
from tenuto_analysis.ranges.strict import unbounded
from tenuto_analysis.ranges.values import Kind
from tenuto_analysis.ranges.witnesses import runner
from tenuto_analysis.weights import Drawn
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
    Kind.UNKNOWN_RANGE: told.UnknownRange,
}


@input_fact
def strict_ranges(db: Database, file: str) -> bool:
    """Whether the deploys of a file tell of values that nobody bounds, too."""
    return False


def range_problems(db: Database, file: str, name: str, graph: Graph) -> Iterator[GraphProblem]:
    """The numerical hazards of a deploy."""
    found = analysed(db, file, name)
    if found is None:
        return
    node = declaration(db, file, name)
    assert isinstance(node, syntax.Deploy)
    start = Place(file, name, node.name.span)
    findings = (*found.findings, *unbounded(graph, found)) if strict_ranges(db, file) else found.findings
    if findings:
        dtypes = _dtypes(graph)
        for finding in findings:
            yield _problem(db, finding, start, dtypes)


def _dtypes(graph: Graph) -> dict[Place, str]:
    """The dtype of what each operator of the graph gives."""
    nodes = (node for function in graph.functions for node in walk(function.body) if node.results)
    return {node.origin: str(node.results[0].type.dtype) for node in nodes}


@query
def analysed(db: Database, file: str, name: str) -> Analysis | None:
    """The ranges of a deploy, None where there is no graph."""
    graph = elaborated(db, file, name)
    if isinstance(graph, Refusal):
        return None
    run, setting = runner(db, ""), loading.setting_of(db, file, name)
    ranges = weight_ranges(db, file, name, graph)
    if run is None or not isinstance(setting, Drawn):
        return analyse(graph, ranges)
    seed = setting.seed
    return analyse(graph, ranges, lambda suspects: run(graph, suspects, seed))


def _problem(db: Database, finding: Finding, start: Place, dtypes: Mapping[Place, str]) -> told.RangeProblem:
    hazard = finding.hazard
    rule = RULES[hazard.kind]
    own = next(place for place in (hazard.place, *reversed(hazard.calls), start) if not place.file.startswith(str(STD)))
    return rule(
        hazard.place.span,
        place=hazard.place,
        calls=(start, *hazard.calls),
        what=hazard.what,
        path=hazard.path,
        advice=hazard.advice,
        proved=finding.proved,
        witness=finding.witness,
        repairs=repairs(db, rule.rule, own, dtypes.get(own, "")),
        repaired=own.span,
    )
