"""What stands after the `=` of a `param`: how a build without a checkpoint draws the weight."""

from __future__ import annotations

from collections.abc import Mapping

from tenuto_analysis.check import expressions
from tenuto_analysis.check.context import Context
from tenuto_analysis.diagnostics.calls import UnexpectedArgument
from tenuto_analysis.diagnostics.names import UnknownName
from tenuto_analysis.diagnostics.types import TypeMismatch
from tenuto_analysis.diagnostics.words import nearest
from tenuto_analysis.types import Float, Int, Unknown
from tenuto_grammar import syntax

INITIALISERS: Mapping[str, tuple[str, ...]] = {
    "zeros": (),
    "ones": (),
    "constant": ("value",),
    "normal": ("std", "mean"),
    "uniform": ("low", "high"),
}


def check(ctx: Context, node: syntax.Expression) -> None:
    """An initialiser by name, a call of one, or a number."""
    match node:
        case syntax.Name(text=text) if text in INITIALISERS:
            return
        case syntax.Call(callee=syntax.Name(text=text), arguments=arguments) if text in INITIALISERS:
            _arguments(ctx, text, arguments)
        case syntax.Name(text=text) | syntax.Call(callee=syntax.Name(text=text)) if ctx.find(text) is None:
            ctx.report(UnknownName(node.span, text, nearest(text, INITIALISERS)))
        case _:
            value = expressions.infer(ctx, node)
            if not isinstance(value, Int | Float | Unknown):
                ctx.report(TypeMismatch(node.span, "a number or an initialiser", str(value)))


def _arguments(ctx: Context, name: str, arguments: tuple[syntax.Argument, ...]) -> None:
    takes = INITIALISERS[name]
    for index, argument in enumerate(arguments):
        key = argument.name.text if argument.name is not None else takes[index] if index < len(takes) else None
        if key not in takes:
            near = nearest(key, takes) if key is not None else ()
            ctx.report(UnexpectedArgument(argument.span, name, key, takes, near))
            return
        value = expressions.infer(ctx, argument.value)
        if not isinstance(value, Int | Float | Unknown):
            ctx.report(TypeMismatch(argument.value.span, "a number", str(value)))
