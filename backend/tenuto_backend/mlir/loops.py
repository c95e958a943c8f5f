"""Loops that a run carries out: `scf.for` over a length, `scf.while` under a test; what is collected is carried too."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tenuto_analysis.dims import ONE, Dim
from tenuto_analysis.graph import Block, Loop, Ssa, dims_of
from tenuto_backend.mlir import sizes
from tenuto_backend.mlir.body import Axis, Body, Tensor
from tenuto_backend.mlir.layout import Stretch, inserted, reshaped
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
    return _for(body, node, node.length, write, [*initial, *(_filled(body, ssa) for ssa in collected)])


def _for(body: Body, node: Loop, length: Dim, write: Write, state: Sequence[Value]) -> Sequence[Value]:
    bounds = [body.constant(0, INDEX), sizes.size(body, length), body.constant(1, INDEX)]
    inner, step, given = _step(body, node, state)
    carried, rows = _next(inner, node, write)
    kept = len(carried)
    written = []
    for row, so_far, ssa in zip(rows, given[kept:], node.results[kept:], strict=True):
        dims = dims_of(ssa.type)
        stretches = [Stretch(step if at == 0 else 0, ONE if at == 0 else dim) for at, dim in enumerate(dims)]
        written.append(inserted(_site(inner, ssa), _as_row(inner, row, ssa), so_far, stretches))
    inner.ops("scf.yield", [*carried, *written], [])
    region = Region((step, *given), inner.operations)
    return body.ops("scf.for", [*bounds, *state], [value.type for value in state], (region,))


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
    """A body of one step, its number, and what it is given."""
    inner = body.inner()
    step = Value(INDEX, node.index.name or "step")
    names = [ssa.name for ssa in node.carried] + [""] * (len(state) - len(node.carried))
    given = [Value(value.type, name) for value, name in zip(state, names, strict=True)]
    inner.axes[node.symbol] = Axis(step, None)
    number = inner.op("arith.index_cast", [step], I64)
    inner.bind(node.index, Tensor(inner.op("tensor.from_elements", [number], Ranked(I64, ())), ()))
    for ssa, value in zip(node.carried, given, strict=False):
        inner.bind(ssa, Tensor(value, dims_of(ssa.type)))
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


def _filled(body: Body, ssa: Ssa) -> Value:
    """Room for all that a loop collects."""
    return _site(body, ssa).filled(dims_of(ssa.type), 0, element(ssa.type.dtype))


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
