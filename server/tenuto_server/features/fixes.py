"""What mends findings: their own fixes, an import for a name that nothing declares, a comment that allows a lint."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from tenuto_analysis.diagnostics import CATALOGUE
from tenuto_analysis.diagnostics.base import Severity
from tenuto_analysis.diagnostics.names import UnknownName
from tenuto_analysis.insight import questions
from tenuto_analysis.suppression import OF_GRAPHS
from tenuto_grammar.lexer import comments, tokenize
from tenuto_grammar.text import LineIndex, Span
from tenuto_server.features.action import QUICK_FIX, Action
from tenuto_server.features.edits import minimal
from tenuto_server.features.imports import importing
from tenuto_server.features.remedies import remedies
from tenuto_server.features.selected import indentation
from tenuto_server.mending import applied, mended
from tenuto_server.reports import Edit, Report
from tenuto_server.workspace import Workspace

_LINTS = frozenset(item.rule for item in CATALOGUE if item.severity is Severity.WARNING)
_ALLOW = re.compile(r"#\s*tenuto:\s*allow\(([^)]*)\)")


def quick_fixes(
    workspace: Workspace, file: str, report: Report, others: Callable[[], Iterable[str]]
) -> Iterator[Action]:
    """What would mend a finding, the best first; a name is also looked for in `others`, files of the workspace."""
    if report.rule == UnknownName.rule:
        yield from _imports(workspace, file, report, others)
    for fix in report.fixes:
        yield Action(fix.title, QUICK_FIX, fix.edits, (report,), preferred=fix.safe)
    yield from remedies(workspace, file, report)
    if report.rule in _LINTS:
        allowed = _allowing(workspace, file, report)
        if allowed is not None:
            yield Action(f"allow `{report.rule}` here", QUICK_FIX, allowed, (report,))


def fix_all(workspace: Workspace, file: str, found: Callable[[], tuple[Report, ...]]) -> tuple[Edit, ...]:
    """All that `tenuto check --fix` would do to a file; `found` are its findings as the settings choose."""

    def found_in(text: str) -> tuple[Report, ...]:
        with workspace.trying(file, text):
            return found()

    text = workspace.text(file)
    return minimal(text, mended(text, found_in))


def _imports(workspace: Workspace, file: str, report: Report, others: Callable[[], Iterable[str]]) -> Iterator[Action]:
    name = workspace.text(file)[report.start : report.end]
    for path, edits in importing(workspace, file, name, others()):
        yield Action(f"import `{name}` from `{path}`", QUICK_FIX, edits, (report,))


def _allowing(workspace: Workspace, file: str, report: Report) -> tuple[Edit, ...] | None:
    """A comment that silences a finding: at the end of its line, or above it where another comment stands there."""
    text = workspace.text(file)
    lines = LineIndex(text)
    line = lines.line_span(lines.line(report.start))
    comment = _comment_of(workspace, file, line)
    if comment is None:
        edit = Edit(line.end, line.end, f"  # tenuto: allow({report.rule})")
    elif (allow := _ALLOW.match(text, comment.start)) is not None:
        edit = Edit(allow.end(1), allow.end(1), f", {report.rule}")
    else:
        start = line.start
        edit = Edit(start, start, f"{_indent_of_line(text, line)}# tenuto: allow({report.rule})\n")
    found = workspace.reports if report.rule in OF_GRAPHS else workspace.quick_reports
    with workspace.trying(file, applied(text, [edit])):
        after = found(file)
    return (edit,) if len(after) < len(found(file)) else None


def _comment_of(workspace: Workspace, file: str, line: Span) -> Span | None:
    """The comment at the end of a line."""
    item = questions.declaration_at(workspace.database, file, line.start)
    start = item.start if item is not None else line.start
    found = comments(tokenize(workspace.text(file)[start : line.end]))
    return next((comment.span.shifted(start) for comment in found if comment.span.end + start == line.end), None)


def _indent_of_line(text: str, line: Span) -> str:
    content = text[line.start : line.end]
    return indentation(text, line.end - len(content.lstrip(" \t")))
