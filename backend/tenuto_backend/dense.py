"""A dense layer, found among the nodes that say it: `x @ transpose(kernel)`, and perhaps `+ bias`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from msgspec import Struct

from tenuto_analysis.graph import Apply, Block, Node, Ssa, blocks_of, operands_of, walk


class Dense(Struct, frozen=True, eq=False):
    """The layer's tensors, and the nodes whose values nothing but its last node reads."""

    x: Ssa
    kernel: Ssa
    product: Ssa
    bias: Ssa | None
    inside: tuple[Node, ...]


def dense(node: Node, makers: Mapping[int, Node], reads: Counter[int]) -> Dense | None:
    """The layer of a matrix that a node ends; `makers` are the nodes of its block by what they make."""
    match node:
        case Apply(op="matmul", arguments={"a": Ssa() as x, "b": Ssa() as turned}, results=(result,)):
            before = makers.get(id(turned))
            if len(x.type.shape) != 2 or len(result.type.shape) != 2 or reads[id(turned)] != 1:
                return None
            match before:
                case Apply(op="transpose", arguments={"x": Ssa() as kernel}):
                    return Dense(x, kernel, result, None, (before,))
                case _:
                    return None
        case Apply(op="add", arguments={"a": Ssa() as product, "b": Ssa() as bias}, results=(result,)):
            before = makers.get(id(product))
            found = dense(before, makers, reads) if before is not None else None
            if before is None or found is None or found.bias is not None or reads[id(product)] != 1:
                return None
            if len(bias.type.shape) != 1 or product.type.shape != result.type.shape:
                return None
            return Dense(found.x, found.kernel, found.product, bias, (*found.inside, before))
        case _:
            return None


def makers_in(block: Block) -> dict[int, Node]:
    """The nodes of a block, by the identity of what they make."""
    return {id(result): node for node in block.nodes for result in node.results}


def reads_in(block: Block) -> Counter[int]:
    """How often each value is read in a block and in those inside of it, by a node or as a result."""
    found = Counter(map(id, block.results))
    for node in walk(block):
        found.update(map(id, operands_of(node)))
        found.update(id(ssa) for inner in blocks_of(node) for ssa in inner.results)
    return found
