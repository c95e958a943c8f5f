"""The casts that policies ask for, at the operands that they change: what an editor shows between the words."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from tenuto_analysis.check import queries
from tenuto_analysis.database import Database, query
from tenuto_analysis.elaborate.builder import Refusal
from tenuto_analysis.elaborate.checkpoints import sound
from tenuto_analysis.elaborate.deploys import elaborated
from tenuto_analysis.graph import Apply, Call, Function, Ssa, operands_of, walk
from tenuto_analysis.insight.trees import path_to
from tenuto_analysis.modules import declaration, deploys, file_text
from tenuto_grammar import syntax
from tenuto_grammar.text import Span


class ShownCast(Struct, frozen=True):
    """Behind which operand of a declaration a cast stands, and to which dtypes: several where deploys differ."""

    key: str
    at: int
    dtypes: tuple[str, ...]


@query
def shown_casts(db: Database, file: str) -> tuple[ShownCast, ...]:
    """Those in the definitions of a file, as the deploys of the file make them; none where it names no precision."""
    if "precision" not in (file_text(db, file) or "") or not sound(db, file):
        return ()
    found: dict[tuple[str, int], set[str]] = {}
    for deploy in deploys(db, file):
        graph = elaborated(db, file, deploy)
        if isinstance(graph, Refusal):
            continue
        for function in graph.functions:
            if function.file == file:
                for at, dtype in _in_function(db, function):
                    found.setdefault((function.key, at), set()).add(dtype)
    return tuple(ShownCast(key, at, tuple(sorted(dtypes))) for (key, at), dtypes in sorted(found.items()))


def _in_function(db: Database, function: Function) -> Iterator[tuple[int, str]]:
    nodes = list(walk(function.body))
    for node in nodes:
        if not isinstance(node, Apply) or not node.inserted or node.origin.declaration != function.key:
            continue
        dtype = str(node.results[0].type.dtype)
        calls = [
            reader
            for reader in nodes
            if isinstance(reader, Call)
            and reader.origin.span == node.origin.span
            and any(operand is node.results[0] for operand in operands_of(reader))
        ]
        if not calls:
            yield node.origin.span.end, dtype
        for call in calls:
            yield from ((span.end, dtype) for span in _arguments(db, function, call, node.results[0]))


def _arguments(db: Database, function: Function, call: Call, read: Ssa) -> Iterator[Span]:
    """Where the arguments of a call stand that are read in another dtype; what a function's weights are is nowhere."""
    root = declaration(db, function.file, function.key)
    signature = queries.signature(db, call.function.file, call.function.key)
    if root is None or signature is None:
        return
    names = [parameter.name for parameter in signature.parameters]
    wanted = {name for name, argument in call.arguments.items() if argument is read}
    for item in path_to(root, call.origin.span.start):
        match item:
            case syntax.Pipe(left=left, right=syntax.Call(arguments=arguments)) if _is(call, item):
                given = [(None, left), *((a.name, a.value) for a in arguments)]
            case syntax.Call(arguments=arguments) if _is(call, item):
                given = [(a.name, a.value) for a in arguments]
            case _:
                continue
        for name, (said, value) in zip((*names, *[""] * len(given)), given, strict=False):
            if (said.text if said is not None else name) in wanted:
                yield value.span


def _is(call: Call, node: syntax.Pipe | syntax.Call) -> bool:
    inner = node.right if isinstance(node, syntax.Pipe) else node
    return call.origin.span in (node.span, inner.span)
