"""The operations of StableHLO that most rules are made of: from values to values, all sizes known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from tenuto_backend.mlir.body import Body
from tenuto_backend.mlir.operations import (
    I1,
    I64,
    Attribute,
    Integer,
    Number,
    Numbers,
    Ranked,
    Region,
    Scalar,
    Splat,
    Value,
    Word,
)
from tenuto_backend.stablehlo.types import Sizes, is_float, kind, shape

Reducer = Callable[[Body, Sequence[Value]], Sequence[Value]]
"""From scalars to scalars, as tensors without an axis."""


def made(
    body: Body, name: str, operands: Sequence[Value], element: Scalar, sizes: Sizes, **attributes: Attribute
) -> Value:
    return body.op(f"stablehlo.{name}", operands, Ranked(element, sizes), **attributes)


def same(body: Body, name: str, operands: Sequence[Value], **attributes: Attribute) -> Value:
    """An operation whose result has the type of its first operand."""
    return body.op(f"stablehlo.{name}", operands, operands[0].type, **attributes)


def array(values: Sequence[int]) -> Numbers:
    return Numbers(tuple(values))


def listed(values: Sequence[int]) -> str:
    return f"[{', '.join(map(str, values))}]"


def pairs(values: Sequence[tuple[int, int]]) -> Word:
    """How much is added at both ends of each axis."""
    inner = ", ".join(f"[{low}, {high}]" for low, high in values)
    return Word(f"dense<[{inner}]> : tensor<{len(values)}x2xi64>")


# ----------------------------------------------------------------------------------------------------------- constants


def number(value: bool | int | float, element: Scalar) -> Integer | Number:
    return Number(float(value), element) if is_float(element) else Integer(int(value), element)


def constant(body: Body, value: bool | int | float, element: Scalar, sizes: Sizes = ()) -> Value:
    """A tensor of one number."""
    type_ = Ranked(element, sizes)
    return body.op("stablehlo.constant", [], type_, value=Splat((number(value, element),), type_))


def line(body: Body, values: Sequence[int]) -> Value:
    """Integers along one axis."""
    type_ = Ranked(I64, (len(values),))
    return body.op("stablehlo.constant", [], type_, value=Splat(tuple(Integer(item) for item in values), type_))


def places(body: Body, sizes: Sizes, axis: int, element: Scalar = I64) -> Value:
    """Of each element its place along an axis."""
    return made(body, "iota", [], element, sizes, iota_dimension=Integer(axis))


# --------------------------------------------------------------------------------------------------------- same numbers


def reshaped(body: Body, x: Value, sizes: Sizes) -> Value:
    return x if shape(x) == sizes else made(body, "reshape", [x], kind(x), sizes)


def permuted(body: Body, x: Value, order: Sequence[int]) -> Value:
    """Axis `at` of the result is axis `order[at]` of `x`."""
    if [*order] == [*range(len(order))]:
        return x
    own = shape(x)
    return made(body, "transpose", [x], kind(x), tuple(own[at] for at in order), permutation=array(order))


def stretched(body: Body, x: Value, sizes: Sizes, axes: Sequence[int]) -> Value:
    """Axis `at` of `x` is axis `axes[at]` of the result; along the others, and where `x` has size 1, it is repeated."""
    if shape(x) == sizes:
        return x
    return made(body, "broadcast_in_dim", [x], kind(x), sizes, broadcast_dimensions=array(axes))


def aligned(body: Body, x: Value, sizes: Sizes) -> Value:
    """`x` as a tensor of `sizes`, to which it broadcasts: the last axes are those of `x`."""
    before = len(sizes) - len(shape(x))
    return stretched(body, x, sizes, range(before, len(sizes)))


def converted(body: Body, x: Value, element: Scalar) -> Value:
    return x if kind(x) == element else made(body, "convert", [x], element, shape(x))


def sliced(
    body: Body, x: Value, starts: Sequence[int], limits: Sequence[int], strides: Sequence[int] | None = None
) -> Value:
    steps = [1] * len(starts) if strides is None else [*strides]
    sizes = tuple(-(-(stop - start) // step) for start, stop, step in zip(starts, limits, steps, strict=True))
    if sizes == shape(x):
        return x
    named = {"start_indices": array(starts), "limit_indices": array(limits), "strides": array(steps)}
    return made(body, "slice", [x], kind(x), sizes, **named)


def part(body: Body, x: Value, axis: int, start: int, stop: int, step: int = 1) -> Value:
    """A stretch along one axis."""
    own = shape(x)
    starts = [start if at == axis else 0 for at in range(len(own))]
    limits = [stop if at == axis else size for at, size in enumerate(own)]
    return sliced(body, x, starts, limits, [step if at == axis else 1 for at in range(len(own))])


def joined(body: Body, parts: Sequence[Value], axis: int) -> Value:
    if len(parts) == 1:
        return parts[0]
    own = shape(parts[0])
    length = sum(shape(item)[axis] for item in parts)
    sizes = (*own[:axis], length, *own[axis + 1 :])
    return made(body, "concatenate", parts, kind(parts[0]), sizes, dimension=Integer(axis))


def reversed_(body: Body, x: Value, axes: Sequence[int]) -> Value:
    return same(body, "reverse", [x], dimensions=array(axes))


def padded(body: Body, x: Value, border: Value, low: Sequence[int], high: Sequence[int]) -> Value:
    """`x` with a border of one number; a negative width takes elements away."""
    if not any(low) and not any(high):
        return x
    sizes = tuple(a + size + b for a, size, b in zip(low, shape(x), high, strict=True))
    named = {
        "edge_padding_low": array(low),
        "edge_padding_high": array(high),
        "interior_padding": array([0] * len(low)),
    }
    return made(body, "pad", [x, border], kind(x), sizes, **named)


def taken(body: Body, x: Value, axis: int, index: Value) -> Value:
    """The slices along an axis of `x` that `index` says; its axes stand where that axis was."""
    own, chosen = shape(x), shape(index)
    sizes = (*own[:axis], *chosen, *own[axis + 1 :])
    if not prod(sizes):
        return constant(body, 0, kind(x), sizes)
    offsets = [*range(axis), *range(axis + len(chosen), len(sizes))]
    numbers = (
        f"#stablehlo.gather<offset_dims = {listed(offsets)}, collapsed_slice_dims = [{axis}], "
        f"start_index_map = [{axis}], index_vector_dim = {len(chosen)}>"
    )
    return made(
        body,
        "gather",
        [x, reshaped(body, index, (*chosen, 1))],
        kind(x),
        sizes,
        dimension_numbers=Word(numbers),
        slice_sizes=array([1 if at == axis else size for at, size in enumerate(own)]),
        indices_are_sorted=Integer(0, I1),
    )


# -------------------------------------------------------------------------------------------------------- element-wise


def compare(body: Body, direction: str, a: Value, b: Value) -> Value:
    """`EQ`, `NE`, `LT`, `LE`, `GT`, `GE`."""
    attribute = Word(f"#stablehlo<comparison_direction {direction}>")
    return made(body, "compare", [a, b], I1, shape(a), comparison_direction=attribute)


def select(body: Body, test: Value, a: Value, b: Value) -> Value:
    return made(body, "select", [test, a, b], kind(a), shape(a))


def like(body: Body, value: bool | int | float, x: Value) -> Value:
    """A number as often as there are elements in `x`."""
    return constant(body, value, kind(x), shape(x))


def is_nan(body: Body, x: Value) -> Value:
    return compare(body, "NE", x, x)


# ---------------------------------------------------------------------------------------------------------- many to one


def region(body: Body, kinds: Sequence[Scalar], compute: Reducer) -> Region:
    """What an operation does with scalars."""
    inside = body.inner()
    inside.hint = ""
    given = tuple(Value(Ranked(item, ())) for item in kinds)
    inside.ops("stablehlo.return", compute(inside, given), [])
    return Region(given, inside.operations)


def binary(name: str) -> Reducer:
    return lambda body, seen: [same(body, name, seen)]


def reduced(body: Body, x: Value, axes: Sequence[int], start: bool | int | float, operator: str) -> Value:
    """`x` joined along axes, which are gone from the result."""
    sizes = tuple(size for at, size in enumerate(shape(x)) if at not in axes)
    if not axes:
        return x
    (found,) = body.ops(
        "stablehlo.reduce",
        [x, constant(body, start, kind(x))],
        [Ranked(kind(x), sizes)],
        (region(body, [kind(x)] * 2, binary(operator)),),
        dimensions=array(sorted(axes)),
    )
    return found
