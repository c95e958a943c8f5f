"""What stands between the words of a program that was inferred: types, results, generic arguments, names of arguments.

A hint with an `insert` can be taken over into the source, where it says what was inferred anyway and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from tenuto_analysis import modules
from tenuto_analysis.check import queries
from tenuto_analysis.check.recorder import Resolved
from tenuto_analysis.database import Database, query
from tenuto_analysis.dims import Dim
from tenuto_analysis.insight import questions
from tenuto_analysis.insight.entities import Entity, EntityKind, Role
from tenuto_analysis.insight.names import names
from tenuto_analysis.insight.pattern_axes import pattern_axes
from tenuto_analysis.insight.survey import Survey, survey
from tenuto_analysis.insight.trees import walk
from tenuto_analysis.precision.shown_casts import shown_casts
from tenuto_analysis.shapes import Known
from tenuto_analysis.signature import Signature
from tenuto_analysis.types import (
    UNKNOWN,
    AxisKind,
    Instance,
    Int,
    KindValue,
    ListKind,
    ListValue,
    RecordValue,
    Reference,
    Sequence,
    StaticKind,
    Str,
    Tensor,
    TupleValue,
    Value,
)
from tenuto_grammar import syntax
from tenuto_grammar.lexer import tokenize
from tenuto_grammar.text import Span
from tenuto_server.features.source_types import source_size, source_type
from tenuto_server.workspace import Workspace


class HintKind(Enum):
    """What a hint tells; each kind can be switched off."""

    TYPE = "types"
    RESULT = "results"
    SIZE = "sizes"
    ARGUMENT = "arguments"
    CAST = "casts"


class Hint(NamedTuple):
    """Text to show at an offset; `entity` is what it names, where that is declared somewhere."""

    at: int
    label: str
    kind: HintKind
    insert: str | None = None
    entity: Entity | None = None


def inlay_hints(workspace: Workspace, file: str, stretch: Span) -> Iterator[Hint]:
    """The hints in a stretch of a file, declaration by declaration."""
    workspace.load(file)
    db = workspace.database
    for declared in questions.declarations(db, file):
        if declared.start <= stretch.end and stretch.start <= declared.end:
            for hint in (*hints_of(db, file, declared.key), *_casts(db, file, declared.key)):
                at = hint.at + declared.start
                if stretch.start <= at <= stretch.end:
                    yield hint._replace(at=at)


@query
def hints_of(db: Database, file: str, key: str) -> tuple[Hint, ...]:
    """The hints of a declaration, by offsets in it."""
    node = modules.declaration(db, file, key)
    if not isinstance(node, syntax.Definition | syntax.Const | syntax.Deploy):
        return ()
    known = survey(db, file, key)
    found: list[Hint] = []
    if isinstance(node, syntax.Definition):
        found += _result(db, file, key, node)
    piped: syntax.Node | None = None
    for inner in walk(node):
        match inner:
            case syntax.Let(type=None) | syntax.Var(type=None):
                found += _bound(db, file, key, known, inner)
            case syntax.Sub(name=name, type=None):
                found += _solved_part(db, file, key, known, inner, known.defined.get(name.span))
            case syntax.Pipe(right=right):
                piped = right
            case syntax.Call():
                found += _call(db, file, key, known, inner, 1 if inner is piped else 0)
            case syntax.Subscript():
                found += _generics(db, known, inner)
            case _:
                pass
    return tuple(sorted(found, key=lambda hint: hint.at))


def _casts(db: Database, file: str, key: str) -> Iterator[Hint]:
    """What a policy casts and the program does not say."""
    for cast in shown_casts(db, file):
        if cast.key == key:
            yield Hint(cast.at, f" as {' | '.join(cast.dtypes)}", HintKind.CAST)


# --------------------------------------------------------------------------------------------------------------- types


def _result(db: Database, file: str, key: str, node: syntax.Definition) -> Iterator[Hint]:
    if node.result is not None or node.body is None:
        return
    value = queries.result_of(db, file, key)
    at = _head_end(modules.chunk_text(db, (file, key)) or "", node)
    if value == UNKNOWN or at is None:
        return
    text = source_type(db, file, key, value, at)
    yield Hint(at, f" -> {value}", HintKind.RESULT, f" -> {text}" if text is not None else None)


def _head_end(text: str, node: syntax.Definition) -> int | None:
    """Behind the parenthesis that closes the parameters."""
    before = (node.name, *node.generics, *node.parameters)[-1].span.end
    return next((end for start, end in tokenize(text).spans if start >= before and text[start:end] == ")"), None)


def _bound(db: Database, file: str, key: str, known: Survey, node: syntax.Let | syntax.Var) -> Iterator[Hint]:
    """The type of a name; a variable's can be written where no assignment gives it another one."""
    pattern = node.pattern if isinstance(node, syntax.Let) else node.name
    for name in _identifiers(pattern):
        value = known.defined.get(name.span)
        if value is None or not _worth_telling(value) or name.text == "_":
            continue
        text: str | None = None
        if isinstance(pattern, syntax.Identifier) and (
            isinstance(node, syntax.Let) or _keeps_type(db, file, key, known, name, value)
        ):
            text = source_type(db, file, key, value, name.span.end)
        yield Hint(name.span.end, f": {value}", HintKind.TYPE, f": {text}" if text is not None else None)


def _identifiers(node: syntax.Pattern) -> Iterator[syntax.Identifier]:
    match node:
        case syntax.Identifier():
            yield node
        case syntax.TuplePattern(items=items):
            for item in items:
                yield from _identifiers(item)


def _worth_telling(value: Value) -> bool:
    """Whether a type says more than the source does; what is known at compile time stands there."""
    match value:
        case Tensor() | RecordValue() | TupleValue():
            return True
        case Sequence(element=element):
            return _worth_telling(element)
        case ListValue(items=items):
            return any(map(_worth_telling, items))
        case _:
            return False


def _keeps_type(db: Database, file: str, key: str, known: Survey, name: syntax.Identifier, value: Value) -> bool:
    writes = [
        item.span
        for item in names(db, file, key).occurrences
        if item.role is Role.WRITE and item.entity.span == name.span
    ]
    return all(known.defined.get(span) == value for span in writes)


# ------------------------------------------------------------------------------------------------------------ generics


def _solved_part(
    db: Database, file: str, key: str, known: Survey, node: syntax.Sub, value: Value | None
) -> Iterator[Hint]:
    """The generic arguments of a part that its calls determine."""
    match value:
        case Instance(model=Reference(file=own, name=name, arguments=())) if isinstance(node.value, syntax.Name):
            signature = queries.signature(db, own, name)
        case _:
            return
    calls = [call for call in known.calls.values() if signature is not None and call.signature == signature]
    if signature is not None and len(calls) == 1:
        yield from _sizes(db, file, key, signature, calls[0], node.value.span.end)


def _sizes(db: Database, file: str, key: str, signature: Signature, call: Resolved, at: int) -> Iterator[Hint]:
    """The sizes that a call was solved for, as generic arguments."""
    solved = ((item.name, call.values.get(item.name)) for item in signature.generics if item.default is None)
    sizes = [(name, value.value) for name, value in solved if isinstance(value, Int)]
    if sizes:
        shown = ", ".join(f"{name} = {size}" for name, size in sizes)
        sayable = all(source_size(db, file, key, size, at) is not None for _, size in sizes)
        yield Hint(at, f"[{shown}]", HintKind.SIZE, f"[{shown}]" if sayable else None)


def _open_axes(db: Database, file: str, key: str, known: Survey, node: syntax.Call, call: Resolved) -> Iterator[Hint]:
    """The sizes in the groups of a pattern literal that the call leaves to be computed."""
    pattern = next((span for _, value, span, _ in call.arguments if isinstance(value, Str)), None)
    if pattern is None or not node.arguments or not any(item.value.span == pattern for item in node.arguments):
        return
    round_call = [span for span in known.known if span.start <= node.span.start and node.span.end <= span.end]
    facts = known.known[min(round_call, key=lambda span: span.end - span.start)] if round_call else Known()
    given = {item.name.text for item in node.arguments if item.name is not None}
    text = (modules.chunk_text(db, (file, key)) or "")[slice(*pattern)].partition("->")[0]
    grouped = {name for group in re.findall(r"\(([^)]*)\)", text) for name in group.split()}
    for name, shape in pattern_axes(call, facts).items():
        if name in grouped - given and len(shape) == 1 and isinstance(shape[0], Dim):
            at = node.arguments[-1].span.end
            sayable = source_size(db, file, key, shape[0], at) is not None
            label = f", {name} = {shape[0]}"
            yield Hint(at, label, HintKind.SIZE, label if sayable else None)


def _generics(db: Database, known: Survey, node: syntax.Subscript) -> Iterator[Hint]:
    """The names of generic arguments that are literals."""
    match known.types.get(node.base.span):
        case Reference(file=file, name=name):
            signature = queries.signature(db, file, name)
        case _:
            return
    if signature is None:
        return
    generics = [item for item in signature.generics if not item.pack]
    unnamed = [item for item in node.indices if not isinstance(item, syntax.Named)]
    for index, item in enumerate(unnamed[: len(generics)]):
        if isinstance(item, syntax.Integer | syntax.Boolean | syntax.Float) and len(generics) > 1:
            generic = generics[index]
            entity = Entity(EntityKind.GENERIC, generic.name, signature.file, signature.key, generic.span)
            text = f"{generic.name} = "
            yield Hint(item.span.start, text, HintKind.ARGUMENT, text if item is unnamed[-1] else None, entity)


# --------------------------------------------------------------------------------------------------------------- calls


def _call(db: Database, file: str, key: str, known: Survey, node: syntax.Call, skipped: int) -> Iterator[Hint]:
    """What the generics of a call are, and the names of arguments that are literals."""
    call = known.calls.get(node.span)
    if call is None:
        yield from _fields(db, known, node, skipped)
        return
    signature = call.signature
    if isinstance(node.callee, syntax.Name) and not signature.is_model:
        yield from _sizes(db, file, key, signature, call, node.callee.span.end)
    yield from _open_axes(db, file, key, known, node, call)
    unnamed = [item for item in node.arguments if item.name is None]
    for item, parameter in zip(unnamed, signature.parameters[skipped:], strict=False):
        if isinstance(parameter.type, ListKind):
            return  # Several arguments may make one list.
        if len(signature.parameters) > 1 and len(parameter.name) > 1 and _is_literal(item.value, parameter.type):
            entity = Entity(EntityKind.PARAMETER, parameter.name, signature.file, signature.key, parameter.span)
            text = f"{parameter.name} = "
            yield Hint(item.span.start, text, HintKind.ARGUMENT, text if item is unnamed[-1] else None, entity)


def _fields(db: Database, known: Survey, node: syntax.Call, skipped: int) -> Iterator[Hint]:
    match known.types.get(node.callee.span):
        case Reference(file=file, name=name):
            record = queries.record(db, file, name)
        case _:
            return
    unnamed = [item for item in node.arguments if item.name is None]
    for item, field in zip(unnamed, record.fields[skipped:] if record is not None else (), strict=False):
        if _is_literal(item.value, field.type):
            entity = Entity(EntityKind.FIELD, field.name, file, name, field.span)
            text = f"{field.name} = "
            yield Hint(item.span.start, text, HintKind.ARGUMENT, text if item is unnamed[-1] else None, entity)


def _is_literal(node: syntax.Expression, type_: Value) -> bool:
    """Whether an argument does not tell what it is for; a pattern literal and a shape do."""
    if isinstance(type_, KindValue) and type_.kind in (StaticKind.PATTERN, AxisKind.SHAPE):
        return False
    match node:
        case (
            syntax.Integer()
            | syntax.Float()
            | syntax.Boolean()
            | syntax.NoneLiteral()
            | syntax.String()
            | syntax.Unary(operand=syntax.Integer() | syntax.Float())
        ):
            return True
        case syntax.Tuple(items=items) | syntax.ListLiteral(items=items):
            return bool(items) and all(_is_literal(item, type_) for item in items)
        case _:
            return False
