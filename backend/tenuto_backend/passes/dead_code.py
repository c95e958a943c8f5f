"""Drops what nobody reads: nodes, and functions that nobody calls.

Inputs and weights stay, read or not: they are what the deploy promised. A node whose result's shape tells a size that
another needs (`?K` of `nonzero`) is read in that sense.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from tenuto_analysis.dims import Dim, Leaf, leaves
from tenuto_analysis.elaborate.forms import dims_in
from tenuto_analysis.graph import (
    Apply,
    Block,
    Call,
    Function,
    Graph,
    If,
    Loop,
    Node,
    Size,
    Ssa,
    operands_of,
    tensors_of,
    walk,
)
from tenuto_analysis.normal_form import single_atom
from tenuto_backend.passes.rewrite import given, rewritten, with_blocks


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
        self._known = {leaf for ssa in given(function) for leaf in _told(ssa)}
        self._known |= {leaf for leaf, _ in function.size_inputs}

    def block(self, block: Block) -> Block:
        teller: dict[Leaf, int] = {}
        for node in block.nodes:
            for leaf in (leaf for ssa in node.results for leaf in _told(ssa) if leaf not in self._known):
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
        for dim in _sizes_of(node):
            self._sizes |= leaves(dim)


def _sizes_of(node: Node) -> Iterator[Dim]:
    for ssa in node.results:
        yield from dims_in(ssa.type.shape)
    match node:
        case Apply(arguments=arguments):
            for argument in arguments.values():
                if not isinstance(argument, Ssa | tuple):
                    yield from dims_in(argument)
        case Size(dim=dim):
            yield dim
        case Call(sizes=sizes):
            yield from sizes.values()
        case If(test=test) if not isinstance(test, Ssa):
            yield from dims_in(test)
        case Loop(length=length) if length is not None:
            yield length
        case _:
            pass


def _told(ssa: Ssa) -> Iterator[Leaf]:
    """The symbols that the shape of a value tells."""
    for item in ssa.type.shape:
        atom = single_atom(item) if isinstance(item, Dim) else None
        if isinstance(atom, Leaf):
            yield atom
