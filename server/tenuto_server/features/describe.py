"""Words about entities and values that several features show: declarations as source, types, where something stands."""

from __future__ import annotations

from pathlib import Path

from tenuto_analysis import model, modules
from tenuto_analysis.database import Database
from tenuto_analysis.dims import Dim, Symbol, leaves
from tenuto_analysis.insight.entities import DECLARATIONS, Entity, EntityKind
from tenuto_analysis.modules import STD
from tenuto_analysis.normal_form import single_atom
from tenuto_analysis.types import (
    Bool,
    Float,
    Int,
    OptionalValue,
    Str,
    Value,
)
from tenuto_grammar import syntax
from tenuto_grammar.text import LineIndex

# What stands before a name where it is defined.
_KEYWORDS = {
    EntityKind.LOCAL: "let ",
    EntityKind.VARIABLE: "var ",
    EntityKind.PART: "sub ",
    EntityKind.WEIGHT: "param ",
}
_LONGEST_SOURCE = 30  # Lines of a declaration that are shown.


def fenced(source: str) -> str:
    return f"```tenuto\n{source}\n```"


def declared_source(db: Database, file: str, key: str) -> str:
    """A declaration as it is written, without its documentation and its body."""
    node = modules.declaration(db, file, key)
    text = modules.chunk_text(db, (file, key)) or ""
    match node:
        case syntax.Definition():
            return model.head(node, text)
        case syntax.Deploy():
            return text[node.span.start : node.settings.span.start].rstrip()
        case None:
            return ""
        case _:
            lines = text[slice(*node.span)].split("\n")
            more = ["  ..."] if len(lines) > _LONGEST_SOURCE else []
            return "\n".join([*lines[:_LONGEST_SOURCE], *more])


def documentation(db: Database, entity: Entity) -> str | None:
    """What the author says of a declaration."""
    node = modules.declaration(db, entity.file, entity.key) if entity.kind in DECLARATIONS else None
    return node.doc if node is not None else None


def place_name(db: Database, entity: Entity) -> str:
    """`std.nn`, line 9: where an entity is defined."""
    start = modules.starts(db, entity.file).get(entity.key, 0) + entity.span.start
    line = LineIndex(modules.file_text(db, entity.file) or "").line(start) + 1
    return f"`{module_path(db, entity.file)}`, line {line}"


def module_path(db: Database, file: str) -> str:
    """The path by which an import names a file, of the library too."""
    if file.startswith(str(STD)):
        return f"std.{Path(file).stem}"
    return modules.module_name(db, file)


def named(kind: EntityKind, name: str, value: Value | None) -> str:
    """A name with its type, as source would say it."""
    word = _KEYWORDS.get(kind, "")
    return f"{word}{name}" if value is None else f"{word}{name}: {typed(name, value)}"


def typed(name: str, value: Value) -> str:
    """The type of a value, and the value itself where it is known and not the name alone."""
    match value:
        case Int(value=dim):
            atom = single_atom(dim)
            kind = "dim" if isinstance(atom, Symbol) and atom.low == 0 else "int"
            return kind if str(dim) == name else f"{kind} = {dim}"
        case Float(value=number):
            return "float" if number is None else f"float = {number!r}"
        case Bool():
            return "bool" if str(value) == name else f"bool = {value}"
        case Str(value=text):
            return "str" if text is None else f"str = {value}"
        case OptionalValue(inner=inner):
            return f"{typed(name, inner)}?"
        case _:
            return str(value)


def sizes_in(value: Value) -> frozenset[object]:
    """The names of sizes that a value mentions."""
    found: set[object] = set()
    waiting: list[object] = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Dim):
            found |= leaves(item)
        elif isinstance(item, tuple):
            waiting += item
        elif hasattr(item, "__struct_fields__"):
            waiting += (getattr(item, name) for name in item.__struct_fields__)
    return frozenset(found)
