"""From the arguments of a call to the values of its parameters: by position, by name, by default, and by kind.

Static parameters are converted here; tensors are fitted by `matching.py`.
"""

from __future__ import annotations

from msgspec import Struct

from tenuto_analysis.check.context import Context
from tenuto_analysis.check.evidence import evidence_of, failure_of
from tenuto_analysis.check.matching import Fit, Source, match_value
from tenuto_analysis.diagnostics.base import Place, Related
from tenuto_analysis.diagnostics.calls import DuplicateArgument, MissingArgument, UnexpectedArgument
from tenuto_analysis.diagnostics.shapes import NegativeSize
from tenuto_analysis.diagnostics.types import NotStatic, TypeMismatch
from tenuto_analysis.diagnostics.words import nearest
from tenuto_analysis.dims import ZERO, Compare, Dim, Relation, Symbol
from tenuto_analysis.normal_form import single_atom
from tenuto_analysis.patterns import divided
from tenuto_analysis.shapes import Failure, product
from tenuto_analysis.signature import ParameterSignature, Signature
from tenuto_analysis.types import (
    NONE,
    UNKNOWN,
    AxisKind,
    Bool,
    ConfigList,
    Float,
    Int,
    KindValue,
    ListKind,
    ListValue,
    OptionalValue,
    PackVariable,
    Placeholder,
    RecordKind,
    RecordValue,
    Reference,
    Sequence,
    Shape,
    ShapeItem,
    ShapeValue,
    StaticKind,
    Str,
    Tensor,
    TupleValue,
    Unknown,
    Value,
)
from tenuto_grammar.text import Span

REDUCERS = ("sum", "mean", "max", "min", "prod")


class Given(Struct, frozen=True):
    """An argument as the call writes it."""

    name: str | None
    value: Value
    span: Span
    name_span: Span | None = None
    parts: tuple[Span, ...] = ()  # Of a list or tuple that is written out: where each element stands.


class Bound(Struct, frozen=True):
    """A parameter with its argument; `given` is None where the default stands in."""

    parameter: ParameterSignature
    value: Value
    span: Span
    given: bool
    parts: tuple[Span, ...] = ()


def assign(ctx: Context, signature: Signature, given: tuple[Given, ...], span: Span) -> list[Bound] | None:
    """Each parameter with its argument; None where an argument is missing or too many, which is reported."""
    values: dict[str, Given] = {}
    sizes: list[tuple[str, Value]] = []
    extra = next((p for p in signature.parameters if _kind(p.type) is StaticKind.SIZES), None)
    positional = [p for p in signature.parameters if p is not extra]
    by_name = {p.name: p for p in positional}
    unnamed = [item for item in given if item.name is None]
    good = True
    for index, item in enumerate(unnamed):
        if index >= len(positional):
            ctx.report(UnexpectedArgument(item.span, signature.name, None, tuple(by_name), ()))
            return None
        parameter = positional[index]
        if _is_list(parameter.type) and not _list_like(item.value):
            rest = unnamed[index:]
            whole = Span(item.span.start, rest[-1].span.end)
            parts = tuple(other.span for other in rest)
            values[parameter.name] = Given(None, ListValue(tuple(other.value for other in rest)), whole, parts=parts)
            break
        values[parameter.name] = item
    for item in given:
        if item.name is None:
            continue
        if item.name in by_name:
            if item.name in values:
                ctx.report(DuplicateArgument(item.name_span or item.span, item.name))
                good = False
            values[item.name] = item
        elif extra is not None:
            sizes.append((item.name, item.value))
        else:
            near = nearest(item.name, by_name)
            place = item.name_span or item.span
            ctx.report(UnexpectedArgument(place, signature.name, item.name, tuple(by_name), near))
            good = False
    if not good:
        return None
    bound: list[Bound] = []
    for parameter in signature.parameters:
        if parameter is extra:
            bound.append(Bound(parameter, RecordValue("sizes", "", tuple(sizes)), span, bool(sizes)))
        elif parameter.name in values:
            item = values[parameter.name]
            bound.append(Bound(parameter, item.value, item.span, True, item.parts))
        elif parameter.default is not None:
            bound.append(Bound(parameter, parameter.default, span, False))
        else:
            declared = Place(signature.file, signature.key, parameter.span)
            ctx.report(MissingArgument(span, signature.name, parameter.name, declared))
            return None
    return bound


def _kind(type_: Value) -> StaticKind | AxisKind | None:
    if isinstance(type_, OptionalValue):
        return _kind(type_.inner)
    return type_.kind if isinstance(type_, KindValue) else None


def _is_list(type_: Value) -> bool:
    return isinstance(type_, ListKind) and not isinstance(type_.element, KindValue)


def _list_like(value: Value) -> bool:
    return isinstance(value, ListValue | ListKind | Sequence | TupleValue | Placeholder | Unknown)


def bind_static(ctx: Context, fit: Fit, signature: Signature, bound: Bound) -> bool:
    """Bind a compile-time parameter; False where the parameter is a tensor, or waits for the tensors."""
    parameter, value = bound.parameter, bound.value
    type_ = parameter.type
    if isinstance(type_, OptionalValue):
        if value == NONE or (isinstance(value, OptionalValue) and not isinstance(type_.inner, Tensor)):
            fit.substitution.values[parameter.name] = value
            return True
        type_ = type_.inner
    if isinstance(value, OptionalValue) and isinstance(type_, KindValue):
        value = value.inner
    if not bound.given:
        value = fit.substitution.value(value)
    match type_:
        case KindValue(kind=StaticKind() as kind):
            found = static_value(ctx, kind, value, bound.span, f"`{parameter.name}`")
        case KindValue(kind=AxisKind.SHAPE):
            shape = shape_of_list(value)
            if shape is None:
                _not_static(ctx, fit, bound, "a list of sizes")
                return True
            if any(isinstance(item, Dim) and item.constant == -1 for item in shape):
                return False
            if _sizes_hold(ctx, bound, shape):
                _bind_shape(fit, type_, parameter.name, shape)
            else:
                fit.failed = True
            return True
        case KindValue(kind=AxisKind.AFTER, shape=(PackVariable() as pack,)):
            return _bind_after(ctx, fit, bound, value, pack)
        case KindValue():
            found = value if isinstance(value, Int | ListValue | TupleValue | Placeholder | ShapeValue) else None
            if found is None and value != UNKNOWN:
                _not_static(ctx, fit, bound, "an axis")
                return True
        case ListKind(element=KindValue(kind=kind)):
            found = _static_list(ctx, kind, value, bound)
            if found is None and value != UNKNOWN:
                fit.failed = True
                return True
        case RecordKind():
            match_value(ctx, fit, type_, value, source_of(ctx, signature, bound))
            found = value if isinstance(value, RecordValue) else None
        case _:
            return False
    if found is None or found == UNKNOWN:
        fit.failed = True
    else:
        fit.substitution.values[parameter.name] = found
    return True


def _static_list(ctx: Context, kind: StaticKind | AxisKind, value: Value, bound: Bound) -> Value | None:
    """A list of compile-time values, None where it is none, which is reported."""
    match value:
        case ListValue(items=items) | TupleValue(items=items):
            if isinstance(kind, StaticKind):
                what = f"an element of `{bound.parameter.name}`"
                parts = [static_value(ctx, kind, item, bound.span, what) for item in items]
                return None if None in parts else ListValue(items)
            return ListValue(items)
        case ShapeValue() | Placeholder() | ConfigList() | Sequence() | Unknown():
            return value
        case Tensor():
            ctx.report(NotStatic(bound.span, f"`{bound.parameter.name}`", str(value)))
        case _:
            ctx.report(TypeMismatch(bound.span, "a list", str(value)))
    return None


def _sizes_hold(ctx: Context, bound: Bound, shape: Shape) -> bool:
    """Whether no size of a shape that is written out is negative."""
    for index, item in enumerate(shape):
        span = bound.parts[index] if len(bound.parts) == len(shape) else bound.span
        if isinstance(item, Dim) and not nonnegative(ctx, item, span):
            return False
    return True


def _not_static(ctx: Context, fit: Fit, bound: Bound, wanted: str) -> None:
    fit.failed = True
    if bound.value != UNKNOWN:
        if isinstance(bound.value, Tensor):
            ctx.report(NotStatic(bound.span, f"`{bound.parameter.name}`", str(bound.value)))
        else:
            ctx.report(TypeMismatch(bound.span, wanted, str(bound.value)))


def _bind_after(ctx: Context, fit: Fit, bound: Bound, value: Value, pack: PackVariable) -> bool:
    if not isinstance(value, Int):
        _not_static(ctx, fit, bound, "an axis")
        return True
    fit.substitution.values[bound.parameter.name] = value
    axis = value.value.constant
    if axis is not None:
        if axis >= 0:
            fit.pack_lengths[pack.name] = axis
        else:
            fit.pack_tails[pack.name] = -axis
        return True
    atom = single_atom(value.value)
    known = ctx.after.get(atom.name) if isinstance(atom, Symbol) and atom.owner == ctx.owner else None
    if known is not None:
        fit.pack_ends[pack.name] = known
    return True


def bind_late(ctx: Context, fit: Fit, signature: Signature, bound: Bound) -> None:
    """A shape with a `-1`: the size that makes the number of elements come out."""
    type_ = bound.parameter.type
    shape = shape_of_list(bound.value)
    if not isinstance(type_, KindValue) or shape is None:
        return
    holes = [i for i, item in enumerate(shape) if isinstance(item, Dim) and item.constant == -1]
    total = _elements(fit, signature, type_.shape)
    if len(holes) != 1 or total is None:
        fit.failed = True
        ctx.report(TypeMismatch(bound.span, "at most one -1", ", ".join(map(str, shape))))
        return
    others = shape[: holes[0]] + shape[holes[0] + 1 :]
    quotient = divided(ctx.known, total, product(others))
    if isinstance(quotient, Failure):
        fit.failed = True
        ctx.report(failure_of(ctx, quotient, bound.span))
        return
    _bind_shape(fit, type_, bound.parameter.name, (*shape[: holes[0]], quotient, *shape[holes[0] + 1 :]))


def _elements(fit: Fit, signature: Signature, pack: Shape) -> Dim | None:
    """How many elements the shape must have: what the requirement `product(..) == product(pack)` says."""
    own = product(pack)
    for requirement in signature.requirements:
        match requirement.constraint:
            case Compare(op=Relation.EQ, left=left, right=right):
                if right is own:
                    return fit.substitution.dim(left)
                if left is own:
                    return fit.substitution.dim(right)
            case _:
                pass
    return None


def _bind_shape(fit: Fit, kind: KindValue, name: str, shape: Shape) -> None:
    fit.substitution.values[name] = ShapeValue(shape)
    match kind.shape:
        case (PackVariable(name=pack),):
            fit.substitution.values.setdefault(pack, ShapeValue(shape))
        case _:
            pass


def shape_of_list(value: Value) -> Shape | None:
    """A list of sizes and packs as a shape; None where it is something else."""
    match value:
        case ShapeValue(shape=shape):
            return shape
        case Int(value=dim):
            return (dim,)
        case ListValue(items=items) | TupleValue(items=items):
            found: list[ShapeItem] = []
            for item in items:
                inner = shape_of_list(item)
                if inner is None:
                    return None
                found += inner
            return tuple(found)
        case Placeholder(type=KindValue(kind=AxisKind.SHAPE, shape=shape)):
            return shape
        case _:
            return None


def static_value(ctx: Context, kind: StaticKind, value: Value, span: Span, what: str) -> Value | None:
    """A value as a compile-time value of a kind; None where it is not one, which is reported."""
    match kind, value:
        case (_, Unknown()):
            return None
        case (StaticKind.INT, Int()):
            return value
        case (StaticKind.DIM, Int(value=dim)):
            return value if nonnegative(ctx, dim, span) else None
        case (StaticKind.BOOL, Bool()) | (StaticKind.STR, Str()) | (StaticKind.FLOAT, Float()):
            return value
        case (StaticKind.FLOAT, Int(value=dim)):
            return Float(float(dim.constant) if dim.constant is not None else None)
        case (StaticKind.PATTERN, Str()):
            return value
        case (StaticKind.REDUCER, Reference(name=name)) if name in REDUCERS:
            return value
        case (StaticKind.TYPE, _) | (StaticKind.SIZES, RecordValue()):
            return value
        case (_, Placeholder()):
            return value
        case (_, Tensor()):
            ctx.report(NotStatic(span, what, str(value)))
            return None
        case _:
            wanted = f"a reducer ({', '.join(REDUCERS)})" if kind is StaticKind.REDUCER else kind.value
            ctx.report(TypeMismatch(span, wanted, str(value)))
            return None


def nonnegative(ctx: Context, dim: Dim, span: Span) -> bool:
    """Whether a size is at least 0; reports where that cannot be proved."""
    if dim.lowest is not None and dim.lowest >= 0:
        return True
    goal = Compare(Relation.GE, dim, ZERO)
    unproved = ctx.prove(goal)
    if unproved is None:
        return True
    ctx.report(NegativeSize(span, str(dim), evidence=evidence_of(ctx, unproved), origins=ctx.origin_of(dim)))
    return False


def source_of(ctx: Context, signature: Signature, bound: Bound) -> Source:
    declared = Place(signature.file, signature.key, bound.parameter.span)
    what = f"the argument `{bound.parameter.name}` of `{signature.name}`"
    shown = Related(declared, f"`{signature.name}` declares `{bound.parameter.name}: {bound.parameter.type}` here")
    return Source(what, bound.span, (shown,), bound.parts)
