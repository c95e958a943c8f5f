"""What a call takes, while its arguments are typed: with the types as far as the other arguments solve them."""

from __future__ import annotations

from typing import NamedTuple

from tenuto_analysis.check import queries
from tenuto_analysis.check.queries import RecordSignature
from tenuto_analysis.insight.cursor import Cursor, Seen, cursor_at, seen_at
from tenuto_analysis.insight.entities import Entity, EntityKind
from tenuto_analysis.signature import GenericSignature, Signature
from tenuto_analysis.types import UNKNOWN, ListKind, RecordValue, Reference, Value
from tenuto_grammar import syntax
from tenuto_server.features.describe import documentation
from tenuto_server.features.expected import Called, called_at, signature_of
from tenuto_server.workspace import Workspace


class SignatureHelp(NamedTuple):
    """A signature; each parameter is a stretch of the label; `active` is the one that the cursor is in."""

    label: str
    parameters: tuple[tuple[int, int], ...]
    active: int | None
    documentation: str


def signature_help(workspace: Workspace, file: str, offset: int) -> SignatureHelp | None:
    """None outside of the arguments of a call, and of the brackets behind a declaration."""
    workspace.load(file)
    db = workspace.database
    cursor = cursor_at(db, file, offset)
    if cursor.inside is not None and cursor.inside.text.startswith("#"):
        return None
    seen = seen_at(db, cursor)
    brackets = _brackets(workspace, cursor, seen)
    if brackets is not None:
        return brackets
    called = called_at(db, cursor, seen)
    return _call(workspace, called) if called is not None else _record(workspace, cursor, seen)


# --------------------------------------------------------------------------------------------------------------- calls


def _call(workspace: Workspace, called: Called) -> SignatureHelp:
    db, signature = workspace.database, called.signature
    solved = called.fit.substitution
    parts = []
    for item in signature.parameters:
        shown = solved.value(item.type)
        parts.append(f"{item.name}: {shown if shown != UNKNOWN else item.type}{_default(item.default)}")
    written = signature.result if signature.result is not None else queries.result_of(db, signature.file, signature.key)
    result = solved.value(written)
    names = [item.name for item in signature.parameters]
    active = names.index(called.active) if called.active in names else None
    if active is None and names and called.active is None and isinstance(signature.parameters[-1].type, ListKind):
        active = len(names) - 1  # Several arguments make one list.
    end = f") -> {result if result != UNKNOWN else written}"
    return _laid_out(f"{signature.name}(", parts, end, active, _documentation(workspace, signature))


def _record(workspace: Workspace, cursor: Cursor, seen: Seen) -> SignatureHelp | None:
    """The fields of a record that is being made."""
    at = cursor.word.start
    for node in reversed(cursor.path):
        match node:
            case syntax.Call(callee=callee, arguments=arguments) if at > callee.span.end:
                record = _record_of(workspace, seen.survey.types.get(callee.span))
                if record is None:
                    return None
                index, name = next(
                    (
                        (index, item.name.text if item.name is not None else None)
                        for index, item in enumerate(arguments)
                        if item.span.start <= at <= item.span.end
                    ),
                    (len(arguments), None),
                )
                return _fields(workspace, record, index, name)
            case _:
                pass
    return None


def _record_of(workspace: Workspace, value: Value | None) -> RecordSignature | None:
    match value:
        case Reference(file=file, name=name):
            return queries.record(workspace.database, file, name)
        case _:
            return None


def _fields(workspace: Workspace, record: RecordSignature, index: int, name: str | None) -> SignatureHelp:
    names = [item.name for item in record.fields]
    active = names.index(name) if name in names else index if name is None and index < len(names) else None
    parts = [f"{item.name}: {item.type}{_default(item.default)}" for item in record.fields]
    entity = Entity(EntityKind.RECORD, record.name, record.file, record.key)
    return _laid_out(f"{record.name}(", parts, ")", active, documentation(workspace.database, entity) or "")


# ------------------------------------------------------------------------------------------------------------ brackets


def _brackets(workspace: Workspace, cursor: Cursor, seen: Seen) -> SignatureHelp | None:
    """The generics of a declaration, where the cursor is in the brackets behind its name."""
    at = cursor.word.start
    for node in reversed(cursor.path):
        match node:
            case syntax.Call(callee=callee) if at > callee.span.end:
                return None
            case syntax.Subscript(base=base, indices=indices) if at > base.span.end:
                found = signature_of(workspace.database, seen.survey.types.get(base.span))
                return _generics(workspace, found[0], indices, at) if found is not None else None
            case _:
                pass
    return None


def _generics(
    workspace: Workspace, signature: Signature, indices: tuple[syntax.Index, ...], at: int
) -> SignatureHelp | None:
    generics = [item for item in signature.generics if not item.pack]
    if not generics:
        return None
    index, node = next(
        ((index, item) for index, item in enumerate(indices) if item.span.start <= at <= item.span.end),
        (len(indices), None),
    )
    names = [item.name for item in generics]
    active: int | None = index if index < len(generics) else None
    if isinstance(node, syntax.Named):
        active = names.index(node.name.text) if node.name.text in names else None
    parts = [_generic(item) for item in generics]
    return _laid_out(f"{signature.name}[", parts, "]", active, _documentation(workspace, signature))


def _generic(item: GenericSignature) -> str:
    return f"{item.name}: {item.kind}{_default(item.default)}"


def _default(value: Value | None) -> str:
    """A default as source says it; the sizes of a pattern have none that can be written."""
    return "" if value is None or isinstance(value, RecordValue) else f" = {value}"


def _laid_out(begin: str, parts: list[str], end: str, active: int | None, words: str) -> SignatureHelp:
    spans: list[tuple[int, int]] = []
    at = len(begin)
    for part in parts:
        spans.append((at, at + len(part)))
        at += len(part) + 2
    return SignatureHelp(f"{begin}{', '.join(parts)}{end}", tuple(spans), active, words)


def _documentation(workspace: Workspace, signature: Signature) -> str:
    kind = EntityKind(signature.keyword.value)
    return documentation(workspace.database, Entity(kind, signature.name, signature.file, signature.key)) or ""
