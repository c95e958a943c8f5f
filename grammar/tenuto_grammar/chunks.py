"""A file as its top-level declarations: what an edit parses again.

A declaration keyword in column 0 always begins a declaration, so a regular expression finds them all without knowing
what stands between. Nothing is parsed here; the chunks' texts joined are the file.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import pairwise

from msgspec import Struct


class Chunk(Struct, frozen=True):
    """The text of one declaration and of the comments above it; `keyword` is None for what precedes the first.

    `name` is found without parsing: what the declaration is called, or None for an import and where it is not typed
    yet.
    """

    start: int
    text: str
    keyword: str | None
    name: str | None

    def moved(self, by: int) -> Chunk:
        return Chunk(self.start + by, self.text, self.keyword, self.name)


KEYWORDS = ("import", "type", "record", "const", "fn", "model", "op", "deploy")

# It begins with one fixed character, which is found ten times as fast as a choice of line ends.
_DECLARATION = re.compile(rf"\n(?P<keyword>{'|'.join(KEYWORDS)})\b(?:[ \t]+(?P<name>[A-Za-z_][A-Za-z0-9_]*))?")

_FEW = 8  # So few pieces are cut anew at once.

_BLANK = " \t\r\n\f"


def split(text: str) -> tuple[Chunk, ...]:
    """The file in pieces, first to last; a file without declarations is one piece, an empty file is none."""
    found = list(_DECLARATION.finditer(_lines(text)))
    starts: list[int] = []
    previous = 0
    for match in found:
        starts.append(_with_comments_above(text, previous, match.start()))
        previous = match.end() - 1
    header = text[: starts[0]] if starts else text
    starts.append(len(text))
    chunks = [Chunk(0, header, None, None)] if header else []
    for match, (start, end) in zip(found, pairwise(starts), strict=True):
        keyword = match["keyword"]
        chunks.append(Chunk(start, text[start:end], keyword, None if keyword == "import" else match["name"]))
    return tuple(chunks)


def split_again(before: tuple[Chunk, ...], text: str) -> tuple[Chunk, ...]:
    """What `split(text)` gives, from the pieces of a text that differs in one place: only what is near it is cut anew.

    A piece depends on its own text and on where its neighbours begin, so that one more on either side is enough.
    """
    if len(before) < _FEW:
        return split(text)
    old = "".join(chunk.text for chunk in before)
    same = _common(old, text)
    end = len(old) - _common(old[same:][::-1], text[same:][::-1])
    first = max(bisect_right(before, same, key=_start) - 2, 0)
    last = min(bisect_right(before, end, key=_start) + 1, len(before))
    moved = len(text) - len(old)
    start, stop = before[first].start, before[last].start + moved if last < len(before) else len(text)
    middle = (chunk.moved(start) for chunk in split(text[start:stop]))
    rest = (chunk.moved(moved) for chunk in before[last:]) if moved else before[last:]
    return (*before[:first], *middle, *rest)


def _start(chunk: Chunk) -> int:
    return chunk.start


def _common(left: str, right: str) -> int:
    """How many characters two texts have in common at their start."""
    low, high = 0, min(len(left), len(right))
    while low < high:
        middle = (low + high + 1) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _lines(text: str) -> str:
    """The text with `\\n` before each line and nothing else at its start: one character longer, else in step."""
    marked = text.replace("\r", "\n")
    return f"\n\n{marked[1:]}" if text.startswith("\ufeff") else f"\n{marked}"


def _with_comments_above(text: str, lowest: int, keyword: int) -> int:
    """The start of the topmost comment line in column 0 above `keyword`; only blank lines may stand between.

    `#!` lines are about the file and stay with what precedes; an indented comment stays in the body above it.
    """
    start = keyword
    above = text[lowest:keyword].rstrip(_BLANK)
    while above:
        line = max(above.rfind("\n"), above.rfind("\r")) + 1
        if line == 0 < lowest:
            break  # the rest of the line where the declaration before begins
        content = above[line:].removeprefix("\ufeff")
        if content.startswith("#") and not content.startswith("#!"):
            start = lowest + len(above) - len(content)
        elif content:
            break
        above = above[:line].rstrip(_BLANK)
    return start
