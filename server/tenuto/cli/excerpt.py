"""A place in a source file as people read it: the lines, their numbers, and carets below what is meant."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from tenuto.cli.terminal import Painter, Style, harmless
from tenuto_grammar.text import LineIndex

WIDEST = 120  # columns of source; a longer line is shown around the carets
CONTEXT = 30  # columns before the carets in a line that is cut
TAB = "    "


def excerpt(lines: LineIndex, start: int, end: int, mark: Style, paint: Painter, margin: int) -> Iterator[str]:
    """The lines that a span touches, with carets: all of one or two lines, the first and the last of more.

    `margin` is the width of the line numbers.
    """
    start = min(start, len(lines.text))
    end = min(max(end, start), len(lines.text))
    first, last = lines.line(start), lines.line(max(start, end - 1))
    for line in sorted({first, last}):
        line_start, line_end = lines.line_span(line)
        if line == last and last > first + 1:
            yield f"{' ' * margin} {paint(Style.FRAME, '...')}"
        content = lines.text[line_start:line_end]
        left = min(start, line_end) - line_start if line == first else len(content) - len(content.lstrip())
        right = min(end, line_end) - line_start
        yield from _marked(content, line + 1, left, max(right, left), mark, paint, margin)


def _marked(
    content: str, number: int, left: int, right: int, mark: Style, paint: Painter, margin: int
) -> Iterator[str]:
    cut = max(left - CONTEXT, 0) if len(content) > WIDEST else 0
    shown = content[cut : cut + WIDEST]
    before, marked = content[cut:left], content[left : min(right, cut + WIDEST)]
    lead = "..." if cut else ""
    rest = "..." if cut + WIDEST < len(content) else ""
    carets = " " * _width(lead + before) + paint(mark, "^" * max(_width(marked), 1))
    yield f"{paint(Style.FRAME, f'{number:>{margin}} |')} {lead}{_clean(shown)}{rest}".rstrip()
    yield f"{paint(Style.FRAME, ' ' * margin + ' |')} {carets}"


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
