"""Who calls whom: definitions with the functions that they call and the models that are their parts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tenuto_analysis.insight import questions
from tenuto_analysis.insight.entities import Entity, EntityKind, Role
from tenuto_analysis.insight.members import declared
from tenuto_analysis.insight.questions import Mention
from tenuto_analysis.insight.weight_paths import model_of
from tenuto_analysis.modules import Target
from tenuto_grammar.text import Span
from tenuto_server.workspace import Workspace

_CALLED = frozenset({EntityKind.FN, EntityKind.MODEL, EntityKind.OP})
_CALLING = _CALLED | {EntityKind.CONST, EntityKind.DEPLOY, EntityKind.RECORD, EntityKind.TYPE}
_PARTS = frozenset({EntityKind.PART, EntityKind.INDEX, EntityKind.LOCAL, EntityKind.PARAMETER})


class Caller(NamedTuple):
    """A declaration in a hierarchy of calls; `span` is all of it."""

    kind: EntityKind
    name: str
    key: str
    file: str
    span: Span
    name_span: Span


class Call(NamedTuple):
    """A declaration at the other end, and the places in the caller's file."""

    other: Caller
    places: tuple[Span, ...]


def caller_at(workspace: Workspace, file: str, offset: int) -> Caller | None:
    """The declaration whose name stands at a place, or the model behind a part."""
    workspace.load(file)
    db = workspace.database
    mention = questions.mention_at(db, file, offset)
    target = _target(workspace, mention) if mention is not None else None
    if target is not None:
        return _caller(workspace, target.file, target.key)
    if mention is not None and mention.entity.kind in _CALLING:
        return _caller(workspace, mention.entity.file, mention.entity.key)
    return None


def outgoing(workspace: Workspace, file: str, key: str) -> tuple[Call, ...]:
    """What a declaration calls or has as its parts, in the order of the text."""
    workspace.load_all((file,))
    found: dict[Entity, list[Span]] = {}
    for mention in questions.mentions_in(workspace.database, file, key):
        target = _target(workspace, mention) if mention.role is Role.READ else None
        if target is not None and (target.file, target.key) != (file, key):
            found.setdefault(target, []).append(mention.span)
    calls = ((_caller(workspace, entity.file, entity.key), spans) for entity, spans in found.items())
    return tuple(Call(other, tuple(spans)) for other, spans in calls if other is not None)


def incoming(workspace: Workspace, files: Iterable[str], file: str, key: str) -> tuple[Call, ...]:
    """Who calls a definition or has it as a part."""
    workspace.load_all((file,))
    db = workspace.database
    entity = declared(db, Target(file, key))
    if entity is None:
        return ()
    searched = tuple(dict.fromkeys((file, *files)))
    workspace.load_all(searched)
    callers = dict.fromkeys((item.file, item.key) for item in questions.references(db, searched, entity))
    found: list[Call] = []
    for caller_file, caller_key in callers:
        caller = _caller(workspace, caller_file, caller_key)
        calls = outgoing(workspace, caller_file, caller_key) if caller is not None else ()
        places = next((call.places for call in calls if (call.other.file, call.other.key) == (file, key)), ())
        if caller is not None and places:
            found.append(Call(caller, places))
    return tuple(found)


def _target(workspace: Workspace, mention: Mention) -> Entity | None:
    """The definition that a name calls."""
    entity = mention.entity
    if entity.kind in _CALLED:
        return entity
    if entity.kind not in _PARTS:
        return None
    model = model_of(questions.value_of(workspace.database, entity), {})
    return declared(workspace.database, Target(model.file, model.name)) if model is not None else None


def _caller(workspace: Workspace, file: str, key: str) -> Caller | None:
    entity = declared(workspace.database, Target(file, key))
    found = next((item for item in questions.declarations(workspace.database, file) if item.key == key), None)
    if entity is None or found is None or found.node is None:
        return None
    return Caller(
        entity.kind,
        entity.name,
        key,
        file,
        found.node.span.shifted(found.start),
        entity.span.shifted(found.start),
    )
