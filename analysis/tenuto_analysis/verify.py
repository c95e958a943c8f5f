"""What holds of every graph, after elaboration and after each pass.

Every value is made once, before it is read; dtypes are those of a machine and shapes are sizes; what a call passes and
takes back, what a branch joins and a loop carries agree in dtype, rank and every size that is a number on both sides; a
size that a run must know is one that it can.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tenuto_analysis.dims import Dim, Leaf, leaves
from tenuto_analysis.dtypes import Quantised, Scalar
from tenuto_analysis.elaborate.calls import in_terms_of
from tenuto_analysis.graph import (
    Apply,
    Block,
    Call,
    Function,
    Graph,
    If,
    Loop,
    Node,
    Ssa,
    given,
    operands_of,
    sizes_read_by,
    told_by,
)
from tenuto_analysis.quantised import scaled_axis
from tenuto_analysis.types import Tensor

# What takes quantised tensors: a cast to floats, and what moves axes.
_OF_QUANTISED = frozenset({"cast", "transpose", "permute", "swap_axes"})


class GraphError(Exception):
    """The graph breaks a rule: a mistake of ours, never of the program."""


def verify(graph: Graph) -> Graph:
    """The graph itself; raises `GraphError` with everything that is wrong with it."""
    problems: list[str] = []
    known: list[Function] = []
    for function in graph.functions:
        problems += (f"{function.name}: {problem}" for problem in _function(function, known))
        known.append(function)
    if problems:
        raise GraphError("\n".join(problems))
    return graph


def _function(function: Function, known: list[Function]) -> Iterator[str]:
    made = {id(ssa) for ssa in given(function)}
    for ssa in given(function):
        yield from _type(ssa)
    sizes = {leaf for ssa in given(function) for leaf in told_by(ssa)} | {leaf for leaf, _ in function.size_inputs}
    yield from _block(function.body, made, sizes, known)
    if len(function.output_names) != len(function.results):
        yield f"{len(function.results)} results have {len(function.output_names)} names"


def _block(block: Block, outer: set[int], above: set[Leaf], known: list[Function]) -> Iterator[str]:
    made, sizes = set(outer), set(above)
    for node in block.nodes:
        name = _named(node)
        for operand in operands_of(node):
            if id(operand) not in made:
                yield f"{name} reads `{operand.name}`, which is not made before it"
        unknown = {str(leaf) for dim in sizes_read_by(node) for leaf in leaves(dim) if leaf not in sizes}
        if unknown:
            yield f"{name} needs the sizes {', '.join(sorted(unknown))}, which nothing tells"
        yield from _node(node, made, sizes, known)
        for result in node.results:
            if id(result) in made:
                yield f"{name} makes `{result.name}` a second time"
            made.add(id(result))
            sizes |= set(told_by(result))
            yield from _type(result)
    for result in block.results:
        if id(result) not in made:
            yield f"`{result.name}` is given back and never made"


def _node(node: Node, made: set[int], sizes: set[Leaf], known: list[Function]) -> Iterator[str]:
    match node:
        case Call():
            yield from _call(node, known)
        case If(then=then, otherwise=otherwise):
            for side in (then, otherwise):
                yield from _block(side, made, sizes, known)
                yield from _agree("a branch", side.results, (result.type for result in node.results))
        case Loop(carried=carried, body=body, test=test):
            inside = {*made, *map(id, carried), id(node.index)}
            within = {*sizes, node.symbol, *(leaf for ssa in carried for leaf in told_by(ssa))}
            yield from _agree("what enters a loop", node.initial, (ssa.type for ssa in carried))
            for block in (body,) if test is None else (test, body):
                yield from _block(block, inside, within, known)
            yield from _agree("a step of a loop", body.results[: len(carried)], (ssa.type for ssa in carried))
        case Apply(op=op) if op not in _OF_QUANTISED:
            for ssa in operands_of(node):
                if isinstance(ssa.type.dtype, Quantised):
                    yield f"`{op}` reads `{ssa.name}`, which is quantised"
        case _:
            pass


def _call(node: Call, known: list[Function]) -> Iterator[str]:
    function = node.function
    if function not in known:
        yield f"`{function.name}` is called and does not come before its caller"
    taken = [*function.inputs, *(ssa for _, ssa in function.size_inputs)]
    wanted = (in_terms_of(ssa.type, node.sizes) for ssa in taken)
    yield from _agree(f"a call of `{function.name}`", node.operands, wanted)
    weights = (in_terms_of(weight.value.type, node.sizes) for weight in function.weights)
    yield from _agree(f"the weights of `{function.name}`", node.weights, weights)
    results = (in_terms_of(ssa.type, node.sizes) for ssa in function.results)
    yield from _agree(f"the results of `{function.name}`", node.results, results)


def _agree(what: str, values: Iterable[Ssa], wanted: Iterable[Tensor]) -> Iterator[str]:
    given, types = list(values), list(wanted)
    if len(given) != len(types):
        yield f"{what}: {len(given)} values where {len(types)} are wanted"
        return
    for ssa, type_ in zip(given, types, strict=True):
        have = ssa.type
        same = have.dtype == type_.dtype and len(have.shape) == len(type_.shape)
        if not same or not all(map(_may_be_one, have.shape, type_.shape)):
            yield f"{what}: `{ssa.name}` is `{have}`, not `{type_}`"


def _may_be_one(a: object, b: object) -> bool:
    numbers = [item.constant for item in (a, b) if isinstance(item, Dim)]
    return len(numbers) < 2 or None in numbers or numbers[0] == numbers[1]


def _type(ssa: Ssa) -> Iterator[str]:
    match ssa.type.dtype:
        case Scalar():
            pass
        case Quantised() as dtype:
            yield from _quantised(ssa, dtype)
        case dtype:
            yield f"`{ssa.name}` has the dtype `{dtype}`, which no machine has"
    if not all(isinstance(item, Dim) for item in ssa.type.shape):
        yield f"`{ssa.name}` has the shape `{ssa.type}`, which is not made of sizes"


def _quantised(ssa: Ssa, dtype: Quantised) -> Iterator[str]:
    rank = len(ssa.type.shape)
    if dtype.axis is not None and not 0 <= dtype.axis < rank:
        yield f"`{ssa.name}` is `{ssa.type}`, which has no axis {dtype.axis}"
        return
    axis = scaled_axis(dtype, rank)
    size = ssa.type.shape[axis] if axis is not None and rank else None
    if dtype.group is not None and isinstance(size, Dim) and size.constant is not None and size.constant % dtype.group:
        yield f"`{ssa.name}` is `{ssa.type}`, whose axis {axis} groups of {dtype.group} do not fill"


def _named(node: Node) -> str:
    match node:
        case Apply(op=op):
            return f"`{op}`"
        case Call(function=function):
            return f"the call of `{function.name}`"
        case _:
            return f"a {type(node).__name__.lower()}"
