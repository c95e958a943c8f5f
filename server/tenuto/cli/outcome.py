"""What a check came to: the same for every format."""

from __future__ import annotations

from typing import NamedTuple

from tenuto.cli.sources import Disk, Source, shown
from tenuto_server.reports import Report


class Outcome(NamedTuple):
    """`sources` are the files that were asked for, `unreadable` those of them that could not be read."""

    disk: Disk
    sources: list[Source]
    unreadable: list[Source]
    reports: list[Report]

    def shown(self, file: str) -> str:
        """What messages call a file."""
        return next((source.shown for source in self.sources if source.file == file), None) or shown(file)


def summary(outcome: Outcome, fixed: bool) -> str:
    """`3 errors and 1 warning in 2 files (checked 14)`; where nothing was `fixed` yet, also what could be."""
    checked = len(outcome.sources) - len(outcome.unreadable)
    if not outcome.reports:
        return f"no problems (checked {count(checked, 'file')})"
    errors = sum(report.severity == "error" for report in outcome.reports)
    warnings = len(outcome.reports) - errors
    parts = [count(number, noun) for number, noun in ((errors, "error"), (warnings, "warning")) if number]
    files = len({report.file for report in outcome.reports})
    mended = sum(any(fix.safe for fix in report.fixes) for report in outcome.reports)
    hint = f"; --fix mends {mended}" if mended and not fixed else ""
    return f"{' and '.join(parts)} in {count(files, 'file')} (checked {checked}){hint}"


def count(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
