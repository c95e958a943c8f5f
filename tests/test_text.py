"""Offsets, lines and columns, in the units that editors count."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenuto_grammar.text import Encoding, LineIndex, Position, Span

TEXTS = st.text(st.sampled_from("ab\n\röé😀\u2028\x0b"), max_size=40)
UNITS = {Encoding.UTF8: ("utf-8", 1), Encoding.UTF16: ("utf-16-le", 2), Encoding.UTF32: ("utf-32-le", 4)}


@given(TEXTS, st.sampled_from(list(Encoding)))
def test_every_offset_returns(text: str, encoding: Encoding) -> None:
    lines = LineIndex(text)
    for offset in range(len(text) + 1):
        place = lines.position(offset, encoding)
        back = lines.offset(place, encoding)
        assert back == offset or (back, text[back : offset + 1]) == (offset - 1, "\r\n")


@given(TEXTS, st.sampled_from(list(Encoding)))
def test_columns_count_units(text: str, encoding: Encoding) -> None:
    name, size = UNITS[encoding]
    lines = LineIndex(text)
    for line in range(lines.count):
        start, end = lines.line_span(line)
        assert not set(text[start:end]) & {"\n", "\r"}
        for offset in range(start, end + 1):
            units = len(text[start:offset].encode(name)) // size
            assert lines.position(offset, encoding) == Position(line, units)


@pytest.mark.parametrize(("text", "count"), [("", 1), ("a", 1), ("a\n", 2), ("a\r\nb\rc\n", 4), ("a\x0bb\u2028c", 1)])
def test_lines_end_at_lf_crlf_and_cr(text: str, count: int) -> None:
    assert LineIndex(text).count == count


def test_what_lies_outside_is_moved_inside() -> None:
    lines = LineIndex("ab\ncd")
    assert lines.position(99) == Position(1, 2)
    assert lines.position(-1) == Position(0, 0)
    assert lines.offset(Position(0, 99)) == 2
    assert lines.offset(Position(9, 0)) == 5
    assert lines.line_span(0) == Span(0, 2)
    assert Span(1, 2).shifted(3) == Span(4, 5)
