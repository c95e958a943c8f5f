"""Records: constructing one, a field at a time."""

from __future__ import annotations

from msgspec.structs import replace

from tenuto_analysis.check import arguments, queries, written
from tenuto_analysis.check.arguments import Given
from tenuto_analysis.check.context import Context
from tenuto_analysis.check.matching import Fit, Source, match_value
from tenuto_analysis.check.settling import settle
from tenuto_analysis.diagnostics.base import Place, Related
from tenuto_analysis.diagnostics.calls import (
    MissingArgument,
    UnexpectedArgument,
)
from tenuto_analysis.diagnostics.words import nearest
from tenuto_analysis.substitute import Substitution
from tenuto_analysis.types import (
    NONE,
    UNKNOWN,
    KindValue,
    ListKind,
    ListValue,
    OptionalValue,
    RecordValue,
    Reference,
    StaticKind,
    TupleValue,
    Value,
)
from tenuto_grammar.text import Span


def construct(ctx: Context, reference: Reference, given: tuple[Given, ...], span: Span) -> Value:
    """`BertConfig(hidden = 384, ...)`, `Cache(k = ..., v = ...)`."""
    record = queries.record(ctx.db, reference.file, reference.name)
    if record is None:
        return UNKNOWN
    fit = Fit(Substitution(record.owner, ctx.known))
    written.bind_generics(fit.substitution, tuple((g.name, g.pack) for g in record.generics), reference.arguments)
    names = tuple(field.name for field in record.fields)
    values: dict[str, Given] = {}
    for index, item in enumerate(given):
        key = item.name if item.name is not None else names[index] if index < len(names) else None
        if key is None or key not in names:
            near = nearest(key, names) if key is not None else ()
            ctx.report(UnexpectedArgument(item.name_span or item.span, record.name, key, names, near))
            return UNKNOWN
        values[key] = item
    fields: list[tuple[str, Value]] = []
    for field in record.fields:
        chosen = values.get(field.name)
        if chosen is None:
            if field.default is None:
                place = Place(reference.file, record.key, field.span)
                ctx.report(MissingArgument(span, record.name, field.name, place))
                return UNKNOWN
            fields.append((field.name, fit.substitution.value(field.default)))
            continue
        if chosen.value == UNKNOWN:
            return UNKNOWN
        declared = Related(Place(reference.file, record.key, field.span), f"`{field.name}` is declared here")
        source = Source(f"the field `{field.name}`", chosen.span, (declared,))
        value = field_value(ctx, fit, field.type, chosen, source)
        if value is None:
            return UNKNOWN
        fit.substitution.values.setdefault(field.name, value)
        fields.append((field.name, value))
    settle(ctx, fit)
    return UNKNOWN if fit.failed else RecordValue(reference.name, reference.file, tuple(fields))


def field_value(ctx: Context, fit: Fit, type_: Value, item: Given, source: Source) -> Value | None:
    """A value for a record's field, None where it is of another kind, which is reported."""
    match type_:
        case KindValue(kind=StaticKind() as kind):
            return arguments.static_value(ctx, kind, item.value, item.span, source.what)
        case ListKind(element=KindValue() | ListKind() | TupleValue() as element, length=length):
            if isinstance(item.value, ListValue | TupleValue):
                parts = [field_value(ctx, fit, element, replace(item, value=part), source) for part in item.value.items]
                if None in parts:
                    return None
                if length is not None:
                    match_value(ctx, fit, ListKind(UNKNOWN, length), item.value, source)
                return ListValue(tuple(part for part in parts if part is not None))
            match_value(ctx, fit, type_, item.value, source)
            return item.value
        case TupleValue(items=types) if isinstance(item.value, TupleValue) and len(item.value.items) == len(types):
            pairs = zip(types, item.value.items, strict=True)
            found = [field_value(ctx, fit, wanted, replace(item, value=part), source) for wanted, part in pairs]
            return None if None in found else TupleValue(tuple(part for part in found if part is not None))
        case OptionalValue(inner=inner):
            return item.value if item.value == NONE else field_value(ctx, fit, inner, item, source)
        case _:
            before = len(ctx.problems)
            match_value(ctx, fit, type_, item.value, source)
            return item.value if len(ctx.problems) == before else None
