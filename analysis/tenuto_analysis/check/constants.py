"""Compile-time constants: `const name: type = expression`, and configurations read from JSON."""

from __future__ import annotations

import json

from tenuto_analysis import modules
from tenuto_analysis.check import arguments, expressions, policies, queries, records, written
from tenuto_analysis.check.context import Context
from tenuto_analysis.check.matching import Fit, Source
from tenuto_analysis.check.recorder import Recorder
from tenuto_analysis.check.settling import settle
from tenuto_analysis.database import Database
from tenuto_analysis.diagnostics.deploys import InvalidConfiguration
from tenuto_analysis.diagnostics.types import NotStatic
from tenuto_analysis.dims import Truth, literal
from tenuto_analysis.substitute import Substitution
from tenuto_analysis.types import NONE, UNKNOWN, Bool, Float, Int, ListValue, RecordKind, Reference, Str, Tensor, Value
from tenuto_grammar import syntax
from tenuto_grammar.text import Span


def constant(
    db: Database, file: str, key: str, node: syntax.Const, recorder: Recorder | None = None
) -> queries.Interface:
    ctx = Context(db, file, key, queries.owner_of(file, key), recorder=recorder)
    kind = written.annotation(ctx, node.type) if node.type is not None else None
    path = modules.loaded_path(node)
    policy = policies.of_constant(ctx, node.value) if path is None and kind is None else None
    if policy is not None:
        return queries.Interface(tuple(ctx.problems), frozenset(ctx.used), constant=policy)
    value = expressions.infer(ctx, node.value) if path is None else _load(ctx, kind, path)
    if isinstance(value, Tensor):
        ctx.report(NotStatic(node.value.span, "the value of a `const`", str(value)))
        value = UNKNOWN
    if kind is not None and value != UNKNOWN:
        fit = Fit(Substitution("", ctx.known))
        source = Source(f"`{node.name.text}`", node.value.span)
        given = arguments.Given(None, value, node.value.span)
        found = records.field_value(ctx, fit, kind, given, source)
        settle(ctx, fit)
        value = UNKNOWN if found is None or fit.failed else found
    return queries.Interface(tuple(ctx.problems), frozenset(ctx.used), constant=value)


def _load(ctx: Context, kind: Value | None, path: syntax.String) -> Value:
    """A record from a JSON file beside the source."""
    if not isinstance(kind, RecordKind):
        ctx.report(InvalidConfiguration(path.span, "`load` needs a type: `const name: Record = load(...)`"))
        return UNKNOWN
    text = modules.file_text(ctx.db, modules.data_file(ctx.file, path.value))
    if text is None:
        ctx.report(InvalidConfiguration(path.span, f"there is no file `{path.value}` beside this one"))
        return UNKNOWN
    try:
        data = json.loads(text)
    except ValueError as error:
        ctx.report(InvalidConfiguration(path.span, f"`{path.value}` is no JSON: {error}"))
        return UNKNOWN
    except RecursionError:
        ctx.report(InvalidConfiguration(path.span, f"`{path.value}` is nested too deeply"))
        return UNKNOWN
    return _record(ctx, kind, data, path.value, path.span)


def _record(ctx: Context, kind: RecordKind, data: object, where: str, span: Span) -> Value:
    record = queries.record(ctx.db, kind.file, kind.name)
    if record is None:
        return UNKNOWN
    if not isinstance(data, dict):
        ctx.report(InvalidConfiguration(span, f"{where}: `{kind.name}` is written as an object, not as {_name(data)}"))
        return UNKNOWN
    given: list[arguments.Given] = []
    for field in record.fields:
        if field.name in data:
            at = f"{where}: {field.name}"
            inner = field.type
            value = (
                _record(ctx, inner, data[field.name], at, span)
                if isinstance(inner, RecordKind)
                else _json(data[field.name])
            )
            if value == UNKNOWN:
                ctx.report(InvalidConfiguration(span, f"{at} cannot be {_name(data[field.name])}"))
                return UNKNOWN
            given.append(arguments.Given(field.name, value, span))
        elif field.default is None:
            ctx.report(InvalidConfiguration(span, f"{where}: the field `{field.name}` is missing"))
            return UNKNOWN
    return records.construct(ctx, Reference(kind.file, kind.name, kind.arguments), tuple(given), span)


def _json(data: object) -> Value:
    match data:
        case bool():
            return Bool(Truth(data))
        case int():
            return Int(literal(data))
        case float():
            return Float(data)
        case str():
            return Str(data)
        case None:
            return NONE
        case list():
            items = tuple(map(_json, data))
            return UNKNOWN if UNKNOWN in items else ListValue(items)
        case _:
            return UNKNOWN


def _name(data: object) -> str:
    names = {
        dict: "an object",
        list: "a list",
        str: "a string",
        bool: "true or false",
        int: "an integer",
        float: "a number",
    }
    return names.get(type(data), "null")
