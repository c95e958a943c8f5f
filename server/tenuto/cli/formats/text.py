"""Findings with source excerpts, for people: what, where, why, what to do."""

from __future__ import annotations

from collections.abc import Iterator

from tenuto.cli.excerpt import Label, excerpt, last_line
from tenuto.cli.outcome import Outcome
from tenuto.cli.terminal import Painter, Style, harmless
from tenuto_server.reports import Report

STYLES = {"error": Style.ERROR, "warning": Style.WARNING}


def render(outcome: Outcome, color: bool) -> str:
    paint = Painter(color)
    return "".join("\n".join(_report(report, outcome, paint)) + "\n\n" for report in outcome.reports)


def _report(report: Report, outcome: Outcome, paint: Painter) -> Iterator[str]:
    labels = _labels(report)
    margin = max(len(str(last_line(outcome.disk.lines(file), marked))) for file, marked in labels.items())
    gap = " " * margin

    rule = paint(STYLES[report.severity], f"{report.severity}[{report.rule}]")
    yield f"{rule}{paint(Style.STRONG, f': {harmless(report.message)}')}"
    for file, marked in labels.items():
        arrow = "-->" if file == report.file else ":::"
        yield f"{gap}{paint(Style.FRAME, arrow)} {_place(file, marked[0].start, outcome)}"
        yield paint(Style.FRAME, f"{gap} |")
        yield from excerpt(outcome.disk.lines(file), marked, paint, margin)
        yield paint(Style.FRAME, f"{gap} |")
    for line in (report.help or "").splitlines():
        yield f"{gap} {paint(Style.FRAME, '=')} {paint(Style.HINT, 'help')}: {harmless(line)}"
    for fix in report.fixes:
        yield f"{gap} {paint(Style.FRAME, '=')} {paint(Style.HINT, 'fix')}: {harmless(fix.title)}"
    yield f"{gap} {paint(Style.FRAME, '=')} more: tenuto explain {report.rule}"


def _labels(report: Report) -> dict[str, list[Label]]:
    """What to mark, by file: the finding itself first, then what it is related to."""
    labels = {report.file: [Label(report.start, report.end, "", "^", STYLES[report.severity])]}
    for place in sorted(report.related, key=lambda place: (place.start, place.end)):
        labels.setdefault(place.file, []).append(Label(place.start, place.end, place.message, "-", Style.HINT))
    return labels


def _place(file: str, offset: int, outcome: Outcome) -> str:
    line, column = outcome.disk.lines(file).position(offset)
    return f"{harmless(outcome.shown(file))}:{line + 1}:{column + 1}"
