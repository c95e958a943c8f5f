"""Places in a source file as people read them: lines with their numbers, marks below what is meant, and a few words."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from tenuto.cli.terminal import Painter, Style, harmless
from tenuto_grammar.text import LineIndex

WIDEST = 120  # columns of source; a longer line is shown around its first mark
CONTEXT = 30  # columns before that mark
TAB = "    "


class Label(NamedTuple):
    """A span to mark, and what to say of it (nothing, where the message above has said it)."""

    start: int
    end: int
    text: str
    mark: str
    style: Style


class _Mark(NamedTuple):
    """The part of a label that lies in one line, by columns of the source."""

    line: int
    start: int
    end: int
    label: Label
    text: str


def excerpt(lines: LineIndex, labels: list[Label], paint: Painter, margin: int) -> Iterator[str]:
    """The lines that the labels touch, each with its marks, in the order of the labels: of a label of many lines, the
    first and the last.

    `margin` is the width of the line numbers.
    """
    marks = sorted((mark for label in labels for mark in _marks(lines, label)), key=lambda mark: mark.line)
    previous: int | None = None
    for line, on_line in groupby(marks, key=lambda mark: mark.line):
        if previous is not None and line > previous + 1:
            yield f"{' ' * margin} {paint(Style.FRAME, '...')}"
        yield from _marked_line(lines, line, [*on_line], paint, margin)
        previous = line


def last_line(lines: LineIndex, labels: list[Label]) -> int:
    """The number, from 1, of the last line that is shown."""
    return max(mark.line for label in labels for mark in _marks(lines, label)) + 1


def _marks(lines: LineIndex, label: Label) -> Iterator[_Mark]:
    start = min(label.start, len(lines.text))
    end = min(max(label.end, start), len(lines.text))
    first, last = lines.line(start), lines.line(max(start, end - 1))
    line_start, line_end = lines.line_span(first)
    left = min(start, line_end) - line_start
    if first == last:
        yield _Mark(first, left, max(min(end, line_end) - line_start, left), label, label.text)
        return
    yield _Mark(first, left, line_end - line_start, label, "")
    line_start, line_end = lines.line_span(last)
    content = lines.text[line_start:line_end]
    left = len(content) - len(content.lstrip())
    yield _Mark(last, left, max(min(end, line_end) - line_start, left), label, label.text)


def _marked_line(lines: LineIndex, line: int, marks: list[_Mark], paint: Painter, margin: int) -> Iterator[str]:
    line_start, line_end = lines.line_span(line)
    content = lines.text[line_start:line_end]
    cut = max(marks[0].start - CONTEXT, 0) if len(content) > WIDEST else 0
    shown = content[cut : cut + WIDEST]
    lead = "..." if cut else ""
    rest = "..." if cut + WIDEST < len(content) else ""
    yield f"{paint(Style.FRAME, f'{line + 1:>{margin}} |')} {lead}{_clean(shown)}{rest}".rstrip()
    for mark in marks:
        left = min(mark.start, cut + WIDEST)
        before, marked = content[cut:left], content[left : min(mark.end, cut + WIDEST)]
        drawn = mark.label.mark * max(_width(marked), 1)
        words = f"{drawn} {harmless(mark.text)}" if mark.text else drawn
        frame = paint(Style.FRAME, " " * margin + " |")
        yield f"{frame} {' ' * _width(lead + before)}{paint(mark.label.style, words)}"


def _clean(text: str) -> str:
    return harmless(text.replace("\t", TAB))


def _width(text: str) -> int:
    """The columns that a text takes on a terminal."""
    clean = _clean(text)
    if clean.isascii():
        return len(clean)
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in clean
    )
