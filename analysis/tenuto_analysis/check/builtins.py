"""The functions of the language itself: those that work on sizes, lists and packs at compile time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from tenuto_analysis.check import arguments
from tenuto_analysis.check.context import Context
from tenuto_analysis.check.evidence import failure_of
from tenuto_analysis.diagnostics.types import InvalidOperation
from tenuto_analysis.dims import (
    Constraint,
    Dim,
    Flag,
    Leaf,
    Symbol,
    Truth,
    leaves,
    leaves_of_constraint,
    literal,
    maximum,
    minimum,
    of,
)
from tenuto_analysis.patterns import PATTERN_FUNCTIONS
from tenuto_analysis.shapes import FUNCTIONS, Failure, product, rank
from tenuto_analysis.substitute import Substitution, list_length, shape_call
from tenuto_analysis.types import (
    UNKNOWN,
    AxisKind,
    AxisSize,
    Bool,
    BoolSymbol,
    Float,
    Int,
    IsNone,
    KindValue,
    ListElement,
    ListKind,
    ListLength,
    ListValue,
    PackCall,
    PackProduct,
    PackRank,
    PackVariable,
    Placeholder,
    SamePack,
    Sequence,
    Shape,
    ShapeValue,
    StaticKind,
    Str,
    TupleValue,
    Value,
)
from tenuto_grammar.text import Span


def call(ctx: Context, name: str, given: tuple[arguments.Given, ...], span: Span) -> Value:
    """A call of a built-in function."""
    values = tuple(item.value for item in given)
    if UNKNOWN in values:
        return UNKNOWN
    if name in FUNCTIONS or name in PATTERN_FUNCTIONS:
        shape = shape_call(ctx.known, name, values)
        if isinstance(shape, Failure):
            ctx.report(failure_of(ctx, shape, span))
            return UNKNOWN
        return ShapeValue(shape)
    result = _FUNCTIONS[name](ctx, values) if name in _FUNCTIONS else None
    if result is None:
        shown = ", ".join(map(str, values))
        ctx.report(InvalidOperation(span, name, f"it takes {_TAKES.get(name, 'other arguments')}, not `{shown}`"))
        return UNKNOWN
    return result


def _range(ctx: Context, values: tuple[Value, ...]) -> Value | None:
    sizes = [value.value for value in values if isinstance(value, Int)]
    if len(sizes) != len(values) or not 1 <= len(sizes) <= 3:
        return None
    start, stop = (literal(0), sizes[0]) if len(sizes) == 1 else (sizes[0], sizes[1])
    step = sizes[2] if len(sizes) == 3 else literal(1)
    if step.constant is None or step.constant == 0:
        return None
    span = stop - start if step.constant > 0 else start - stop
    length = ctx.known.facts.simplify(maximum(-((-span) // abs(step.constant)), literal(0)))
    # Over a dimension it is a real loop, even where a fact says how large that is.
    real = any(isinstance(leaf, Symbol) and leaf.low is not None for leaf in leaves(span))
    if not real and start.constant is not None and length.constant is not None and length.constant <= 4096:
        first, by = start.constant, step.constant
        return ListValue(tuple(Int(literal(first + by * i)) for i in range(length.constant)))
    index = ctx.fresh("i", 0)
    return Sequence(Int(start + of(index) * step), index, length, real)


def _zip(ctx: Context, values: tuple[Value, ...]) -> Value | None:
    lists = [value.items for value in values if isinstance(value, ListValue | TupleValue)]
    if len(lists) == len(values) and lists:
        if len({len(items) for items in lists}) > 1:
            return None
        return ListValue(tuple(TupleValue(items) for items in zip(*lists, strict=True)))
    opened = [placeholder_value(ctx, v.type if isinstance(v, Placeholder) else v) for v in values]
    sequences = [value for value in opened if isinstance(value, Sequence)]
    if len(sequences) != len(values) or not sequences:
        return None
    first = sequences[0]
    if not all(ctx.known.equal(first.length, other.length) for other in sequences):
        return None
    element = TupleValue(tuple(at_index(ctx, item, of(first.index)) for item in sequences))
    return Sequence(element, first.index, first.length, any(item.real for item in sequences))


def at_index(ctx: Context, sequence: Sequence, index: Dim) -> Value:
    """The element of a sequence at an index."""
    return replace_leaf(ctx, sequence.element, sequence.index, index)


def renamed(ctx: Context, sequence: Sequence, name: str) -> Sequence:
    """A sequence with an index that prints as the name that its loop gives it."""
    index = ctx.fresh(name, 0)
    return Sequence(at_index(ctx, sequence, of(index)), index, sequence.length, sequence.real)


def replace_leaf(ctx: Context, value: Value, leaf: Leaf, by: Dim) -> Value:
    """A value with one symbol replaced."""
    if not isinstance(leaf, Symbol) or of(leaf) is by:
        return value
    substitution = Substitution(leaf.owner, ctx.known, {leaf.name: Int(by)})
    return substitution.value(value)


def _enumerate(ctx: Context, values: tuple[Value, ...]) -> Value | None:
    match values:
        case (ListValue(items=items),):
            return ListValue(tuple(TupleValue((Int(literal(i)), item)) for i, item in enumerate(items)))
        case (Sequence() as sequence,):
            element = TupleValue((Int(of(sequence.index)), sequence.element))
            return Sequence(element, sequence.index, sequence.length, sequence.real)
        case _:
            return None


def _len(ctx: Context, values: tuple[Value, ...]) -> Value | None:
    match values:
        case (ShapeValue(shape=shape),):
            return Int(rank(shape))
        case (Placeholder(name=name, owner=owner),):
            return Int(of(ListLength(name, owner)))
        case (ListKind(length=Dim() as length),):
            return Int(length)
        case (value,):
            found = list_length(value)
            return Int(found) if found is not None else None
        case _:
            return None


def _product(ctx: Context, values: tuple[Value, ...]) -> Value | None:
    shape = arguments.shape_of_list(values[0]) if len(values) == 1 else None
    return Int(product(shape)) if shape is not None else None


def _rank(ctx: Context, values: tuple[Value, ...]) -> Value | None:
    shape = arguments.shape_of_list(values[0]) if len(values) == 1 else None
    return Int(rank(shape)) if shape is not None else None


def _is_permutation(ctx: Context, values: tuple[Value, ...]) -> Value | None:
    """Checked where the shape function `permute` is computed, which sees both the order and the axes."""
    return Bool(Truth(True)) if len(values) == 2 else None


def _min(ctx: Context, values: tuple[Value, ...]) -> Value | None:
    return extreme(False, list(values))


def _max(ctx: Context, values: tuple[Value, ...]) -> Value | None:
    return extreme(True, list(values))


def extreme(largest: bool, values: list[Value]) -> Value:
    """The largest or smallest of static integers."""
    sizes = [value.value for value in values if isinstance(value, Int)]
    result = sizes[0]
    for size in sizes[1:]:
        result = maximum(result, size) if largest else minimum(result, size)
    return Int(result)


_FUNCTIONS: Mapping[str, Callable[[Context, tuple[Value, ...]], Value | None]] = {
    "range": _range,
    "zip": _zip,
    "enumerate": _enumerate,
    "len": _len,
    "product": _product,
    "rank": _rank,
    "is_permutation": _is_permutation,
}

_TAKES = {
    "range": "one to three integers, the step a literal",
    "zip": "lists of one length",
    "enumerate": "a list",
    "len": "a list",
    "product": "a shape",
    "rank": "a shape",
    "is_permutation": "an order and a number of axes",
}

NAMES = (*_FUNCTIONS, *FUNCTIONS, *PATTERN_FUNCTIONS)


def opened_list(ctx: Context, type_: ListKind) -> Sequence:
    """A list of a declared type, of which nothing more is known."""
    name = "n" if type_.length is None else str(type_.length)
    size = type_.length if type_.length is not None else of(ctx.fresh(name, 0))
    return Sequence(placeholder_value(ctx, type_.element), ctx.fresh("i", 0), size)


def placeholder_value(ctx: Context, type_: Value) -> Value:
    """A value of a declared type of which nothing more is known."""
    match type_:
        case ListKind():
            return opened_list(ctx, type_)
        case TupleValue(items=items):
            return TupleValue(tuple(placeholder_value(ctx, item) for item in items))
        case KindValue(kind=StaticKind.INT):
            return Int(of(ctx.fresh("n", None)))
        case KindValue(kind=StaticKind.DIM):
            return Int(of(ctx.fresh("n", 0)))
        case KindValue(kind=StaticKind.FLOAT):
            return Float(None)
        case KindValue(kind=StaticKind.STR | StaticKind.PATTERN):
            return Str(None)
        case KindValue(kind=StaticKind.BOOL):
            return Bool(Flag(BoolSymbol("?", ctx.owner)))
        case KindValue(kind=AxisKind.SHAPE, shape=shape):
            return ShapeValue(shape)
        case _:
            return type_


# ------------------------------------------------------------------------------------------ names inside of constraints


def names_in(constraint: Constraint, owner: str) -> frozenset[str]:
    """The names of `owner` that a constraint mentions, those inside of packs included."""
    return frozenset(_names(leaves_of_constraint(constraint), owner))


def _names(found: Iterable[Leaf], owner: str) -> Iterable[str]:
    for leaf in found:
        match leaf:
            case Symbol(name=name, owner=own) | BoolSymbol(name=name, owner=own) | IsNone(name=name, owner=own):
                if own == owner:
                    yield name.split(".")[0]
            case ListElement(path=path, owner=own, index=index):
                if own == owner:
                    yield path.split(".")[0]
                yield from _names(leaves(index), owner)
            case ListLength(path=path, owner=own) if own == owner:
                yield path.split(".")[0]
            case PackProduct(shape=shape) | PackRank(shape=shape):
                yield from _names_in_shape(shape, owner)
            case AxisSize(shape=shape, axis=axis):
                yield from _names_in_shape(shape, owner)
                yield from _names(leaves(axis), owner)
            case SamePack(left=left, right=right):
                yield from _names_in_shape(left + right, owner)
            case _:
                pass


def _names_in_shape(shape: Shape, owner: str) -> Iterable[str]:
    for item in shape:
        match item:
            case Dim():
                yield from _names(leaves(item), owner)
            case PackVariable(name=name, owner=own):
                if own == owner:
                    yield name
            case PackCall(arguments=values):
                for value in values:
                    match value:
                        case ShapeValue(shape=inner):
                            yield from _names_in_shape(inner, owner)
                        case Int(value=dim):
                            yield from _names(leaves(dim), owner)
                        case Placeholder(name=name, owner=own) if own == owner:
                            yield name
                        case _:
                            pass
