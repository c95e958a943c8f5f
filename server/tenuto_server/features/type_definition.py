"""Where the type of what stands at a place is defined: its record, its model, or the alias by which it is written."""

from __future__ import annotations

from collections.abc import Iterator

from tenuto_analysis import modules
from tenuto_analysis.insight import questions
from tenuto_analysis.insight.entities import Entity, EntityKind
from tenuto_analysis.insight.members import declared
from tenuto_analysis.insight.questions import Place
from tenuto_analysis.insight.trees import walk
from tenuto_analysis.modules import Target
from tenuto_analysis.types import (
    Instance,
    ListKind,
    ListValue,
    OptionalValue,
    RecordKind,
    RecordValue,
    Reference,
    Sequence,
    TupleValue,
    Value,
)
from tenuto_grammar import syntax
from tenuto_server.workspace import Workspace

_ALIASES = (EntityKind.TYPE, EntityKind.RECORD)
_TYPED = syntax.Parameter | syntax.Field | syntax.Generic | syntax.Var | syntax.Sub | syntax.Let


def type_definition(workspace: Workspace, file: str, offset: int) -> tuple[Place, ...]:
    """Several where it is a tuple of things; none for tensors and numbers, whose types nothing declares."""
    workspace.load(file)
    db = workspace.database
    mention = questions.mention_at(db, file, offset)
    found: list[Entity | None] = []
    if mention is not None:
        alias = _written(workspace, mention.entity)
        if alias is not None:
            found.append(alias)
        else:
            value = questions.value_of(db, mention.entity)
            found += (declared(db, target) for target in _targets(value))
    if not found:
        typed = questions.expression_at(db, file, offset)
        found += (declared(db, target) for target in _targets(typed.value if typed is not None else None))
    places = (questions.place_of(db, entity) for entity in found if entity is not None)
    return tuple(dict.fromkeys(place for place in places if place is not None))


def _written(workspace: Workspace, entity: Entity) -> Entity | None:
    """The name that is written as the type of a parameter, a field, a local name."""
    node = modules.declaration(workspace.database, entity.file, entity.key) if entity.key else None
    if node is None:
        return None
    start = modules.starts(workspace.database, entity.file).get(entity.key, 0)
    for found in walk(node):
        if not isinstance(
            found, syntax.Parameter | syntax.Field | syntax.Generic | syntax.Var | syntax.Sub | syntax.Let
        ):
            continue
        name = found.pattern if isinstance(found, syntax.Let) else found.name
        base = found.type.base if name.span == entity.span and found.type is not None else None
        if isinstance(base, syntax.TensorType):
            mention = questions.mention_at(workspace.database, entity.file, start + base.path.span.end)
            return mention.entity if mention is not None and mention.entity.kind in _ALIASES else None
    return None


def _targets(value: Value | None) -> Iterator[Target]:
    match value:
        case RecordValue(file=file, name=name) | RecordKind(file=file, name=name) | Reference(file=file, name=name):
            yield Target(file, name)
        case Instance(model=Reference(file=file, name=name)):
            yield Target(file, name)
        case Sequence(element=inner) | ListKind(element=inner) | OptionalValue(inner=inner):
            yield from _targets(inner)
        case ListValue(items=items) | TupleValue(items=items):
            for item in items:
                yield from _targets(item)
        case _:
            pass
