"""Clauses for precision and target: their names are checked here, their meaning is solved for each deploy."""

from __future__ import annotations

from collections.abc import Mapping

from tenuto_analysis.check import expressions
from tenuto_analysis.check.context import Context
from tenuto_analysis.diagnostics.types import UnknownPolicy
from tenuto_analysis.diagnostics.words import nearest
from tenuto_analysis.dtypes import SCALARS, Kind, Scalar
from tenuto_analysis.targets.profile import known
from tenuto_grammar import syntax
from tenuto_grammar.text import Span

# The named policies that fix the dtype of a value, and those that are made by a call.
PLAIN: Mapping[str, Scalar] = {name: SCALARS[name] for name in ("f64", "f32", "f16", "bf16")}
NAMED = (*PLAIN, "mixed", "policy", "int8", "int4", "fp8")
PRECISION_CLASSES = ("any", "product", "wide")

_DTYPE_FIELDS = ("params", "compute", "accumulate", "wide", "storage")


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


def policy(ctx: Context, node: syntax.Expression) -> None:
    """A policy is a name, a call that makes one, or a constant of the file."""
    match node:
        case syntax.Name(text=text):
            if text not in NAMED and expressions.declared(ctx, text) is None and ctx.find(text) is None:
                _unknown(ctx, node.span, text, "precision policy", NAMED)
        case syntax.Call(callee=syntax.Name(text=text) as callee, arguments=arguments):
            if text not in NAMED:
                _unknown(ctx, callee.span, text, "precision policy", NAMED)
                return
            for argument in arguments:
                _argument(ctx, argument)
        case _:
            ctx.report(UnknownPolicy(node.span, "this", "precision policy", (), NAMED))


def _unknown(ctx: Context, span: Span, text: str, wanted: str, known: tuple[str, ...]) -> None:
    ctx.report(UnknownPolicy(span, f"`{text}`", wanted, nearest(text, known), known))


def _argument(ctx: Context, argument: syntax.Argument) -> None:
    name = argument.name.text if argument.name is not None else ""
    match argument.value:
        case syntax.Name(text=text) if name in _DTYPE_FIELDS:
            scalar = SCALARS.get(text)
            if scalar is None or scalar.kind not in (Kind.FLOAT, Kind.SIGNED, Kind.UNSIGNED):
                near = nearest(text, SCALARS)
                ctx.report(UnknownPolicy(argument.value.span, f"`{text}`", "dtype to compute in", near, ()))
        case _:
            pass


def plain_dtype(local: syntax.Local) -> Scalar | None:
    """The dtype that a statement's clause gives its value, where the clause names it."""
    match local.precision:
        case syntax.Name(text=text):
            return PLAIN.get(text)
        case _:
            return None
