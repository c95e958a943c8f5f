"""Sums of products along axes that tensors share; what the sums are kept in, the types of the operation say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

from msgspec import Struct

from tenuto_analysis.patterns import Pattern, parse_pattern
from tenuto_backend.mlir.body import Body
from tenuto_backend.mlir.operations import Scalar, Value, Word
from tenuto_backend.stablehlo import tensors
from tenuto_backend.stablehlo.site import Rule, Site
from tenuto_backend.stablehlo.types import NotLowered, Sizes, is_unsigned, kind, shape, wide


class Named(Struct, frozen=True):
    """A tensor whose axes have names."""

    value: Value
    names: tuple[str, ...]


def product(body: Body, left: Named, right: Named, kept: Sequence[str], to: Scalar) -> Named:
    """The sum of products along the axes that both have and `kept` has not; axes that both keep go side by side."""
    shared = [name for name in left.names if name in right.names]
    batch = [name for name in shared if name in kept]
    summed = [name for name in shared if name not in kept]
    numbers = ", ".join(
        f"{side}_{role} = {tensors.listed([operand.names.index(name) for name in names])}"
        for role, names in (("batching_dimensions", batch), ("contracting_dimensions", summed))
        for side, operand in (("lhs", left), ("rhs", right))
    )
    names = (*batch, *(name for side in (left, right) for name in side.names if name not in shared))
    length = {name: size for side in (left, right) for name, size in zip(side.names, shape(side.value), strict=True)}
    operands = [left.value, right.value]
    if kind(left.value) != kind(right.value):
        operands = [tensors.converted(body, operand, to) for operand in operands]
    value = tensors.made(
        body,
        "dot_general",
        operands,
        to,
        tuple(length[name] for name in names),
        dot_dimension_numbers=Word(f"#stablehlo.dot<{numbers}>"),
    )
    return Named(value, names)


def _operand(body: Body, value: Value, to: Scalar) -> Value:
    """Integers without a sign are none of the operands of a product with one."""
    return tensors.converted(body, value, to) if is_unsigned(kind(value)) and not is_unsigned(to) else value


def _matmul(site: Site) -> Sequence[Value]:
    body = site.body
    to = wide(site.element)
    a, b = (_operand(body, site.value(name), to) for name in ("a", "b"))
    vector = len(shape(a)) == 1
    batch = site.sizes[: -1 if vector else -2]
    axes = tuple(f"batch{at}" for at in range(len(batch)))
    rows = () if vector else ("row",)
    left = _batched(body, a, rows, "shared", batch, axes, other=shape(b)[:-2])
    right = _batched(body, b, ("shared",), "column", batch, axes, other=() if vector else shape(a)[:-2])
    found = product(body, left, right, (*axes, *rows, "column"), to)
    order = [found.names.index(name) for name in (*axes, *rows, "column")]
    return [tensors.converted(body, tensors.permuted(body, found.value, order), site.element)]


def _batched(
    body: Body, x: Value, before: tuple[str, ...], last: str, batch: Sizes, axes: tuple[str, ...], other: Sizes
) -> Named:
    """A factor with names; where the other one has axes in front as well, both are given all of them."""
    own = shape(x)
    matrix = len(before) + 1
    if not other:
        leading = axes[len(axes) - (len(own) - matrix) :]
        return Named(x, (*leading, *before, last))
    if len(own) == matrix:
        return Named(x, (*before, last))
    return Named(tensors.aligned(body, x, (*batch, *own[-matrix:])), (*axes, *before, last))


def _einsum(site: Site) -> Sequence[Value]:
    body = site.body
    pattern = parse_pattern(site.text("pattern"))
    assert isinstance(pattern, Pattern), pattern
    output = tuple(group[0] for group in pattern.output)
    to = wide(site.element)
    parts = [
        Named(_operand(body, value, to), tuple(group[0] for group in side))
        for value, side in zip(site.values("parts"), pattern.inputs, strict=True)
    ]
    if any(len(set(part.names)) < len(part.names) for part in parts):
        raise NotLowered("StableHLO reads no diagonal: one tensor has an axis twice in the pattern")
    wanted = [{name for part in parts[at + 1 :] for name in part.names} | {*output} for at in range(len(parts))]

    def joined(left: Named, at: int) -> Named:
        return product(body, left, _summed(body, parts[at], {*left.names, *wanted[at]}, to), [*wanted[at]], to)

    others = {name for part in parts[1:] for name in part.names} | {*output}
    found = reduce(joined, range(1, len(parts)), _summed(body, parts[0], others, to))
    found = _summed(body, found, {*output}, to)
    value = tensors.permuted(body, found.value, [found.names.index(name) for name in output])
    return [tensors.converted(body, value, site.element)]


def _summed(body: Body, part: Named, wanted: set[str], to: Scalar) -> Named:
    """Without the axes that nobody else reads."""
    gone = [at for at, name in enumerate(part.names) if name not in wanted]
    if not gone:
        return part
    value = tensors.reduced(body, tensors.converted(body, part.value, to), gone, 0, "add")
    return Named(value, tuple(name for name in part.names if name in wanted))


RULES: Mapping[str, Rule] = {"matmul": _matmul, "einsum": _einsum}
