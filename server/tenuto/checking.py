"""`tenuto.check`, for programs: what is found in files, as data. It needs the base install alone."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from tenuto.cli.misuse import Misuse
from tenuto.cli.run import Checker
from tenuto.cli.sources import Disk, find_sources, shown
from tenuto_analysis.compat import override
from tenuto_server.reports import Report, Severity, chosen
from tenuto_server.settings import SettingsFinder


class Problem(NamedTuple):
    """One finding; lines and columns count from 1, the end is behind the last character."""

    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    rule: str
    severity: Severity
    message: str
    help: str | None

    @override
    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.severity}[{self.rule}] {self.message}"


class ProgramError(Exception):
    """A source has errors, or asks for what cannot be built; `problems` says what and where."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def check(path: str | Path) -> tuple[Problem, ...]:
    """All that is found in a file, or in the files below a folder, as the settings choose: what `tenuto check` shows.

    >>> import tenuto
    >>> tenuto.check("examples")
    ()

    Raises OSError where there is no such file, or it cannot be read.
    """
    checker = Checker(Disk(), SettingsFinder(), None)
    try:
        sources = find_sources([os.fspath(path)], checker.settings)
    except Misuse as error:
        raise FileNotFoundError(str(error)) from error
    found = checker.check(sources)
    for source in sources:
        content = checker.disk.content(source.file)
        if isinstance(content, OSError):
            raise content
    reports = (report for s in sources for report in chosen(found[s.file], checker.settings.of(s.file)))
    return tuple(problems(checker.disk, reports))


def problems(disk: Disk, reports: Iterable[Report]) -> Iterator[Problem]:
    """Reports with their places as lines and columns."""
    for report in reports:
        lines = disk.lines(report.file)
        start, end = lines.position(report.start), lines.position(report.end)
        yield Problem(
            shown(report.file),
            start.line + 1,
            start.column + 1,
            end.line + 1,
            end.column + 1,
            report.rule,
            report.severity,
            report.message,
            report.help,
        )
