"""Shares what is computed twice from the same operands and static arguments: the first of two equal nodes serves both.

A block sees what was computed before it outside, never what another block computed. Branches and loops are not compared
with each other. Results whose types differ are two: the sizes that `nonzero` finds are fresh names each time.
"""

from __future__ import annotations

from collections.abc import Hashable

from tenuto_analysis.graph import Apply, Argument, Block, Call, Function, Graph, Literal, Node, Size, Ssa
from tenuto_backend.passes.rewrite import Merged, reading, rewritten, values, with_blocks


def share_common_subexpressions(graph: Graph) -> Graph:
    return rewritten(graph, _body)


def _body(function: Function) -> Block:
    merged = Merged(function)
    return merged.name(_block(function.body, {}, merged))


def _block(block: Block, outside: dict[Hashable, Node], merged: Merged) -> Block:
    seen = dict(outside)
    nodes: list[Node] = []
    for old in block.nodes:
        node = with_blocks(reading(old, merged.instead), lambda inner: _block(inner, seen, merged))
        key = _key(node)
        first = seen.setdefault(key, node) if key is not None else node
        if first is node:
            nodes.append(node)
        for mine, firsts in zip(node.results, first.results, strict=True):
            if mine is not firsts:
                merged.put(mine, firsts)
    return Block(nodes, values(block.results, merged.instead))


def _key(node: Node) -> Hashable | None:
    """What two nodes have in common if they compute the same; None for a node that is never shared."""
    types = tuple(ssa.type for ssa in node.results)
    match node:
        case Apply(op=op, arguments=arguments):
            return "apply", op, tuple((name, _argument(item)) for name, item in arguments.items()), types
        case Literal(value=number):
            return "literal", repr(number), types
        case Size(dim=dim):
            return "size", dim, types
        case Call(function=function, operands=operands, weights=weights):
            return "call", id(function), tuple(map(id, operands)), tuple(map(id, weights)), types
        case _:
            return None


def _argument(argument: Argument) -> Hashable:
    match argument:
        case Ssa():
            return id(argument)
        case tuple():
            return tuple(map(_argument, argument))
        case _:
            return argument, str(argument)  # -0.0 equals 0.0 and is written otherwise.
