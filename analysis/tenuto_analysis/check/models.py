"""Models as values: generic arguments where they are written, parts made from models, models that fit a bound."""

from __future__ import annotations

from tenuto_analysis.check import calls, lists, queries
from tenuto_analysis.check.arguments import Given
from tenuto_analysis.check.context import Context
from tenuto_analysis.check.matching import Fit, Source, match_value
from tenuto_analysis.check.settling import settle
from tenuto_analysis.diagnostics.base import Related
from tenuto_analysis.diagnostics.types import TypeMismatch
from tenuto_analysis.signature import Signature
from tenuto_analysis.substitute import Substitution
from tenuto_analysis.types import (
    UNKNOWN,
    GenericModel,
    Instance,
    ListValue,
    ModelBound,
    Reference,
    Sequence,
    Unknown,
    Value,
)
from tenuto_grammar import syntax
from tenuto_grammar.syntax import Keyword
from tenuto_grammar.text import Span


def remember(ctx: Context, name: str, model: Reference, signature: Signature, fit: Fit) -> None:
    """The first calls.call of a part fixes the generic arguments that its `sub` left out."""
    binding = ctx.find(name)
    if binding is not None and isinstance(binding.value, Instance):
        solved = tuple(
            (generic.name, fit.substitution.values[generic.name])
            for generic in signature.generics
            if generic.name in fit.substitution.values and not generic.pack
        )
        binding.value = Instance(Reference(model.file, model.name, solved))


def written_reference(ctx: Context, reference: Reference, found: tuple[Given, ...], span: Span) -> Value:
    """A declaration with generic arguments, checked where they are written."""
    signature = queries.signature(ctx.db, reference.file, reference.name)
    if signature is None:
        return reference
    if not _fit_generics(ctx, reference, signature, found, span):
        return UNKNOWN
    ctx.written[id(reference)] = (reference, tuple(item.span for item in found))
    return reference


def _fit_generics(
    ctx: Context,
    reference: Reference,
    signature: Signature,
    explicit: tuple[Given, ...],
    span: Span,
) -> bool:
    fit = Fit(Substitution(signature.owner, ctx.known))
    if not calls.bind_explicit(ctx, fit, signature, explicit, span):
        return False
    for generic in signature.generics:
        if generic.name not in fit.substitution.values and generic.default is not None:
            fit.substitution.values[generic.name] = fit.substitution.value(generic.default)
    complete = all(g.name in fit.substitution.values or g.pack for g in signature.generics)
    if not complete or not signature.is_model:
        return True
    return calls.require(ctx, fit, signature, span, [], only=calls.generic_names(signature))


def instantiate(ctx: Context, value: Value, span: Span) -> Value:
    """What `sub` makes of a model, or of a list of models."""
    match value:
        case Unknown():
            return UNKNOWN
        case Reference(file=file, name=name) if queries.keyword_of(ctx.db, file, name) == "model":
            signature = queries.signature(ctx.db, file, name)
            if signature is None:
                return UNKNOWN
            if not value.arguments and not _fit_generics(ctx, value, signature, (), span):
                return UNKNOWN
            return Instance(value)
        case GenericModel():
            return Instance(value)
        case Instance():
            return value
        case ListValue(items=items):
            parts = tuple(instantiate(ctx, item, span) for item in items)
            return UNKNOWN if UNKNOWN in parts else ListValue(parts)
        case Sequence(element=element, index=index, length=length, real=real):
            with ctx.block():
                lists.assume_index(ctx, index, length)
                part = instantiate(ctx, element, span)
            return UNKNOWN if part == UNKNOWN else Sequence(part, index, length, real)
        case _:
            ctx.report(TypeMismatch(span, "a model", str(value)))
            return UNKNOWN


def members_of(ctx: Context, reference: Reference) -> tuple[tuple[str, Value], ...]:
    """The parameters and parts of a model, for its generic arguments."""
    signature = queries.signature(ctx.db, reference.file, reference.name)
    if signature is None:
        return ()
    fit = Fit(Substitution(signature.owner, ctx.known))
    calls.bind_explicit(ctx, fit, signature, calls.explicit_arguments(ctx, reference, Span(0, 0)), Span(0, 0))
    for generic in signature.generics:
        if generic.name not in fit.substitution.values and generic.default is not None:
            fit.substitution.values[generic.name] = fit.substitution.value(generic.default)
    members = queries.members(ctx.db, reference.file, reference.name)
    return tuple((name, fit.substitution.value(value)) for name, value in members)


def signature_of_bound(ctx: Context, name: str, bound: ModelBound) -> Signature:
    """A model type as a signature: its names are solved anew at each calls.call."""
    parameters = tuple(queries.parameter(f"{index + 1}", type_) for index, type_ in enumerate(bound.parameters))
    requirements = tuple(queries.requirement(fact) for fact in bound.where)
    return Signature(
        name,
        ctx.file,
        ctx.key,
        bound.owner,
        Keyword.MODEL,
        (),
        parameters,
        bound.result,
        Span(0, 0),
        requirements,
        (),
        (),
        lenient=False,
    )


def fits_bound(
    ctx: Context, wanted: ModelBound, value: Reference | GenericModel, span: Span, declared: Related
) -> bool:
    """Whether a model can stand where a bound asks for one: under the bound's facts it takes its arguments."""
    if isinstance(value, GenericModel) and value.bound == wanted:
        return True
    inner = Context(ctx.db, ctx.file, ctx.key, ctx.owner, ctx.known, [], ctx.scopes)
    inner.used, inner.origins, inner.after = ctx.used, ctx.origins, ctx.after
    for fact in wanted.where:
        inner.assume(fact)
    given = tuple(Given(None, type_, span) for type_ in wanted.parameters)
    instance = value if isinstance(value, GenericModel) else instantiate(inner, value, span)
    result: Value = UNKNOWN
    if instance != UNKNOWN:
        model = instance.model if isinstance(instance, Instance) else value
        result = calls.instance(inner, syntax.Missing(span), model, given, span, wanted.result)
    if not inner.problems and result != UNKNOWN:
        fit = Fit(Substitution("", inner.known))
        match_value(inner, fit, wanted.result, result, Source(f"the result of `{value}`", span, (declared,)))
        settle(inner, fit)
    ctx.problems += inner.problems[:1]
    return not inner.problems
