"""Sizes that a deploy fixes, `dims: { B: 1 }`, as numbers in the types of its entry.

They are symbols while the entry is made, so that a loop over one is a loop and not so many copies of its body.
"""

from __future__ import annotations

from collections.abc import Mapping

from tenuto_analysis.dims import Dim, Leaf, substitute, substitute_constraint
from tenuto_analysis.graph import Apply, Argument, Block, Call, Function, If, Loop, Node, Size, Ssa, blocks_of
from tenuto_analysis.types import Bool, Int, ListValue, RecordValue, ShapeValue, Tensor, TupleValue, Value


def fix_sizes(function: Function, sizes: Mapping[Leaf, Dim]) -> None:
    """Put numbers in the place of symbols, in the types of all values and in what the nodes say of sizes."""
    fixing = Fixing(sizes)
    for ssa in (*function.inputs, *(weight.value for weight in function.weights)):
        fixing.ssa(ssa)
    fixing.block(function.body)
    function.symbols = tuple(leaf for leaf in function.symbols if leaf not in sizes)
    function.size_inputs = tuple((leaf, ssa) for leaf, ssa in function.size_inputs if leaf not in sizes)


class Fixing:
    """Numbers in the place of symbols; types and nodes are changed where they are."""

    def __init__(self, sizes: Mapping[Leaf, Dim]) -> None:
        self._sizes = sizes

    def dim(self, dim: Dim) -> Dim:
        return substitute(dim, self._sizes.get, lambda _: None)

    def ssa(self, ssa: Ssa) -> None:
        shape = tuple(self.dim(item) if isinstance(item, Dim) else item for item in ssa.type.shape)
        ssa.type = Tensor(ssa.type.dtype, shape, ssa.type.within)

    def block(self, block: Block) -> None:
        for node in block.nodes:
            self.node(node)
            for result in node.results:
                self.ssa(result)
            for inner in blocks_of(node):
                self.block(inner)

    def node(self, node: Node) -> None:
        match node:
            case Apply():
                node.arguments = {name: self.argument(item) for name, item in node.arguments.items()}
            case Size():
                node.dim = self.dim(node.dim)
            case Call():
                node.arguments = {name: self.argument(item) for name, item in node.arguments.items()}
                node.sizes = {leaf: self.dim(size) for leaf, size in node.sizes.items()}
            case If(test=test) if not isinstance(test, Ssa):
                node.test = substitute_constraint(test, self._sizes.get, lambda _: None)
            case Loop(length=length):
                node.length = self.dim(length) if length is not None else None
                for ssa in node.carried:
                    self.ssa(ssa)
            case _:
                pass

    def argument(self, argument: Argument) -> Argument:
        if isinstance(argument, Ssa):
            return argument
        if isinstance(argument, tuple):
            return tuple(map(self.argument, argument))
        return self.value(argument)

    def value(self, value: Value) -> Value:
        match value:
            case Int(value=dim):
                return Int(self.dim(dim))
            case ShapeValue(shape=shape):
                return ShapeValue(tuple(self.dim(item) if isinstance(item, Dim) else item for item in shape))
            case TupleValue(items=items):
                return TupleValue(tuple(map(self.value, items)))
            case ListValue(items=items):
                return ListValue(tuple(map(self.value, items)))
            case RecordValue(name=name, file=file, fields=fields):
                return RecordValue(name, file, tuple((key, self.value(item)) for key, item in fields))
            case Bool(value=constraint):
                return Bool(substitute_constraint(constraint, self._sizes.get, lambda _: None))
            case _:
                return value
