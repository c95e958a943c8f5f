"""What is shown of a finding: plain tuples, which the cache can store and which cost nothing to import.

`tenuto_analysis` makes findings; `workspace.py` turns them into reports; the command line and the editors show reports.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from tenuto_server.settings import Settings

Severity = Literal["error", "warning"]


class Edit(NamedTuple):
    """Replace the text from `start` to `end` (offsets in characters) by `text`."""

    start: int
    end: int
    text: str


class Fix(NamedTuple):
    """What would mend a finding; `safe` where it cannot miss what the author meant."""

    title: str
    edits: tuple[Edit, ...]
    safe: bool


class Related(NamedTuple):
    """A second place that helps to understand the first."""

    file: str
    start: int
    end: int
    message: str


class Report(NamedTuple):
    """One finding; offsets count characters in the file's text, without a byte order mark."""

    file: str
    start: int
    end: int
    rule: str
    severity: Severity
    message: str
    help: str | None
    related: tuple[Related, ...]
    fixes: tuple[Fix, ...]


def chosen(reports: tuple[Report, ...], settings: Settings) -> tuple[Report, ...]:
    """The reports that the settings let through, with the severities that they ask for."""
    kept = (
        report
        for report in reports
        if report.rule not in settings.ignore and (not settings.select or report.rule in settings.select)
    )
    return tuple(report._replace(severity=settings.severity.get(report.rule, report.severity)) for report in kept)
