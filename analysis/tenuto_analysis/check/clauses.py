"""Clauses for precision and target: what a program may write, and which policy that is."""

from __future__ import annotations

from collections.abc import Mapping

from tenuto_analysis import modules
from tenuto_analysis.check import expressions, policies, queries
from tenuto_analysis.check.context import Context
from tenuto_analysis.database import Database
from tenuto_analysis.diagnostics.types import UnknownPolicy
from tenuto_analysis.diagnostics.words import nearest
from tenuto_analysis.dtypes import SCALARS, Scalar
from tenuto_analysis.precision.policies import NAMED as FIXED
from tenuto_analysis.precision.policies import Precision
from tenuto_analysis.targets.profile import known
from tenuto_analysis.types import UNKNOWN, DTypeValue, PolicyValue, Value
from tenuto_grammar import syntax
from tenuto_grammar.text import Span

# The named policies that fix the dtype of a value, and those that are made by a call.
PLAIN: Mapping[str, Scalar] = {name: SCALARS[name] for name in ("f64", "f32", "f16", "bf16")}
NAMED = (*PLAIN, *policies.MAKERS)
PRECISION_CLASSES = ("any", "product", "wide")


def check(ctx: Context, clauses: syntax.Clauses) -> None:
    """The clauses of a definition."""
    if clauses.precision is not None:
        policy(ctx, clauses.precision)
    for path in clauses.target:
        target(ctx, path.text, path.span)
    node = clauses.precision_class
    if node is not None and node.text not in PRECISION_CLASSES:
        _unknown(ctx, node.span, node.text, "precision class", PRECISION_CLASSES)


def check_local(ctx: Context, local: syntax.Local) -> None:
    """The clauses of a statement."""
    if local.precision is not None:
        policy(ctx, local.precision)
    for path in local.target:
        target(ctx, path.text, path.span)


def target(ctx: Context, text: str, span: Span) -> None:
    """A target is known by name; an empty part has been reported as what it is, a mistake in the syntax."""
    targets = known(ctx.db, ctx.file)
    if text not in targets and all(text.split(".")):
        _unknown(ctx, span, text, "target", targets)


def policy(ctx: Context, node: syntax.Expression) -> Precision | None:
    """The policy that a clause or a setting names, makes, or has from a constant; None after a mistake."""
    match node:
        case syntax.Parenthesized(inner=inner):
            return policy(ctx, inner)
        case syntax.Name(text=text) if text in FIXED:
            return FIXED[text]
        case syntax.Name(text=text, span=span) if text in policies.MAKERS:
            return policies.made(ctx, text, (), span)
        case syntax.Name(text=text):
            return _constant(ctx, node, _declared(ctx, text), text)
        case syntax.Attribute(base=syntax.Name()):
            return _constant(ctx, node, expressions.infer(ctx, node), "this")
        case syntax.Call(callee=syntax.Name(text=text) as callee, arguments=arguments):
            if text not in NAMED:
                _unknown(ctx, callee.span, text, "precision policy", NAMED)
                return None
            return policies.made(ctx, text, arguments, node.span)
        case syntax.Missing():
            return None
        case _:
            ctx.report(UnknownPolicy(node.span, "this", "precision policy", (), NAMED))
            return None


def of_type(db: Database, file: str, node: syntax.Type | None) -> Precision | None:
    """The policy that a type asks for, where it is an alias with a clause: `type Fast = model(...) precision mixed`."""
    match node:
        case syntax.Type(base=syntax.TensorType(path=path)):
            first, *rest = (part.text for part in path.parts)
            target = modules.lookup(db, file, first)
        case _:
            return None
    if target is not None and target.name is None and rest:
        target = modules.Target(target.file, rest[0])
    alias = modules.declaration(db, target.file, target.name) if target is not None and target.name else None
    if target is None or target.name is None or not isinstance(alias, syntax.TypeAlias):
        return None
    if alias.local.precision is None:
        return of_type(db, target.file, alias.type)
    ctx = Context(db, target.file, target.name, queries.owner_of(target.file, target.name))
    return policy(ctx, alias.local.precision)


def _declared(ctx: Context, text: str) -> Value | None:
    binding = ctx.find(text)
    return binding.value if binding is not None else expressions.declared(ctx, text)


def _constant(ctx: Context, node: syntax.Expression, value: Value | None, text: str) -> Precision | None:
    match value:
        case PolicyValue(policy=found):
            return found
        case DTypeValue(dtype=Scalar(name=name)) if name in FIXED:
            return FIXED[name]
        case None if isinstance(node, syntax.Name):
            _unknown(ctx, node.span, text, "precision policy", NAMED)
        case _ if value != UNKNOWN:
            shown = f"`{text}`" if isinstance(node, syntax.Name) else text
            ctx.report(UnknownPolicy(node.span, shown, "precision policy", (), NAMED))
        case _:
            pass  # What it means has been reported.
    return None


def _unknown(ctx: Context, span: Span, text: str, wanted: str, known: tuple[str, ...]) -> None:
    ctx.report(UnknownPolicy(span, f"`{text}`", wanted, nearest(text, known), known))


def plain_dtype(ctx: Context, local: syntax.Local) -> Scalar | None:
    """The dtype that a statement's clause gives its value, where the clause names it."""
    match local.precision:
        case syntax.Name(text=text):
            value = PLAIN.get(text)
            if value is None and text not in policies.MAKERS:
                declared = _declared(ctx, text)
                if isinstance(declared, DTypeValue) and isinstance(declared.dtype, Scalar):
                    value = PLAIN.get(declared.dtype.name)
            return value
        case _:
            return None
