"""Comments that silence a lint: `# tenuto: allow(rule-name) reason`.

At the end of a line it silences that line; alone on a line, the statement or declaration that follows. Only warnings
can be silenced, and a comment that silences nothing is reported itself.
"""

from __future__ import annotations

import re

from msgspec import Struct

from tenuto_analysis import modules
from tenuto_analysis.database import Database
from tenuto_analysis.diagnostics import CATALOGUE
from tenuto_analysis.diagnostics.base import Diagnostic, GraphProblem, Severity
from tenuto_analysis.diagnostics.syntax import UnusedSuppression
from tenuto_analysis.diagnostics.words import nearest
from tenuto_grammar import syntax
from tenuto_grammar.text import Span

_ALLOW = re.compile(r"#\s*tenuto:\s*allow\(([^)]*)\)")
_SEVERITIES = {item.rule: item.severity for item in CATALOGUE}
OF_GRAPHS = frozenset(item.rule for item in CATALOGUE if issubclass(item, GraphProblem))
"""The rules that speak of the graph of a deploy: whether a comment silences one is known only with the graph."""


class Allowed(Struct, frozen=True):
    """One rule that a comment allows, and the stretch of the declaration where it does."""

    key: str
    rule: str
    span: Span
    reach: Span


def suppressed(allowed: list[Allowed], found: list[tuple[str, Diagnostic]]) -> list[tuple[str, Diagnostic]]:
    """The problems that are left, with those of the comments themselves."""
    used: set[Allowed] = set()
    kept: list[tuple[str, Diagnostic]] = []
    for key, problem in found:
        silencing = [item for item in allowed if _silences(item, key, problem)]
        used.update(silencing)
        if not silencing:
            kept.append((key, problem))
    return kept + [(item.key, _unused(item)) for item in allowed if item not in used]


def _unused(item: Allowed) -> Diagnostic:
    severity = _SEVERITIES.get(item.rule)
    near = nearest(item.rule, _SEVERITIES) if severity is None else ()
    return UnusedSuppression(item.span, item.rule, severity is not None, severity is Severity.ERROR, near)


def _silences(item: Allowed, key: str, problem: Diagnostic) -> bool:
    if problem.told_as is Severity.ERROR or item.key != key or item.rule != problem.rule:
        return False
    return _meets(item.reach, problem.span)


def _meets(reach: Span, span: Span) -> bool:
    return reach.start <= span.start < reach.end


def allowed_in(db: Database, file: str, key: str) -> tuple[Allowed, ...]:
    """The lints that the comments of a declaration allow."""
    text = modules.chunk_text(db, (file, key)) or ""
    if "tenuto:" not in text:
        return ()
    parsed = modules.parsed(db, file, key)
    found: list[Allowed] = []
    for comment in parsed.comments if parsed is not None else ():
        match = _ALLOW.match(comment.text)
        if match is None:
            continue
        line = text.rfind("\n", 0, comment.span.start) + 1
        end = text.find("\n", comment.span.end)
        end = len(text) if end < 0 else end
        alone = not text[line : comment.span.start].strip()
        reach = (
            _following(parsed.declaration if parsed is not None else None, comment.span.end)
            if alone
            else Span(line, end)
        )
        for rule in re.finditer(r"[^,\s]+", match[1]):
            start = comment.span.start + match.start(1) + rule.start()
            found.append(Allowed(key, rule[0], Span(start, start + len(rule[0])), reach))
    return tuple(found)


def _following(node: syntax.Node | None, offset: int) -> Span:
    """The first statement or declaration after a comment that stands alone."""
    if node is None:
        return Span(offset, offset)
    if node.span.start >= offset:
        return node.span
    inner = [child for child in syntax.children(node) if child.span.end > offset]
    return _following(inner[0], offset) if inner else Span(offset, offset)
