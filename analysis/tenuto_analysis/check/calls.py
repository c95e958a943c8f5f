"""Calls: of functions and operators, of the parts of a model, of records; generic arguments and what they imply."""

from __future__ import annotations

import math

from tenuto_analysis.check import arguments, builtins, expressions, models, quantised, queries, records
from tenuto_analysis.check.arguments import Bound, Given, source_of
from tenuto_analysis.check.bounds import bounded
from tenuto_analysis.check.context import Context, existential_owner
from tenuto_analysis.check.evidence import evidence_of, failure_of, restated
from tenuto_analysis.check.matching import Fit, Source, match_value
from tenuto_analysis.check.recorder import Resolved
from tenuto_analysis.check.settling import settle
from tenuto_analysis.diagnostics.base import Place, Related
from tenuto_analysis.diagnostics.calls import (
    ModelNeedsSub,
    UnexpectedArgument,
    UnresolvedGeneric,
)
from tenuto_analysis.diagnostics.shapes import UnmetRequirement
from tenuto_analysis.diagnostics.types import DTypeMismatch, NotCallable, TypeMismatch
from tenuto_analysis.diagnostics.words import nearest
from tenuto_analysis.dims import All, Compare, Constraint, Dim, Relation, Symbol, of
from tenuto_analysis.dtypes import FLOAT, SCALARS, WEAK_FLOAT, Weak, in_class
from tenuto_analysis.modules import STD
from tenuto_analysis.normal_form import single_atom
from tenuto_analysis.shapes import Failure, FailureKind, axis_position, rank, sizes
from tenuto_analysis.signature import GenericSignature, Signature
from tenuto_analysis.substitute import Substitution
from tenuto_analysis.types import (
    NONE,
    UNKNOWN,
    AxisKind,
    Builtin,
    DTypeKind,
    DTypeValue,
    Float,
    GenericModel,
    Instance,
    Int,
    KindValue,
    ListKind,
    ListValue,
    ModelBound,
    OptionalValue,
    PackCall,
    PackVariable,
    RecordKind,
    RecordValue,
    Reference,
    Sequence,
    ShapeValue,
    StaticKind,
    Tensor,
    TupleValue,
    TypeValue,
    Unknown,
    Value,
    shape_text,
)
from tenuto_grammar import syntax
from tenuto_grammar.text import Span

_EXTREMES = {"max": "maximum", "min": "minimum"}
_SCALAR_FUNCTIONS = {"sqrt": math.sqrt, "exp": math.exp, "log": math.log}
_LISTED = 64  # A list result of at most so many elements is known one by one.


def call(ctx: Context, node: syntax.Call, expected: Value | None) -> Value:
    value = _call(ctx, node.callee, tuple(given(ctx, item) for item in node.arguments), node.span, expected)
    return bounded(ctx, value, node.span)


def pipe(ctx: Context, node: syntax.Pipe, expected: Value | None) -> Value:
    """`left |> right(...)`: `left` becomes the first argument."""
    first = Given(None, expressions.infer(ctx, node.left), node.left.span)
    match node.right:
        case syntax.Call(callee=callee, arguments=items):
            value = _call(ctx, callee, (first, *(given(ctx, item) for item in items)), node.right.span, expected)
        case callee:
            value = _call(ctx, callee, (first,), node.right.span, expected)
    return bounded(ctx, value, node.span)


def given(ctx: Context, node: syntax.Argument) -> Given:
    """An argument with its value."""
    name = node.name.text if node.name is not None else None
    name_span = node.name.span if node.name is not None else None
    return Given(name, expressions.infer(ctx, node.value), node.value.span, name_span, parts_of(node.value))


def parts_of(node: syntax.Expression) -> tuple[Span, ...]:
    """Where the elements of a list or tuple stand that is written out."""
    match node:
        case syntax.Tuple(items=items) | syntax.ListLiteral(items=items):
            return tuple(item.span for item in items)
        case _:
            return ()


def _callee(ctx: Context, node: syntax.Expression) -> Value:
    """What is called: a name of `std` too, where a size would be quantified in a signature."""
    if isinstance(node, syntax.Name) and ctx.implicit is not None and ctx.find(node.text) is None:
        value = expressions.declared(ctx, node.text)
        if value is None:
            ctx.report(expressions.unknown(ctx, node.span, node.text))
            return UNKNOWN
        return value
    return expressions.infer(ctx, node)


def _call(ctx: Context, node: syntax.Expression, given: tuple[Given, ...], span: Span, expected: Value | None) -> Value:
    callee = _callee(ctx, node)
    match callee:
        case Unknown():
            return UNKNOWN
        case Builtin(name=name):
            return builtins.call(ctx, name, given, span)
        case Reference(file=file, name=name):
            keyword = queries.keyword_of(ctx.db, file, name)
            if keyword in ("fn", "op"):
                return _function(ctx, callee, given, span, expected)
            if keyword == "record":
                return records.construct(ctx, callee, given, span)
            if keyword == "model":
                ctx.report(ModelNeedsSub(node.span, str(callee)))
                return UNKNOWN
        case Instance(model=model):
            return instance(ctx, node, model, given, span, expected)
        case GenericModel(name=name):
            ctx.report(ModelNeedsSub(node.span, name))
            return UNKNOWN
        case _:
            pass
    ctx.report(NotCallable(node.span, str(callee)))
    return UNKNOWN


def _function(ctx: Context, callee: Reference, given: tuple[Given, ...], span: Span, expected: Value | None) -> Value:
    if any(item.value == UNKNOWN for item in given):
        return UNKNOWN
    if callee.name in _EXTREMES and callee.file.startswith(str(STD)):
        unnamed = [item for item in given if item.name is None]
        if len(unnamed) >= 2:
            if all(isinstance(item.value, Int) for item in unnamed):
                return builtins.extreme(callee.name == "max", [item.value for item in unnamed])
            callee = Reference(callee.file.replace("reduce.ten", "elementwise.ten"), _EXTREMES[callee.name])
    signature = queries.signature(ctx.db, callee.file, callee.name)
    if signature is None:
        return UNKNOWN
    explicit = explicit_arguments(ctx, callee, span)
    fit = Fit(Substitution(signature.owner, ctx.known))
    result = apply(ctx, fit, signature, explicit, given, span, expected)
    if isinstance(result, Tensor) and not result.shape and isinstance(result.dtype, Weak) and len(given) == 1:
        return _scalar(callee.name, given[0].value, result)
    return result


def _scalar(name: str, argument: Value, result: Tensor) -> Value:
    """A function of a number that is known at compile time."""
    compute = _SCALAR_FUNCTIONS.get(name)
    number: float | None = None
    if isinstance(argument, Int) and argument.value.constant is not None:
        number = float(argument.value.constant)
    elif isinstance(argument, Float):
        number = argument.value
    if compute is not None and number is not None and number > 0:
        return Float(compute(number))
    return Float(None) if compute is not None or result.dtype == WEAK_FLOAT else result


# ------------------------------------------------------------------------------------------------------------- applying


def apply(
    ctx: Context,
    fit: Fit,
    signature: Signature,
    explicit: tuple[Given, ...],
    given: tuple[Given, ...],
    span: Span,
    expected: Value | None,
    checked: bool = False,
) -> Value:
    """The result of a call. `checked` tells that the requirements on generics alone were met where they were given."""
    if not bind_explicit(ctx, fit, signature, explicit, span):
        return UNKNOWN
    before = len(ctx.problems)
    bound = arguments.assign(ctx, signature, given, span)
    if bound is None or any(item.value == UNKNOWN for item in bound):
        return UNKNOWN
    waiting = [item for item in bound if not arguments.bind_static(ctx, fit, signature, item)]
    late: list[Bound] = []
    for item in waiting:
        type_ = item.parameter.type
        if isinstance(type_, KindValue):
            late.append(item)
            continue
        if not item.given and isinstance(type_, OptionalValue):
            fit.substitution.values[item.parameter.name] = NONE
            continue
        match_value(ctx, fit, type_, item.value, source_of(ctx, signature, item))
        if not isinstance(item.value, Tensor):
            fit.substitution.values.setdefault(item.parameter.name, item.value)
    if fit.failed and len(ctx.problems) > before:
        return UNKNOWN
    for item in late:
        arguments.bind_late(ctx, fit, signature, item)
    _close(ctx, fit, signature, expected)
    settle(ctx, fit)
    if fit.failed:
        return UNKNOWN
    if not _check_axes(ctx, fit, signature, bound) or not _resolved(ctx, fit, signature, span):
        return UNKNOWN
    if not require(ctx, fit, signature, span, bound, skip=generic_names(signature) if checked else frozenset()):
        return UNKNOWN
    is_pattern = KindValue(StaticKind.PATTERN)
    pattern = next((item.span for item in bound if item.parameter.type == is_pattern), span)
    result = quantised.result_of(ctx, signature, bound, _result(ctx, fit, signature, span, pattern))
    if ctx.recorder is not None:
        taken = tuple((b.parameter.name, b.value, b.span if b.given else None, b.parts) for b in bound)
        ctx.recorder.calls[span] = Resolved(signature, fit.substitution.values, taken, result)
    return result


def bind_explicit(ctx: Context, fit: Fit, signature: Signature, explicit: tuple[Given, ...], span: Span) -> bool:
    """Bind the generic arguments that are written out, each checked against its kind."""
    generics = {generic.name: generic for generic in signature.generics}
    ordered = [generic for generic in signature.generics if not generic.pack]
    position = 0
    for item in explicit:
        key, value, where = item.name, item.value, item.span
        if value == UNKNOWN:
            return False
        if key is None:
            if position >= len(ordered):
                ctx.report(UnexpectedArgument(where, signature.name, None, tuple(generics), ()))
                return False
            generic = ordered[position]
            position += 1
        elif key in generics:
            generic = generics[key]
        else:
            place = item.name_span or where
            ctx.report(UnexpectedArgument(place, signature.name, key, tuple(generics), nearest(key, generics)))
            return False
        found = _generic_value(ctx, fit, signature, generic, value, where)
        if found is None:
            return False
        fit.substitution.values[generic.name] = found
        declared = Related(
            Place(signature.file, signature.key, generic.span),
            f"`{generic.name}` of `{signature.name}` is declared here",
        )
        fit.bound_by[generic.name] = Source(f"the generic argument `{generic.name}`", where, (declared,))
    return True


def explicit_arguments(ctx: Context, reference: Reference, span: Span) -> tuple[Given, ...]:
    """The generic arguments of a reference, each with the place where it is written, or else `span`."""
    _, places = ctx.written.get(id(reference), (reference, (span,) * len(reference.arguments)))
    return tuple(Given(key, value, where) for (key, value), where in zip(reference.arguments, places, strict=True))


def _generic_value(
    ctx: Context, fit: Fit, signature: Signature, generic: GenericSignature, value: Value, span: Span
) -> Value | None:
    """A generic argument as its kind; None where it is not of that kind, which is reported."""
    declared = _declared(signature, generic)
    match generic.kind:
        case KindValue(kind=StaticKind.TYPE):
            return value if isinstance(value, TypeValue) else TypeValue(value)
        case KindValue(kind=StaticKind() as kind):
            if isinstance(value, OptionalValue):
                value = value.inner
            return arguments.static_value(ctx, kind, value, span, f"`{generic.name}`")
        case DTypeKind(bound=bound):
            if isinstance(value, DTypeValue):
                if in_class(value.dtype, bound):
                    return value
                ctx.report(DTypeMismatch(span, bound.value, str(value), origins=(declared,)))
                return None
        case RecordKind(file=file, name=name):
            if isinstance(value, RecordValue) and (value.file, value.name) == (file, name):
                return value
        case ListKind():
            if isinstance(value, TupleValue):
                return ListValue(value.items)
            if not isinstance(value, Int | Float | Tensor):
                return value
        case ModelBound() as wanted:
            if isinstance(value, Reference | GenericModel):
                inner = fit.substitution.value(wanted)
                assert isinstance(inner, ModelBound)
                return value if models.fits_bound(ctx, inner, value, span, declared) else None
        case _:
            return value
    ctx.report(TypeMismatch(span, str(generic.kind), str(value), origins=(declared,)))
    return None


def _declared(signature: Signature, generic: GenericSignature) -> Related:
    place = Place(signature.file, signature.key, generic.span)
    return Related(place, f"`{generic.name}` of `{signature.name}` is declared here")


def _close(ctx: Context, fit: Fit, signature: Signature, expected: Value | None) -> None:
    """Names that the arguments left open: from the expected type, from defaults, or from what was left out."""
    values = fit.substitution.values
    if expected is not None and signature.result is not None:
        _hint(fit, signature.result, expected)
    for generic in signature.generics:
        if generic.name not in values and generic.name not in fit.weak and generic.default is not None:
            values[generic.name] = fit.substitution.value(generic.default)
    for parameter in signature.parameters:
        type_ = parameter.type
        if isinstance(type_, OptionalValue) and values.get(parameter.name) == NONE and isinstance(type_.inner, Tensor):
            for item in type_.inner.shape:
                if isinstance(item, PackVariable) and item.owner == signature.owner:
                    values.setdefault(item.name, ShapeValue(()))


def _hint(fit: Fit, wanted: Value, expected: Value) -> None:
    """Bind what the expected type of the result determines; never reports."""
    if not isinstance(wanted, Tensor) or not isinstance(expected, Tensor):
        return
    from_right = list(zip(reversed(wanted.shape), reversed(expected.shape), strict=False))
    for want, have in from_right:
        if not isinstance(want, Dim) or not isinstance(have, Dim):
            return
        atom = single_atom(want)
        if isinstance(atom, Symbol) and atom.owner == fit.substitution.owner:
            fit.substitution.values.setdefault(atom.name, Int(have))


def _resolved(ctx: Context, fit: Fit, signature: Signature, span: Span) -> bool:
    for generic in signature.generics:
        if generic.name not in fit.substitution.values and not generic.pack:
            ctx.report(UnresolvedGeneric(span, signature.name, generic.name))
            return False
    return True


def _check_axes(ctx: Context, fit: Fit, signature: Signature, bound: list[Bound]) -> bool:
    """An axis must lie in the tensor that it speaks of, for all ranks that are possible."""
    for item in bound:
        type_ = item.parameter.type
        kind = type_.inner if isinstance(type_, OptionalValue) else type_
        if not isinstance(kind, KindValue) or kind.kind not in (AxisKind.AXIS, AxisKind.AXES):
            continue
        value = fit.substitution.values.get(item.parameter.name, NONE)
        shape = fit.substitution.shape(kind.shape)
        for axis in (sizes(value) or ()) if value != NONE else ():
            position = axis_position(shape, axis.constant) if axis.constant is not None else None
            if position is None:
                length = rank(shape)
                goal = All((Compare(Relation.LE, -length, axis), Compare(Relation.LT, axis, length)))
                if ctx.prove(goal) is None:
                    continue
                position = Failure(
                    FailureKind.AXIS, f"nothing tells that `[{shape_text(shape)}]` has the axis `{axis}`"
                )
            if isinstance(position, Failure):
                ctx.report(failure_of(ctx, position, item.span, source_of(ctx, signature, item).declared))
                return False
    return True


def generic_names(signature: Signature) -> frozenset[str]:
    return frozenset(generic.name for generic in signature.generics)


def require(
    ctx: Context,
    fit: Fit,
    signature: Signature,
    span: Span,
    bound: list[Bound],
    skip: frozenset[str] = frozenset(),
    only: frozenset[str] | None = None,
) -> bool:
    """Whether the callee's requirements hold; `skip` and `only` choose them by the names that they mention."""
    for requirement in signature.requirements:
        names = mentioned(requirement.constraint, signature.owner)
        if (skip and names <= skip) or (only is not None and not names <= only):
            continue
        constraint = fit.substitution.constraint(requirement.constraint)
        if fit.substitution.failures:
            ctx.report(failure_of(ctx, fit.substitution.failures[0], span))
            return False
        unproved = ctx.prove(constraint)
        if unproved is None:
            continue
        culprits = [item for item in bound if item.given and item.parameter.name in names]
        place = culprits[0].span if len(culprits) == 1 and len(names) == 1 else span
        declared = Related(Place(signature.file, signature.key, requirement.span), "it is required here")
        origins = (declared, *ctx.origin_of_constraint(constraint))
        evidence = evidence_of(ctx, unproved)
        here = restated(constraint, requirement.text)
        ctx.report(UnmetRequirement(place, signature.name, requirement.text, here, evidence=evidence, origins=origins))
        return False
    return True


def mentioned(constraint: Constraint, owner: str) -> frozenset[str]:
    """The names of a definition that a constraint mentions."""
    return builtins.names_in(constraint, owner)


def _result(ctx: Context, fit: Fit, signature: Signature, span: Span, pattern: Span) -> Value:
    substitution = fit.substitution
    new: dict[str, Value] = {name: Int(of(ctx.fresh_size(name))) for name in signature.existential}
    run_time = Substitution(existential_owner(signature.owner), ctx.known, new)
    for promise in signature.promises:
        ctx.assume(substitution.constraint(run_time.constraint(promise)))
    declared = signature.result
    if declared is None:
        declared = queries.result_of(ctx.db, signature.file, signature.key)
    result = substitution.value(run_time.value(declared) if new else declared)
    if substitution.failures:
        failure = substitution.failures[0]
        ctx.report(failure_of(ctx, failure, pattern if failure.kind is FailureKind.PATTERN else span))
        return UNKNOWN
    if isinstance(result, Tensor) and ctx.implied is None:
        for item in result.shape:
            if isinstance(item, PackCall) and item.function != "reduce" and ctx.known.rewrite((item,)) is None:
                unknown = f"the shape `{item}` depends on what is not known here"
                ctx.report(failure_of(ctx, Failure(FailureKind.RANK, unknown), span))
                return UNKNOWN
    return settled(ctx, result)


def settled(ctx: Context, value: Value) -> Value:
    """A declared result as a value: lists become their elements, weak tensors get a dtype of their own."""
    match value:
        case Tensor(dtype=Weak() as weak, shape=shape, within=within) if shape:
            return Tensor(FLOAT if weak == WEAK_FLOAT else SCALARS["i64"], shape, within)
        case ListKind(element=element, length=Dim() as length):
            if length.constant is not None and 0 <= length.constant <= _LISTED:
                return ListValue((settled(ctx, element),) * length.constant)
            return Sequence(settled(ctx, element), ctx.fresh("i", 0), length)
        case TupleValue(items=items):
            return TupleValue(tuple(settled(ctx, item) for item in items))
        case KindValue() | RecordKind():
            return builtins.placeholder_value(ctx, value)
        case _:
            return value


# --------------------------------------------------------------------------------------------------------------- models


def instance(
    ctx: Context,
    node: syntax.Expression,
    model: Reference | ModelBound | GenericModel,
    given: tuple[Given, ...],
    span: Span,
    expected: Value | None,
) -> Value:
    if any(item.value == UNKNOWN for item in given):
        return UNKNOWN
    if not isinstance(model, Reference):
        bound = model.bound if isinstance(model, GenericModel) else model
        signature = models.signature_of_bound(ctx, str(model), bound)
        return apply(ctx, Fit(Substitution(signature.owner, ctx.known)), signature, (), given, span, expected)
    found = queries.signature(ctx.db, model.file, model.name)
    if found is None:
        return UNKNOWN
    fit = Fit(Substitution(found.owner, ctx.known))
    explicit = explicit_arguments(ctx, model, span)
    named = {key for key, _ in model.arguments}
    complete = all(g.default is not None or g.name in named for g in found.generics) or len(explicit) >= len(
        [g for g in found.generics if g.default is None]
    )
    result = apply(ctx, fit, found, explicit, given, span, expected, checked=complete)
    if not complete and isinstance(node, syntax.Name) and result != UNKNOWN:
        models.remember(ctx, node.text, model, found, fit)
    return result
