"""The canonical layout of a file, as one edit."""

from __future__ import annotations

from tenuto_grammar.format import format as format_text
from tenuto_server.reports import Edit


def formatting(text: str) -> Edit | None:
    """What lays the text out; None where it is as it should be, or has a mistake in its syntax.

    The edit leaves out what stays the same at both ends, so that an editor keeps the cursor.
    """
    formatted = format_text(text)
    if formatted.problems or formatted.text == text:
        return None
    start = _common_start(text, formatted.text)
    left, right = text[start:], formatted.text[start:]
    same = _common_start(left[::-1], right[::-1])
    return Edit(start, len(text) - same, right[: len(right) - same])


def _common_start(left: str, right: str) -> int:
    """How many characters two texts begin with alike."""
    pairs = enumerate(zip(left, right, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(left), len(right)))
