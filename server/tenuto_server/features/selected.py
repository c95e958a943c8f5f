"""What is selected in a file, for the actions that change it, and a look at what a change would bring."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import NamedTuple

from tenuto_analysis import modules
from tenuto_analysis.insight import questions
from tenuto_analysis.insight.questions import Declared
from tenuto_grammar import syntax
from tenuto_grammar.format import format as format_text
from tenuto_grammar.text import Span
from tenuto_server.features.edits import minimal
from tenuto_server.mending import applied
from tenuto_server.reports import Edit
from tenuto_server.workspace import Workspace

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Selection(NamedTuple):
    """A stretch of a declaration without white space at its ends; `span` and all places are relative to it."""

    workspace: Workspace
    file: str
    declared: Declared
    node: syntax.Declaration
    text: str  # Of the declaration.
    span: Span

    @property
    def selected(self) -> str:
        return self.text[slice(*self.span)]


def selection(workspace: Workspace, file: str, span: Span) -> Selection | None:
    """What a span of a file selects; None where that is not in one declaration that can be read."""
    declared = questions.declaration_at(workspace.database, file, span.start)
    if declared is None or declared.node is None or span.end > declared.end:
        return None
    text = modules.chunk_text(workspace.database, (file, declared.key)) or ""
    start, end = span.start - declared.start, span.end - declared.start
    inside = text[start:end]
    start += len(inside) - len(inside.lstrip())
    end = max(start, end - (len(inside) - len(inside.rstrip())))
    return Selection(workspace, file, declared, declared.node, text, Span(start, end))


def path_to(root: syntax.Node, span: Span) -> tuple[syntax.Node, ...]:
    """The nodes around a span, from the outermost to the innermost."""
    path = [root]
    while True:
        inner = next((node for node in syntax.children(path[-1]) if _holds(node.span, span)), None)
        if inner is None:
            return tuple(path)
        path.append(inner)


def _holds(outer: Span, inner: Span) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def unused_name(here: Selection, wanted: str) -> str:
    """A name that neither the declaration mentions nor the file declares or imports."""
    db, file = here.workspace.database, here.file
    taken = {*_WORD.findall(here.text), *modules.offered(db, file), *modules.imported_names(db, file)}
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}_{number}"
    return name


def indentation(text: str, offset: int) -> str:
    """The white space that the line of an offset begins with."""
    line = text[text.rfind("\n", 0, offset) + 1 : offset]
    return line[: len(line) - len(line.lstrip(" \t"))]


def tidied(before: str, after: str) -> str:
    """The new text of a declaration, laid out if the old one was."""
    if not _laid_out(before):
        return after
    formatted = format_text(after)
    return after if formatted.problems else formatted.text.rstrip("\n")


@lru_cache(maxsize=4)
def _laid_out(text: str) -> bool:
    return format_text(text).text.rstrip("\n") == text


def rewritten(here: Selection, edits: list[Edit], below: str = "") -> tuple[Edit, ...]:
    """Edits of the file for edits of the declaration, which is laid out afterwards; `below` is put under it."""
    after = tidied(here.text, applied(here.text, edits))
    if below:
        laid = format_text(below)
        after += "\n\n" + (below if laid.problems else laid.text).rstrip("\n")
    return minimal(here.text, after, here.declared.start)


def harmless(workspace: Workspace, file: str, edits: tuple[Edit, ...]) -> bool:
    """Whether a change brings no finding that was not there before."""
    before = Counter((report.rule, report.message) for report in workspace.quick_reports(file))
    with workspace.trying(file, applied(workspace.text(file), edits)):
        after = Counter((report.rule, report.message) for report in workspace.quick_reports(file))
    return after <= before
