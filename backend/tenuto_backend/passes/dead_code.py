"""Drops what nobody reads: nodes, and functions that nobody calls.

Inputs and weights stay, read or not: they are what the deploy promised. A node whose result's shape tells a size that
another needs (`?K` of `nonzero`) is read in that sense.
"""

from __future__ import annotations

from msgspec.structs import replace

from tenuto_analysis.dims import Leaf, leaves
from tenuto_analysis.graph import (
    Block,
    Call,
    Function,
    Graph,
    Node,
    dims_of,
    given,
    operands_of,
    sizes_read_by,
    tensors_of,
    told_by,
    walk,
)
from tenuto_backend.passes.rewrite import rewritten, with_blocks


def drop_dead_code(graph: Graph) -> Graph:
    graph = rewritten(graph, lambda function: _Needs(function).block(function.body))
    called = {id(graph.entry)}
    for function in reversed(graph.functions):
        if id(function) in called:
            called |= {id(node.function) for node in walk(function.body) if isinstance(node, Call)}
    return replace(graph, functions=tuple(function for function in graph.functions if id(function) in called))


class _Needs:
    """What the nodes that were kept so far read, from the end of a function to its beginning."""

    def __init__(self, function: Function) -> None:
        self._values: set[int] = set()
        self._sizes: set[Leaf] = set()
        self._known = {leaf for ssa in given(function) for leaf in told_by(ssa)}
        self._known |= {leaf for leaf, _ in function.size_inputs}

    def block(self, block: Block) -> Block:
        teller: dict[Leaf, int] = {}
        for node in block.nodes:
            for leaf in (leaf for ssa in node.results for leaf in told_by(ssa) if leaf not in self._known):
                teller.setdefault(leaf, id(node))
        self._values |= set(map(id, block.results))
        kept: list[Node] = []
        for node in reversed(block.nodes):
            tells = (leaf for leaf in self._sizes if teller.get(leaf) == id(node))
            if any(id(ssa) in self._values for ssa in node.results) or any(tells):
                self._read(node)
                kept.append(with_blocks(node, self.block))
        return Block(kept[::-1], block.results)

    def _read(self, node: Node) -> None:
        self._values |= set(map(id, operands_of(node)))
        if isinstance(node, Call):  # What the source passes is kept beside the operands, for whoever knows the callee.
            self._values |= {id(ssa) for argument in node.arguments.values() for ssa in tensors_of(argument)}
        told = (dim for ssa in node.results for dim in dims_of(ssa.type))
        passed = node.sizes.values() if isinstance(node, Call) else ()
        for dim in (*told, *passed, *sizes_read_by(node)):
            self._sizes |= leaves(dim)
