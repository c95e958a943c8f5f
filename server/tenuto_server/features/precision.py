"""Which dtype a value has in each deploy that makes it, and why: as Markdown, where there is something to tell."""

from __future__ import annotations

from collections.abc import Iterator

from tenuto_analysis.database import Database
from tenuto_analysis.diagnostics.base import Place
from tenuto_analysis.elaborate.checkpoints import sound
from tenuto_analysis.insight.questions import Declared
from tenuto_analysis.precision.reasons import explained
from tenuto_grammar import syntax
from tenuto_grammar.text import Span
from tenuto_server.features.deploy_of import meant


def precision(db: Database, file: str, inside: Declared, offset: int) -> Iterator[str]:
    """A paragraph for all deploys of the file in which the value at an offset is the same."""
    if not isinstance(inside.node, syntax.Definition):
        return
    found = meant(db, file, offset, ())
    if found is None or not found.deploys or not sound(db, file):
        return
    at = offset - inside.start
    told: dict[tuple[str, ...], dict[str, None]] = {}
    for item in explained(db, Place(file, inside.key, Span(at, at)), found.deploys):
        if not item.plain:
            lines = (f"`{item.type}`", *(reason.text for reason in item.reasons))
            told.setdefault(lines, {})[f"`{item.deploy}`"] = None
    for (type_, *reasons), deploys in told.items():
        yield "\n".join([f"In {', '.join(deploys)}: {type_}", *(f"- {reason}" for reason in reasons)])
