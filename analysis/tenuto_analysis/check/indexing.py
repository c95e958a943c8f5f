"""Brackets after an expression: generic arguments after a declaration, an index after a value."""

from __future__ import annotations

from tenuto_analysis.check import builtins, expressions, models, quantised, written
from tenuto_analysis.check.context import Context
from tenuto_analysis.check.evidence import evidence_of, failure_of
from tenuto_analysis.check.matching import Source
from tenuto_analysis.check.settling import inside
from tenuto_analysis.diagnostics.shapes import AxisOutOfRange, OutOfRange
from tenuto_analysis.diagnostics.types import InvalidOperation, NotIndexable, TypeMismatch
from tenuto_analysis.diagnostics.words import counted
from tenuto_analysis.dims import (
    ONE,
    ZERO,
    All,
    Compare,
    Dim,
    Relation,
    conditional,
    literal,
    maximum,
    minimum,
    of,
)
from tenuto_analysis.dtypes import Kind, Quantised, kinds
from tenuto_analysis.shapes import Failure, axis_size
from tenuto_analysis.types import (
    NONE,
    UNKNOWN,
    Builtin,
    ConfigList,
    DTypeValue,
    Int,
    Interval,
    KindValue,
    ListElement,
    ListKind,
    ListValue,
    Placeholder,
    Reference,
    Sequence,
    Shape,
    ShapeItem,
    ShapeValue,
    StaticKind,
    Tensor,
    TupleValue,
    Unknown,
    Value,
    shape_text,
)
from tenuto_grammar import syntax
from tenuto_grammar.text import Span

_NO_INDEX = (
    syntax.Ellipsis,
    syntax.Pack,
    syntax.AnyPack,
    syntax.Exists,
    syntax.Named,
    syntax.Bounded,
    syntax.ModelType,
)


def subscript(ctx: Context, node: syntax.Subscript) -> Value:
    if isinstance(node.base, syntax.Name) and node.base.text == "shape" and ctx.find("shape") is None:
        return ShapeValue(written.shape(ctx, node.indices))
    base = expressions.infer(ctx, node.base)
    match base:
        case Unknown():
            return UNKNOWN
        case Reference(file=file, name=name):
            found = expressions.generic_arguments(ctx, node.indices)
            if any(item.value == UNKNOWN for item in found):
                return UNKNOWN
            reference = Reference(file, name, tuple((item.name, item.value) for item in found))
            return models.written_reference(ctx, reference, found, node.span)
        case DTypeValue(dtype=dtype):
            shape = written.shape(ctx, node.indices)
            return Tensor(quantised.written(ctx, node.span, dtype, shape), shape)
        case Tensor(dtype=Quantised() as dtype):
            quantised.refuse(ctx, node.span, "an index", dtype)
            return UNKNOWN
        case Tensor():
            return _tensor(ctx, base, node)
        case ListValue() | TupleValue() | Sequence() | ConfigList() | ShapeValue() | Placeholder():
            return _list(ctx, base, node)
        case ListKind():  # A list in a list, a tuple or a record that a parameter is.
            return _list(ctx, builtins.opened_list(ctx, base), node)
        case Builtin():
            ctx.report(NotIndexable(node.base.span, str(base)))
            return UNKNOWN
        case _:
            ctx.report(NotIndexable(node.base.span, str(base)))
            return UNKNOWN


# ---------------------------------------------------------------------------------------------------------------- lists


def _list(
    ctx: Context,
    base: ListValue | TupleValue | Sequence | ConfigList | ShapeValue | Placeholder,
    node: syntax.Subscript,
) -> Value:
    if isinstance(base, Placeholder):
        inner = builtins.placeholder_value(ctx, base.type)
        if not isinstance(inner, ListValue | Sequence | ShapeValue):
            ctx.report(NotIndexable(node.base.span, str(base)))
            return UNKNOWN
        base = inner
    if len(node.indices) != 1:
        ctx.report(InvalidOperation(node.span, "[]", "a list takes one index"))
        return UNKNOWN
    (index,) = node.indices
    if isinstance(index, syntax.Slice):
        return _list_slice(ctx, base, index)
    if isinstance(index, _NO_INDEX):
        ctx.report(InvalidOperation(index.span, "[]", "this is not an index"))
        return UNKNOWN
    position = expressions.static_size(ctx, expressions.infer(ctx, index), index.span, "the index of a list")
    if position is None:
        return UNKNOWN
    if isinstance(base, ShapeValue):
        size = axis_size(ctx.known, base.shape, position)
        if isinstance(size, Failure):
            ctx.report(failure_of(ctx, size, index.span))
            return UNKNOWN
        return Int(size)
    if isinstance(base, ListValue | TupleValue):
        number = position.constant
        if number is not None:
            if -len(base.items) <= number < len(base.items):
                return base.items[number]
            ctx.report(AxisOutOfRange(index.span, f"the list has {len(base.items)} elements, there is no `[{number}]`"))
            return UNKNOWN
        if base.items and all(item == base.items[0] for item in base.items):
            return base.items[0] if _inside(ctx, position, literal(len(base.items)), index.span) else UNKNOWN
        ctx.report(InvalidOperation(index.span, "[]", f"which element `{position}` is must be known: they differ"))
        return UNKNOWN
    if position.constant is not None and position.constant < 0:
        position = base.length + position
    if not _inside(ctx, position, base.length, index.span):
        return UNKNOWN
    if isinstance(base, Sequence):
        return builtins.at_index(ctx, base, position)
    low = 0 if base.kind is StaticKind.DIM else None
    if base.kind in (StaticKind.INT, StaticKind.DIM):
        return Int(of(ListElement(base.path, base.owner, position, low)))
    return builtins.placeholder_value(ctx, KindValue(base.kind))


def _inside(ctx: Context, position: Dim, length: Dim, span: Span) -> bool:
    goal = All((Compare(Relation.GE, position, ZERO), Compare(Relation.LT, position, length)))
    unproved = ctx.prove(goal)
    if unproved is None:
        return True
    expected = Interval(ZERO, length - 1)
    origins = ctx.origin_of(position, length)
    evidence = evidence_of(ctx, unproved)
    ctx.report(OutOfRange(span, str(expected), str(position), evidence=evidence, origins=origins, is_index=True))
    return False


def _list_slice(ctx: Context, base: Value, index: syntax.Slice) -> Value:
    bounds: list[int | None] = []
    for part in (index.start, index.stop, index.step):
        value = expressions.infer(ctx, part) if part is not None else NONE
        if isinstance(value, Int) and value.value.constant is not None:
            bounds.append(value.value.constant)
        elif value == NONE:
            bounds.append(None)
        else:
            ctx.report(TypeMismatch(index.span, "a literal bound", str(value)))
            return UNKNOWN
    cut = slice(*bounds)
    match base:
        case ListValue(items=items):
            return ListValue(items[cut])
        case TupleValue(items=items):
            return TupleValue(items[cut])
        case ShapeValue(shape=shape) if all(isinstance(item, Dim) for item in shape):
            return ShapeValue(shape[cut])
        case Sequence(length=length) if bounds[2] in (None, 1):
            start = literal(bounds[0] or 0) if (bounds[0] or 0) >= 0 else length + (bounds[0] or 0)
            stop = length if bounds[1] is None else literal(bounds[1]) if bounds[1] >= 0 else length + bounds[1]
            fresh = ctx.fresh("i", 0)
            element = builtins.replace_leaf(ctx, base.element, base.index, start + of(fresh))
            return Sequence(element, fresh, maximum(stop - start, ZERO), base.real)
        case _:
            ctx.report(InvalidOperation(index.span, "[]", f"`{base}` cannot be cut"))
            return UNKNOWN


# -------------------------------------------------------------------------------------------------------------- tensors


def _tensor(ctx: Context, base: Tensor, node: syntax.Subscript) -> Value:
    """`x[:, -1, none, ...]`, as NumPy indexes; one index may be an integer tensor."""
    items = node.indices
    dots = [i for i, item in enumerate(items) if isinstance(item, syntax.Ellipsis)]
    if len(dots) > 1:
        ctx.report(InvalidOperation(items[dots[1]].span, "[]", "`...` stands once only"))
        return UNKNOWN
    at = dots[0] if dots else len(items)
    head, tail = items[:at], items[at + 1 :]
    before = _axes_used(head)
    after = _axes_used(tail)
    if not dots:
        after = 0
    shape = base.shape
    ends = shape[:before] + (shape[len(shape) - after :] if after else ())
    if before + after > len(shape) or any(not isinstance(item, Dim) for item in ends):
        reason = f"`[{shape_text(shape)}]` has too few axes for {counted(before + after, 'index')}"
        ctx.report(AxisOutOfRange(node.span, reason))
        return UNKNOWN
    first = _indexed(ctx, head, shape[:before], node)
    last = _indexed(ctx, tail, shape[len(shape) - after :] if after else (), node)
    if first is None or last is None:
        return UNKNOWN
    middle = shape[before : len(shape) - after]
    result = Tensor(base.dtype, (*first, *middle, *last), base.within)
    ctx.values.append((node.span, result))
    return result


def _axes_used(items: tuple[syntax.Index, ...]) -> int:
    return sum(1 for item in items if not isinstance(item, syntax.NoneLiteral))


def _indexed(
    ctx: Context, items: tuple[syntax.Index, ...], axes: Shape, node: syntax.Subscript
) -> tuple[ShapeItem, ...] | None:
    found: list[ShapeItem] = []
    rest = list(axes)
    tensors = 0
    for item in items:
        if isinstance(item, syntax.NoneLiteral):
            found.append(ONE)
            continue
        size = rest.pop(0)
        assert isinstance(size, Dim)
        match item:
            case syntax.Slice():
                length = cut(ctx, item, size)
                if length is None:
                    return None
                found.append(length)
            case (
                syntax.Ellipsis()
                | syntax.Pack()
                | syntax.AnyPack()
                | syntax.Exists()
                | syntax.Named()
                | syntax.Bounded()
                | syntax.ModelType()
            ):
                ctx.report(InvalidOperation(item.span, "[]", "this is not an index of a tensor"))
                return None
            case _:
                value = expressions.infer(ctx, item)
                part = _index(ctx, value, size, item.span)
                if part is None:
                    return None
                tensors += isinstance(value, Tensor)
                found += part
    if tensors > 1:
        ctx.report(InvalidOperation(node.span, "[]", "at most one index may be a tensor; use `gather` for more"))
        return None
    return tuple(found)


def _index(ctx: Context, value: Value, size: Dim, span: Span) -> Shape | None:
    match value:
        case Int(value=dim):
            goal = All((Compare(Relation.LE, -size, dim), Compare(Relation.LT, dim, size)))
            unproved = ctx.prove(goal)
            if unproved is None:
                return ()
            expected = str(Interval(-size, size - 1))
            evidence = evidence_of(ctx, unproved)
            ctx.report(
                OutOfRange(span, expected, str(dim), evidence=evidence, origins=ctx.origin_of(dim, size), is_index=True)
            )
            return None
        case Tensor(dtype=dtype, shape=shape, within=within):
            numbers = kinds(dtype)
            if Kind.FLOAT in numbers or Kind.BOOL in numbers:
                ctx.report(TypeMismatch(span, "an integer index", str(value)))
                return None
            return shape if _index_range(ctx, within, size, Source("the index", span)) else None
        case Unknown():
            return None
        case _:
            ctx.report(TypeMismatch(span, "an index", str(value)))
            return None


def _index_range(ctx: Context, within: Interval | None, size: Dim, source: Source) -> bool:
    wanted = Interval(-size, size - 1)
    if within is None:
        ctx.report(
            OutOfRange(source.span, str(wanted), None, evidence=evidence_of(ctx, None), origins=ctx.origin_of(size))
        )
        return False
    goal = inside(within, wanted)
    unproved = ctx.prove(goal) if goal is not None else None
    if unproved is None:
        return True
    evidence = evidence_of(ctx, unproved)
    ctx.report(OutOfRange(source.span, str(wanted), str(within), evidence=evidence, origins=ctx.origin_of(size)))
    return False


def cut(ctx: Context, item: syntax.Slice, size: Dim) -> Dim | None:
    """The size of `start:stop:step` of an axis, with Python's rules for bounds outside of it."""
    bounds: list[Dim | None] = []
    for part in (item.start, item.stop, item.step):
        if part is None:
            bounds.append(None)
            continue
        value = expressions.infer(ctx, part)
        if value == NONE:
            bounds.append(None)
            continue
        found = expressions.static_size(ctx, value, part.span, "a bound of a slice")
        if found is None:
            return None
        bounds.append(found)
    start, stop, step = bounds
    stride = step.constant if step is not None else 1
    if stride is None or stride == 0:
        ctx.report(InvalidOperation(item.span, "[]", "the step of a slice must be a literal that is not 0"))
        return None
    if stride < 0:
        if start is not None or stop is not None:
            ctx.report(InvalidOperation(item.span, "[]", "a negative step takes the whole axis: write `[::-1]`"))
            return None
        return -((-size) // -stride)
    if stop is None and stride == 1 and start is not None and start.constant is not None and start.constant < 0:
        return ctx.known.facts.simplify(minimum(size, -start))
    low = ZERO if start is None else start
    if start is not None and not _at_least_zero(ctx, start):
        low = _from_end(ctx, start, size)
    high = size if stop is None else _clamped(ctx, stop, size)
    # Rounded up: (n + stride - 1) // stride, which is 0 for every n between 1 - stride and 0.
    length = maximum(high - low + (stride - 1), ZERO) // stride
    return ctx.known.facts.simplify(length)


def _clamped(ctx: Context, bound: Dim, size: Dim) -> Dim:
    return minimum(bound, size) if _at_least_zero(ctx, bound) else _from_end(ctx, bound, size)


def _from_end(ctx: Context, bound: Dim, size: Dim) -> Dim:
    """A bound that is negative, or may be."""
    if ctx.known.facts.proves(Compare(Relation.LT, bound, ZERO)):
        return maximum(size + bound, ZERO)
    test = Compare(Relation.GE, bound, ZERO)
    return conditional(test, minimum(bound, size), maximum(size + bound, ZERO))


def _at_least_zero(ctx: Context, dim: Dim) -> bool:
    if dim.lowest is not None and dim.lowest >= 0:
        return True
    return ctx.known.facts.proves(Compare(Relation.GE, dim, ZERO))
