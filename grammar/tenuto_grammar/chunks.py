"""A file as its top-level declarations: what an edit parses again.

A declaration keyword in column 0 always begins a declaration, so a regular expression finds them all without knowing
what stands between. Nothing is parsed here; the chunks' texts joined are the file.
"""

from __future__ import annotations

import re
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


KEYWORDS = ("import", "type", "record", "const", "fn", "model", "op", "deploy")

# It begins with one fixed character, which is found ten times as fast as a choice of line ends.
_DECLARATION = re.compile(rf"\n(?P<keyword>{'|'.join(KEYWORDS)})\b(?:[ \t]+(?P<name>[A-Za-z_][A-Za-z0-9_]*))?")

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
