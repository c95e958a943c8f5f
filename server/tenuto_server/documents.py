"""Documents that an editor has open: their lines, and what edits make of them.

A line ends where the protocol says (LF, CRLF, CR) and nowhere else. A document never changes: an edit makes another one
that shares the lines which it leaves alone, so that a reader in another thread needs no lock.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from tenuto_grammar.text import LINE_END, Encoding, Position, code_units


class Document(NamedTuple):
    """A document as the editor has it; each line has its end, the last has none. There is always a last line."""

    uri: str
    version: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return "".join(self.lines)


class Change(NamedTuple):
    """Replace what stands between two places; a `start` of None replaces everything."""

    start: Position | None
    end: Position | None
    text: str


def opened(uri: str, version: int, text: str) -> Document:
    return Document(uri, version, tuple(split(text)))


def edited(document: Document, version: int, changes: Sequence[Change], encoding: Encoding) -> Document:
    """The document after changes, each of which counts on those before it."""
    lines = [*document.lines]
    for change in changes:
        if change.start is None or change.end is None:
            lines = split(change.text)
        else:
            _replace(lines, change.start, change.end, change.text, encoding)
    return Document(document.uri, version, tuple(lines))


def split(text: str) -> list[str]:
    """The lines of a text with their ends."""
    lines: list[str] = []
    start = 0
    for match in LINE_END.finditer(text):
        lines.append(text[start : match.end()])
        start = match.end()
    lines.append(text[start:])
    return lines


def _replace(lines: list[str], start: Position, end: Position, text: str, encoding: Encoding) -> None:
    first, last = _place(lines, start, encoding), _place(lines, end, encoding)
    if last < first:
        first, last = last, first
    (top, left), (bottom, right) = first, last
    # A CR may meet an LF above or below the edit and become one line end with it: the neighbours are cut again too.
    above, below = max(top - 1, 0), min(bottom + 1, len(lines) - 1)
    middle = f"{lines[top][:left]}{text}{lines[bottom][right:]}"
    whole = "".join((*lines[above:top], middle, *lines[bottom + 1 : below + 1]))
    new = split(whole)
    if below + 1 < len(lines):
        new.pop()  # The text ended at a line end, and what follows it is the next line.
    lines[above : below + 1] = new


def _place(lines: list[str], position: Position, encoding: Encoding) -> tuple[int, int]:
    """A line and an index in it; what lies outside is moved to the end."""
    if position.line >= len(lines):
        return len(lines) - 1, len(lines[-1])
    body = lines[position.line].rstrip("\r\n")
    if encoding is Encoding.UTF32 or body.isascii():
        return position.line, min(position.column, len(body))
    ends: list[int] = []
    column = 0
    for character in body:
        column += code_units(character, encoding)
        ends.append(column)
    return position.line, bisect_right(ends, position.column)
