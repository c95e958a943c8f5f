"""Runs a typed graph in NumPy, with the reference's primitives: what a pass, a lowering or a range is compared with.

Sizes are read off the shapes that arrive. Every value is held against its type: its dtype, its rank, and each of its
sizes, evaluated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tenuto_analysis.dims import Dim, Leaf, Truth, evaluate, holds
from tenuto_analysis.graph import Apply, Argument, Block, Call, Function, Graph, If, Literal, Loop, Node, Size, Ssa
from tenuto_analysis.normal_form import single_atom
from tenuto_analysis.types import (
    Bool,
    DTypeValue,
    Float,
    Int,
    ListValue,
    NoneValue,
    RecordValue,
    Reference,
    ShapeValue,
    Str,
    Tensor,
    TupleValue,
    Value,
)
from tenuto_backend.reference import dtypes
from tenuto_backend.reference.primitives import DTYPED, PRIMITIVES, PRODUCTS
from tenuto_backend.reference.values import Array

Arrays = dict[int, Array]  # by the identity of the Ssa
Sizes = dict[Leaf, int]
Watch = Callable[[tuple[Call, ...], Node | None, Ssa, Array], None]
"""Is told each value: the calls that lead to the function, and the node that made the value, or None where it was given
to the function or to a step of a loop."""


class WrongValue(Exception):
    """A value is not what its type says: the graph, or a primitive, is wrong."""


def run(
    graph: Graph, inputs: Sequence[Array], weights: Mapping[str, Array], watch: Watch | None = None
) -> tuple[Array, ...]:
    """The results of a graph: `inputs` in the order of its entry, `weights` by path; `watch` is told every value."""
    entry = graph.entry
    return _function(entry, [*inputs, *(weights[weight.path] for weight in entry.weights)], _Watching(watch, ()))


class _Watching(NamedTuple):
    """Who is told the values of a function, and the calls that lead to it."""

    watch: Watch | None
    calls: tuple[Call, ...]

    def within(self, call: Call) -> _Watching:
        return _Watching(self.watch, (*self.calls, call)) if self.watch is not None else self

    def tell(self, node: Node | None, ssa: Ssa, array: Array) -> None:
        if self.watch is not None:
            self.watch(self.calls, node, ssa, array)


def _function(function: Function, given: Sequence[Array], watching: _Watching) -> tuple[Array, ...]:
    values: Arrays = {}
    sizes: Sizes = {}
    taken = [*function.inputs, *(ssa for _, ssa in function.size_inputs), *(w.value for w in function.weights)]
    for ssa, array in zip(taken, given, strict=True):
        values[id(ssa)] = array
        _learn(ssa, array, sizes)
    for leaf, ssa in function.size_inputs:
        sizes[leaf] = int(values[id(ssa)])
    for ssa, array in zip(taken, given, strict=True):
        _hold(ssa, array, sizes)
        watching.tell(None, ssa, array)
    return _block(function.body, values, sizes, watching)


def _block(block: Block, values: Arrays, sizes: Sizes, watching: _Watching) -> tuple[Array, ...]:
    for node in block.nodes:
        for ssa, array in zip(node.results, _node(node, values, sizes, watching), strict=True):
            values[id(ssa)] = array
            _learn(ssa, array, sizes)
            _hold(ssa, array, sizes)
            watching.tell(node, ssa, array)
    return tuple(values[id(result)] for result in block.results)


def _node(node: Node, values: Arrays, sizes: Sizes, watching: _Watching) -> Sequence[Array]:
    match node:
        case Apply(op=op, arguments=arguments, results=results):
            passed = {name: _argument(item, values, sizes) for name, item in arguments.items()}
            return _primitive(op, passed | {"result": _dtype(results[0])} if op in PRODUCTS else passed)
        case Literal(value=value, result=result):
            with np.errstate(over="ignore"):
                return [np.asarray(value, _dtype(result))]
        case Size(dim=dim):
            return [np.asarray(_size(dim, sizes), np.int64)]
        case Call(function=function, operands=operands, weights=weights):
            given = [values[id(ssa)] for ssa in (*operands, *weights)]
            return _function(function, given, watching.within(node))
        case If(test=Ssa() as test, then=then, otherwise=otherwise):
            return _block(then if values[id(test)] else otherwise, values, sizes, watching)
        case If(test=test, then=then, otherwise=otherwise):
            assert not isinstance(test, Ssa)
            return _block(then if holds(test, sizes) else otherwise, values, sizes, watching)
        case Loop():
            return _loop(node, values, sizes, watching)


def _loop(node: Loop, values: Arrays, sizes: Sizes, watching: _Watching) -> Sequence[Array]:
    carried = [values[id(ssa)] for ssa in node.initial]
    collected: list[list[Array]] = [[] for _ in node.body.results[len(carried) :]]
    length = _size(node.length, sizes) if node.length is not None else None
    step = 0
    while length is None or step < length:
        values.update((id(ssa), array) for ssa, array in zip(node.carried, carried, strict=True))
        values[id(node.index)] = np.asarray(step, np.int64)
        sizes[node.symbol] = step
        for ssa in (node.index, *node.carried):
            watching.tell(None, ssa, values[id(ssa)])
        if node.test is not None and not _block(node.test, values, sizes, watching)[0]:
            break
        given = _block(node.body, values, sizes, watching)
        carried = list(given[: len(carried)])
        for gathered, array in zip(collected, given[len(carried) :], strict=True):
            gathered.append(array)
        step += 1
    stacked = []
    for ssa, gathered in zip(node.results[len(carried) :], collected, strict=True):
        row = [_size(item, sizes) for item in ssa.type.shape[1:] if isinstance(item, Dim)] if not gathered else []
        stacked.append(np.stack(gathered) if gathered else np.zeros((0, *row), _dtype(ssa)))
    return [*carried, *stacked]


# ----------------------------------------------------------------------------------------------------------- primitives


def _primitive(op: str, arguments: dict[str, Any]) -> Sequence[Array]:
    if op in _INDEXING:
        return [_INDEXING[op](**arguments)]
    if op in DTYPED:
        arguments["dtype"] = arguments.pop(next(iter(arguments)))
    taken = {name: value for name, value in arguments.items() if not isinstance(value, np.dtype) or name in _DTYPES}
    with np.errstate(all="ignore"):
        found = PRIMITIVES[op](**taken)
    return list(found) if isinstance(found, list | tuple) else [np.asarray(found)]


def _slice(x: Array, starts: list[int], stops: list[int], steps: list[int], axes: list[int]) -> Array:
    cuts = [slice(None)] * x.ndim
    for axis, start, stop, step in zip(axes, starts, stops, steps, strict=True):
        cuts[axis] = slice(start, stop, step)
    return x[tuple(cuts)]


def _select(x: Array, axis: int, index: int) -> Array:
    return np.asarray(np.take(x, index, axis=axis))


_DTYPES = frozenset({"dtype", "result"})
"""The names under which a primitive takes a dtype."""

_INDEXING: Mapping[str, Callable[..., Array]] = {"slice": _slice, "select": _select}


def _argument(item: Argument, values: Arrays, sizes: Sizes) -> object:
    if isinstance(item, Ssa):
        return values[id(item)]
    if isinstance(item, tuple):
        return [_argument(part, values, sizes) for part in item]
    return _static(item, sizes)


def _static(value: Value, sizes: Sizes) -> object:
    match value:
        case Int(value=dim):
            return _size(dim, sizes)
        case Float(value=number):
            return number
        case Bool(value=Truth(value=flag)):
            return flag
        case Bool(value=test):
            return holds(test, sizes)
        case Str(value=text) | Reference(name=text):
            return text
        case NoneValue():
            return None
        case ShapeValue(shape=shape):
            return tuple(_size(item, sizes) for item in shape if isinstance(item, Dim))
        case TupleValue(items=items) | ListValue(items=items):
            return [_static(item, sizes) for item in items]
        case RecordValue(fields=fields):
            return {name: _static(item, sizes) for name, item in fields}
        case DTypeValue(dtype=dtype):
            return dtypes.named(str(dtype))
        case _:
            raise WrongValue(f"`{value}` is not static")


# ---------------------------------------------------------------------------------------------------------------- types


def _size(dim: Dim, sizes: Sizes) -> int:
    found = evaluate(dim, sizes)
    if found is None:
        raise WrongValue(f"nothing tells the size `{dim}`")
    return found


def _dtype(ssa: Ssa) -> dtypes.DType:
    found = dtypes.named(str(ssa.type.dtype))
    assert found is not None
    return found


def _learn(ssa: Ssa, array: Array, sizes: Sizes) -> None:
    """A symbol that stands alone in a type is what the array has there."""
    for item, size in zip(ssa.type.shape, array.shape, strict=False):
        atom = single_atom(item) if isinstance(item, Dim) else None
        if isinstance(atom, Leaf):
            sizes.setdefault(atom, size)


def _hold(ssa: Ssa, array: Array, sizes: Sizes) -> None:
    expected = tuple(evaluate(item, sizes) for item in ssa.type.shape if isinstance(item, Dim))
    right = len(expected) == array.ndim and all(e is None or e == s for e, s in zip(expected, array.shape, strict=True))
    if not right or array.dtype != _dtype(ssa):
        found = f"{array.dtype}[{', '.join(map(str, array.shape))}]"
        raise WrongValue(f"`{ssa.name}` is {found}, not `{_shown(ssa.type)}`")


def _shown(type_: Tensor) -> str:
    return str(Tensor(type_.dtype, type_.shape))
