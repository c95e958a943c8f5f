"""What a name means that needs a declaration elsewhere: fields, parts, weights, parameters, generics, modules."""

from __future__ import annotations

from collections.abc import Iterator

from tenuto_analysis import modules
from tenuto_analysis.database import Database
from tenuto_analysis.insight.entities import Entity, EntityKind
from tenuto_analysis.modules import Target
from tenuto_analysis.types import Instance, Module, RecordValue, Reference, Value
from tenuto_grammar import syntax


def declared(db: Database, target: Target) -> Entity | None:
    """The entity of a declaration or a module; None where there is none."""
    if target.name is None:
        known = modules.file_text(db, target.file) is not None
        return Entity(EntityKind.MODULE, modules.module_name(db, target.file), target.file) if known else None
    node = modules.declaration(db, target.file, target.name)
    if node is None or isinstance(node, syntax.Import):
        return None
    return Entity(kind_of(node), node.name.text, target.file, target.name, node.name.span)


def member(db: Database, owner: Value | None, name: str) -> Entity | None:
    """What `owner.name` means."""
    match owner:
        case RecordValue(name=record, file=file):
            return _field(db, file, record, name)
        case Module(file=file):
            return declared(db, Target(file, name)) if name in modules.offered(db, file) else None
        case Instance(model=Reference(file=file, name=model)):
            return next((found for found in owned(db, file, model) if found.name == name), None)
        case _:
            return None


def owned(db: Database, file: str, model: str) -> Iterator[Entity]:
    """The parts and weights of a model."""
    node = modules.declaration(db, file, model)
    if isinstance(node, syntax.Definition) and isinstance(node.body, syntax.Block):
        yield from _members(node.body, file, model)


def parameter(db: Database, callee: Value | None, name: str) -> Entity | None:
    """What the name of an argument means in a call of `callee`."""
    match callee:
        case Reference(file=file, name=target) | Instance(model=Reference(file=file, name=target)):
            node = modules.declaration(db, file, target)
            if isinstance(node, syntax.Record):
                return _field(db, file, target, name)
            if isinstance(node, syntax.Definition):
                return next(
                    (
                        Entity(EntityKind.PARAMETER, name, file, target, item.name.span)
                        for item in node.parameters
                        if item.name.text == name
                    ),
                    None,
                )
            return None
        case _:
            return None


def generic(db: Database, callee: Value | None, name: str) -> Entity | None:
    """What the name of a generic argument means after `callee`."""
    match callee:
        case Reference(file=file, name=target):
            node = modules.declaration(db, file, target)
            generics = node.generics if isinstance(node, syntax.Definition | syntax.Record | syntax.TypeAlias) else ()
            found = next((item for item in generics if item.name.text == name), None)
            return Entity(EntityKind.GENERIC, name, file, target, found.name.span) if found is not None else None
        case _:
            return None


def _field(db: Database, file: str, record: str, name: str) -> Entity | None:
    node = modules.declaration(db, file, record)
    fields = node.fields if isinstance(node, syntax.Record) else ()
    found = next((item for item in fields if item.name.text == name), None)
    return Entity(EntityKind.FIELD, name, file, record, found.name.span) if found is not None else None


def _members(block: syntax.Block, file: str, key: str) -> Iterator[Entity]:
    for node in block.statements:
        match node:
            case syntax.Sub(name=name):
                yield Entity(EntityKind.PART, name.text, file, key, name.span)
            case syntax.Param(name=name):
                yield Entity(EntityKind.WEIGHT, name.text, file, key, name.span)
            case syntax.If():
                yield from _members(node.then, file, key)
                otherwise = node.otherwise
                if otherwise is not None:
                    inner = otherwise if isinstance(otherwise, syntax.Block) else syntax.Block(node.span, (otherwise,))
                    yield from _members(inner, file, key)
            case _:
                pass


def kind_of(node: syntax.Declaration) -> EntityKind:
    match node:
        case syntax.Definition(keyword=keyword):
            return EntityKind(keyword.value)
        case syntax.Record():
            return EntityKind.RECORD
        case syntax.TypeAlias():
            return EntityKind.TYPE
        case syntax.Const():
            return EntityKind.CONST
        case syntax.Deploy():
            return EntityKind.DEPLOY
        case syntax.Import():
            return EntityKind.MODULE
