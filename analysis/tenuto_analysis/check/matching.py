"""Fitting a value to a type that may contain names to solve for.

`fit` walks a wanted type and an actual value together. A name that the substitution owns and has not bound yet is
bound; what cannot be compared before all names are bound is deferred, and `settle` compares it in the end.
"""

from __future__ import annotations

from msgspec import Struct, field
from msgspec.structs import replace

from tenuto_analysis.check import settling
from tenuto_analysis.check.context import Context, existential_owner
from tenuto_analysis.check.evidence import failure_of
from tenuto_analysis.diagnostics.base import Edit, Related
from tenuto_analysis.diagnostics.quantised import QuantisedOperand
from tenuto_analysis.diagnostics.shapes import RankMismatch
from tenuto_analysis.diagnostics.types import DTypeMismatch, TypeMismatch
from tenuto_analysis.dims import Dim, Symbol, literal
from tenuto_analysis.dtypes import (
    BOOL,
    FLOAT,
    UNKNOWN_DTYPE,
    WEAK_FLOAT,
    WEAK_INT,
    Accumulated,
    DType,
    DTypeClass,
    DTypeVariable,
    Kind,
    Policy,
    Quantised,
    Scalar,
    UnknownDType,
    Weak,
    in_class,
    kinds,
)
from tenuto_analysis.normal_form import single_atom
from tenuto_analysis.shapes import Failure, FailureKind, axis_position, has_pack
from tenuto_analysis.substitute import Substitution
from tenuto_analysis.types import (
    NONE,
    UNKNOWN,
    Bool,
    DTypeValue,
    Float,
    Instance,
    Int,
    Interval,
    ListKind,
    ListValue,
    ModelBound,
    OptionalValue,
    PackCall,
    PackVariable,
    Placeholder,
    RecordKind,
    RecordValue,
    Sequence,
    Shape,
    ShapeItem,
    ShapeValue,
    Tensor,
    TupleValue,
    TypeValue,
    TypeVariable,
    Value,
    shape_text,
)
from tenuto_grammar.text import Span


class LaterSize(Struct, frozen=True):
    """Two sizes to compare once all names are bound; `shape` is the whole wanted shape."""

    wanted: Dim
    actual: Dim
    axis: int
    source: Source
    shape: Shape
    found: Shape
    binder: str | None = None  # The name that put the wanted size there.


class LaterPack(Struct, frozen=True):
    wanted: Shape
    actual: Shape
    source: Source


class LaterRange(Struct, frozen=True):
    wanted: Interval
    actual: Interval | None
    whole_numbers: bool
    source: Source


class Source(Struct, frozen=True):
    """Where a value comes from, in words and in the text."""

    what: str
    span: Span
    declared: tuple[Related, ...] = ()
    parts: tuple[Span, ...] = ()  # Of a list or tuple that is written out: where each element stands.

    def part(self, index: int) -> Source:
        """The source of one element."""
        return replace(self, span=self.parts[index], parts=()) if index < len(self.parts) else self


class Fit(Struct):
    """The state of one match: what is bound, what waits, and who bound what."""

    substitution: Substitution
    later: list[LaterSize | LaterPack | LaterRange] = field(default_factory=list)
    bound_by: dict[str, Source] = field(default_factory=dict)
    weak: dict[str, tuple[Weak, Source]] = field(default_factory=dict)
    pack_lengths: dict[str, int] = field(default_factory=dict)  # From `after[A]`: how many axes a pack has.
    pack_tails: dict[str, int] = field(default_factory=dict)  # From a negative `after[A]`: how many axes follow it.
    pack_ends: dict[str, PackVariable] = field(default_factory=dict)  # From a symbolic `after[A]`: the pack it is.
    failed: bool = False


def fits(ctx: Context, wanted: Value, actual: Value, source: Source) -> Fit:
    """Fit a value to a written type, in which only the sizes written `?N` are solved for; reports where it does not."""
    fit = Fit(Substitution(existential_owner(ctx.owner), ctx.known))
    if wanted != actual:
        match_value(ctx, fit, wanted, actual, source)
        settling.settle(ctx, fit)
    return fit


def match_value(ctx: Context, fit: Fit, wanted: Value, actual: Value, source: Source) -> None:
    """Fit one value to one type."""
    if wanted == UNKNOWN or actual == UNKNOWN:
        return
    match wanted:
        case Tensor():
            tensor = as_tensor(actual)
            if tensor is None:
                _mismatch(ctx, fit, wanted, actual, source)
            else:
                _match_tensor(ctx, fit, wanted, tensor, source)
        case OptionalValue(inner=inner):
            if actual != NONE:
                match_value(ctx, fit, inner, actual.inner if isinstance(actual, OptionalValue) else actual, source)
        case TupleValue(items=items):
            if isinstance(actual, TupleValue) and len(actual.items) == len(items):
                for index, (item, value) in enumerate(zip(items, actual.items, strict=True)):
                    match_value(ctx, fit, item, value, source.part(index))
            else:
                _mismatch(ctx, fit, wanted, actual, source)
        case ListKind():
            _match_list(ctx, fit, wanted, actual, source)
        case TypeVariable(name=name, owner=owner) if owner == fit.substitution.owner:
            bound = fit.substitution.values.get(name)
            if isinstance(bound, TypeValue):
                match_value(ctx, fit, bound.type, actual, source)
            else:
                bind(fit, name, TypeValue(actual), source)
        case RecordKind(file=file, name=name):
            if not (isinstance(actual, RecordValue) and (actual.file, actual.name) == (file, name)):
                _mismatch(ctx, fit, wanted, actual, source)
        case RecordValue(fields=fields):
            if not (isinstance(actual, RecordValue) and (actual.file, actual.name) == (wanted.file, wanted.name)):
                _mismatch(ctx, fit, wanted, actual, source)
            else:
                for key, type_ in fields:
                    part = actual.field(key)
                    if part is not None:
                        match_value(ctx, fit, type_, part, source)
        case Int(value=dim):
            if isinstance(actual, Int):
                fit.later.append(LaterSize(dim, actual.value, 0, source, (), ()))
            else:
                _mismatch(ctx, fit, wanted, actual, source)
        case Sequence(element=element, length=length):
            _match_list(ctx, fit, ListKind(element, length), actual, source)
        case ModelBound():
            if not isinstance(actual, Instance):
                _mismatch(ctx, fit, wanted, actual, source)
        case _:
            if fit.substitution.value(wanted) != actual:
                _mismatch(ctx, fit, wanted, actual, source)


def as_tensor(value: Value) -> Tensor | None:
    """A value as a tensor: numbers known at compile time are scalars of a weak dtype."""
    match value:
        case Tensor():
            return value
        case Int(value=dim):
            return Tensor(WEAK_INT, (), Interval(dim, dim))
        case Float(value=number):
            return Tensor(WEAK_FLOAT, (), Interval(number, number) if number is not None else None)
        case Bool():
            return Tensor(BOOL, ())
        case _:
            return None


def _mismatch(ctx: Context, fit: Fit, wanted: Value, actual: Value, source: Source) -> None:
    fit.failed = True
    shown = fit.substitution.value(wanted)
    ctx.report(
        TypeMismatch(source.span, str(wanted if shown == UNKNOWN else shown), str(actual), origins=source.declared)
    )


def bind(fit: Fit, name: str, value: Value, source: Source) -> None:
    fit.substitution.values[name] = value
    fit.bound_by[name] = source


def _match_list(ctx: Context, fit: Fit, wanted: ListKind, actual: Value, source: Source) -> None:
    match actual:
        case ListValue(items=items) | TupleValue(items=items):
            for index, item in enumerate(items):
                match_value(ctx, fit, wanted.element, item, source.part(index))
            length = literal(len(items))
        case Sequence(element=element, length=length):
            match_value(ctx, fit, wanted.element, element, source)
        case ListKind(element=element, length=Dim() as length):
            match_value(ctx, fit, wanted.element, element, source)
        case ShapeValue(shape=shape) if not has_pack(shape):
            length = literal(len(shape))
        case Placeholder():
            return
        case _:
            _mismatch(ctx, fit, wanted, actual, source)
            return
    if wanted.length is not None:
        name = _open_name(fit, wanted.length)
        if name is not None:
            bind(fit, name, Int(length), source)
        else:
            fit.later.append(LaterSize(wanted.length, length, 0, source, (), ()))


# -------------------------------------------------------------------------------------------------------------- tensors


def _match_tensor(ctx: Context, fit: Fit, wanted: Tensor, actual: Tensor, source: Source) -> None:
    before = len(ctx.problems)
    _match_dtype(ctx, fit, wanted.dtype, actual.dtype, source)
    if len(ctx.problems) > before:
        return
    _match_shape(ctx, fit, wanted.shape, actual.shape, source)
    if wanted.within is not None:
        numbers = kinds(actual.dtype)
        whole = Kind.FLOAT not in numbers
        if actual.within is not None or whole:
            fit.later.append(LaterRange(wanted.within, actual.within, whole, source))


def _match_dtype(ctx: Context, fit: Fit, wanted: DType, actual: DType, source: Source) -> None:
    if wanted == actual or isinstance(wanted, UnknownDType):
        return
    if isinstance(actual, UnknownDType):
        if isinstance(wanted, DTypeVariable) and wanted.owner == fit.substitution.owner:
            fit.substitution.values.setdefault(wanted.name, DTypeValue(UNKNOWN_DTYPE))
        return
    match wanted:
        case DTypeVariable(name=name, owner=owner, bound=bound) if owner == fit.substitution.owner:
            found = fit.substitution.values.get(name)
            if isinstance(found, DTypeValue):
                _meet(ctx, fit, found.dtype, actual, source, fit.bound_by.get(name))
            elif isinstance(actual, Quantised) and not in_class(actual, bound):
                fit.failed = True
                ctx.report(QuantisedOperand(source.span, "the operator", str(actual)))
                bind(fit, name, DTypeValue(UNKNOWN_DTYPE), source)
            elif not in_class(actual, bound):
                fit.failed = True
                expected = "number" if bound is DTypeClass.NUMBER else bound.value
                ctx.report(DTypeMismatch(source.span, expected, str(actual), origins=source.declared))
                bind(fit, name, DTypeValue(UNKNOWN_DTYPE), source)
            elif isinstance(actual, Weak):
                before = fit.weak.get(name)
                if before is None or before[0] == WEAK_INT:
                    fit.weak[name] = (actual, source)
            else:
                bind(fit, name, DTypeValue(actual), source)
                weak = fit.weak.pop(name, None)
                if weak is not None:
                    _meet(ctx, fit, actual, weak[0], weak[1], source)
        case Accumulated():
            _meet(ctx, fit, fit.substitution.dtype(wanted), actual, source, None)
        case _:
            _meet(ctx, fit, wanted, actual, source, None)


def _meet(ctx: Context, fit: Fit, wanted: DType, actual: DType, source: Source, other: Source | None) -> None:
    if meet(wanted, actual, ctx.lenient) is None:
        fit.failed = True
        origins = source.declared
        if other is not None:
            origins = (Related(ctx.place(other.span), f"`{wanted}` comes from here"), *origins)
        ctx.report(
            DTypeMismatch(source.span, str(wanted), str(actual), origins=origins, edits=cast_edits(source.span, wanted))
        )


def cast_edits(span: Span, dtype: DType) -> tuple[Edit, ...]:
    """Edits that cast what stands at a span."""
    if not isinstance(dtype, Scalar | Policy | DTypeVariable):
        return ()
    return (Edit(Span(span.start, span.start), "("), Edit(Span(span.end, span.end), f" as {dtype})"))


def meet(wanted: DType, actual: DType, lenient: bool) -> DType | None:
    """The dtype in which two meet, None where they need a cast."""
    if wanted == actual:
        return wanted
    match wanted, actual:
        case (UnknownDType(), _) | (_, UnknownDType()):
            return UNKNOWN_DTYPE
        case (Weak(kind=Kind.FLOAT), Weak()) | (Weak(), Weak(kind=Kind.FLOAT)):
            return WEAK_FLOAT
        case (Weak(kind=kind), dtype) | (dtype, Weak(kind=kind)):
            allowed = {Kind.FLOAT, Kind.COMPLEX} if kind is Kind.FLOAT else set(Kind) - {Kind.BOOL, Kind.STRING}
            return dtype if kinds(dtype) <= allowed else None
        case (Policy() | Scalar(kind=Kind.FLOAT), Policy() | Scalar(kind=Kind.FLOAT)) if lenient:
            return FLOAT
        case _:
            return None


def _match_shape(ctx: Context, fit: Fit, wanted: Shape, actual: Shape, source: Source) -> None:
    if wanted == actual:
        return
    packs = [i for i, item in enumerate(wanted) if not isinstance(item, Dim) and _is_open(fit, item)]
    if len(packs) == 2:
        first = wanted[packs[0]]
        assert isinstance(first, PackVariable)
        if not _bind_after(ctx, fit, first.name, wanted, actual, source):
            return
        packs = [i for i, item in enumerate(wanted) if not isinstance(item, Dim) and _is_open(fit, item)]
    wanted, binders = _filled(fit, wanted)
    packs = [i for i, item in enumerate(wanted) if not isinstance(item, Dim) and _is_open(fit, item)]
    if len(packs) == 1:
        at = packs[0]
        before, after = wanted[:at], wanted[at + 1 :]
        rest = len(actual) - len(after)
        if rest < len(before) or _hidden(before, actual[: len(before)]) or _hidden(after, actual[rest:]):
            rank(ctx, fit, wanted, actual, source)
            return
        pack = wanted[at]
        assert isinstance(pack, PackVariable)
        _match_items(ctx, fit, before, 0, wanted, actual, source, binders)
        if not pack.name.startswith("?"):
            bind(fit, pack.name, ShapeValue(actual[len(before) : rest]), source)
        _match_items(ctx, fit, after, rest, wanted, actual, source, {})
    elif len(wanted) == len(actual) and not any(isinstance(item, PackCall) for item in wanted):
        _match_items(ctx, fit, wanted, 0, wanted, actual, source, binders)
    elif any(not isinstance(item, Dim) for item in wanted + actual):
        fit.later.append(LaterPack(wanted, actual, source))
    else:
        rank(ctx, fit, wanted, actual, source)


def _filled(fit: Fit, wanted: Shape) -> tuple[Shape, dict[int, str]]:
    """The wanted shape with the packs put in that are bound already, and which pack gave which of its items."""
    found: list[ShapeItem] = []
    binders: dict[int, str] = {}
    for item in wanted:
        bound = fit.substitution.values.get(item.name) if isinstance(item, PackVariable) else None
        owned = isinstance(item, PackVariable) and item.owner == fit.substitution.owner
        if owned and isinstance(bound, ShapeValue):
            assert isinstance(item, PackVariable)
            binders.update((len(found) + i, item.name) for i in range(len(bound.shape)))
            found += bound.shape
        else:
            found.append(item)
    return tuple(found), binders


def _is_open(fit: Fit, item: ShapeItem) -> bool:
    return (
        isinstance(item, PackVariable)
        and item.owner == fit.substitution.owner
        and (item.name.startswith("?") or item.name not in fit.substitution.values)
    )


def _bind_after(ctx: Context, fit: Fit, name: str, wanted: Shape, actual: Shape, source: Source) -> bool:
    """Bind the first of two packs from its `after[...]` axis."""
    between = sum(1 for item in wanted if isinstance(item, Dim))
    if name in fit.pack_lengths:
        length = fit.pack_lengths[name]
        if between == 0 and length == len(actual) and not has_pack(actual):
            bind(fit, name, ShapeValue(actual), source)
            return True
        position = axis_position(actual, length)
    elif name in fit.pack_tails:
        position = axis_position(actual, -fit.pack_tails[name])
    elif name in fit.pack_ends and fit.pack_ends[name] in actual:
        end = actual.index(fit.pack_ends[name]) + 1
        bind(fit, name, ShapeValue(actual[:end]), source)
        return True
    else:
        rank(ctx, fit, wanted, actual, source)
        return False
    if isinstance(position, Failure) or position is None:
        failure = position or Failure(
            FailureKind.AXIS, f"nothing tells which axis of `[{shape_text(actual)}]` is meant"
        )
        ctx.report(failure_of(ctx, failure, source.span, source.declared))
        fit.failed = True
        return False
    bind(fit, name, ShapeValue(actual[:position]), source)
    return True


def _hidden(wanted: Shape, actual: Shape) -> bool:
    """Whether a pack stands where sizes are wanted."""
    return any(
        want != have and not (isinstance(want, Dim) and isinstance(have, Dim))
        for want, have in zip(wanted, actual, strict=True)
    )


def rank(ctx: Context, fit: Fit, wanted: Shape, actual: Shape, source: Source) -> None:
    fit.failed = True
    shown = fit.substitution.shape(wanted)
    ctx.report(RankMismatch(source.span, source.what, shape_text(shown), shape_text(actual), origins=source.declared))


def _match_items(
    ctx: Context,
    fit: Fit,
    part: Shape,
    start: int,
    wanted: Shape,
    actual: Shape,
    source: Source,
    binders: dict[int, str],
) -> None:
    """Match a part of the wanted shape with the axes from `start` on; `binders` says what put which size there."""
    for axis, want in enumerate(part, start):
        have = actual[axis]
        if want is have:
            continue
        if isinstance(want, Dim) and isinstance(have, Dim):
            name = _open_name(fit, want)
            if name is not None:
                bind(fit, name, Int(have), source)
            else:
                fit.later.append(LaterSize(want, have, axis, source, wanted, actual, binders.get(axis)))
        elif isinstance(want, Dim) or isinstance(have, Dim):
            fit.later.append(LaterPack(wanted, actual, source))
            return
        else:
            fit.later.append(LaterPack((want,), (have,), source))


def _open_name(fit: Fit, dim: Dim) -> str | None:
    """The name that a size is, where it is one that waits to be bound."""
    if dim.constant is not None:
        return None
    atom = single_atom(dim)
    if isinstance(atom, Symbol) and atom.owner == fit.substitution.owner and atom.name not in fit.substitution.values:
        return atom.name if "." not in atom.name else None
    return None
