"""One line a finding: `path:line:column: severity[rule] message`."""

from __future__ import annotations

from tenuto.cli.outcome import Outcome
from tenuto.cli.terminal import Painter, Style, harmless

MARKS = {"error": Style.ERROR, "warning": Style.WARNING}


def render(outcome: Outcome, color: bool) -> str:
    paint = Painter(color)
    lines: list[str] = []
    for report in outcome.reports:
        line, column = outcome.disk.lines(report.file).position(report.start)
        place = f"{harmless(outcome.shown(report.file))}:{line + 1}:{column + 1}"
        what = paint(MARKS[report.severity], f"{report.severity}[{report.rule}]")
        lines.append(f"{place}: {what} {harmless(report.message)}\n")
    return "".join(lines)
