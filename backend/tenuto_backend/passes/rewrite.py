"""What passes share: graphs made anew with other nodes, or with other values in the same nodes.

Nothing here changes a graph, a function, a block or a node in place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from tenuto_analysis.graph import (
    Apply,
    Argument,
    Block,
    Call,
    Function,
    Graph,
    If,
    Literal,
    Loop,
    Node,
    Size,
    Ssa,
    given,
)

Renamed = Mapping[int, Ssa]
"""By the identity of a value, the one that is read in its place."""


def rewritten(graph: Graph, body_of: Callable[[Function], Block]) -> Graph:
    """The graph with the body that `body_of` gives for each function; calls lead to the new functions."""
    made: dict[int, Function] = {}
    for function in graph.functions:
        made[id(function)] = replace(function, body=_calling(body_of(function), made))
    return replace(graph, functions=tuple(made.values()))


def with_blocks(node: Node, change: Callable[[Block], Block]) -> Node:
    """The node with its blocks changed, in the order in which they run."""
    match node:
        case If(then=then, otherwise=otherwise):
            return replace(node, then=change(then), otherwise=change(otherwise))
        case Loop(test=test, body=body):
            return replace(node, test=change(test) if test is not None else None, body=change(body))
        case _:
            return node


def reading(node: Node, renamed: Renamed) -> Node:
    """The node with the values that it reads itself replaced; what its blocks read is theirs."""
    match node:
        case Apply(arguments=arguments):
            return replace(node, arguments={name: _argument(item, renamed) for name, item in arguments.items()})
        case Call(arguments=arguments, operands=operands, weights=weights):
            return replace(
                node,
                arguments={name: _argument(item, renamed) for name, item in arguments.items()},
                operands=values(operands, renamed),
                weights=values(weights, renamed),
            )
        case If(test=Ssa() as test):
            return replace(node, test=value(test, renamed))
        case Loop(initial=initial):
            return replace(node, initial=values(initial, renamed))
        case _:
            return node


def value(ssa: Ssa, renamed: Renamed) -> Ssa:
    return renamed.get(id(ssa), ssa)


def values(several: tuple[Ssa, ...], renamed: Renamed) -> tuple[Ssa, ...]:
    return tuple(value(ssa, renamed) for ssa in several)


class Merged:
    """The values of one function that are given up, each for another that is the same."""

    def __init__(self, function: Function) -> None:
        self.instead: dict[int, Ssa] = {}
        self._named: dict[int, Ssa] = {}
        self._given = set(map(id, given(function)))

    def put(self, old: Ssa, new: Ssa) -> None:
        """`new` is read where `old` was; what a node makes takes over the name where it has none."""
        self.instead[id(old)] = new
        if old.name and not new.name and id(new) not in self._given:
            self._named.setdefault(id(new), replace(new, name=old.name))

    def name(self, block: Block) -> Block:
        """The block of the function with the names that were taken over."""
        return made_as(block, self._named) if self._named else block


def _argument(argument: Argument, renamed: Renamed) -> Argument:
    match argument:
        case Ssa():
            return value(argument, renamed)
        case tuple():
            return tuple(_argument(item, renamed) for item in argument)
        case _:
            return argument


def _calling(block: Block, made: Mapping[int, Function]) -> Block:
    nodes = [with_blocks(node, lambda inner: _calling(inner, made)) for node in block.nodes]
    return Block(
        [replace(node, function=made[id(node.function)]) if isinstance(node, Call) else node for node in nodes],
        block.results,
    )


def made_as(block: Block, renamed: Renamed) -> Block:
    """The block with values replaced where they are made and where they are read."""
    nodes = [
        with_blocks(_making(reading(node, renamed), renamed), lambda inner: made_as(inner, renamed))
        for node in block.nodes
    ]
    return Block(nodes, values(block.results, renamed))


def _making(node: Node, renamed: Renamed) -> Node:
    match node:
        case Literal(result=result) | Size(result=result):
            return replace(node, result=value(result, renamed))
        case Loop(index=index, carried=carried, results=results):
            return replace(
                node,
                index=value(index, renamed),
                carried=values(carried, renamed),
                results=values(results, renamed),
            )
        case _:
            return replace(node, results=values(node.results, renamed))
