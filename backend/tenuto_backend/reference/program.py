"""What a name means in a file: its own declarations, what it imports, the standard library, the dtypes.

This is the evaluator's own resolution, made from the syntax trees alone, so that the checker's is not its own witness.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from msgspec import Struct, field

from tenuto_backend.reference import dtypes
from tenuto_backend.reference.dtypes import DType
from tenuto_backend.reference.values import Declared
from tenuto_grammar import syntax
from tenuto_grammar.parse import parse

STANDARD = "std"
"""The file name under which every name of the standard library's prelude is found."""

IMPORTED_ONLY = frozenset({"std.nn"})
"""Files of the standard library whose names must be imported."""

Declarations = Mapping[str, syntax.Declaration]


class File(Struct, frozen=True):
    """The declarations of a file by name, and what it imports: the file and the name there, or a whole file."""

    declarations: Declarations
    imports: Mapping[str, tuple[str, str]]
    modules: Mapping[str, syntax.Import]


class Program(Struct):
    """Files by module path: `blocks.attention`; the standard library is always there."""

    files: Mapping[str, File]
    found: dict[tuple[str, str], Declared | DType | None] = field(default_factory=dict)

    def find(self, file: str, name: str) -> Declared | DType | None:
        key = (file, name)
        if key not in self.found:
            self.found[key] = self._find(file, name)
        return self.found[key]

    def _find(self, file: str, name: str) -> Declared | DType | None:
        here = self.file(file)
        if here is not None:
            if name in here.declarations:
                return Declared(file, here.declarations[name])
            if name in here.imports:
                return self.find(*here.imports[name])
            if name in here.modules:
                return Declared(file, here.modules[name])
        if name in prelude():
            return prelude()[name]
        return dtypes.named(name)

    def file(self, path: str) -> File | None:
        return self.files.get(path) or standard().get(path)


def program(texts: Mapping[str, str]) -> Program:
    """A program from the texts of its files, by module path."""
    return Program({path: read(text) for path, text in texts.items()})


def read(text: str) -> File:
    declarations: dict[str, syntax.Declaration] = {}
    imports: dict[str, tuple[str, str]] = {}
    modules: dict[str, syntax.Import] = {}
    for parsed in parse(text).parsed:
        match parsed.declaration:
            case None:
                pass
            case syntax.Import(path=path, names=None, alias=alias) as declaration:
                modules[path.parts[-1].text if alias is None else alias.text] = declaration
            case syntax.Import(path=path, names=names):
                for imported in names or ():
                    imports[(imported.alias or imported.name).text] = (path.text, imported.name.text)
            case declaration:
                declarations[declaration.name.text] = declaration
    return File(declarations, imports, modules)


@cache
def standard() -> Mapping[str, File]:
    """The files of the standard library."""
    folder = files("tenuto_analysis").joinpath("std")
    return {
        f"{STANDARD}.{entry.name.removesuffix('.ten')}": read(entry.read_text(encoding="utf-8"))
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".ten")
    }


@cache
def prelude() -> Mapping[str, Declared]:
    """What every file sees of the standard library without an import."""
    return {
        name: Declared(path, declaration)
        for path, file in standard().items()
        if path not in IMPORTED_ONLY
        for name, declaration in file.declarations.items()
    }
