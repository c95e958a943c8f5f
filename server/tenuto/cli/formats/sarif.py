"""Findings as SARIF 2.1.0, the exchange format of static analysis."""

from __future__ import annotations

import json
import os
from urllib.parse import quote

from tenuto import __version__
from tenuto.cli.outcome import Outcome
from tenuto.cli.pages import rule_page
from tenuto_server.reports import Fix, Report

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {"error": "error", "warning": "warning"}


def render(outcome: Outcome, color: bool) -> str:
    rules = sorted({report.rule for report in outcome.reports})
    run = {
        "tool": {"driver": {"name": "tenuto", "version": __version__, "rules": [_rule(rule) for rule in rules]}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(report, rules.index(report.rule), outcome) for report in outcome.reports],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _rule(rule: str) -> dict[str, object]:
    page = rule_page(rule) or rule
    return {"id": rule, "help": {"text": page, "markdown": page}}


def _result(report: Report, rule_index: int, outcome: Outcome) -> dict[str, object]:
    text = report.message if report.help is None else f"{report.message}\n{report.help}"
    result: dict[str, object] = {
        "ruleId": report.rule,
        "ruleIndex": rule_index,
        "level": LEVELS[report.severity],
        "message": {"text": text},
        "locations": [_location(report.file, report.start, report.end, outcome)],
    }
    if report.related:
        result["relatedLocations"] = [
            {
                "id": number,
                "message": {"text": place.message},
                **_location(place.file, place.start, place.end, outcome),
            }
            for number, place in enumerate(report.related)
        ]
    if report.fixes:
        result["fixes"] = [_fix(fix, report.file, outcome) for fix in report.fixes]
    return result


def _fix(fix: Fix, file: str, outcome: Outcome) -> dict[str, object]:
    replacements = [
        {"deletedRegion": _region(file, edit.start, edit.end, outcome), "insertedContent": {"text": edit.text}}
        for edit in fix.edits
    ]
    change = {"artifactLocation": _artifact(file, outcome), "replacements": replacements}
    return {"description": {"text": fix.title}, "artifactChanges": [change]}


def _location(file: str, start: int, end: int, outcome: Outcome) -> dict[str, object]:
    return {
        "physicalLocation": {
            "artifactLocation": _artifact(file, outcome),
            "region": _region(file, start, end, outcome),
        }
    }


def _artifact(file: str, outcome: Outcome) -> dict[str, object]:
    shown = outcome.shown(file)
    path = quote(os.fsencode(shown.replace(os.sep, "/")))
    return {"uri": f"file://{path}" if os.path.isabs(shown) else path}


def _region(file: str, start: int, end: int, outcome: Outcome) -> dict[str, object]:
    index = outcome.disk.lines(file)
    line, column = index.position(start)
    end_line, end_column = index.position(end)
    return {
        "startLine": line + 1,
        "startColumn": column + 1,
        "endLine": end_line + 1,
        "endColumn": end_column + 1,
        "charOffset": start,
        "charLength": end - start,
    }
