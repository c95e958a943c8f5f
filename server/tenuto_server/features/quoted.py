"""What can be typed inside of quotes and comments: files of weights, names of tensors and weights, rules."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tenuto_analysis import modules
from tenuto_analysis.check import queries
from tenuto_analysis.database import Database
from tenuto_analysis.diagnostics import CATALOGUE
from tenuto_analysis.diagnostics.base import Severity
from tenuto_analysis.insight.cursor import Cursor
from tenuto_analysis.types import Instance, ListValue, Reference, Sequence, Tensor, Value
from tenuto_grammar import syntax
from tenuto_grammar.text import Span
from tenuto_server.workspace import Workspace

_ALLOW = re.compile(r"#\s*tenuto:\s*allow\(\s*(?P<rule>[\w-]*)$")
_NUMBER = re.compile(r"(?<![^.])\d+(?![^.])")
_WEIGHTS = (".safetensors", ".index.json", ".npz", ".onnx", ".gguf", ".pth", ".pt")
_LETTERS = "-ijklmnopqrstuvwxyz"  # What the numbers in a name are called; the first stands before the name.
_DEEPEST = 12  # Parts within parts of a model.

# Which side of an entry of `load(...)` names tensors of the file: the keys, the values, or neither is told apart.
_KEYS_OF_FILE = frozenset({"rename", "split"})
_NAMES_OF_FILE = frozenset({"unused", "transpose"})


class Quoted(NamedTuple):
    """What can be typed, each with a few words; `span` is what it replaces, relative to the declaration."""

    span: Span
    names: tuple[tuple[str, str], ...]


def quoted(workspace: Workspace, cursor: Cursor) -> Quoted | None:
    """None where nothing is known of the text."""
    token = cursor.inside
    if token is None:
        return None
    if token.text.startswith("#"):
        found = _ALLOW.match(token.text)
        if found is None:
            return None
        rules = ((item.rule, "") for item in CATALOGUE if item.severity is Severity.WARNING)
        return Quoted(Span(token.span.end - len(found["rule"]), token.span.end), tuple(sorted(set(rules))))
    names = _names(workspace, cursor, token.text[1:])
    return Quoted(Span(token.span.start + 1, token.span.end), tuple(names)) if names is not None else None


def _names(workspace: Workspace, cursor: Cursor, typed: str) -> Iterable[tuple[str, str]] | None:
    path = cursor.path
    call = next((node for node in reversed(path) if isinstance(node, syntax.Call)), None)
    is_load = call is not None and isinstance(call.callee, syntax.Name) and call.callee.text == "load"
    setting = next((node for node in path if isinstance(node, syntax.Setting)), None)
    if isinstance(cursor.node, syntax.Const) and is_load:
        return _files(cursor, typed, (".json",))
    if not isinstance(cursor.node, syntax.Deploy) or setting is None or setting.key.text != "weights":
        return None
    argument = next((node for node in path if isinstance(node, syntax.Argument)), None)
    if call is None or argument is None or argument.name is None or argument.name.text == "file":
        return _files(cursor, typed, _WEIGHTS)
    name = argument.name.text
    entry = next((node for node in path[path.index(argument) :] if isinstance(node, syntax.Setting)), None)
    is_key = entry is not None and entry.key in path
    if name in _NAMES_OF_FILE or (name in _KEYS_OF_FILE) == is_key or name == "prefix":
        return ((pattern, "in the file") for pattern in _tensors(workspace, cursor, call))
    return ((pattern, "in the model") for pattern in _paths(workspace.database, cursor))


# --------------------------------------------------------------------------------------------------------------- files


def _files(cursor: Cursor, typed: str, suffixes: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Files and folders of the folder that was typed so far, relative to the source."""
    folder, slash, _ = typed.rpartition("/")
    try:
        entries = sorted(os.scandir(os.path.join(os.path.dirname(cursor.file), folder)), key=lambda entry: entry.name)
    except (OSError, ValueError):
        return
    for entry in entries:
        if entry.is_dir() and not entry.name.startswith("."):
            yield f"{folder}{slash}{entry.name}/", "folder"
        elif entry.name.endswith(suffixes):
            yield f"{folder}{slash}{entry.name}", ""


# --------------------------------------------------------------------------------------------------------------- names


def _tensors(workspace: Workspace, cursor: Cursor, call: syntax.Call) -> Iterator[str]:
    """The names of the file's tensors and what they begin with, numbers as `{i}`."""
    first = next((item.value for item in call.arguments if item.name is None or item.name.text == "file"), None)
    if not isinstance(first, syntax.String):
        return
    header = workspace.header(cursor.file, modules.data_file(cursor.file, first.value))
    if header is not None:
        yield from _patterns(stored.name for stored in header.tensors)


def _patterns(names: Iterable[str]) -> list[str]:
    """Names with what they begin with, in whole parts; a number is written `{i}`, a second one `{j}`."""
    found: dict[str, None] = {}
    for name in names:
        pieces = _NUMBER.split(name)
        pattern = "".join(f"{{{letter}}}{piece}" for letter, piece in zip(_LETTERS, pieces, strict=False))[3:]
        parts = pattern.split(".")
        for end in range(1, len(parts) + 1):
            found[".".join(parts[:end])] = None
    return sorted(found, key=lambda pattern: (pattern.count("."), pattern))


def _paths(db: Database, cursor: Cursor) -> list[str]:
    """The paths of the model's weights and parts."""
    model = queries.body(db, cursor.file, cursor.key).result
    return _patterns(_weights(db, model, _DEEPEST)) if isinstance(model, Reference) else []


def _weights(db: Database, model: Reference, deepest: int) -> Iterator[str]:
    for name, value in queries.members(db, model.file, model.name) if deepest else ():
        for rest in _below(db, value, deepest):
            yield f"{name}{rest}"


def _below(db: Database, value: Value, deepest: int) -> Iterator[str]:
    match value:
        case Tensor():
            yield ""
        case Instance(model=Reference() as model):
            yield from (f".{rest}" for rest in _weights(db, model, deepest - 1))
        case Sequence(element=element):
            yield from (f".0{rest}" for rest in _below(db, element, deepest))
        case ListValue(items=items):
            for index, item in enumerate(items):
                yield from (f".{index}{rest}" for rest in _below(db, item, deepest))
        case _:
            pass
