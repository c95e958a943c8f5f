"""What answers the Markdown tests: the workspace behind the command line and the language server, on files in memory.

Also what becomes of the answer: the test passes, keeps it, or fails with the difference.
"""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest

from tenuto_analysis import model, modules
from tenuto_grammar.format import format as format_text
from tenuto_grammar.text import LineIndex
from tenuto_server.mending import mend
from tenuto_server.reports import Report
from tests.features import changing, navigation, reading
from tests.features.memory import MEMORY
from tests.markdown import Note, Program, Voice


def reports(program: Program) -> tuple[Report, ...]:
    return MEMORY.workspace.reports(MEMORY.file(program))


def findings(program: Program) -> list[Note]:
    return [note(program.text, report) for report in reports(program)]


def note(text: str, report: Report) -> Note:
    """A report at the first line that it touches; of several lines, the carets stand below the first."""
    start = LineIndex(text).position(report.start)
    newline = text.find("\n", report.start)
    end = min(report.end, newline if newline >= 0 else len(text))
    message = f"{report.severity}[{report.rule}]: {report.message}"
    return Note(start.line, start.column, start.column + max(end - report.start, 0), message)


def formatted(program: Program) -> str:
    return format_text(program.text).text


def fixed(program: Program) -> str:
    return mend(program.text, list(reports(program))).text


def type_of(program: Program, line: int, start: int, end: int) -> str:
    """What was inferred for the name or the returned value that the carets touch."""
    file = MEMORY.file(program)
    MEMORY.workspace.load(file)
    database = MEMORY.workspace.database
    first = LineIndex(program.text).line_span(line).start
    inferred = [item for name in modules.offered(database, file) for item in model.value_types(database, file, name)]
    touched = [item for item in inferred if item.span.start < first + end and first + start < item.span.end]
    return ", ".join(str(item.value) for item in touched) or "nothing was inferred"


OUTPUTS = {**navigation.OUTPUTS, **reading.OUTPUTS, **changing.OUTPUTS}
VOICE = Voice(findings, {"type": type_of}, {"format": formatted, "fixed": fixed, **OUTPUTS})


def keep_or_fail(path: Path, old: str, new: str, config: pytest.Config) -> None:
    """Passes where nothing changed; else keeps the new text, if that is asked for, or fails with the difference."""
    if new == old:
        return
    if config.getoption("--update"):
        path.write_text(new, encoding="utf-8")
        return
    difference = difflib.unified_diff(old.splitlines(), new.splitlines(), "expected", "found", lineterm="")
    pytest.fail("\n".join(difference) + "\n(`pytest --update` keeps what was found)", pytrace=False)
