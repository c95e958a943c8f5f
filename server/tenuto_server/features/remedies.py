"""What mends a finding and takes more than the words of its rule: each is tried, and offered where it helps."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import NamedTuple

from tenuto_analysis.diagnostics.calls import ModelNeedsSub
from tenuto_analysis.diagnostics.names import UnboundSize
from tenuto_analysis.diagnostics.syntax import SyntaxProblem
from tenuto_analysis.insight import questions
from tenuto_grammar import syntax
from tenuto_grammar.chunks import KEYWORDS
from tenuto_grammar.parse import parse_chunk
from tenuto_grammar.text import Span
from tenuto_server.features.action import QUICK_FIX, Action
from tenuto_server.features.selected import indentation, path_to, rewritten, selection, unused_name
from tenuto_server.mending import applied, badness
from tenuto_server.reports import Edit, Report
from tenuto_server.workspace import Workspace

STATEMENTS = ("let", "var", "param", "sub", "for", "while", "if", "else", "return", "collect", "assert", "assume")
PUT_IN = (":", ",", " =", " ->", ".", " {", "(", ")", "[", "]", " in")  # What one forgets.

_NEW_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_FIRST_WORD = re.compile(r"[ \t]*([A-Za-z_][A-Za-z0-9_]*)")


class _Remedy(NamedTuple):
    title: str
    edits: tuple[Edit, ...]


def remedies(workspace: Workspace, file: str, report: Report) -> Iterator[Action]:
    """Of several that help, those that help most."""
    remedy = _REMEDIES.get(report.rule)
    if remedy is None or report.fixes:
        return
    text = workspace.text(file)
    before = _badness(workspace.quick_reports(file))
    tried: list[tuple[tuple[int, int, int], _Remedy]] = []
    for item in remedy(workspace, file, report):
        with workspace.trying(file, applied(text, item.edits)):
            tried.append((_badness(workspace.quick_reports(file)), item))
    best = min((after for after, _ in tried), default=before)
    if best < before:
        for item in [item for after, item in tried if after == best][:2]:
            yield Action(item.title, QUICK_FIX, item.edits, (report,))


def _badness(reports: tuple[Report, ...]) -> tuple[int, int, int]:
    """A mistake in the syntax hides others."""
    return sum(report.rule == SyntaxProblem.rule for report in reports), *badness(reports)


def _part(workspace: Workspace, file: str, report: Report) -> Iterator[_Remedy]:
    """A model that is called where it stands becomes a `sub`."""
    here = selection(workspace, file, Span(report.start, report.end))
    if here is None or not isinstance(here.node, syntax.Definition) or not isinstance(here.node.body, syntax.Block):
        return
    found = (item for item in path_to(here.node, here.span) if item.span == here.span)
    node = next((item for item in found if isinstance(item, syntax.Expression)), None)
    node = node.callee if isinstance(node, syntax.Call) else node
    if node is None:
        return
    model = here.text[slice(*node.span)]
    name = unused_name(here, _NEW_WORD.sub("_", model.split("[")[0].split(".")[-1]).lower())
    at = next(item for item in here.node.body.statements if item.span.end >= node.span.end).span.start
    sub = Edit(at, at, f"sub {name} = {model}\n{indentation(here.text, at)}")
    yield _Remedy(f"make it a part, `sub {name}`", rewritten(here, [sub, Edit(*node.span, name)]))


def _generic(workspace: Workspace, file: str, report: Report) -> Iterator[_Remedy]:
    """A size that nothing determines is given by the caller."""
    here = selection(workspace, file, Span(report.start, report.end))
    if here is None or not isinstance(here.node, syntax.Definition) or not here.selected.isidentifier():
        return
    generics, name = here.node.generics, here.selected
    at = generics[-1].span.end if generics else here.node.name.span.end
    declared = Edit(at, at, f", {name}" if generics else f"[{name}]")
    yield _Remedy(f"declare the generic `{name}`", rewritten(here, [declared]))


def _words(workspace: Workspace, file: str, report: Report) -> Iterator[_Remedy]:
    """A keyword that is misspelt or left out, or something small that was forgotten or is too much."""
    text = workspace.text(file)
    line = text.rfind("\n", 0, report.start) + 1
    first = _FIRST_WORD.match(text, line)
    if first is not None and first[1] not in (*KEYWORDS, *STATEMENTS):
        start, end = first.span(1)
        keywords = STATEMENTS if start > line else KEYWORDS
        for keyword in get_close_matches(first[1], keywords, n=2):
            yield _Remedy(f"write `{keyword}`", (Edit(start, end, keyword),))
        if start == line:
            yield from (_Remedy(f"begin with `{keyword}`", (Edit(line, line, f"{keyword} "),)) for keyword in KEYWORDS)
    item = questions.declaration_at(workspace.database, file, report.start)
    if item is None:
        return
    chunk = text[item.start : item.end]
    broken = len(parse_chunk(chunk).problems)
    at = len(text[: report.start].rstrip())
    small: list[_Remedy] = [_Remedy(f"put in `{word.strip()}`", (Edit(at, at, word),)) for word in PUT_IN]
    word = text[report.start : report.end]
    if word and not re.search(r"\w|\s", word):
        others = (other.strip() for other in PUT_IN if other.strip() != word)
        small += (_Remedy(f"write `{other}`", (Edit(report.start, report.end, other),)) for other in others)
        small.append(_Remedy(f"leave out `{word}`", (Edit(report.start, report.end, ""),)))
    for remedy in small:
        edits = [Edit(edit.start - item.start, edit.end - item.start, edit.text) for edit in remedy.edits]
        if item.start <= at and len(parse_chunk(applied(chunk, edits)).problems) < broken:
            yield remedy


_REMEDIES: Mapping[str, Callable[[Workspace, str, Report], Iterator[_Remedy]]] = {
    ModelNeedsSub.rule: _part,
    UnboundSize.rule: _generic,
    SyntaxProblem.rule: _words,
}
