"""Findings as one JSON object, for programs. Lines and columns count from 1, offsets from 0, both in characters."""

from __future__ import annotations

import json

from tenuto.cli.outcome import Outcome
from tenuto_server.reports import Report


def render(outcome: Outcome, color: bool) -> str:
    document = {
        "version": 1,
        "checked": len(outcome.sources) - len(outcome.unreadable),
        "findings": [_finding(report, outcome) for report in outcome.reports],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _finding(report: Report, outcome: Outcome) -> dict[str, object]:
    return {
        "rule": report.rule,
        "severity": report.severity,
        "message": report.message,
        "help": report.help,
        **_place(report.file, report.start, report.end, outcome),
        "related": [
            {"message": place.message, **_place(place.file, place.start, place.end, outcome)}
            for place in report.related
        ],
        "fixes": [
            {
                "title": fix.title,
                "safe": fix.safe,
                "edits": [
                    {**_place(report.file, edit.start, edit.end, outcome), "text": edit.text} for edit in fix.edits
                ],
            }
            for fix in report.fixes
        ],
    }


def _place(file: str, start: int, end: int, outcome: Outcome) -> dict[str, object]:
    index = outcome.disk.lines(file)
    line, column = index.position(start)
    end_line, end_column = index.position(end)
    return {
        "file": outcome.shown(file),
        "start": {"line": line + 1, "column": column + 1, "offset": start},
        "end": {"line": end_line + 1, "column": end_column + 1, "offset": end},
    }
