"""The questions about declarations that the checker asks itself: each is computed once and again only after an edit.

None is finer than a declaration. What a definition promises (`signature`) does not depend on its body, so that an
edit in a body reaches no other definition, unless its result type is left out.
"""

from __future__ import annotations

from msgspec import Struct

from tenuto_analysis import modules, recursion
from tenuto_analysis.check import constants, definitions, deploys, signatures
from tenuto_analysis.database import Database, query
from tenuto_analysis.diagnostics.base import Diagnostic
from tenuto_analysis.diagnostics.names import RecursiveDefinition
from tenuto_analysis.dims import Constraint, render
from tenuto_analysis.signature import GenericSignature, ParameterSignature, Requirement, Signature
from tenuto_analysis.types import UNKNOWN, PackVariable, RecordValue, Tensor, Value
from tenuto_grammar import syntax
from tenuto_grammar.text import Span

NO_SIZES = RecordValue("sizes", "", ())


class Alias(Struct, frozen=True):
    """A `type` declaration."""

    owner: str
    generics: tuple[GenericSignature, ...]
    type: Value


class RecordField(Struct, frozen=True):
    name: str
    type: Value
    default: Value | None
    span: Span


class RecordSignature(Struct, frozen=True):
    """A `record` declaration; `is_static` tells a configuration from a record of tensors."""

    name: str
    file: str
    key: str
    owner: str
    generics: tuple[GenericSignature, ...]
    fields: tuple[RecordField, ...]

    @property
    def is_static(self) -> bool:
        return not any(isinstance(field.type, Tensor | RecordValue) for field in self.fields)

    def as_type(self) -> RecordValue:
        """The type of a record of tensors: each field with its type."""
        return RecordValue(self.name, self.file, tuple((field.name, field.type) for field in self.fields))


class Interface(Struct, frozen=True):
    """What the head of a declaration says, with the problems found in it and the names that it mentions."""

    problems: tuple[Diagnostic, ...]
    used: frozenset[str]
    signature: Signature | None = None
    bindings: tuple[tuple[str, Value, Span], ...] = ()
    alias: Alias | None = None
    record: RecordSignature | None = None
    constant: Value = UNKNOWN
    where_insert: tuple[int, str, str] | None = None
    after: tuple[tuple[str, PackVariable], ...] = ()


class Body(Struct, frozen=True):
    """What the check of a body found: problems, the result, the members of a model, and each inferred value."""

    problems: tuple[Diagnostic, ...]
    used: frozenset[str]
    result: Value
    members: tuple[tuple[str, Value], ...]
    values: tuple[tuple[Span, Value], ...]


def owner_of(file: str, key: str) -> str:
    """What tells the names of one declaration from those of another."""
    return f"{file}::{key}"


@query
def interface(db: Database, file: str, key: str) -> Interface:
    """The head of a declaration."""
    way = recursion.circles(db, file).get(key)
    if way is not None:
        return Interface(_recursive(db, file, way), recursion.mentioned(db, file, key))
    node = modules.declaration(db, file, key)
    match node:
        case syntax.Definition():
            return signatures.definition(db, file, key, node)
        case syntax.TypeAlias():
            return signatures.alias(db, file, key, node)
        case syntax.Record():
            return signatures.record(db, file, key, node)
        case syntax.Const():
            return constants.constant(db, file, key, node)
        case _:
            return Interface((), frozenset())


@query
def body(db: Database, file: str, key: str) -> Body:
    """The body of a definition, or a deploy."""
    if key in recursion.circles(db, file):
        return Body((), frozenset(), UNKNOWN, (), ())
    node = modules.declaration(db, file, key)
    match node:
        case syntax.Definition():
            return definitions.body(db, file, key, node)
        case syntax.Deploy():
            return deploys.deploy(db, file, key, node)
        case _:
            return Body((), frozenset(), UNKNOWN, (), ())


def _recursive(db: Database, file: str, way: tuple[str, ...]) -> tuple[Diagnostic, ...]:
    """What is said of a circle of declarations: once, where the first of them is named."""
    key = way[0]
    node = modules.declaration(db, file, key)
    order = [other for other, _ in modules.keys(db, file)]
    if node is None or isinstance(node, syntax.Import) or min(way, key=order.index) != key:
        return ()
    return (RecursiveDefinition(node.name.span, key, way[1:-1]),)


@query
def keyword_of(db: Database, file: str, name: str) -> str:
    """The keyword of a declaration; empty where there is none."""
    return modules.offered(db, file).get(name, "")


@query
def signature(db: Database, file: str, name: str) -> Signature | None:
    return interface(db, file, name).signature


@query
def alias(db: Database, file: str, name: str) -> Alias | None:
    return interface(db, file, name).alias


@query
def record(db: Database, file: str, name: str) -> RecordSignature | None:
    return interface(db, file, name).record


@query
def constant(db: Database, file: str, name: str) -> Value:
    return interface(db, file, name).constant


@query
def result_of(db: Database, file: str, name: str) -> Value:
    """The result that a body tells, where the signature does not."""
    return body(db, file, name).result


@query
def members(db: Database, file: str, name: str) -> tuple[tuple[str, Value], ...]:
    """The parameters and parts of a model."""
    return body(db, file, name).members


def parameter(name: str, type_: Value) -> ParameterSignature:
    """A parameter of a model type: it has no name of its own, only a place."""
    return ParameterSignature(name, type_, None, Span(0, 0))


def requirement(constraint: Constraint) -> Requirement:
    return Requirement(constraint, Span(0, 0), render(constraint))
