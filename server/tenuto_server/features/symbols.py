"""What a file declares, as an outline, and what a whole workspace declares, to search for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from tenuto_analysis import modules
from tenuto_analysis.database import Database, query
from tenuto_analysis.insight.entities import EntityKind
from tenuto_analysis.insight.members import kind_of
from tenuto_analysis.insight.questions import Place, declarations
from tenuto_grammar import syntax
from tenuto_grammar.text import Span
from tenuto_server.workspace import Workspace

MOST_FOUND = 200

_LONGEST_DETAIL = 80


class Symbol(NamedTuple):
    """Something with a name: how it is written beside it, where it stands, and where its name does."""

    kind: EntityKind
    name: str
    detail: str
    span: Span
    name_span: Span
    children: tuple[Symbol, ...]


class Found(NamedTuple):
    """A declaration that fits a search, with the module that it is in."""

    kind: EntityKind
    name: str
    module: str
    place: Place


def document_symbols(workspace: Workspace, file: str) -> tuple[Symbol, ...]:
    """The declarations in order; in them parameters, parts, weights, fields."""
    workspace.load(file)
    found: list[Symbol] = []
    for declared in declarations(workspace.database, file):
        symbol = _outline(workspace.database, file, declared.key)
        if symbol is not None:
            found.append(_shifted(symbol, declared.start))
    return tuple(found)


def workspace_symbols(workspace: Workspace, files: Iterable[str], search: str) -> tuple[Found, ...]:
    """The declarations whose names have the letters of a search in order, the closest first, the library's last.

    The library is left out where nothing is searched for.
    """
    workspace.load_all(files)
    db = workspace.database
    library = tuple(str(modules.STD / f"{name}.ten") for name in modules.std_modules()) if search else ()
    ranked: list[tuple[tuple[float, int], str, str, str]] = []
    for number, file in enumerate((*files, *library)):
        for name, keyword in modules.offered(db, file).items():
            distance = _distance(search, name)
            if distance is not None:
                ranked.append(((distance, number), name, keyword, file))
    ranked.sort(key=lambda item: (item[0], item[1]))
    return tuple(_found(db, name, keyword, file) for _, name, keyword, file in ranked[:MOST_FOUND])


def _found(db: Database, name: str, keyword: str, file: str) -> Found:
    node = modules.declaration(db, file, name)
    start = modules.starts(db, file)[name]
    span = node.name.span if node is not None and not isinstance(node, syntax.Import) else Span(0, 0)
    library = file.startswith(str(modules.STD))
    module = f"std.{Path(file).stem}" if library else modules.module_name(db, file)
    return Found(EntityKind(keyword), name, module, Place(file, span.shifted(start)))


def _distance(search: str, name: str) -> float | None:
    """How far a name is from a search: 0 for the same; None where letters are missing."""
    if search == name:
        return 0
    if name.lower().startswith(search.lower()):
        return 1 + len(name) / 1000
    at = name.lower().find(search.lower())
    if at >= 0:
        return 2 + at / 1000
    gaps = 0
    position = 0
    for letter in search.lower():
        following = name.lower().find(letter, position)
        if following < 0:
            return None
        gaps += following - position
        position = following + 1
    return 3 + gaps


@query
def _outline(db: Database, file: str, key: str) -> Symbol | None:
    """The symbol of one declaration; its spans are relative to it."""
    node = modules.declaration(db, file, key)
    if node is None or isinstance(node, syntax.Import) or not node.name.text:
        return None
    text = modules.chunk_text(db, (file, key)) or ""
    kind = kind_of(node)
    match node:
        case syntax.Definition():
            children = (*_parameters(text, node), *_owned(text, node.body))
            return _symbol(text, kind, node.name, node, _head(text, node), children)
        case syntax.Record(fields=fields):
            inner = tuple(_symbol(text, EntityKind.FIELD, item.name, item, _text(text, item.type)) for item in fields)
            return _symbol(text, kind, node.name, node, "", inner)
        case syntax.TypeAlias(type=written):
            return _symbol(text, kind, node.name, node, _text(text, written))
        case syntax.Const(value=value):
            return _symbol(text, kind, node.name, node, _text(text, node.type or value))
        case syntax.Deploy(model=model):
            return _symbol(text, kind, node.name, node, _text(text, model))


def _symbol(
    text: str,
    kind: EntityKind,
    name: syntax.Identifier,
    node: syntax.Node,
    detail: str,
    children: tuple[Symbol, ...] = (),
) -> Symbol:
    return Symbol(kind, name.text, detail, node.span, name.span, children)


def _parameters(text: str, node: syntax.Definition) -> Iterator[Symbol]:
    for item in node.parameters:
        if item.name.text:
            yield _symbol(text, EntityKind.PARAMETER, item.name, item, _text(text, item.type))


def _owned(text: str, body: syntax.Node | None) -> Iterator[Symbol]:
    """The parts and weights of a model, also those that only a branch has."""
    match body:
        case syntax.Block(statements=statements):
            for statement in statements:
                yield from _owned(text, statement)
        case syntax.Sub(name=name, value=value) if name.text:
            yield _symbol(text, EntityKind.PART, name, body, _text(text, value))
        case syntax.Param(name=name, type=written) if name.text:
            yield _symbol(text, EntityKind.WEIGHT, name, body, _text(text, written))
        case syntax.If(then=then, otherwise=otherwise):
            yield from _owned(text, then)
            yield from _owned(text, otherwise)
        case _:
            pass


def _head(text: str, node: syntax.Definition) -> str:
    """From behind the name to the result."""
    ends = [node.name.span.end, *(item.span.end for item in (*node.generics, *node.parameters))]
    end = node.result.span.end if node.result is not None else text.find(")", max(ends)) + 1
    return _one_line(text[node.name.span.end : end])


def _text(text: str, node: syntax.Node) -> str:
    return _one_line(text[slice(*node.span)])


def _one_line(text: str) -> str:
    line = " ".join(text.split()).replace("( ", "(").replace(", )", ")").replace("[ ", "[").replace(", ]", "]")
    return line if len(line) <= _LONGEST_DETAIL else f"{line[: _LONGEST_DETAIL - 3]}..."


def _shifted(symbol: Symbol, by: int) -> Symbol:
    children = tuple(_shifted(child, by) for child in symbol.children)
    return symbol._replace(span=symbol.span.shifted(by), name_span=symbol.name_span.shifted(by), children=children)
