"""Weight-only quantisation: which weights of a deploy are stored in small numbers, as the policies in force say.

A weight is, where its policy asks for it, if all that is done with it is a product or a look-up of rows: whatever else
reads a weight, such as the gain of a normalisation, needs its digits, and is small. The entry casts it back before the
first node that reads it: functions take the same weights as ever, and one serves all its calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from tenuto_analysis.database import Database
from tenuto_analysis.diagnostics.base import GraphProblem, Place
from tenuto_analysis.diagnostics.quantised import UngroupedWeight
from tenuto_analysis.dims import Dim
from tenuto_analysis.dtypes import Kind, Quantised, Scalar
from tenuto_analysis.elaborate.builder import Refusal
from tenuto_analysis.graph import (
    Apply,
    Argument,
    Block,
    Call,
    Function,
    Graph,
    Node,
    Ssa,
    Weight,
    blocks_of,
    dims_of,
    operands_of,
    tensors_of,
    walk,
)
from tenuto_analysis.modules import declaration
from tenuto_analysis.precision.policies import Activations, Quantisation, Scaled
from tenuto_analysis.quantised import normal
from tenuto_analysis.types import DTypeValue, Int, ListValue, Tensor, TupleValue
from tenuto_grammar import syntax

_CONVOLUTIONS = frozenset({"conv1d", "conv2d", "conv3d"})
_AS_THEY_ARE = frozenset({"cast", "slice", "split"})


class Reading(Struct, frozen=True):
    """How an operator reads a weight: by which of its axes the results differ, and which one is summed, or is a row.

    Both are axes of the weight. `kept` is None where every number goes into every result.
    """

    kept: int | None
    summed: int | None
    place: Place
    calls: tuple[Place, ...]


class Choice(Struct, frozen=True):
    """The quantised dtype of weights of the entry, by the identity of their values; and what is wrong."""

    dtypes: Mapping[int, Quantised]
    wrong: tuple[UngroupedWeight, ...]


def quantised(graph: Graph) -> Graph:
    """The graph with the weights that its policies quantise in quantised types; raises `Refusal`."""
    dtypes = chosen(graph).dtypes
    if not dtypes:
        return graph
    return replace(graph, functions=(*graph.functions[:-1], _cast_back(graph.entry, dtypes)))


def ungrouped(db: Database, file: str, name: str, graph: Graph) -> Iterator[GraphProblem]:
    """The weights of a deploy whose groups do not fit."""
    node = declaration(db, file, name)
    assert isinstance(node, syntax.Deploy)
    yield from chosen(graph, (Place(file, name, node.name.span),)).wrong


# ----------------------------------------------------------------------------------------------------------- which ones


def chosen(graph: Graph, calls: tuple[Place, ...] = ()) -> Choice:
    """Which weights are quantised, and how; `calls` lead to the graph. Raises `Refusal` for what no build can do."""
    dtypes: dict[int, Quantised] = {}
    wrong: list[UngroupedWeight] = []
    for weight in graph.entry.weights:
        type_ = weight.value.type
        if weight.policy.weights is None or not _is_matrix(type_):
            continue
        readings = _readings(graph.entry, weight.value, calls)
        if readings and weight.policy.activations is not Activations.KEPT:
            raise Refusal(readings[0].place, "`activations = dynamic` is not built yet: weights alone are quantised")
        dtype = _dtype(weight.policy.weights, readings, len(type_.shape)) if readings else None
        misfit = _misfit(weight, dtype, readings) if dtype is not None and readings else None
        if misfit is not None:
            wrong.append(misfit)
        elif dtype is not None:
            dtypes[id(weight.value)] = dtype
    return Choice(dtypes, tuple(wrong))


def _is_matrix(type_: Tensor) -> bool:
    return isinstance(type_.dtype, Scalar) and type_.dtype.kind is Kind.FLOAT and len(type_.shape) >= 2


class _Trace(Struct, frozen=True):
    """The calls that lead to a function, and the readings so far."""

    calls: tuple[Place, ...]
    found: list[Reading]

    def reading(self, kept: int | None, summed: int | None, place: Place) -> Reading:
        return Reading(kept, summed, place, self.calls)


def _readings(function: Function, value: Ssa, calls: tuple[Place, ...]) -> tuple[Reading, ...] | None:
    """How a function and those that it calls read a value; None where they do more with it than a product."""
    found: list[Reading] = []
    fine = _follow(function, value, range(len(value.type.shape)), _Trace(calls, found))
    return tuple(found) if fine else None


def _follow(function: Function, value: Ssa, order: Sequence[int], trace: _Trace) -> bool:
    """`order` gives for each axis of `value` the one of the weight."""
    if any(ssa is value for ssa in _given_back(function.body)):
        return False
    return all(
        _follow_node(function, node, value, order, trace)
        for node in walk(function.body)
        if any(ssa is value for ssa in operands_of(node))
    )


def _follow_node(function: Function, node: Node, value: Ssa, order: Sequence[int], trace: _Trace) -> bool:
    match node:
        case Apply(op=op, results=results) if op in _AS_THEY_ARE:
            return all(_follow(function, result, order, trace) for result in results)
        case Apply(op=op, arguments=arguments, results=(result,)) if turned := _turned(op, arguments, order):
            return _follow(function, result, turned, trace)
        case Apply(op="matmul", arguments={"a": a, "b": b}, origin=origin):
            if len(order) < 2:
                return False
            sides = [(-2, -1)] * (a is value) + [(-1, -2)] * (b is value)
            trace.found.extend(trace.reading(order[kept], order[summed], origin) for kept, summed in sides)
            return True
        case Apply(op="take", arguments={"x": x, "index": index, "axis": Int(value=Dim(constant=0))}, origin=origin):
            trace.found.append(trace.reading(order[0], order[-1], origin))
            return x is value and index is not value
        case Apply(op=op, arguments={"weight": weight}, origin=origin) if op in _CONVOLUTIONS:
            trace.found.append(trace.reading(order[0], None, origin))
            return weight is value and all(item is not value for item in _others(node, "weight"))
        case Call(function=callee, operands=operands, weights=weights, origin=origin):
            within = _Trace((*trace.calls, origin), trace.found)
            inner = [
                mine for mine, theirs in zip(_taken(callee), (*operands, *weights), strict=True) if theirs is value
            ]
            return all(_follow(callee, mine, order, within) for mine in inner)
        case _:
            return False


def _taken(function: Function) -> list[Ssa]:
    """What a call passes to a function, in order."""
    sizes = (ssa for _, ssa in function.size_inputs)
    return [*function.inputs, *sizes, *(weight.value for weight in function.weights)]


def _turned(op: str, arguments: Mapping[str, Argument], order: Sequence[int]) -> Sequence[int] | None:
    """The axes after an operator that moves them; None for any other."""
    match op, arguments:
        case "transpose", _ if len(order) >= 2:
            return (*order[:-2], order[-1], order[-2])
        case "permute", {"order": ListValue(items=items) | TupleValue(items=items)}:
            places = [item.value.constant for item in items if isinstance(item, Int)]
            return [order[place] for place in places if place is not None]
        case "swap_axes", {"a": Int(value=Dim(constant=int() as a)), "b": Int(value=Dim(constant=int() as b))}:
            swapped = list(order)
            swapped[a], swapped[b] = swapped[b], swapped[a]
            return swapped
        case _:
            return None


def _others(node: Apply, name: str) -> Iterator[Ssa]:
    for key, argument in node.arguments.items():
        if key != name:
            yield from tensors_of(argument)


def _given_back(block: Block) -> Iterator[Ssa]:
    yield from block.results
    for node in block.nodes:
        for inner in blocks_of(node):
            yield from _given_back(inner)


def _dtype(stored: Quantisation, readings: Sequence[Reading], rank: int) -> Quantised | None:
    """The dtype in which a weight is stored that is read so; by what reads it first where they differ."""
    scale = None if stored.scale.name == "f32" else stored.scale
    first = readings[0]
    match stored.scaled:
        case Scaled.TENSOR:
            return Quantised(stored.dtype, None, None, scale)
        case Scaled.CHANNEL:
            return Quantised(stored.dtype, first.kept, None, scale)
        case Scaled.GROUP if first.summed is not None:
            return normal(Quantised(stored.dtype, first.summed, stored.group, scale), rank)
        case Scaled.GROUP:
            return None  # A convolution sums over several axes.


def _misfit(weight: Weight, dtype: Quantised, readings: Sequence[Reading]) -> UngroupedWeight | None:
    first = readings[0]
    if dtype.group is None or first.summed is None:
        return None
    size = dims_of(weight.value.type)[first.summed].constant
    if size is None or size % dtype.group == 0:
        return None
    shape = ", ".join(map(str, weight.value.type.shape))
    return UngroupedWeight(
        first.place.span, weight.path, shape, dtype.group, size, first.summed, place=first.place, calls=first.calls
    )


# ------------------------------------------------------------------------------------------------------------ the graph


def _cast_back(entry: Function, dtypes: Mapping[int, Quantised]) -> Function:
    """The function with its weights in these dtypes, and each cast to what it was before what reads it first."""
    stored: dict[int, Ssa] = {}
    weights: list[Weight] = []
    for weight in entry.weights:
        value = weight.value
        if id(value) in dtypes:
            stored[id(value)] = Ssa(Tensor(dtypes[id(value)], value.type.shape), value.name)
            weight = replace(weight, value=stored[id(value)])
        weights.append(weight)
    nodes: list[Node] = []
    for node in entry.body.nodes:
        for ssa in (ssa for inner in walk(Block([node])) for ssa in operands_of(inner)):
            before = stored.pop(id(ssa), None)
            if before is not None:
                nodes.append(Apply("cast", {"U": DTypeValue(ssa.type.dtype), "x": before}, (ssa,), node.origin))
        nodes.append(node)
    return replace(entry, weights=tuple(weights), body=Block(nodes, entry.body.results))
