"""Fitting a value to a type that may contain names to solve for.

`fit` walks a wanted type and an actual value together. A name that the substitution owns and has not bound yet is
bound; what cannot be compared before all names are bound is deferred, and `settle` compares it in the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import assert_never

from tenuto_analysis.check.context import Context, existential_owner
from tenuto_analysis.check.evidence import evidence_of, failure_of
from tenuto_analysis.diagnostics.base import Edit, Related
from tenuto_analysis.diagnostics.shapes import DimensionMismatch, OutOfRange, RankMismatch
from tenuto_analysis.diagnostics.types import DTypeMismatch, TypeMismatch
from tenuto_analysis.dims import All, Compare, Constraint, Dim, Relation, Symbol, leaves, literal
from tenuto_analysis.normal_form import single_atom
from tenuto_analysis.shapes import Failure, FailureKind, axis_position, has_pack, same_item
from tenuto_analysis.substitute import Substitution
from tenuto_analysis.types import (
    BOOL,
    FLOAT,
    NONE,
    UNKNOWN,
    UNKNOWN_DTYPE,
    WEAK_FLOAT,
    WEAK_INT,
    Accumulated,
    Bool,
    DType,
    DTypeClass,
    DTypeValue,
    DTypeVariable,
    Float,
    Instance,
    Int,
    Interval,
    Kind,
    ListKind,
    ListValue,
    ModelBound,
    OptionalValue,
    PackCall,
    PackVariable,
    Placeholder,
    Policy,
    RecordKind,
    RecordValue,
    Scalar,
    Sequence,
    Shape,
    ShapeItem,
    ShapeValue,
    Tensor,
    TupleValue,
    TypeValue,
    TypeVariable,
    UnknownDType,
    Value,
    Weak,
    in_class,
    kinds,
    shape_text,
)
from tenuto_grammar.text import Span


@dataclass(frozen=True, slots=True)
class LaterSize:
    """Two sizes to compare once all names are bound; `shape` is the whole wanted shape."""

    wanted: Dim
    actual: Dim
    axis: int
    source: Source
    shape: Shape
    found: Shape
    binder: str | None = None  # The name that put the wanted size there.


@dataclass(frozen=True, slots=True)
class LaterPack:
    wanted: Shape
    actual: Shape
    source: Source


@dataclass(frozen=True, slots=True)
class LaterRange:
    wanted: Interval
    actual: Interval | None
    whole_numbers: bool
    source: Source


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value comes from, in words and in the text."""

    what: str
    span: Span
    declared: tuple[Related, ...] = ()
    parts: tuple[Span, ...] = ()  # Of a list or tuple that is written out: where each element stands.

    def part(self, index: int) -> Source:
        """The source of one element."""
        return replace(self, span=self.parts[index], parts=()) if index < len(self.parts) else self


@dataclass(slots=True)
class Fit:
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
        settle(ctx, fit)
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
                _bind(fit, name, TypeValue(actual), source)
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
    ctx.report(TypeMismatch(source.span, str(wanted if shown == UNKNOWN else shown), str(actual), source.declared))


def _bind(fit: Fit, name: str, value: Value, source: Source) -> None:
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
            _bind(fit, name, Int(length), source)
        else:
            fit.later.append(LaterSize(wanted.length, length, 0, source, (), ()))


# -------------------------------------------------------------------------------------------------------------- tensors


def _match_tensor(ctx: Context, fit: Fit, wanted: Tensor, actual: Tensor, source: Source) -> None:
    _match_dtype(ctx, fit, wanted.dtype, actual.dtype, source)
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
            elif not in_class(actual, bound):
                fit.failed = True
                expected = "number" if bound is DTypeClass.NUMBER else bound.value
                ctx.report(DTypeMismatch(source.span, expected, str(actual), source.declared))
                _bind(fit, name, DTypeValue(UNKNOWN_DTYPE), source)
            elif isinstance(actual, Weak):
                before = fit.weak.get(name)
                if before is None or before[0] == WEAK_INT:
                    fit.weak[name] = (actual, source)
            else:
                _bind(fit, name, DTypeValue(actual), source)
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
        ctx.report(DTypeMismatch(source.span, str(wanted), str(actual), origins, cast_edits(source.span, wanted)))


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
            _rank(ctx, fit, wanted, actual, source)
            return
        pack = wanted[at]
        assert isinstance(pack, PackVariable)
        _match_items(ctx, fit, before, 0, wanted, actual, source, binders)
        if not pack.name.startswith("?"):
            _bind(fit, pack.name, ShapeValue(actual[len(before) : rest]), source)
        _match_items(ctx, fit, after, rest, wanted, actual, source, {})
    elif len(wanted) == len(actual) and not any(isinstance(item, PackCall) for item in wanted):
        _match_items(ctx, fit, wanted, 0, wanted, actual, source, binders)
    elif any(not isinstance(item, Dim) for item in wanted + actual):
        fit.later.append(LaterPack(wanted, actual, source))
    else:
        _rank(ctx, fit, wanted, actual, source)


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
            _bind(fit, name, ShapeValue(actual), source)
            return True
        position = axis_position(actual, length)
    elif name in fit.pack_tails:
        position = axis_position(actual, -fit.pack_tails[name])
    elif name in fit.pack_ends and fit.pack_ends[name] in actual:
        end = actual.index(fit.pack_ends[name]) + 1
        _bind(fit, name, ShapeValue(actual[:end]), source)
        return True
    else:
        _rank(ctx, fit, wanted, actual, source)
        return False
    if isinstance(position, Failure) or position is None:
        failure = position or Failure(
            FailureKind.AXIS, f"nothing tells which axis of `[{shape_text(actual)}]` is meant"
        )
        ctx.report(failure_of(ctx, failure, source.span, source.declared))
        fit.failed = True
        return False
    _bind(fit, name, ShapeValue(actual[:position]), source)
    return True


def _hidden(wanted: Shape, actual: Shape) -> bool:
    """Whether a pack stands where sizes are wanted."""
    return any(
        want != have and not (isinstance(want, Dim) and isinstance(have, Dim))
        for want, have in zip(wanted, actual, strict=True)
    )


def _rank(ctx: Context, fit: Fit, wanted: Shape, actual: Shape, source: Source) -> None:
    fit.failed = True
    shown = fit.substitution.shape(wanted)
    ctx.report(RankMismatch(source.span, source.what, shape_text(shown), shape_text(actual), source.declared))


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
                _bind(fit, name, Int(have), source)
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


# ---------------------------------------------------------------------------------------------------------------- later


def settle(ctx: Context, fit: Fit) -> None:
    """Compare what had to wait. One argument reports one size: what follows from it would only repeat it."""
    for name, (weak, source) in fit.weak.items():
        if name not in fit.substitution.values:
            _bind(fit, name, DTypeValue(weak), source)
    reported: set[Span | str] = set()
    for item in fit.later:
        names = _solved_names(fit, item)
        if item.source.span in reported or names & reported:
            continue
        match item:
            case LaterSize():
                wrong = _settle_size(ctx, fit, item)
            case LaterPack():
                wrong = _settle_pack(ctx, fit, item)
            case LaterRange():
                wrong = _settle_range(ctx, fit, item)
            case _:
                assert_never(item)
        if wrong:
            reported |= {item.source.span, *names}
            fit.failed = True
    fit.later.clear()


def _binders(ctx: Context, fit: Fit, names: set[str], source: Source) -> Iterator[Related]:
    """What fixed the given names, where that is another argument than the one that does not fit."""
    for name in sorted(names):
        binder = fit.bound_by.get(name)
        if binder is not None and binder.span != source.span:
            value = fit.substitution.values.get(name)
            yield Related(ctx.place(binder.span), f"`{name}` is `{value}` because of {binder.what}")


def _own_names(fit: Fit, dim: Dim) -> set[str]:
    """The names of the wanted type that a size mentions."""
    found = (leaf for leaf in leaves(dim) if isinstance(leaf, Symbol) and leaf.owner == fit.substitution.owner)
    return {leaf.name.split(".")[0] for leaf in found}


def _solved_names(fit: Fit, item: LaterSize | LaterPack | LaterRange) -> set[Span | str]:
    """The name that another argument solved and that this one is compared with."""
    if not isinstance(item, LaterSize):
        return set()
    atom = single_atom(item.wanted)
    own = isinstance(atom, Symbol) and atom.owner == fit.substitution.owner
    return {str(atom)} if own else {item.binder} if item.binder is not None else set()


def _settle_size(ctx: Context, fit: Fit, item: LaterSize) -> bool:
    wanted = fit.substitution.dim(item.wanted)
    if wanted is item.actual or ctx.known.facts.equal(wanted, item.actual):
        return False
    goal = Compare(Relation.EQ, wanted, item.actual)
    unproved = ctx.prove(goal)
    if unproved is None:
        return False
    what = f"axis {item.axis} of {item.source.what}" if item.found else item.source.what
    names = {item.binder} if item.binder is not None else _own_names(fit, item.wanted)
    binders = _binders(ctx, fit, names, item.source)
    origins = (*binders, *item.source.declared, *ctx.origin_of(wanted, item.actual))
    ctx.report(
        DimensionMismatch(item.source.span, what, str(wanted), str(item.actual), evidence_of(ctx, unproved), origins)
    )
    return True


def _settle_pack(ctx: Context, fit: Fit, item: LaterPack) -> bool:
    wanted = fit.substitution.shape(item.wanted)
    known = ctx.known
    if wanted == item.actual or known.rewrite(wanted) == item.actual or known.rewrite(item.actual) == wanted:
        return False
    if fit.substitution.failures:
        for failure in fit.substitution.failures:
            ctx.report(failure_of(ctx, failure, item.source.span, item.source.declared))
        fit.substitution.failures.clear()
        return True
    if len(wanted) != len(item.actual):
        _rank(ctx, fit, wanted, item.actual, item.source)
        return True
    for axis, (want, have) in enumerate(zip(wanted, item.actual, strict=True)):
        if same_item(known, want, have) is not None:
            if isinstance(want, Dim) and isinstance(have, Dim):
                return _settle_size(ctx, fit, LaterSize(want, have, axis, item.source, wanted, item.actual))
            _rank(ctx, fit, wanted, item.actual, item.source)
            return True
    return False


def _settle_range(ctx: Context, fit: Fit, item: LaterRange) -> bool:
    wanted = fit.substitution.interval(item.wanted)
    declared = item.source.declared
    if item.actual is None:
        if not item.whole_numbers:
            return False
        ctx.report(OutOfRange(item.source.span, str(wanted), None, evidence_of(ctx, None), declared))
        return True
    goal = inside(item.actual, wanted)
    if goal is None:
        return False
    unproved = ctx.prove(goal)
    if unproved is None:
        return False
    bounds = [bound for bound in (item.actual.high, wanted.high) if isinstance(bound, Dim)]
    ends = [end for end in (item.wanted.low, item.wanted.high) if isinstance(end, Dim)]
    names = {name for end in ends for name in _own_names(fit, end)}
    origins = (*_binders(ctx, fit, names, item.source), *declared, *ctx.origin_of(*bounds))
    evidence = evidence_of(ctx, unproved)
    ctx.report(OutOfRange(item.source.span, str(wanted), str(item.actual), evidence, origins))
    return True


def inside(inner: Interval, outer: Interval) -> Constraint | None:
    """That one interval lies in another; None where floats decide it and it does."""
    parts: list[Constraint] = []
    for low, high in ((outer.low, inner.low), (inner.high, outer.high)):
        if isinstance(low, Dim) and isinstance(high, Dim):
            parts.append(Compare(Relation.LE, low, high))
        else:
            a, b = _number(low), _number(high)
            if a is not None and b is not None and a > b:
                return Compare(Relation.EQ, literal(0), literal(1))
    return All(tuple(parts)) if parts else None


def _number(bound: Dim | float | None) -> float | None:
    return (
        float(bound.constant)
        if isinstance(bound, Dim) and bound.constant is not None
        else (bound if isinstance(bound, int | float) else None)
    )
