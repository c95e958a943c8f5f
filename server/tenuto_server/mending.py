"""Mending a text by the safe fixes of its findings: what `tenuto check --fix` and an editor's "fix all" do.

Edits that overlap others wait for the next round. A round that makes a file no better is taken back; fewer errors are
better whatever warnings they hid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from tenuto_server.reports import Edit, Report

MOST_ROUNDS = 20


class Mended(NamedTuple):
    """A text, and how many fixes made it."""

    text: str
    fixes: int


def mend(text: str, reports: Iterable[Report]) -> Mended:
    """The text with the first safe fix of each report; a fix that touches an earlier one is left out."""
    edits: set[Edit] = set()
    fixes = 0
    for report in reports:
        wanted = set(next((fix.edits for fix in report.fixes if fix.safe), ()))
        if wanted and not any(_conflict(new, old) for new in wanted - edits for old in edits):
            edits |= wanted
            fixes += 1
    return Mended(applied(text, edits), fixes)


def mended(text: str, found: Callable[[str], tuple[Report, ...]]) -> str:
    """The text with all that can be mended in it; `found` are the findings in a text."""
    reports = found(text)
    for _ in range(MOST_ROUNDS):
        tried = mend(text, reports)
        after = found(tried.text) if tried.fixes else reports
        if badness(after) >= badness(reports):
            break
        text, reports = tried.text, after
    return text


def badness(reports: Iterable[Report]) -> tuple[int, int]:
    """How many errors there are, and how many findings."""
    severities = [report.severity for report in reports]
    return severities.count("error"), len(severities)


def applied(text: str, edits: Iterable[Edit]) -> str:
    """The text after edits that do not overlap."""
    for edit in sorted(edits, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def _conflict(left: Edit, right: Edit) -> bool:
    return left.start <= right.end and right.start <= left.end
