"""Reads modules of MLIR and StableHLO as `printing.py` writes them: functions, types, weights, places.

A line that Tenuto would not have written ends the reading: nothing is guessed of modules of others. No compiler is
needed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from msgspec import Struct, field

from tenuto_backend.weights.beside import TEXT_MARK


class UnreadableModule(Exception):
    """The file is no module that Tenuto wrote; the message says where that shows."""


class Port(Struct, frozen=True):
    """What a function takes or gives: its name, and its type in MLIR. `told` is what the module says of it."""

    name: str
    type: str
    told: dict[str, str] = {}


class Source(Struct, frozen=True):
    """A place in the source: file, line and column, and what else is said there, such as the definition."""

    file: str
    line: int
    column: int
    told: dict[str, str]

    def text(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Function(Struct):
    """A `func.func`; `operations` counts those inside of others too, by their names, `told` is what is said of it."""

    name: str
    public: bool
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    told: dict[str, str]
    source: Source | None = None
    operations: Counter[str] = field(default_factory=Counter)
    calls: list[str] = field(default_factory=list)
    places: list[int | None] = field(default_factory=list)


class Global(Struct, frozen=True):
    """A weight by its path; its type in MLIR."""

    path: str
    type: str


class Module(Struct):
    name: str
    globals: list[Global]
    functions: list[Function]
    sources: dict[int, Source]

    @property
    def dialects(self) -> tuple[str, ...]:
        """Of all operations, by their names."""
        names = (name for function in self.functions for name in function.operations)
        return tuple(sorted({name.partition(".")[0] for name in names}))


_STRING = r'"((?:[^"\\]|\\[0-9A-F]{2})*)"'
_NAME = rf"(?:[A-Za-z_][\w.$]*|{_STRING})"
_MODULE = re.compile(rf"module @({_NAME})(?: attributes {{.*}})? {{")
_GLOBAL = re.compile(
    rf'  util\.global private @{_NAME} = #flow\.parameter\.named<"[^"]*"::{_STRING}> : (tensor<[^>]*>|tensor<.*>)'
)
_FUNCTION = re.compile(rf"  func\.func (private )?@({_NAME})\(")
_ARGUMENT = re.compile(r"%([\w.]+): ")
_TYPE = re.compile(r"tensor<(?:[^<>]|<[^<>]*>)*>|\w+")
_SIZES = re.compile(r"^(?:(?:\d+|\?)x)*")
_NOTE = re.compile(rf"({_NAME}) = (?:{_STRING}|{{)")
_OPERATION = re.compile(r'\s+(?:%[\w.]+(?:, %[\w.]+)* = )?"([a-z_]\w*\.[\w.]+)"\(')
_CALLEE = re.compile(rf"<{{callee = @({_NAME})}}>")
_INSIDE = re.compile(r"\s+(?:\^bb0\(.*\):|}, {)")
_CLOSED = re.compile(r"\s+}\) : .*")
_END = re.compile(r"  }(?: loc\(#loc(\d+)\))?")
_PLACE = re.compile(r" loc\(#loc(\d+)\)$")
_LOCATION = re.compile(rf"#loc(\d+) = loc\(fused<{{(.*)}}>\[{_STRING}:(\d+):(\d+)\]\)")
_TOLD = re.compile(rf"({_NAME}) = {_STRING}(?:, |$)")


def read(path: Path) -> Module:
    """The module of a file; raises `UnreadableModule`."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UnreadableModule(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UnreadableModule(f"{path} is no text: inspect reads modules as `tenuto build` writes them") from error
    return _Reader(path, text).module()


class _Reader:
    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = text.splitlines()
        self._at = 0

    def module(self) -> Module:
        while self._at < len(self._lines) and (not self._line or self._line == TEXT_MARK):
            self._at += 1
        head = self._match(_MODULE)
        found = Module(_unquoted(head[1]), [], [], {})
        self._at += 1
        while self._line != "}":
            if self._line.startswith("  util.global "):
                told = self._match(_GLOBAL)
                found.globals.append(Global(_bytes(told[2]), told[3]))
                self._at += 1
            else:
                found.functions.append(self._function())
        for at in range(self._at + 1, len(self._lines)):
            self._at = at
            told = self._match(_LOCATION)
            notes = {_unquoted(note[1]): _bytes(note[3]) for note in _TOLD.finditer(told[2])}
            found.sources[int(told[1])] = Source(_bytes(told[3]), int(told[4]), int(told[5]), notes)
        for function in found.functions:
            number = function.places.pop()  # The last is the function's own.
            function.source = found.sources.get(number) if number is not None else None
        return found

    def _function(self) -> Function:
        head = _Cursor(self, self._match(_FUNCTION))
        inputs = tuple(head.ports(named=True))
        head.expect(") -> (")
        outputs = tuple(head.ports(named=False))
        head.expect(")")
        told = head.notes(" attributes {")
        head.expect(" {")
        head.end()
        found = Function(_unquoted(head.match[2]), not head.match[1], inputs, outputs, told)
        self._at += 1
        while not (end := _END.fullmatch(self._line)):
            self._operation(found)
        found.places.append(int(end[1]) if end[1] else None)
        self._at += 1
        return found

    def _operation(self, function: Function) -> None:
        line = self._line
        operation = _OPERATION.match(line)
        if operation is not None:
            function.operations[operation[1]] += 1
            callee = _CALLEE.search(line) if operation[1] == "func.call" else None
            if callee is not None:
                function.calls.append(_unquoted(callee[1]))
        elif not _INSIDE.fullmatch(line) and not _CLOSED.fullmatch(line):
            self.refuse()
        if (operation is not None and not line.endswith("({")) or _CLOSED.fullmatch(line):
            place = _PLACE.search(line)
            function.places.append(int(place[1]) if place is not None else None)
        self._at += 1

    @property
    def _line(self) -> str:
        if self._at >= len(self._lines):
            self.refuse("the file ends within the module")
        return self._lines[self._at]

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str]:
        found = pattern.match(self._line)
        if found is None:
            self.refuse()
        return found

    def refuse(self, why: str = "") -> NoReturn:
        reason = why or "inspect reads modules as `tenuto build` writes them, and this is none"
        raise UnreadableModule(f"{self._path}:{min(self._at, len(self._lines)) + 1}: {reason}")


class _Cursor:
    """A place in the head of a function."""

    def __init__(self, reader: _Reader, match: re.Match[str]) -> None:
        self.match = match
        self._reader = reader
        self._text = match.string
        self._at = match.end()

    def ports(self, named: bool) -> Iterator[Port]:
        """Up to the parenthesis that closes them."""
        while not self._text.startswith(")", self._at):
            name = self._take(_ARGUMENT)[1] if named else ""
            type_ = self._take(_TYPE)[0]
            yield Port(name, type_, self.notes(" {"))
            if self._text.startswith(", ", self._at):
                self._at += 2

    def notes(self, opening: str) -> dict[str, str]:
        """What is said between braces, that of inner braces too."""
        if not self._text.startswith(opening, self._at) or self._at + len(opening) == len(self._text):
            return {}
        self._at += len(opening)
        depth, found = 1, {}
        while depth:
            if self._text.startswith("}", self._at):
                depth, self._at = depth - 1, self._at + 1
            elif self._text.startswith(", ", self._at):
                self._at += 2
            else:
                note = self._take(_NOTE)
                if note[3] is None:
                    depth += 1
                else:
                    found[_unquoted(note[1])] = _bytes(note[3])
        return found

    def expect(self, text: str) -> None:
        if not self._text.startswith(text, self._at):
            self._reader.refuse()
        self._at += len(text)

    def end(self) -> None:
        if self._at != len(self._text):
            self._reader.refuse()

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str]:
        found = pattern.match(self._text, self._at)
        if found is None:
            self._reader.refuse()
        self._at = found.end()
        return found


def typed(type_: str) -> tuple[str, tuple[str, ...]]:
    """The element and the sizes of a tensor: `("f32", ("?", "384"))` of `tensor<?x384xf32>`."""
    inner = type_.removeprefix("tensor<").removesuffix(">")
    element = _SIZES.sub("", inner)
    return element, tuple(inner.removesuffix(element).split("x")[:-1])


def _unquoted(name: str) -> str:
    return _bytes(name[1:-1]) if name.startswith('"') else name


def _bytes(text: str) -> str:
    r"""A string with the bytes that `\C3` and its like stand for."""
    parts = re.split(r"\\([0-9A-F]{2})", text)
    content = b"".join(part.encode() if at % 2 == 0 else bytes.fromhex(part) for at, part in enumerate(parts))
    return content.decode()
