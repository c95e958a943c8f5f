"""Edits of open documents, held against a plain reading of the protocol."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenuto_grammar.text import Encoding, Position, code_units
from tenuto_server.documents import Change, edited, opened, split

# Characters of every width, every line end, and what other programs take for line ends.
CHARACTERS = "ab é😀\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\ud800"
TEXTS = st.text(CHARACTERS, max_size=30)
POSITIONS = st.builds(Position, st.integers(0, 8), st.integers(0, 12))
CHANGES = st.builds(Change, POSITIONS, POSITIONS, TEXTS) | st.builds(Change, st.none(), st.none(), TEXTS)


def offset(text: str, place: Position, encoding: Encoding) -> int:
    """Where a place is in a text, as the protocol says, slowly."""
    starts = [0, *(match.end() for match in re.finditer(r"\r\n|\n|\r", text))]
    if place.line >= len(starts):
        return len(text)
    end = re.compile(r"\r|\n|\Z").search(text, starts[place.line])
    assert end is not None
    column = 0
    for index in range(starts[place.line], end.start()):
        column += code_units(text[index], encoding)
        if column > place.column:
            return index
    return end.start()


def changed(text: str, change: Change, encoding: Encoding) -> str:
    if change.start is None or change.end is None:
        return change.text
    start, end = sorted((offset(text, change.start, encoding), offset(text, change.end, encoding)))
    return text[:start] + change.text + text[end:]


@given(TEXTS, st.lists(CHANGES, max_size=6), st.sampled_from(Encoding))
def test_edits_make_the_text_that_the_protocol_means(text: str, changes: list[Change], encoding: Encoding) -> None:
    document = edited(opened("file:///a.ten", 1, text), 2, changes, encoding)
    for change in changes:
        text = changed(text, change, encoding)
    assert document.text == text
    assert document.lines == tuple(split(text))
    assert document.version == 2


@pytest.mark.parametrize(
    ("text", "start", "end", "new", "expected"),
    [
        ("abc", (0, 99), (0, 99), "X", "abcX"),
        ("abc\nd\n", (0, 99), (0, 99), "X", "abcX\nd\n"),
        ("abc", (0, 0), (1, 0), "Z", "Z"),
        ("abc\n", (1, 0), (1, 0), "Z", "abc\nZ"),
        ("ab\r\ncd", (0, 2), (1, 0), "", "abcd"),
        ("a\u2028b\ncd\n", (1, 1), (1, 1), "X", "a\u2028b\ncXd\n"),
        ("a\r", (1, 0), (1, 0), "\nb", "a\r\nb"),
        ("a\rb\nc", (1, 0), (1, 1), "", "a\r\nc"),
    ],
)
def test_edits_at_the_edges(text: str, start: tuple[int, int], end: tuple[int, int], new: str, expected: str) -> None:
    change = Change(Position(*start), Position(*end), new)
    document = edited(opened("file:///a.ten", 1, text), 2, [change], Encoding.UTF16)
    assert document.text == expected
    assert document.lines == tuple(split(expected))
