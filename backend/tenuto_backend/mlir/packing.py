"""Several tensors in one: what a loop carries, and what it reads from outside.

IREE 3.13 gives tensors that are made together one buffer, and loses on the way into a loop where in it each begins
(`tests/data/loop_of_several.mlir`). A loop whose only tensor is one that it carries is right, so all stand one after
another in a tensor with one axis; those of several dtypes as the bits of their elements.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from tenuto_analysis.dims import ONE, Dim, literal
from tenuto_analysis.graph import Ssa, dims_of
from tenuto_analysis.types import Tensor as Type
from tenuto_backend.mlir.body import PARALLEL, Body, Tensor, generic
from tenuto_backend.mlir.layout import Stretch, extracted, inserted, reshaped
from tenuto_backend.mlir.operations import I64, INDEX, Array, Numbers, Ranked, Scalar, Value
from tenuto_backend.mlir.site import Site, identity, plain
from tenuto_backend.mlir.sizes import size
from tenuto_backend.mlir.types import element, ranked

_ONE = Numbers((1,))


class Place(Struct, frozen=True):
    """Where a tensor stands: from which element on."""

    start: Dim
    type: Type


class Roll(Struct, frozen=True):
    """A tensor of one axis, its elements and its length, and what stands in it."""

    kind: Scalar
    length: Dim
    places: tuple[Place, ...]


def roll_of(tensors: Sequence[Ssa]) -> Roll:
    kinds = {element(ssa.type.dtype) for ssa in tensors}
    length = literal(0)
    places = []
    for ssa in tensors:
        places.append(Place(length, ssa.type))
        length = length + count(dims_of(ssa.type))
    return Roll(kinds.pop() if len(kinds) == 1 else I64, length, tuple(places))


def packed(body: Body, roll: Roll, values: Sequence[Value | None]) -> Value:
    """A roll with values in its places; where there is none yet, the elements are 0."""
    found = _site(body).filled((roll.length,), 0, roll.kind)
    for place, value in zip(roll.places, values, strict=True):
        if value is not None:
            found = put(body, found, place, value)
    return found


def put(body: Body, roll: Value, place: Place, value: Value) -> Value:
    """A roll with another value in a place."""
    return _put(body, roll, _start(body, place), Tensor(value, dims_of(place.type)))


def put_row(body: Body, roll: Value, place: Place, step: Value, row: Value) -> Value:
    """A roll with one step's row of what stands in a place."""
    dims = dims_of(place.type)[1:]
    before = body.op("arith.muli", [step, size(body, count(dims))], INDEX)
    start = body.op("arith.addi", [size(body, place.start), before], INDEX)
    return _put(body, roll, start, Tensor(row, dims))


def taken(body: Body, roll: Roll, whole: Value, place: Place) -> Value:
    """The value in a place."""
    dims, kind = dims_of(place.type), element(place.type.dtype)
    total = count(dims)
    flat = extracted(_site(body), Tensor(whole, (roll.length,)), [Stretch(_start(body, place), total)], (total,))
    flat = _converted(body, flat, total, roll.kind, kind)
    if not dims:
        return body.op("tensor.collapse_shape", [flat], ranked(place.type), reassociation=Array(()))
    return reshaped(_site(body), Tensor(flat, (total,)), dims).value


def count(dims: Sequence[Dim]) -> Dim:
    """How many elements there are."""
    total = ONE
    for dim in dims:
        total = total * dim
    return total


def _put(body: Body, roll: Value, start: Value | int, tensor: Tensor) -> Value:
    total = count(tensor.dims)
    if tensor.dims:
        flat = reshaped(_site(body), tensor, (total,)).value
    else:
        one = Ranked(tensor.element, (1,))
        flat = body.op("tensor.expand_shape", [tensor.value], one, reassociation=Array(()), static_output_shape=_ONE)
    assert isinstance(roll.type, Ranked)
    flat = _converted(body, flat, total, tensor.element, roll.type.element)
    return inserted(_site(body), flat, roll, [Stretch(start, total)])


def _converted(body: Body, flat: Value, length: Dim, source: Scalar, target: Scalar) -> Value:
    """Elements as their bits, or the elements that bits stand for."""
    if source == target:
        return flat
    start = _site(body).empty((length,), target)
    convert = _bits if target == I64 else _element

    def compute(inner: Body, seen: Sequence[Value]) -> Value:
        return convert(inner, seen[0], target if convert is _element else source)

    return generic(body, [PARALLEL], [plain(Tensor(flat, (length,)))], start, identity(1), compute)


def _bits(body: Body, value: Value, kind: Scalar) -> Value:
    bits = _integer(kind)
    found = value if kind == bits else body.op("arith.bitcast", [value], bits)
    return found if bits == I64 else body.op("arith.extui", [found], I64)


def _element(body: Body, bits: Value, kind: Scalar) -> Value:
    integer = _integer(kind)
    found = bits if integer == I64 else body.op("arith.trunci", [bits], integer)
    return found if kind == integer else body.op("arith.bitcast", [found], kind)


def _integer(kind: Scalar) -> Scalar:
    """The integer of as many bits: `f32` and `i32` have 32, `bf16` and `f8E4M3FN` what their names begin with."""
    width = re.match(r"[a-z]+(\d+)", kind.name)
    assert width is not None
    return Scalar(f"i{width[1]}")


def _start(body: Body, place: Place) -> Value | int:
    return size(body, place.start) if place.start.constant is None else place.start.constant


def _site(body: Body) -> Site:
    return Site("pack", {}, (), body)
