"""How large the values of a program may become while it is checked, so that no check is slow.

A tuple of two of the same has twice the parts, and so on with each `let`; nested comprehensions multiply. What is
larger than any program needs is reported where it arises, and not followed.
"""

from __future__ import annotations

from tenuto_analysis.check import queries
from tenuto_analysis.check.context import Context
from tenuto_analysis.diagnostics.types import InvalidType
from tenuto_analysis.types import (
    UNKNOWN,
    ListKind,
    ListValue,
    OptionalValue,
    RecordKind,
    RecordValue,
    Sequence,
    Tensor,
    TupleValue,
    Value,
)
from tenuto_grammar.text import Span

MOST_PARTS = 10_000


def parts(ctx: Context, value: Value) -> int:
    """How many parts a value has, itself among them; beyond `MOST_PARTS` they are not counted."""
    count = 0
    waiting = [value]
    while waiting and count <= MOST_PARTS:
        count += 1
        match waiting.pop():
            case TupleValue(items=items) | ListValue(items=items):
                waiting += items
            case RecordValue(fields=fields):
                waiting += [part for _, part in fields]
            case RecordKind(file=file, name=name) if (record := queries.record(ctx.db, file, name)) is not None:
                waiting += [field.type for field in record.fields]
            case Sequence(element=part) | ListKind(element=part) | OptionalValue(inner=part):
                waiting.append(part)
            case _:
                pass
    return count


def bounded(ctx: Context, value: Value, span: Span) -> Value:
    """The value, unless it is too large, which is reported."""
    if isinstance(value, Tensor) or parts(ctx, value) <= MOST_PARTS:
        return value
    ctx.report(InvalidType(span, f"a value of more than {MOST_PARTS:,} parts is not followed"))
    return UNKNOWN
