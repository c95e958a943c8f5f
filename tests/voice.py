"""What answers the Markdown tests: the workspace behind the command line and the language server, on files in memory.

Also what becomes of the answer: the test passes, keeps it, or fails with the difference.
"""

from __future__ import annotations

import difflib
import re
from itertools import count
from pathlib import Path

import pytest

from tenuto.cli.fix import mend
from tenuto_analysis import model, modules
from tenuto_analysis.weights import Header, Stored
from tenuto_grammar.format import format as format_text
from tenuto_grammar.text import LineIndex
from tenuto_server.reports import Report
from tenuto_server.texts import Decoded
from tenuto_server.workspace import Workspace
from tests.markdown import Note, Program, Voice


class Memory:
    """One workspace for all programs of a run: each has a folder of its own, so that none sees another's files."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._numbers = count(1)
        self._headers: dict[str, Header] = {}
        self.workspace = Workspace(
            self._read, lambda file: "/".join(file.split("/")[:3]), lambda path, root: self._headers.get(path)
        )

    def file(self, program: Program) -> str:
        """The path of the program's own file, after its files were made."""
        folder = f"/spec/{next(self._numbers)}"
        for name, text in program.files.items():
            if name.endswith(".ten"):
                self._texts[f"{folder}/{name}"] = text
            else:
                self._headers[f"{folder}/{name}"] = header(text)
        return f"{folder}/{program.file}"

    def _read(self, file: str) -> Decoded | None:
        text = self._texts.get(file)
        return Decoded(text, None) if text is not None else None


MEMORY = Memory()


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


def header(text: str) -> Header:
    """A file of weights told by a line `name: f32[3, 4]` for each tensor; other text says why it cannot be read."""
    tensors: list[Stored] = []
    for line in text.splitlines():
        found = re.fullmatch(r"(\S+): (\w+)\[([\d, ]*)\]", line)
        if found is None:
            return Header((), line)
        tensors.append(Stored(found[1], found[2], tuple(map(int, re.findall(r"\d+", found[3])))))
    return Header(tuple(tensors))


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


VOICE = Voice(findings, {"type": type_of}, {"format": formatted, "fixed": fixed})


def keep_or_fail(path: Path, old: str, new: str, config: pytest.Config) -> None:
    """Passes where nothing changed; else keeps the new text, if that is asked for, or fails with the difference."""
    if new == old:
        return
    if config.getoption("--update"):
        path.write_text(new, encoding="utf-8")
        return
    difference = difflib.unified_diff(old.splitlines(), new.splitlines(), "expected", "found", lineterm="")
    pytest.fail("\n".join(difference) + "\n(`pytest --update` keeps what was found)", pytrace=False)
