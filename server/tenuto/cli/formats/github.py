"""Findings as workflow commands, which GitHub shows as annotations on the changed lines."""

from __future__ import annotations

from tenuto.cli.outcome import Outcome
from tenuto.cli.terminal import harmless
from tenuto_server.reports import Report


def render(outcome: Outcome, color: bool) -> str:
    return "".join(_annotation(report, outcome) for report in outcome.reports)


def _annotation(report: Report, outcome: Outcome) -> str:
    index = outcome.disk.lines(report.file)
    line, column = index.position(report.start)
    end_line, end_column = index.position(report.end)
    properties = {
        "file": harmless(outcome.shown(report.file)),
        "line": str(line + 1),
        "col": str(column + 1),
        "endLine": str(end_line + 1),
        "endColumn": str(end_column + 1),
        "title": report.rule,
    }
    text = report.message if report.help is None else f"{report.message}\n{report.help}"
    told = ",".join(f"{name}={_escape_property(value)}" for name, value in properties.items())
    return f"::{report.severity} {told}::{_escape(text)}\n"


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
