"""Places in a text: spans, and lines and columns as editors and people count them.

A line ends at LF, CRLF or CR and nowhere else, as the Language Server Protocol counts; `str.splitlines` knows eight
more line ends and is never used.
"""

from __future__ import annotations

from typing import NamedTuple


class Span(NamedTuple):
    """A half-open range of offsets (in characters) in a text."""

    start: int
    end: int

    def shifted(self, by: int) -> Span:
        return Span(self.start + by, self.end + by)
