"""Sizes as numbers: a graph for one choice of its sizes, each function anew for every choice that it is called with."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from tenuto_analysis.dims import Dim, Leaf, holds, literal, of, render, substitute_constraint
from tenuto_analysis.elaborate.fixed import Fixing
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
    told_by,
)
from tenuto_analysis.types import Int, Interval, Tensor
from tenuto_analysis.verify import verify
from tenuto_backend.passes import optimised
from tenuto_backend.weights.beside import ArtifactError

Sizes = Mapping[Leaf, Dim]


def open_sizes(graph: Graph) -> tuple[Leaf, ...]:
    """The sizes of a deploy that stay open, in the order in which its inputs tell them."""
    entry = graph.entry
    told = [leaf for ssa in given(entry) for leaf in told_by(ssa)]
    return tuple(dict.fromkeys((*told, *(leaf for leaf, _ in entry.size_inputs))))


def chosen(graph: Graph, named: Mapping[str, int]) -> dict[Leaf, int]:
    """Sizes by their names: raises `ArtifactError` where the deploy has no such size open, or does not take it."""
    leaves = {str(leaf): leaf for leaf in open_sizes(graph)}
    for name, number in named.items():
        if name not in leaves:
            known = f"those of `{graph.name}` are {', '.join(leaves)}" if leaves else f"`{graph.name}` has none"
            raise ArtifactError(f"there is no open size `{name}`: {known}")
        if number < 0:
            raise ArtifactError(f"`{name}` is {number}: a size is 0 or more")
    found = {leaves[name]: number for name, number in named.items()}
    for fact in graph.bounds:
        if holds(fact, found) is False:
            told = ", ".join(f"{name} = {number}" for name, number in named.items())
            raise ArtifactError(f"{told} breaks `{render(fact)}`, which the deploy says of its sizes")
    return found


def bound(graph: Graph, sizes: Mapping[Leaf, int]) -> Graph:
    """The graph with the given sizes of its entry as numbers; those that are not given stay open.

    Where a function is called with several choices of its sizes, there is one function for each. A size that a
    function took as a tensor and that is known now is no input any more.
    """
    instances = _Instances()
    numbers = {leaf: literal(number) for leaf, number in sizes.items()}
    entry = _Binding(instances, numbers).function(graph.entry)
    facts = tuple(substitute_constraint(fact, numbers.get, lambda _: None) for fact in graph.bounds)
    return optimised(verify(replace(graph, functions=(*instances.functions, entry), bounds=facts)))


class _Instances:
    """The functions that are made so far, callees before callers."""

    def __init__(self) -> None:
        self.functions: list[Function] = []
        self._made: dict[tuple[int, frozenset[tuple[Leaf, Dim]]], Function] = {}

    def of(self, function: Function, sizes: Sizes) -> Function:
        """The function for sizes of which some are numbers."""
        numbers = {leaf: size for leaf, size in sizes.items() if size.constant is not None}
        key = id(function), frozenset(numbers.items())
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = _Binding(self, numbers).function(function)
            self.functions.append(found)
        return found


class _Binding:
    """One function with numbers in the place of some of its sizes: all values and nodes are new."""

    def __init__(self, instances: _Instances, sizes: Sizes) -> None:
        self._instances = instances
        self._sizes = sizes
        self._fixing = Fixing(sizes)
        self._new: dict[int, Ssa] = {}

    def function(self, function: Function) -> Function:
        inputs = self._values(function.inputs)
        open_ = tuple((leaf, self._value(ssa)) for leaf, ssa in function.size_inputs if leaf not in self._sizes)
        weights = tuple(replace(weight, value=self._value(weight.value)) for weight in function.weights)
        body = self._block(function.body)
        named = {leaf: size for leaf, size in self._sizes.items() if leaf in function.symbols}
        return replace(
            function,
            statics=(*function.statics, *((str(leaf), Int(size)) for leaf, size in named.items())),
            inputs=inputs,
            size_inputs=open_,
            weights=weights,
            symbols=tuple(leaf for leaf in function.symbols if leaf not in self._sizes),
            body=body,
        )

    def _block(self, block: Block) -> Block:
        nodes = [self._node(node) for node in block.nodes]
        return Block(nodes, self._values(block.results))

    def _node(self, node: Node) -> Node:
        match node:
            case Apply(arguments=arguments, results=results):
                return replace(node, arguments=self._arguments(arguments), results=self._values(results))
            case Literal(result=result):
                return replace(node, result=self._value(result))
            case Size(dim=dim, result=result):
                return replace(node, dim=self._fixing.dim(dim), result=self._value(result))
            case Call():
                return self._call(node)
            case If(test=test, then=then, otherwise=otherwise, results=results):
                known = substitute_constraint
                return replace(
                    node,
                    test=self._value(test) if isinstance(test, Ssa) else known(test, self._sizes.get, lambda _: None),
                    then=self._block(then),
                    otherwise=self._block(otherwise),
                    results=self._values(results),
                )
            case Loop():
                return replace(
                    node,
                    length=None if node.length is None else self._fixing.dim(node.length),
                    index=self._value(node.index),
                    initial=self._values(node.initial),
                    carried=self._values(node.carried),
                    test=None if node.test is None else self._block(node.test),
                    body=self._block(node.body),
                    results=self._values(node.results),
                )

    def _call(self, node: Call) -> Call:
        sizes = {leaf: self._fixing.dim(size) for leaf, size in node.sizes.items()}
        count = len(node.function.inputs)
        kept = [
            operand
            for operand, (leaf, _) in zip(node.operands[count:], node.function.size_inputs, strict=True)
            if sizes.get(leaf, of(leaf)).constant is None
        ]
        return replace(
            node,
            function=self._instances.of(node.function, sizes),
            arguments=self._arguments(node.arguments),
            operands=self._values((*node.operands[:count], *kept)),
            weights=self._values(node.weights),
            sizes={leaf: size for leaf, size in sizes.items() if size.constant is None},
            results=self._values(node.results),
        )

    def _arguments(self, arguments: Mapping[str, Argument]) -> dict[str, Argument]:
        return {name: self._argument(item) for name, item in arguments.items()}

    def _argument(self, argument: Argument) -> Argument:
        match argument:
            case Ssa():
                return self._value(argument)
            case tuple():
                return tuple(map(self._argument, argument))
            case _:
                return self._fixing.value(argument)

    def _values(self, several: tuple[Ssa, ...]) -> tuple[Ssa, ...]:
        return tuple(map(self._value, several))

    def _value(self, ssa: Ssa) -> Ssa:
        found = self._new.get(id(ssa))
        if found is None:
            found = self._new[id(ssa)] = Ssa(self._type(ssa.type), ssa.name)
        return found

    def _type(self, type_: Tensor) -> Tensor:
        shape = tuple(self._fixing.dim(item) if isinstance(item, Dim) else item for item in type_.shape)
        within = type_.within
        if within is not None:
            low, high = (self._fixing.dim(end) if isinstance(end, Dim) else end for end in (within.low, within.high))
            within = Interval(low, high)
        return Tensor(type_.dtype, shape, within)
