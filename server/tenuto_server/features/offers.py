"""What can be offered where somebody types: names of all kinds, keywords, members, arguments. Plain data.

`completion.py` says which of these suit a place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tenuto_analysis import modules
from tenuto_analysis.check import builtins, models, queries
from tenuto_analysis.check.context import Context
from tenuto_analysis.check.written import AXIS_KINDS, DTYPE_CLASSES, STATIC_KINDS
from tenuto_analysis.database import Database
from tenuto_analysis.dtypes import SCALARS
from tenuto_analysis.insight.cursor import Cursor, Seen
from tenuto_analysis.insight.entities import Entity, EntityKind
from tenuto_analysis.insight.members import declared, member
from tenuto_analysis.modules import EXPLICIT_STD, STD, Target
from tenuto_analysis.types import (
    Instance,
    Module,
    OptionalValue,
    RecordValue,
    Reference,
    Tensor,
    TupleValue,
    Value,
)
from tenuto_grammar import syntax
from tenuto_server.features.describe import module_path, typed
from tenuto_server.features.expected import Test
from tenuto_server.workspace import Workspace


class Offer(NamedTuple):
    """Something that can be typed. `entity` is what it means, for its documentation; a keyword means nothing.

    `text` is what is inserted, `snippet` the same with places to fill in, for editors that know such. `fit` ranks
    first: 0 fits what is expected, 1 may fit, 2 does not; then `near`: how near it is declared, 0 the nearest. `origin`
    is the module that an import has to name for it.
    """

    label: str
    entity: Entity | None = None
    detail: str = ""
    text: str = ""
    snippet: str = ""
    fit: int = 1
    near: int = 0
    origin: str = ""


class Typing(NamedTuple):
    """Where somebody types, and what is known there; `others` are the other files of the workspace."""

    workspace: Workspace
    cursor: Cursor
    seen: Seen
    others: tuple[str, ...]
    test: Test | None

    @property
    def db(self) -> Database:
        return self.workspace.database

    def fit(self, value: Value | None) -> int:
        """How well a value fits what is expected."""
        found = self.test(value) if self.test is not None and value is not None else None
        return 1 if found is None else 0 if found else 2


# Ranks of nearness; what is between two of them orders what is equally near.
LOCAL, ARGUMENT, OWN, IMPORTED, LANGUAGE, LIBRARY, ELSEWHERE, LAST = range(0, 800, 100)

CALLED = frozenset({EntityKind.FN, EntityKind.OP, EntityKind.RECORD})


def local_names(typing: Typing) -> Iterator[tuple[Offer, Value | None]]:
    """What the declaration itself binds, each with its value."""
    for name, entity in typing.seen.names.items():
        value = typing.seen.value(entity)
        shown = typed(name, value) if value is not None else ""
        near = OWN if entity.kind in (EntityKind.SIZE, EntityKind.GENERIC) else LOCAL
        yield Offer(name, entity, shown, name, fit=typing.fit(value), near=near), value


def file_names(typing: Typing) -> Iterator[tuple[Offer, Value | None]]:
    """What the file declares and imports."""
    db, file = typing.db, typing.cursor.file
    for name in modules.offered(db, file):
        if name != typing.cursor.key:
            yield from _declared(typing, name, Target(file, name), OWN)
    for name, target in modules.imported_names(db, file).items():
        yield from _declared(typing, name, target, IMPORTED)


def _declared(typing: Typing, name: str, target: Target, near: int) -> Iterator[tuple[Offer, Value | None]]:
    entity = declared(typing.db, target)
    if entity is None:
        return
    value: Value
    detail = ""
    match entity.kind:
        case EntityKind.MODULE:
            value = Module(entity.file)
        case EntityKind.CONST:
            value = queries.constant(typing.db, entity.file, entity.key)
            detail = typed(name, value)
        case _:
            value = Reference(entity.file, entity.key)
    yield Offer(name, entity, detail, name, fit=typing.fit(value), near=near), value


def library_names(typing: Typing) -> Iterator[tuple[Offer, Value | None]]:
    """What the library offers everywhere. Whether it fits is not asked: that would check all of it."""
    offered = {target.file: modules.offered(typing.db, target.file) for target in modules.prelude().values()}
    for name, target in modules.prelude().items():
        entity = _unread(target.file, name, offered[target.file][name])
        yield Offer(name, entity, text=name, near=LIBRARY), None


def _unread(file: str, name: str, keyword: str) -> Entity:
    """A declaration by its keyword alone: to offer a name nothing is parsed."""
    return Entity(EntityKind(keyword), name, file, name)


def importable_names(typing: Typing) -> Iterator[Offer]:
    """What other modules declare; `origin` is the module."""
    db, file = typing.db, typing.cursor.file
    root = modules.root(db, file)
    library = [str(STD / f"{name}.ten") for name in sorted(EXPLICIT_STD)]
    for other in (*library, *typing.others):
        path = module_path(db, other)
        if other == file or modules.module_file(root, path) != other:
            continue
        for name, keyword in modules.offered(db, other).items():
            if keyword != "deploy":
                entity = _unread(other, name, keyword)
                yield Offer(name, entity, f"import {path}", name, near=ELSEWHERE, origin=path)


def language_names(names: Iterable[str], kind: EntityKind, near: int = LANGUAGE) -> Iterator[Offer]:
    for name in names:
        yield Offer(name, Entity(kind, name), text=name, near=near)


def keywords(words: Iterable[str], near: int = LANGUAGE) -> Iterator[Offer]:
    for word in words:
        yield Offer(word, text=f"{word} ", near=near)


def builtin_names() -> Iterator[Offer]:
    return language_names((*(name for name in builtins.NAMES if name not in _ONLY_SHAPES), "shape"), EntityKind.BUILTIN)


# Shape functions, which stand behind `..` in a shape.
SHAPES = ("broadcast", "reduce", "permute", "concat", "stack", "pad", "insert", "swap", "matmul", "tile")
_ONLY_SHAPES = frozenset({*SHAPES, "reduce_pattern", "is_permutation"}) - {"reduce", "concat", "stack", "matmul"}


_COMMON_DTYPES = ("float", "f32", "f16", "bf16", "i64", "i32", "bool")


def dtypes() -> Iterator[Offer]:
    """All dtypes; those that are used most come first."""
    for rank, name in enumerate(dict.fromkeys((*_COMMON_DTYPES, *SCALARS))):
        yield Offer(name, Entity(EntityKind.DTYPE, name), text=name, fit=0, near=LANGUAGE + rank)


def kinds() -> Iterator[Offer]:
    """The kinds of compile-time parameters."""
    return language_names((*STATIC_KINDS, *AXIS_KINDS, *DTYPE_CLASSES, "list"), EntityKind.BUILTIN)


# ------------------------------------------------------------------------------------------------------------- members


def members(typing: Typing, base: Value | None) -> Iterator[Offer]:
    """What may follow `base.`."""
    db = typing.db
    match base:
        case OptionalValue(inner=inner):
            yield from members(typing, inner)
        case RecordValue(fields=fields):
            yield from _members(typing, base, fields)
        case Instance(model=Reference() as model):
            found = models.members_of(Context(db, typing.cursor.file, typing.cursor.key, ""), model)
            yield from _members(typing, base, found)
        case Module(file=file):
            for name in modules.offered(db, file):
                for offer, _ in _declared(typing, name, Target(file, name), OWN):
                    yield offer
        case Tensor():
            yield Offer("shape", Entity(EntityKind.BUILTIN, "shape"), f"shape[{_shape(base)}]", "shape")
        case TupleValue(items=items):
            for index, item in enumerate(items):
                yield Offer(str(index), None, str(item), str(index), fit=typing.fit(item), near=index)
        case _:
            pass


def _shape(value: Tensor) -> str:
    return ", ".join(map(str, value.shape))


def _members(typing: Typing, base: Value, found: Iterable[tuple[str, Value]]) -> Iterator[Offer]:
    for rank, (name, value) in enumerate(found):
        entity = member(typing.db, base, name)
        yield Offer(name, entity, typed(name, value), name, fit=typing.fit(value), near=rank)


# ----------------------------------------------------------------------------------------------------------- arguments


def arguments(typing: Typing, value: Value | None, node: syntax.Subscript) -> Iterator[Offer]:
    """The generics that `Name[...]` does not give yet, by name."""
    match value:
        case Reference(file=file, name=name):
            signature = queries.signature(typing.db, file, name)
        case _:
            return
    if signature is None:
        return
    given = {item.name.text for item in node.indices if isinstance(item, syntax.Named)}
    unnamed = sum(1 for item in node.indices if not isinstance(item, syntax.Named)) - 1
    for rank, generic in enumerate(item for item in signature.generics if not item.pack):
        if rank >= unnamed and generic.name not in given:
            entity = Entity(EntityKind.GENERIC, generic.name, file, name, generic.span)
            text = f"{generic.name} = "
            yield Offer(text.rstrip(), entity, str(generic.kind), text, fit=0, near=ARGUMENT)
