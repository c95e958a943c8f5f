"""How much room text takes. It is set in a font of fixed width, so that every reader's font gives the same."""

from __future__ import annotations

from textwrap import wrap
from unicodedata import combining, east_asian_width

FONT = "'DejaVu Sans Mono', Menlo, 'Liberation Mono', Consolas, 'Courier New', monospace"

TITLE_SIZE = 12.0
LINE_SIZE = 11.0
LABEL_SIZE = 10.0

ADVANCE = 0.61  # Of the font's size; of the fonts named above none is wider.
LEADING = 1.4

LONGEST_LINE = 44
LONGEST_LABEL = 48
MOST_LINES = 3


def width(text: str, size: float) -> float:
    return sum(_cells(letter) for letter in text) * size * ADVANCE


def shortened(text: str, longest: int) -> str:
    """The text, its middle left out where it is long; what cannot be seen is left out, too."""
    text = " ".join(visible(text).split())
    if len(text) <= longest:
        return text
    kept = longest - 1
    return f"{text[: kept - kept // 3]}…{text[len(text) - kept // 3 :]}"


def wrapped(text: str) -> tuple[str, ...]:
    """The text in lines between its words, the last of them cut where there would be too many."""
    return tuple(wrap(visible(text), LONGEST_LINE, max_lines=MOST_LINES, placeholder=" …"))


def visible(text: str) -> str:
    """The text without what XML cannot hold or what would reorder it; line ends stay."""
    return "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)


def _cells(letter: str) -> int:
    if combining(letter):
        return 0
    return 2 if east_asian_width(letter) in "WF" else 1
