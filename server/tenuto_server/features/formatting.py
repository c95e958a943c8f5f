"""The canonical layout of a file, of a part of it, and of what was just typed, as edits that keep the cursor.

A declaration with a mistake in its syntax stays as it is, so that nothing moves while it is being written.
"""

from __future__ import annotations

from tenuto_analysis.insight import questions
from tenuto_analysis.insight.questions import Declared
from tenuto_grammar.format import format as format_text
from tenuto_grammar.lexer import tokenize
from tenuto_grammar.text import LineIndex, Span
from tenuto_server.features.edits import minimal
from tenuto_server.reports import Edit
from tenuto_server.workspace import Workspace

STEP = "  "
TYPED = ("}", "\n")  # What an editor may tell of as it is typed.

_OPENING, _CLOSING = ("(", "[", "{"), (")", "]", "}")


def formatting(text: str) -> tuple[Edit, ...]:
    """What lays a file out; nothing where it is as it should be, or has a mistake in its syntax."""
    formatted = format_text(text)
    return () if formatted.problems else minimal(text, formatted.text)


def formatting_of(workspace: Workspace, file: str, span: Span) -> tuple[Edit, ...]:
    """What lays out the declarations that a span touches: their lines, as far as the span reaches."""
    text = workspace.text(file)
    lines = LineIndex(text)
    first = lines.line_span(lines.line(span.start)).start
    last = lines.line_span(lines.line(max(span.start, span.end - 1))).end
    found: list[Edit] = []
    for item in _touched(workspace, file, Span(first, last)):
        edits = _laid_out(text[item.start : item.end], item.start)
        inside = tuple(edit for edit in edits if first <= edit.start and edit.end <= last)
        # A part of the edits alone may not be a layout: it is taken where it reads the same.
        found += edits if len(inside) == len(edits) else inside if _keeps(text, item, inside) else ()
    return tuple(found)


def formatting_typed(workspace: Workspace, file: str, offset: int, typed: str) -> tuple[Edit, ...]:
    """What follows from a character that was just typed before an offset.

    A brace that closes a declaration lays the declaration out; a line end indents the new line.
    """
    text = workspace.text(file)
    item = questions.declaration_at(workspace.database, file, max(offset - 1, 0))
    if typed == "\n":
        return _indented(text, offset, item)
    if (
        item is None
        or item.node is None
        or text[offset - 1 : offset] != "}"
        or item.node.span.end != offset - item.start
    ):
        return ()
    return _laid_out(text[item.start : item.end], item.start)


def _touched(workspace: Workspace, file: str, span: Span) -> list[Declared]:
    found = questions.declarations(workspace.database, file)
    return [item for item in found if item.start <= span.end and span.start <= item.end]


def _laid_out(text: str, start: int) -> tuple[Edit, ...]:
    formatted = format_text(text)
    return () if formatted.problems else minimal(text, formatted.text.rstrip("\n"), start)


def _keeps(text: str, item: Declared, edits: tuple[Edit, ...]) -> bool:
    """Whether a declaration says the same after edits: its canonical layout is the same."""
    before = text[item.start : item.end]
    after = before
    for edit in sorted(edits, reverse=True):
        after = after[: edit.start - item.start] + edit.text + after[edit.end - item.start :]
    laid, wanted = format_text(after), format_text(before)
    return not laid.problems and laid.text == wanted.text


def _indented(text: str, offset: int, item: Declared | None) -> tuple[Edit, ...]:
    """The white space that a new line begins with: two spaces for each bracket that is open before it."""
    lines = LineIndex(text)
    line = lines.line_span(lines.line(offset))
    content = text[line.start : line.end]
    start = item.start if item is not None else line.start
    depth = _open(text[start : line.start])
    if content.lstrip(" \t")[:1] in _CLOSING:
        depth -= 1
    before = content[: len(content) - len(content.lstrip(" \t"))]
    wanted = STEP * max(depth, 0)
    return () if before == wanted else (Edit(line.start, line.start + len(before), wanted),)


def _open(text: str) -> int:
    """How many brackets are open at the end of a text."""
    words = [text[slice(*span)] for span in tokenize(text).spans]
    return sum(word in _OPENING for word in words) - sum(word in _CLOSING for word in words)
