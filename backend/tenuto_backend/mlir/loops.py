"""Loops that a run carries out: `scf.for` over a length, `scf.while` under a test; what is collected is carried too."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tenuto_analysis.dims import ONE, Dim
from tenuto_analysis.graph import Block, Loop, Ssa, captured, dims_of
from tenuto_backend.mlir import packing, sizes
from tenuto_backend.mlir.body import Axis, Body, Tensor
from tenuto_backend.mlir.layout import reshaped
from tenuto_backend.mlir.operations import I1, I64, INDEX, Integer, Ranked, Region, Value
from tenuto_backend.mlir.site import Site
from tenuto_backend.mlir.types import element, ranked

Write = Callable[[Body, Block], Sequence[Value]]
"""Writes a block, and gives its results."""


def loop(body: Body, node: Loop, write: Write, initial: Sequence[Value]) -> Sequence[Value]:
    """The results of a loop whose carried tensors begin as `initial`."""
    collected = node.results[len(node.carried) :]
    if node.length is None:
        return _while(body, node, write, [*initial, *(_rows(body, ssa) for ssa in collected)])
    return _for(body, node, node.length, write, initial)


def _for(body: Body, node: Loop, length: Dim, write: Write, initial: Sequence[Value]) -> Sequence[Value]:
    bounds = [body.constant(0, INDEX), sizes.size(body, length), body.constant(1, INDEX)]
    kept = len(node.carried)
    own = {node.index, *node.carried}
    used = [
        ssa
        for ssa in captured(node.body)
        if ssa not in own and not body.is_weight(ssa) and body.tensor(ssa).number is None
    ]
    roll = packing.roll_of([*node.results, *used])
    places, others = roll.places[: len(node.results)], roll.places[len(node.results) :]
    known = [body.tensor(ssa).value for ssa in used]
    state = packing.packed(body, roll, [*initial, *(None for _ in node.results[kept:]), *known])
    inner, step, (given,) = _numbered(body, node, [state])
    for ssa, place in zip((*node.carried, *used), (*places[:kept], *others), strict=True):
        inner.bind(ssa, Tensor(packing.taken(inner, roll, given, place), dims_of(ssa.type)))
    carried, rows = _next(inner, node, write)
    after = given
    for place, value in zip(places, carried, strict=False):
        after = packing.put(inner, after, place, value)
    for place, row in zip(places[kept:], rows, strict=True):
        after = packing.put_row(inner, after, place, step, row)
    inner.ops("scf.yield", [after], [])
    region = Region((step, given), inner.operations)
    found = body.ops("scf.for", [*bounds, state], [state.type], (region,))[0]
    return [packing.taken(body, roll, found, place) for place in places]


def _while(body: Body, node: Loop, write: Write, state: Sequence[Value]) -> Sequence[Value]:
    assert node.test is not None
    before, first, seen = _step(body, node, state)
    (test,) = write(before, node.test)
    before.ops("scf.condition", [before.op("tensor.extract", [test], I1), first, *seen], [])

    inner, step, given = _step(body, node, state)
    carried, rows = _next(inner, node, write)
    kept = len(carried)
    grown = [
        inner.op("tensor.concat", [so_far, _as_row(inner, row, ssa)], so_far.type, dim=Integer(0))
        for row, so_far, ssa in zip(rows, given[kept:], node.results[kept:], strict=True)
    ]
    after = inner.op("arith.addi", [step, inner.constant(1, INDEX)], INDEX)
    inner.ops("scf.yield", [after, *carried, *grown], [])
    regions = (Region((first, *seen), before.operations), Region((step, *given), inner.operations))
    types = [INDEX, *(value.type for value in state)]
    return body.ops("scf.while", [body.constant(0, INDEX), *state], types, regions)[1:]


def _step(body: Body, node: Loop, state: Sequence[Value]) -> tuple[Body, Value, list[Value]]:
    """A body of one step that knows what is carried, its number, and what it is given."""
    inner, step, given = _numbered(body, node, state)
    for ssa, value in zip(node.carried, given, strict=False):
        value.hint = ssa.name
        inner.bind(ssa, Tensor(value, dims_of(ssa.type)))
    return inner, step, given


def _numbered(body: Body, node: Loop, state: Sequence[Value]) -> tuple[Body, Value, list[Value]]:
    """A body of one step, its number, and what it is given."""
    inner = body.inner()
    step = Value(INDEX, node.index.name or "step")
    given = [Value(value.type) for value in state]
    inner.axes[node.symbol] = Axis(step, None)
    number = inner.op("arith.index_cast", [step], I64)
    inner.bind(node.index, Tensor(inner.op("tensor.from_elements", [number], Ranked(I64, ())), ()))
    return inner, step, given


def _next(inner: Body, node: Loop, write: Write) -> tuple[list[Value], Sequence[Value]]:
    """What the next step is given, in the types that are carried, and the rows that are collected."""
    results = write(inner, node.body)
    types = [ranked(ssa.type) for ssa in node.carried]
    carried = [
        value if value.type == type_ else inner.op("tensor.cast", [value], type_)
        for value, type_ in zip(results, types, strict=False)
    ]
    return carried, results[len(carried) :]


def _rows(body: Body, ssa: Ssa) -> Value:
    """No row yet of what a loop collects."""
    row = dims_of(ssa.type)[1:]
    open_sizes = [body.constant(0, INDEX), *sizes.sizes(body, row)]
    type_ = Ranked(element(ssa.type.dtype), (None, *(dim.constant for dim in row)))
    return body.op("tensor.empty", open_sizes, type_)


def _as_row(body: Body, row: Value, ssa: Ssa) -> Value:
    dims = dims_of(ssa.type)[1:]
    return reshaped(_site(body, ssa), Tensor(row, dims), (ONE, *dims)).value


def _site(body: Body, ssa: Ssa) -> Site:
    return Site("collect", {}, (ssa,), body)
