"""Quantised tensors as what stores them: small numbers, and scales as tensors of their own.

The graph of a deploy has values of quantised types; no back end knows such a type. Here each becomes two values, `w`
and `w.scale`, in the weights, inputs and results of the entry, and a cast to a float becomes `dequantize`: each number
times its scale, in f32. Functions take f32 instead, which the entry makes: onnxruntime passes no 4-bit numbers to one.
Scales of 8-bit floats hold too little of a range for a whole weight, so they are relative to one number, the third
value `w.factor`, as NVFP4 has it.

Moves of axes move numbers and scales. Nothing else takes a quantised tensor; the checker sees to that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from tenuto_analysis.diagnostics.base import Place
from tenuto_analysis.dims import literal
from tenuto_analysis.dtypes import SCALARS, Quantised, Scalar
from tenuto_analysis.graph import (
    Apply,
    Argument,
    Block,
    Call,
    Function,
    Graph,
    If,
    Loop,
    Node,
    Ssa,
    Weight,
    dims_of,
    given,
    operands_of,
    walk,
)
from tenuto_analysis.quantised import scale_of, scale_shape, scaled_axis
from tenuto_analysis.types import NONE, DTypeValue, Int, Tensor, Value
from tenuto_backend.applied import scalar
from tenuto_backend.passes.rewrite import made_as, reading, value, values, with_blocks
from tenuto_backend.weights.beside import ArtifactError

F32 = SCALARS["f32"]
SCALE, FACTOR = "scale", "factor"

_MOVES = frozenset({"transpose", "permute", "swap_axes"})


class Stored(Struct, frozen=True):
    """A weight that is stored quantised: its path, and its type in the language."""

    path: str
    type: Tensor

    @property
    def dtype(self) -> Quantised:
        assert isinstance(self.type.dtype, Quantised)
        return self.type.dtype

    @property
    def paths(self) -> tuple[str, ...]:
        """Those of its parts: numbers, scales, and what scales are relative to, where they are."""
        found = (self.path, f"{self.path}.{SCALE}")
        return (*found, f"{self.path}.{FACTOR}") if has_factor(self.dtype) else found


class _Parts(Struct, frozen=True):
    """The values that a quantised tensor is made of."""

    type: Tensor
    numbers: Ssa
    scale: Ssa
    factor: Ssa | None

    @property
    def all(self) -> tuple[Ssa, ...]:
        return (self.numbers, self.scale) if self.factor is None else (self.numbers, self.scale, self.factor)

    @property
    def dtype(self) -> Quantised:
        assert isinstance(self.type.dtype, Quantised)
        return self.type.dtype


def has_factor(dtype: Quantised) -> bool:
    """Whether scales are relative to a number of their own: those that hold no wide range."""
    return scale_of(dtype).name in ("f8e4m3", "f8e5m2")


def with_scales(graph: Graph) -> Graph:
    """The graph with numbers and scales apart."""
    if not any(isinstance(ssa.type.dtype, Quantised) for function in graph.functions for ssa in _all_of(function)):
        return graph
    made: dict[int, Function] = {}
    for function in graph.functions[:-1]:
        made[id(function)] = _of_floats(function, made)
    floats = _computed(graph.entry.body)
    body = made_as(graph.entry.body, floats)
    if any(id(ssa) in floats for ssa in graph.entry.results):
        raise ArtifactError("a quantised result that a function gives cannot be built: give it back as floats")
    made[id(graph.entry)] = _InEntry(made).changed(replace(graph.entry, body=body))
    return replace(graph, functions=tuple(made.values()))


def stored_in(graph: Graph) -> tuple[Stored, ...]:
    """The weights that such a graph stores quantised."""
    return tuple(Stored(weight.path, weight.typed) for weight in graph.entry.weights if weight.typed is not None)


def _of_floats(function: Function, made: Mapping[int, Function]) -> Function:
    """A function that takes f32 where it took what is quantised: its callers cast."""
    floats = {id(ssa): _float(ssa) for ssa in _all_of(function) if isinstance(ssa.type.dtype, Quantised)}
    body = made_as(_calling(function.body, made), floats)
    return replace(
        function,
        inputs=values(function.inputs, floats),
        weights=tuple(replace(weight, value=value(weight.value, floats)) for weight in function.weights),
        body=body,
    )


def _computed(block: Block) -> dict[int, Ssa]:
    """The quantised values of the entry that functions give, and what moves their axes: they are f32 by then."""
    found: dict[int, Ssa] = {}
    for node in walk(block):
        is_moved = any(id(ssa) in found for ssa in operands_of(node))
        if is_moved or not isinstance(node, Apply):
            found.update((id(ssa), _float(ssa)) for ssa in node.results if isinstance(ssa.type.dtype, Quantised))
    return found


def _float(ssa: Ssa) -> Ssa:
    return Ssa(Tensor(F32, ssa.type.shape), ssa.name)


def _calling(block: Block, made: Mapping[int, Function]) -> Block:
    nodes = [with_blocks(node, lambda inner: _calling(inner, made)) for node in block.nodes]
    return Block(
        [replace(node, function=made[id(node.function)]) if isinstance(node, Call) else node for node in nodes],
        block.results,
    )


def _all_of(function: Function) -> Iterator[Ssa]:
    yield from given(function)
    for node in walk(function.body):
        yield from node.results


class _InEntry:
    """The entry; `_parts` are the quantised values so far, by identity, `_floats` those that are f32 by now."""

    def __init__(self, made: Mapping[int, Function]) -> None:
        self._made = made
        self._parts: dict[int, _Parts] = {}
        self._floats: dict[int, Ssa] = {}

    def changed(self, function: Function) -> Function:
        inputs = self._split(function.inputs)
        weights = [part for weight in function.weights for part in self._weight(weight)]
        body = self._block(function.body)
        names: list[str] = []
        for ssa, name in zip(function.results, function.output_names, strict=False):
            parts = self._parts.get(id(ssa))
            names += [name] if parts is None else [name + part.name[len(parts.numbers.name) :] for part in parts.all]
        return replace(function, inputs=inputs, weights=tuple(weights), body=body, output_names=tuple(names))

    def _weight(self, weight: Weight) -> Iterator[Weight]:
        if not isinstance(weight.value.type.dtype, Quantised):
            yield weight
            return
        parts = self._made_of(weight.value, weight.path)
        for path, ssa in zip(Stored(weight.path, weight.value.type).paths, parts.all, strict=True):
            yield replace(weight, path=path, value=ssa, typed=weight.value.type if path == weight.path else None)

    def _made_of(self, ssa: Ssa, name: str) -> _Parts:
        """New values for the parts of a quantised one."""
        dtype, shape = ssa.type.dtype, dims_of(ssa.type)
        assert isinstance(dtype, Quantised)
        found = _Parts(
            ssa.type,
            Ssa(Tensor(dtype.storage, shape), name),
            Ssa(Tensor(scale_of(dtype), scale_shape(dtype, shape)), name and f"{name}.{SCALE}"),
            Ssa(Tensor(F32, ()), name and f"{name}.{FACTOR}") if has_factor(dtype) else None,
        )
        self._parts[id(ssa)] = found
        return found

    def _split(self, values: Iterable[Ssa]) -> tuple[Ssa, ...]:
        """The values, with the parts of those that are quantised."""
        return tuple(part for ssa in values for part in self._parts_of(ssa))

    def _parts_of(self, ssa: Ssa) -> tuple[Ssa, ...]:
        if not isinstance(ssa.type.dtype, Quantised):
            return (ssa,)
        return (self._parts.get(id(ssa)) or self._made_of(ssa, ssa.name)).all

    def _block(self, block: Block) -> Block:
        nodes = [new for node in block.nodes for new in self._node(node)]
        return Block(nodes, self._split(block.results))

    def _node(self, node: Node) -> Iterator[Node]:
        match node:
            case Apply(op="cast", arguments={"x": Ssa() as x}, results=(result,), origin=origin) if self._has(x):
                yield from _dequantised(self._parts[id(x)], result, origin)
            case Apply(op=op, arguments={"x": Ssa() as x}, results=(result,)) if op in _MOVES and self._has(x):
                yield from self._moved(node, self._parts[id(x)], result)
            case Call(function=function, operands=operands, weights=weights):
                for ssa in (*operands, *weights):
                    if self._has(ssa):
                        self._floats[id(ssa)] = found = _float(ssa)
                        yield from _dequantised(self._parts[id(ssa)], found, node.origin)
                yield replace(reading(node, self._floats), function=self._made[id(function)])
            case If(then=then, otherwise=otherwise, results=results):
                inner = self._block(then), self._block(otherwise)
                yield replace(node, then=inner[0], otherwise=inner[1], results=self._split(results))
            case Loop(test=test, body=body):
                assert not any(map(self._has, (*node.initial, *node.results))), "a loop carries no quantised tensor"
                yield replace(node, test=self._block(test) if test is not None else None, body=self._block(body))
            case _:
                assert not any(map(self._has, (*operands_of(node), *node.results))), "no operator of quantised tensors"
                yield node

    def _has(self, ssa: Ssa) -> bool:
        return isinstance(ssa.type.dtype, Quantised)

    def _moved(self, node: Apply, parts: _Parts, result: Ssa) -> Iterator[Node]:
        """Numbers with their axes moved; scales too, where they have axes of the same kind."""
        made = self._made_of(result, result.name)
        yield replace(node, arguments={**node.arguments, "x": parts.numbers}, results=(made.numbers,))
        scale = parts.scale
        if parts.dtype.group is not None:
            yield replace(node, arguments={**node.arguments, "x": scale}, results=(made.scale,))
            scale = made.scale
        self._parts[id(result)] = replace(made, scale=scale, factor=parts.factor)


def _dequantised(parts: _Parts, result: Ssa, origin: Place) -> Iterator[Node]:
    """`result` is the numbers times their scales, rounded from f32 where it has another dtype."""
    scale = parts.scale
    if scale.type.dtype != F32:
        wide = Ssa(Tensor(F32, scale.type.shape), scale.name)
        yield _cast(scale, wide, origin)
        scale = wide
    if parts.factor is not None:
        whole = Ssa(Tensor(F32, scale.type.shape), scale.name)
        yield Apply("multiply", {"a": scale, "b": parts.factor}, (whole,), origin)
        scale = whole
    target = scalar(result.type.dtype)
    found = result if target == F32 else Ssa(Tensor(F32, result.type.shape), result.name)
    axis = scaled_axis(parts.dtype, len(result.type.shape))
    arguments: dict[str, Argument] = {
        "x": parts.numbers,
        "scale": scale,
        "axis": _integer(axis),
        "group": _integer(parts.dtype.group),
    }
    yield Apply("dequantize", arguments, (found,), origin)
    if found is not result:
        yield _cast(found, result, origin)


def _cast(x: Ssa, result: Ssa, origin: Place) -> Node:
    to: Scalar = scalar(result.type.dtype)
    return Apply("cast", {"U": DTypeValue(to), "x": x}, (result,), origin)


def _integer(number: int | None) -> Value:
    return NONE if number is None else Int(literal(number))
