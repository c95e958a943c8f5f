"""Findings with source excerpts, for people: what, where, why, what to do."""

from __future__ import annotations

from collections.abc import Iterator

from tenuto.cli.excerpt import excerpt
from tenuto.cli.outcome import Outcome
from tenuto.cli.terminal import Painter, Style, harmless
from tenuto_server.reports import Report

MARKS = {"error": Style.ERROR, "warning": Style.WARNING}


def render(outcome: Outcome, color: bool) -> str:
    paint = Painter(color)
    return "".join("\n".join(_report(report, outcome, paint)) + "\n\n" for report in outcome.reports)


def _report(report: Report, outcome: Outcome, paint: Painter) -> Iterator[str]:
    mark = MARKS[report.severity]
    places = [(report.file, report.end), *((place.file, place.end) for place in report.related)]
    margin = max(len(str(outcome.disk.lines(file).position(end).line + 1)) for file, end in places)
    gap = " " * margin
    bar = paint(Style.FRAME, f"{gap} |")

    yield f"{paint(mark, f'{report.severity}[{report.rule}]')}{paint(Style.STRONG, f': {harmless(report.message)}')}"
    yield f"{gap}{paint(Style.FRAME, '-->')} {_place(report.file, report.start, outcome)}"
    yield bar
    yield from excerpt(outcome.disk.lines(report.file), report.start, report.end, mark, paint, margin)
    for place in report.related:
        yield bar
        yield f"{gap}{paint(Style.FRAME, ':::')} {_place(place.file, place.start, outcome)}: {harmless(place.message)}"
        yield bar
        yield from excerpt(outcome.disk.lines(place.file), place.start, place.end, Style.HINT, paint, margin)
    yield bar
    for line in harmless(report.help or "").splitlines():
        yield f"{gap} {paint(Style.FRAME, '=')} {paint(Style.HINT, 'help')}: {line}"
    for fix in report.fixes:
        yield f"{gap} {paint(Style.FRAME, '=')} {paint(Style.HINT, 'fix')}: {harmless(fix.title)}"
    yield f"{gap} {paint(Style.FRAME, '=')} more: tenuto explain {report.rule}"


def _place(file: str, offset: int, outcome: Outcome) -> str:
    line, column = outcome.disk.lines(file).position(offset)
    return f"{harmless(outcome.shown(file))}:{line + 1}:{column + 1}"
