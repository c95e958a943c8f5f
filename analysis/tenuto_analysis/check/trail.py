"""Where the parts of a wrong expression come from: the statements that made what it reads, and so on backwards.

A mistake often stands in a `sub` or a `let` and shows in a later statement; the places on the way are part of the
report.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from tenuto_analysis import modules
from tenuto_analysis.check import queries
from tenuto_analysis.check.context import Context
from tenuto_analysis.diagnostics.base import Diagnostic, Place, Related
from tenuto_analysis.diagnostics.evidence import Traced
from tenuto_analysis.types import RecordValue
from tenuto_grammar import syntax
from tenuto_grammar.text import Span

_LONGEST = 8


def traced(ctx: Context, problem: Diagnostic) -> Diagnostic:
    """A problem about sizes or types with the places that lead to it, nearest first."""
    if ctx.statement is None or not isinstance(problem, Traced):
        return problem
    told = {item.place for item in problem.related}
    found: dict[Place, Related] = {}
    here = [item.place.span for item in problem.related if item.place == ctx.place(item.place.span)]
    around = _around(ctx.statement, problem.span)
    for item in _places(ctx, ctx.statement, (problem.span, *around, *here)):
        if len(found) >= _LONGEST:
            break
        if item.place.span != problem.span and item.place not in told:
            found.setdefault(item.place, item)
    return replace(problem, trail=tuple(found.values()))


def _around(node: syntax.Node, span: Span) -> Iterator[Span]:
    """What a part of an expression is about: the callee of an argument, what is piped into a call."""
    for child in syntax.children(node):
        match child:
            case syntax.Call(callee=callee, arguments=arguments):
                if any(argument.value.span == span for argument in arguments):
                    yield callee.span
            case syntax.Pipe(left=left, right=right) if right.span == span:
                yield left.span
            case _:
                pass
        yield from _around(child, span)


def _places(ctx: Context, statement: syntax.Node, spans: tuple[Span, ...]) -> Iterator[Related]:
    seen: set[str] = set()
    reads = _reads(statement)
    level = [node for span in spans for node in reads if span.start <= node.span.start and node.span.end <= span.end]
    while level:
        following: list[syntax.Node] = []
        for node in level:
            match node:
                case syntax.Attribute(base=syntax.Name(text=text), name=name):
                    yield from _field(ctx, text, name.text)
                case syntax.Name(text=text) if text not in seen:
                    seen.add(text)
                    binding = ctx.find(text)
                    if binding is None:
                        yield from _constant(ctx, text)
                        continue
                    yield Related(ctx.place(binding.span), f"`{text}` comes from here")
                    if binding.made_by is not None:
                        following += _reads(binding.made_by)
                case _:
                    pass
        level = following


def _field(ctx: Context, base: str, name: str) -> Iterator[Related]:
    binding = ctx.find(base)
    if binding is None or not isinstance(binding.value, RecordValue):
        return
    record = queries.record(ctx.db, binding.value.file, binding.value.name)
    for field in record.fields if record is not None else ():
        if record is not None and field.name == name:
            yield Related(Place(record.file, record.key, field.span), f"`{name}` is a field of `{record.name}`")


def _constant(ctx: Context, text: str) -> Iterator[Related]:
    target = modules.lookup(ctx.db, ctx.file, text)
    if target is None or target.name is None:
        return
    node = modules.declaration(ctx.db, target.file, target.name)
    if isinstance(node, syntax.Const):
        yield Related(Place(target.file, target.name, node.name.span), f"`{text}` is declared here")


def _reads(node: syntax.Node) -> list[syntax.Node]:
    """The names and fields that a statement itself reads, its blocks left out."""
    found: list[syntax.Node] = []
    for child in syntax.children(node):
        if isinstance(child, syntax.Block):
            continue
        if isinstance(child, syntax.Name | syntax.Attribute):
            found.append(child)
        found += _reads(child)
    return found
