"""The range of a value in each deploy that makes it, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from tenuto_analysis.database import Database
from tenuto_analysis.diagnostics.base import Place
from tenuto_analysis.dtypes import BOOL
from tenuto_analysis.elaborate.builder import Refusal
from tenuto_analysis.elaborate.checkpoints import sound
from tenuto_analysis.elaborate.deploys import elaborated
from tenuto_analysis.insight.questions import Declared
from tenuto_analysis.precision.reasons import values_at
from tenuto_analysis.ranges.problems import analysed
from tenuto_analysis.ranges.values import Range, joined
from tenuto_grammar import syntax
from tenuto_grammar.text import Span
from tenuto_server.features.deploy_of import meant


def ranges(db: Database, file: str, inside: Declared, offset: int) -> Iterator[str]:
    """A line for all deploys of the file in which the value at an offset has the same range."""
    if not isinstance(inside.node, syntax.Definition):
        return
    found = meant(db, file, offset, ())
    if found is None or not found.deploys or not sound(db, file):
        return
    at = offset - inside.start
    place = Place(file, inside.key, Span(at, at))
    told: dict[str, list[str]] = {}
    for deployed_in, deploy in found.deploys:
        range_ = _range(db, deployed_in, deploy, place)
        if range_ is not None:
            told.setdefault(str(range_), []).append(f"`{deploy}`")
    for text, deploys in told.items():
        yield f"Range in {', '.join(deploys)}: {text if text == 'unknown' else f'`{text}`'}."


def _range(db: Database, file: str, deploy: str, place: Place) -> Range | None:
    """The range of a value in a deploy, over all of its instances; None where the deploy does not make it."""
    graph, analysis = elaborated(db, file, deploy), analysed(db, file, deploy)
    if isinstance(graph, Refusal) or analysis is None:
        return None
    whole: Range | None = None
    for ssa in values_at(db, graph, place):
        range_ = analysis.ranges.get(id(ssa))
        if range_ is None or ssa.type.dtype == BOOL:
            continue
        whole = range_ if whole is None else joined(whole, range_)
    return whole
