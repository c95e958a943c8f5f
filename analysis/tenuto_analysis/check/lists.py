"""Lists: comprehensions, what a `for` walks over, and patterns that take values apart."""

from __future__ import annotations

from tenuto_analysis.check import builtins, expressions, operators
from tenuto_analysis.check.bounds import MOST_PARTS, bounded, parts
from tenuto_analysis.check.context import Context
from tenuto_analysis.diagnostics.statements import WrongCount
from tenuto_analysis.diagnostics.types import InvalidType
from tenuto_analysis.dims import Dim, Leaf, literal, of
from tenuto_analysis.types import (
    UNKNOWN,
    ConfigList,
    Int,
    ListElement,
    ListKind,
    ListValue,
    Placeholder,
    Sequence,
    ShapeValue,
    StaticKind,
    Tensor,
    TupleValue,
    Unknown,
    Value,
)
from tenuto_grammar import syntax
from tenuto_grammar.text import Span


def comprehension(ctx: Context, node: syntax.Comprehension) -> Value:
    iterable = iterated(ctx, expressions.infer(ctx, node.iterable), node.iterable.span)
    match iterable:
        case ListValue(items=items):
            return _elements(ctx, node, items)
        case Sequence(element=element, index=index, length=length, real=real):
            with ctx.block():
                assume_index(ctx, index, length)
                bind_pattern(ctx, node.pattern, element)
                value = expressions.infer(ctx, node.element)
            return UNKNOWN if value == UNKNOWN else Sequence(value, index, length, real)
        case _:
            return UNKNOWN


def _elements(ctx: Context, node: syntax.Comprehension, items: tuple[Value, ...]) -> Value:
    """One element for each item; the same for all where the pattern takes nothing of the item."""
    if isinstance(node.pattern, syntax.Identifier) and node.pattern.text == "_" and items:
        value = _element(ctx, node, items[0])
        return UNKNOWN if value == UNKNOWN else bounded(ctx, ListValue((value,) * len(items)), node.span)
    found: list[Value] = []
    size = 0
    for item in items:
        value = _element(ctx, node, item)
        if value == UNKNOWN:
            return UNKNOWN
        found.append(value)
        size += parts(ctx, value)
        if size > MOST_PARTS:
            break
    return bounded(ctx, ListValue(tuple(found)), node.span)


def _element(ctx: Context, node: syntax.Comprehension, item: Value) -> Value:
    with ctx.block():
        bind_pattern(ctx, node.pattern, item)
        return expressions.infer(ctx, node.element)


def assume_index(ctx: Context, index: Leaf, length: Dim) -> None:
    """`0 <= index < length`."""
    ctx.assume(operators.at_most(literal(0), of(index)))
    ctx.assume(operators.at_most(of(index) + 1, length))


def iterated(ctx: Context, value: Value, span: Span) -> ListValue | Sequence | Unknown:
    """A value as what a `for` walks over."""
    match value:
        case ListValue() | Sequence() | Unknown():
            return value
        case TupleValue(items=items):
            return ListValue(items)
        case ConfigList(path=path, owner=owner, kind=kind, length=length):
            index = ctx.fresh("i", 0)
            low = 0 if kind is StaticKind.DIM else None
            return Sequence(Int(of(ListElement(path, owner, of(index), low))), index, length)
        case ShapeValue(shape=shape) if all(isinstance(item, Dim) for item in shape):
            return ListValue(tuple(Int(item) for item in shape if isinstance(item, Dim)))
        case Placeholder(type=inner):
            return iterated(ctx, builtins.placeholder_value(ctx, inner), span)
        case ListKind():
            return builtins.opened_list(ctx, value)
        case Tensor(shape=(Dim() as first, *rest)):
            index = ctx.fresh("i", 0)
            return Sequence(Tensor(value.dtype, tuple(rest), value.within), index, first, real=True)
        case Int():
            ctx.report(InvalidType(span, "a number cannot be walked over: write `range(...)`"))
            return UNKNOWN
        case other:
            ctx.report(InvalidType(span, f"`{other}` cannot be walked over: a list, a range or a tensor can"))
            return UNKNOWN


def bind_pattern(ctx: Context, pattern: syntax.Pattern, value: Value, mutable: bool = False) -> None:
    """Bind the names of a pattern to the parts of a value."""
    match pattern:
        case syntax.Identifier(text=text):
            ctx.bind(text, value, pattern.span, mutable)
            if not mutable and isinstance(value, Int):
                ctx.origins.setdefault(str(value.value), pattern.span)
            ctx.values.append((pattern.span, value))
        case syntax.TuplePattern(items=items):
            parts = unpacked(ctx, value, len(items), pattern.span)
            for item, part in zip(items, parts, strict=True):
                bind_pattern(ctx, item, part, mutable)


def unpacked(ctx: Context, value: Value, count: int, span: Span) -> tuple[Value, ...]:
    """The parts of a tuple or list that is taken apart into `count` names."""
    match value:
        case Unknown():
            return (UNKNOWN,) * count
        case TupleValue(items=items) | ListValue(items=items) if len(items) == count:
            return items
        case Sequence(element=element, length=length) if length.constant == count:
            return (element,) * count
        case ShapeValue(shape=shape) if len(shape) == count and all(isinstance(item, Dim) for item in shape):
            return tuple(Int(item) for item in shape if isinstance(item, Dim))
        case Placeholder(type=inner):
            return unpacked(ctx, builtins.placeholder_value(ctx, inner), count, span)
        case ListKind():
            return unpacked(ctx, builtins.opened_list(ctx, value), count, span)
        case _:
            ctx.report(WrongCount(span, count, str(value)))
            return (UNKNOWN,) * count
