"""Places in a text: spans, and lines and columns as editors and people count them.

A line ends at LF, CRLF or CR and nowhere else, as the Language Server Protocol counts; `str.splitlines` knows eight
more line ends and is never used.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from enum import Enum
from itertools import accumulate
from typing import NamedTuple

LINE_END = re.compile(r"\r\n|\n|\r")


class Span(NamedTuple):
    """A half-open range of offsets (in characters) in a text."""

    start: int
    end: int

    def shifted(self, by: int) -> Span:
        return Span(self.start + by, self.end + by)


class Position(NamedTuple):
    """A line and a column, both counted from 0."""

    line: int
    column: int


class Encoding(Enum):
    """What a column counts: the units of an encoding. UTF-32 counts characters."""

    UTF8 = "utf-8"
    UTF16 = "utf-16"
    UTF32 = "utf-32"


class LineIndex:
    """The lines of a text: from offsets to lines and columns, and back; what lies outside is moved to the end."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts = _starts(text)
        self._ascii = text.isascii()

    @property
    def count(self) -> int:
        """How many lines there are; a text that ends with a line end has an empty last line."""
        return len(self._starts)

    def line(self, offset: int) -> int:
        """The line that an offset lies in."""
        return bisect_right(self._starts, max(offset, 0)) - 1

    def line_span(self, line: int) -> Span:
        """A line without its line end."""
        start = self._starts[line]
        if line + 1 == len(self._starts):
            return Span(start, len(self.text))
        end = self._starts[line + 1] - 1
        crlf = end > start and self.text[end] == "\n" and self.text[end - 1] == "\r"
        return Span(start, end - 1 if crlf else end)

    def position(self, offset: int, encoding: Encoding = Encoding.UTF32) -> Position:
        """The line and column of an offset."""
        offset = min(max(offset, 0), len(self.text))
        line = self.line(offset)
        start = self._starts[line]
        if self._ascii or encoding is Encoding.UTF32:
            return Position(line, offset - start)
        return Position(line, sum(code_units(character, encoding) for character in self.text[start:offset]))

    def offset(self, position: Position, encoding: Encoding = Encoding.UTF32) -> int:
        """The offset of a line and column; a column inside a character means its start."""
        if position.line >= len(self._starts):
            return len(self.text)
        start, end = self.line_span(position.line)
        if self._ascii or encoding is Encoding.UTF32:
            return min(start + position.column, end)
        column = 0
        for offset in range(start, end):
            column += code_units(self.text[offset], encoding)
            if column > position.column:
                return offset
        return end


def _starts(text: str) -> list[int]:
    """Where each line begins."""
    if "\r" in text:
        return [0, *(match.end() for match in LINE_END.finditer(text))]
    # The same, five times as fast: it is done after each edit.
    *lines, _ = text.split("\n")
    return [*accumulate((len(line) + 1 for line in lines), initial=0)]


def code_units(character: str, encoding: Encoding) -> int:
    """How many units of an encoding a character takes."""
    code = ord(character)
    match encoding:
        case Encoding.UTF8:
            return 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4
        case Encoding.UTF16:
            return 1 if code < 0x10000 else 2
        case Encoding.UTF32:
            return 1
