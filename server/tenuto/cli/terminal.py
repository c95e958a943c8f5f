"""What a terminal can show: colour, and text that cannot harm it."""

from __future__ import annotations

import os
import sys
from enum import Enum


class Style(Enum):
    """Roles, as the escape codes that show them."""

    ERROR = "1;31"
    WARNING = "1;33"
    STRONG = "1"
    FRAME = "34"
    HINT = "36"
    ADDED = "32"
    REMOVED = "31"


class Painter:
    """Wraps text in escape codes, or leaves it alone."""

    def __init__(self, color: bool) -> None:
        self._color = color

    def __call__(self, style: Style, text: str) -> str:
        return f"\x1b[{style.value}m{text}\x1b[0m" if self._color and text else text


def wants_color(option: str) -> bool:
    """Whether standard output gets colour: `always`, `never`, or `auto` by the terminal and NO_COLOR."""
    if option != "auto":
        return option == "always"
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and sys.stdout.isatty()


def harmless(text: str) -> str:
    """A line without control characters, which could move the cursor or hide what stands before them."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
