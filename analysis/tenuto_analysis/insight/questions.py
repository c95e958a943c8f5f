"""The questions that editors ask of a place in a file. Offsets and spans are those of the file, in characters."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator

from msgspec import Struct

from tenuto_analysis import modules
from tenuto_analysis.check import queries
from tenuto_analysis.database import Database
from tenuto_analysis.dims import Constraint, Leaf, leaves_of_constraint
from tenuto_analysis.insight.entities import DECLARATIONS, Entity, EntityKind, Occurrence, Role
from tenuto_analysis.insight.names import names
from tenuto_analysis.insight.survey import Survey, survey
from tenuto_analysis.modules import Key
from tenuto_analysis.shapes import Known
from tenuto_analysis.types import Value
from tenuto_grammar import syntax
from tenuto_grammar.text import Span


class Declared(Struct, frozen=True):
    """A declaration of a file: its key, where its text begins and ends, and its syntax; spans inside are relative."""

    key: Key
    start: int
    end: int
    node: syntax.Declaration | None


def declarations(db: Database, file: str) -> Iterator[Declared]:
    """The declarations of a file in order, with those that could not be read; not the header."""
    starts = modules.starts(db, file)
    for key, keyword in modules.keys(db, file):
        if keyword:
            yield _declared(db, file, key, starts[key])


def declaration_at(db: Database, file: str, offset: int) -> Declared | None:
    """The declaration whose text an offset lies in, or stands right behind."""
    starts, keys = modules.starts(db, file), modules.keys(db, file)
    place = bisect_right(keys, offset, key=lambda item: starts[item[0]])
    # The one before may end where this one begins.
    for key, keyword in keys[max(place - 2, 0) : place]:
        found = _declared(db, file, key, starts[key]) if keyword else None
        if found is not None and offset <= found.end:
            return found
    return None


def _declared(db: Database, file: str, key: Key, start: int) -> Declared:
    text = modules.chunk_text(db, (file, key)) or ""
    return Declared(key, start, start + len(text), modules.declaration(db, file, key))


class Mention(Struct, frozen=True):
    """An occurrence in a file; `span` is where it stands in the file."""

    file: str
    key: Key
    span: Span
    entity: Entity
    role: Role


def mentions_in(db: Database, file: str, key: Key) -> Iterator[Mention]:
    """All mentions of names in a declaration, in order."""
    start = modules.starts(db, file).get(key, 0)
    for item in names(db, file, key).occurrences:
        yield _mention(file, key, start, item)


def mention_at(db: Database, file: str, offset: int) -> Mention | None:
    """The name that an offset lies in or stands right behind; of several the shortest."""
    inside = declaration_at(db, file, offset)
    if inside is None:
        return None
    at = offset - inside.start
    touched = [item for item in names(db, file, inside.key).occurrences if item.span.start <= at <= item.span.end]
    best = min(touched, key=lambda item: (item.span.end == at, item.span.end - item.span.start), default=None)
    return _mention(file, inside.key, inside.start, best) if best is not None else None


def _mention(file: str, key: Key, start: int, item: Occurrence) -> Mention:
    return Mention(file, key, item.span.shifted(start), item.entity, item.role)


class Place(Struct, frozen=True):
    """A stretch of a file."""

    file: str
    span: Span


def place_of(db: Database, entity: Entity) -> Place | None:
    """Where an entity is defined; None for what the language itself defines. A module begins where its file does."""
    if not entity.file:
        return None
    if entity.kind is EntityKind.MODULE:
        return Place(entity.file, Span(0, 0))
    return Place(entity.file, entity.span.shifted(modules.starts(db, entity.file).get(entity.key, 0)))


def references(db: Database, files: Iterable[str], entity: Entity) -> Iterator[Mention]:
    """All mentions of an entity in files (its definition too), file by file in order.

    What the language itself defines is found as any other name. Only declarations are read whose text has the name, or
    a name under which their file imports it.
    """
    for file in files:
        for key in _candidates(db, file, entity):
            for mention in mentions_in(db, file, key):
                if mention.entity == entity:
                    yield mention


def _candidates(db: Database, file: str, entity: Entity) -> list[Key]:
    """The declarations of a file that may mention an entity."""
    keys = [key for key, _ in modules.keys(db, file)]
    if entity.key and entity.kind not in _SEEN_FROM_OUTSIDE:
        return [entity.key] if file == entity.file and entity.key in keys else []
    words = {entity.name, *_aliases(db, file, entity)}
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)")
    return [key for key in keys if pattern.search(modules.chunk_text(db, (file, key)) or "")]


# What other declarations than their own may mention.
_SEEN_FROM_OUTSIDE = DECLARATIONS | {
    *(EntityKind.FIELD, EntityKind.PARAMETER, EntityKind.GENERIC, EntityKind.SIZE),
    *(EntityKind.PART, EntityKind.WEIGHT),
}


def _aliases(db: Database, file: str, entity: Entity) -> Iterator[str]:
    name = None if entity.kind is EntityKind.MODULE else entity.name
    for alias, target in modules.imported_names(db, file).items():
        if target.file == entity.file and target.name == name:
            yield alias
    if entity.kind is EntityKind.MODULE:
        yield entity.name.split(".")[-1]


def visible_at(db: Database, file: str, offset: int) -> dict[str, Entity]:
    """The names that the declaration at an offset binds and that can be used there."""
    inside = declaration_at(db, file, offset)
    if inside is None:
        return {}
    at = offset - inside.start
    found = [item for item in names(db, file, inside.key).visible if item.span.start <= at <= item.span.end]
    return {item.entity.name: item.entity for item in sorted(found, key=lambda item: item.span.start)}


# ---------------------------------------------------------------------------------------------------------------- types


class TypedPlace(Struct, frozen=True):
    """An expression of a file with what was inferred for it."""

    span: Span
    value: Value


def surveyed(db: Database, file: str, key: Key) -> Survey:
    """What was inferred inside of a declaration; its spans are relative to it."""
    return survey(db, file, key)


def expression_at(db: Database, file: str, offset: int) -> TypedPlace | None:
    """The smallest expression round an offset whose type is known."""
    inside = declaration_at(db, file, offset)
    if inside is None:
        return None
    at = offset - inside.start
    found = (span for span in survey(db, file, inside.key).types if span.start <= at <= span.end)
    best = min(found, key=lambda span: (span.end == at, span.end - span.start), default=None)
    if best is None:
        return None
    return TypedPlace(best.shifted(inside.start), survey(db, file, inside.key).types[best])


def value_of(db: Database, entity: Entity) -> Value | None:
    """The type of what a name stands for: of a local name, a parameter, a field, a constant; None for other things."""
    if not entity.key:
        return None
    if entity.kind is EntityKind.CONST:
        return queries.constant(db, entity.file, entity.key)
    return survey(db, entity.file, entity.key).defined.get(entity.span)


def known_at(db: Database, file: str, offset: int) -> Known | None:
    """What is known of sizes where the statement at an offset begins."""
    inside = declaration_at(db, file, offset)
    if inside is None:
        return None
    at = offset - inside.start
    found = {span: known for span, known in survey(db, file, inside.key).known.items() if span.start <= at <= span.end}
    best = min(found, key=lambda span: span.end - span.start, default=None)
    return found[best] if best is not None else None


def facts_about(known: Known, sizes: Iterable[Leaf]) -> tuple[Constraint, ...]:
    """The facts that speak of any of these sizes, in the order in which they became known."""
    wanted = frozenset(sizes)
    return tuple(fact for fact in known.facts.known if leaves_of_constraint(fact) & wanted)
