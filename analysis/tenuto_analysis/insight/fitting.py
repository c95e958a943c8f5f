"""Which models can stand where a model is asked for by its type, and which are given there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tenuto_analysis import modules
from tenuto_analysis.check import models, queries
from tenuto_analysis.check.context import Context
from tenuto_analysis.database import Database, query
from tenuto_analysis.diagnostics.base import Place, Related
from tenuto_analysis.insight.entities import Entity, EntityKind
from tenuto_analysis.insight.survey import survey
from tenuto_analysis.types import Instance, ModelBound, Reference, Value
from tenuto_grammar.text import Span

_NOWHERE = Span(0, 0)


def bound_of(db: Database, entity: Entity) -> ModelBound | None:
    """The model's type that an entity is: a generic `M: model(...) -> ...`, or a name for such a type."""
    value: Value | None = None
    if entity.kind is EntityKind.TYPE:
        alias = queries.alias(db, entity.file, entity.key)
        value = alias.type if alias is not None else None
    elif entity.kind is EntityKind.GENERIC:
        value = _kind(db, entity.file, entity.key, entity.name)
    return value if isinstance(value, ModelBound) else None


def fitting(db: Database, files: Iterable[str], entity: Entity) -> Iterator[Entity]:
    """The models of files that fit the type, whatever generic arguments their uses would infer."""
    for file in files:
        for name, keyword in modules.offered(db, file).items():
            if keyword == "model" and _fits(db, entity, file, name):
                yield Entity(EntityKind(keyword), name, file, name)


def given(db: Database, files: Iterable[str], entity: Entity) -> Iterator[Entity]:
    """The models that are given for a generic where files mention its owner."""
    node = modules.declaration(db, entity.file, entity.key)
    place = next(
        (number for number, item in enumerate(getattr(node, "generics", ())) if item.name.text == entity.name), None
    )
    for file in files:
        for key, _ in modules.keys(db, file):
            if entity.key not in (modules.chunk_text(db, (file, key)) or ""):
                continue
            for value in survey(db, file, key).types.values():
                reference = value.model if isinstance(value, Instance) else value
                if isinstance(reference, Reference) and (reference.file, reference.name) == (entity.file, entity.key):
                    yield from _argument(db, reference, entity.name, place)


def _argument(db: Database, reference: Reference, name: str, place: int | None) -> Iterator[Entity]:
    for number, (key, value) in enumerate(reference.arguments):
        model = value.model if isinstance(value, Instance) else value
        if isinstance(model, Reference) and (key == name or (key is None and number == place)):
            keyword = modules.offered(db, model.file).get(model.name)
            if keyword == "model":
                yield Entity(EntityKind(keyword), model.name, model.file, model.name)


@query
def _fits(db: Database, entity: Entity, file: str, name: str) -> bool:
    bound = bound_of(db, entity)
    if bound is None or (entity.file, entity.key) == (file, name):
        return False
    ctx = Context(db, entity.file, entity.key, queries.owner_of(entity.file, entity.key))
    declared = Related(Place(entity.file, entity.key, entity.span), "")
    return models.fits_bound(ctx, bound, Reference(file, name), _NOWHERE, declared)


def _kind(db: Database, file: str, key: str, name: str) -> Value | None:
    interface = queries.interface(db, file, key)
    if interface.signature is not None:
        generics = interface.signature.generics
    elif interface.alias is not None:
        generics = interface.alias.generics
    else:
        generics = interface.record.generics if interface.record is not None else ()
    return next((item.kind for item in generics if item.name == name), None)
