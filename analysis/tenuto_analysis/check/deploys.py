"""A `deploy`: a model closed over configuration, weights, precision, target and ranges of its sizes."""

from __future__ import annotations

from tenuto_analysis.check import calls, clauses, expressions, loading, models, queries, trail, written
from tenuto_analysis.check.context import Context
from tenuto_analysis.check.matching import Fit
from tenuto_analysis.check.recorder import Recorder
from tenuto_analysis.database import Database
from tenuto_analysis.diagnostics.base import Place, Related
from tenuto_analysis.diagnostics.calls import UnresolvedGeneric
from tenuto_analysis.diagnostics.deploys import InvalidSetting, UnknownDimension, UnknownSetting
from tenuto_analysis.diagnostics.names import DuplicateName
from tenuto_analysis.diagnostics.types import TypeMismatch
from tenuto_analysis.diagnostics.words import nearest
from tenuto_analysis.dims import All, Compare, Constraint, Relation, Symbol, of
from tenuto_analysis.signature import Signature
from tenuto_analysis.substitute import Substitution
from tenuto_analysis.types import UNKNOWN, Int, ModelBound, Reference, Value
from tenuto_grammar import syntax
from tenuto_grammar.text import Span

SETTINGS = ("weights", "precision", "target", "dims")


def deploy(db: Database, file: str, key: str, node: syntax.Deploy, recorder: Recorder | None = None) -> queries.Body:
    ctx = Context(db, file, key, queries.owner_of(file, key), recorder=recorder)
    ctx.statement, ctx.trace = node, trail.traced
    model = expressions.infer(ctx, node.model)
    if isinstance(model, Reference) and queries.keyword_of(db, model.file, model.name) == "model":
        signature = queries.signature(db, model.file, model.name)
        if signature is not None and closed(ctx, node, model, signature) is not None and node.type is not None:
            _fits_type(ctx, node, model)
    elif model != UNKNOWN:
        ctx.report(TypeMismatch(node.model.span, "a model", str(model)))
    _settings(ctx, node)
    return queries.Body(tuple(ctx.problems), frozenset(ctx.used), model, (), tuple(ctx.values))


def closed(ctx: Context, node: syntax.Deploy, model: Reference, signature: Signature) -> Substitution | None:
    """What the generics of the model are; what the deploy says of its sizes becomes facts. None after a mistake."""
    fit = Fit(Substitution(signature.owner, ctx.known))
    explicit = calls.explicit_arguments(ctx, model, node.model.span)
    if not calls.bind_explicit(ctx, fit, signature, explicit, node.model.span):
        return None
    for generic in signature.generics:
        if generic.name not in fit.substitution.values:
            if generic.default is None:
                if not generic.pack:
                    ctx.report(UnresolvedGeneric(node.model.span, signature.name, generic.name))
                    return None
            else:
                fit.substitution.values[generic.name] = fit.substitution.value(generic.default)
    ctx.model = signature.owner
    _ranges(ctx, node, signature)
    for constraint_node in node.where:
        with ctx.block():
            _bind_sizes(ctx, signature)
            constraint = expressions.constraint(ctx, constraint_node)
        if constraint is not None:
            ctx.assume(constraint)
    fit.substitution.known = ctx.known
    return fit.substitution if calls.require(ctx, fit, signature, node.model.span, []) else None


def sizes_of(signature: Signature) -> tuple[str, ...]:
    """The sizes that a model's parameters quantify."""
    found: dict[str, None] = {}
    for parameter in signature.parameters:
        for name in written.sizes_in(parameter.type, signature.owner):
            found[name] = None
    generics = {generic.name for generic in signature.generics}
    return tuple(name for name in found if name not in generics)


def _bind_sizes(ctx: Context, signature: Signature) -> None:
    for name in sizes_of(signature):
        ctx.scopes[-1].setdefault(
            name, expressions.implicit_binding(Int(of(Symbol(name, signature.owner, 0))), Span(0, 0))
        )


def _ranges(ctx: Context, node: syntax.Deploy, signature: Signature) -> None:
    """`dims: { B: 1 .. 64, S: 128 }` as facts about the model's sizes."""
    setting = next((item for item in node.settings.settings if item.key.text == "dims"), None)
    if setting is None or not isinstance(setting.value, syntax.Map):
        return
    names = sizes_of(signature)
    for item in setting.value.settings:
        name = item.key.text
        if name not in names:
            ctx.report(UnknownDimension(item.key.span, name, signature.name, names, nearest(name, names)))
            continue
        ctx.origins[name] = item.span
        fact = _range(ctx, item, Symbol(name, signature.owner, 0))
        if fact is not None:
            ctx.assume(fact)


def _range(ctx: Context, item: syntax.Setting, symbol: Symbol) -> Constraint | None:
    name, size = item.key.text, of(symbol)
    ends = (item.value.low, item.value.high) if isinstance(item.value, syntax.Range) else (item.value, item.value)
    values = [expressions.infer(ctx, end) for end in ends]
    if UNKNOWN in values:
        return None
    numbers = [value.value for value in values if isinstance(value, Int) and value.value.constant is not None]
    if len(numbers) != 2:
        ctx.report(InvalidSetting(item.value.span, name, "a size is an integer or a range of integers, `1 .. 64`"))
        return None
    low, high = numbers
    assert low.constant is not None
    assert high.constant is not None
    if low.constant < 0 or high.constant < low.constant:
        ctx.report(InvalidSetting(item.value.span, name, f"the range {low} .. {high} holds no size"))
        return None
    return All((Compare(Relation.GE, size, low), Compare(Relation.LE, size, high)))


def _fits_type(ctx: Context, node: syntax.Deploy, model: Reference) -> None:
    assert node.type is not None
    ctx.implicit = set()
    wanted: Value = written.annotation(ctx, node.type)
    ctx.implicit = None
    if isinstance(wanted, ModelBound):
        declared = Related(Place(ctx.file, ctx.key, node.type.span), "the type is given here")
        models.fits_bound(ctx, wanted, model, node.model.span, declared)
    elif wanted != UNKNOWN:
        ctx.report(TypeMismatch(node.type.span, "a model type", str(wanted)))


def _settings(ctx: Context, node: syntax.Deploy) -> None:
    seen: dict[str, syntax.Identifier] = {}
    for item in node.settings.settings:
        name = item.key.text
        if name in seen:
            ctx.report(DuplicateName(item.key.span, name, ctx.place(seen[name].span)))
            continue
        seen[name] = item.key
        match name:
            case "weights":
                _weights(ctx, item)
            case "precision":
                if not isinstance(item.value, syntax.Range):
                    _precision(ctx, node, item.value)
            case "target":
                _target(ctx, item)
            case "dims":
                if not isinstance(item.value, syntax.Map):
                    reason = "write the sizes in braces: `{ B: 1 .. 64, S: 128 }`"
                    ctx.report(InvalidSetting(item.value.span, "dims", reason))
            case "":
                pass
            case _:
                ctx.report(UnknownSetting(item.key.span, name, nearest(name, SETTINGS)))


def _precision(ctx: Context, node: syntax.Deploy, value: syntax.Expression) -> None:
    """The policy of a deploy is the one that its type asks for, where that asks for one."""
    policy, wanted = clauses.policy(ctx, value), clauses.of_type(ctx.db, ctx.file, node.type)
    if policy is not None and wanted is not None and policy != wanted:
        ctx.report(InvalidSetting(value.span, "precision", f"the type of the deploy asks for `{wanted}`"))


def _weights(ctx: Context, item: syntax.Setting) -> None:
    for problem in loading.read(item.value)[1]:
        ctx.report(problem)


def _target(ctx: Context, item: syntax.Setting) -> None:
    nodes = item.value.items if isinstance(item.value, syntax.ListLiteral) else (item.value,)
    for node in nodes:
        text = _path(node)
        if text is None:
            ctx.report(InvalidSetting(node.span, "target", "a target is a name such as `cpu.x86_64`"))
        else:
            clauses.target(ctx, text, node.span)


def target_names(value: syntax.Expression | syntax.Range) -> tuple[str, ...]:
    """The targets that a setting names."""
    nodes = value.items if isinstance(value, syntax.ListLiteral) else (value,)
    return tuple(text for node in nodes if (text := _path(node)))


def _path(node: syntax.Expression | syntax.Range) -> str | None:
    """`cpu.x86_64` as text; empty where it is missing."""
    match node:
        case syntax.Name(text=text):
            return text
        case syntax.Missing():
            return ""
        case syntax.Attribute(base=base, name=name):
            before = _path(base)
            return f"{before}.{name.text}" if before is not None else None
        case _:
            return None
