"""The workspace of the Markdown tests: files in memory, and places in them as the tests write them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import count

from tenuto_analysis.extremes import Extreme
from tenuto_analysis.weights import Header, Stored
from tenuto_grammar.text import LineIndex, Span
from tenuto_server.reports import Edit
from tenuto_server.texts import Decoded
from tenuto_server.workspace import Workspace
from tests.markdown import Program


class Memory:
    """One workspace for all programs of a run: each has a folder of its own, so that none sees another's files."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._numbers = count(1)
        self._headers: dict[str, Header] = {}
        self._extremes: dict[str, tuple[Extreme, ...]] = {}
        self.workspace = Workspace(
            self._read,
            lambda file: "/".join(file.split("/")[:3]),
            lambda path, root: self._headers.get(path),
            extremes=lambda path, root: self._extremes.get(path),
        )

    def file(self, program: Program) -> str:
        """The path of the program's own file, after its files were made."""
        folder = f"/spec/{next(self._numbers)}"
        for name, text in program.files.items():
            if name.endswith((".ten", "config.json")):
                self._texts[f"{folder}/{name}"] = text
            else:
                self._headers[f"{folder}/{name}"] = header(text)
                self._extremes[f"{folder}/{name}"] = extremes(text)
        return f"{folder}/{program.file}"

    def files(self) -> tuple[str, ...]:
        """All source files of all programs."""
        return tuple(self._texts)

    def _read(self, file: str) -> Decoded | None:
        text = self._texts.get(file)
        return Decoded(text, None) if text is not None else None


MEMORY = Memory()


_TENSOR = re.compile(
    r"(?P<name>\S+): (?P<dtype>\w+)\[(?P<shape>[\d, ]*)\]"
    r"( within (?P<low>\S+) \.\. (?P<high>[^\s,]+)(, (?P<nans>\d+) NaN)?)?"
)


def header(text: str) -> Header:
    """A file of weights told by a line `name: f32[3, 4]` for each tensor; other text says why it cannot be read."""
    tensors: list[Stored] = []
    for line in text.splitlines():
        found = _TENSOR.fullmatch(line)
        if found is None:
            return Header((), line)
        tensors.append(Stored(found["name"], found["dtype"], tuple(map(int, re.findall(r"\d+", found["shape"])))))
    return Header(tuple(tensors))


def extremes(text: str) -> tuple[Extreme, ...]:
    """The extremes of those tensors that say them: `name: f32[3, 4] within -0.5 .. 0.5, 2 NaN`."""
    told = (found for line in text.splitlines() if (found := _TENSOR.fullmatch(line)) is not None and found["low"])
    return tuple(
        Extreme(item["name"], float(item["low"]), float(item["high"]), int(item["nans"] or 0)) for item in told
    )


def asked(program: Program) -> tuple[Workspace, str, Span]:
    """The workspace with the program in it, its file, and the place that `^^^ here:` marks."""
    assert program.here is not None, "mark a place with `^^^ here:`"
    line, start, end = program.here
    file = MEMORY.file(program)
    MEMORY.workspace.load(file)
    first = LineIndex(program.text).line_span(line).start
    return MEMORY.workspace, file, Span(first + start, first + end)


def others(program: Program, file: str) -> tuple[str, ...]:
    """The other source files of a program's workspace, loaded."""
    folder = file.removesuffix(program.file)
    found = tuple(folder + name for name in program.files if name.endswith(".ten") and name != program.file)
    for other in found:
        MEMORY.workspace.load(other)
    return found


def applied(text: str, edits: Iterable[Edit]) -> str:
    """A text after edits that do not overlap."""
    for edit in sorted(edits, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def shown(workspace: Workspace, file: str, span: Span) -> str:
    """A place as `main.ten:3:5 name`; a file of the library by its name there."""
    text = workspace.text(file)
    position = LineIndex(text).position(span.start)
    name = "/".join(file.split("/")[3:]) if file.startswith("/spec/") else "std/" + file.rsplit("/", 1)[1]
    return f"{name}:{position.line + 1}:{position.column + 1} {text[slice(*span)]}".rstrip()
