"""What a name can mean, and where it stands. Plain data; spans are relative to the declaration that they are in."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from tenuto_grammar.text import Span


class EntityKind(Enum):
    """The kinds of things that have names."""

    MODULE = "module"
    FN = "fn"
    MODEL = "model"
    OP = "op"
    RECORD = "record"
    TYPE = "type"
    CONST = "const"
    DEPLOY = "deploy"
    FIELD = "field"
    GENERIC = "generic"
    PARAMETER = "parameter"
    SIZE = "size"  # A dimension or pack that a shape quantifies by mentioning it, or `?N`.
    LOCAL = "let"
    VARIABLE = "var"
    PART = "sub"
    WEIGHT = "param"
    INDEX = "loop variable"
    AXIS = "axis"  # Of a pattern literal.
    DTYPE = "dtype"
    BUILTIN = "builtin"
    POLICY = "precision policy"
    TARGET = "target"
    SETTING = "setting"


DECLARATIONS = frozenset(
    {
        *(EntityKind.FN, EntityKind.MODEL, EntityKind.OP, EntityKind.RECORD),
        *(EntityKind.TYPE, EntityKind.CONST, EntityKind.DEPLOY),
    }
)


class Entity(Struct, frozen=True):
    """Something that has a name. `span` is where its name is defined, in the declaration `key` of `file`.

    A module has no key; what the language itself defines (a dtype, a built-in function) has no file.
    """

    kind: EntityKind
    name: str
    file: str = ""
    key: str = ""
    span: Span = Span(0, 0)


class Role(Enum):
    """What a mention of a name does with it."""

    DEFINITION = "definition"
    READ = "read"
    WRITE = "write"


class Occurrence(Struct, frozen=True):
    """A mention of a name. What stands there may be an alias: another text than the name of the entity."""

    span: Span
    entity: Entity
    role: Role


class Visible(Struct, frozen=True):
    """A name with the stretch of its declaration in which it can be used."""

    span: Span
    entity: Entity


class Names(Struct, frozen=True):
    """All mentions of names in a declaration, in order, and the names that it defines for a stretch of its text."""

    occurrences: tuple[Occurrence, ...]
    visible: tuple[Visible, ...]
