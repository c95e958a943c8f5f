"""What a deploy knows of its sizes, told to the compiler: one value for each, with its bounds and its divisors.

`util.assume.int` and `flow.tensor.tie_shape` are operations of IREE, as the weights' `util.global` is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import lcm

from msgspec import Struct

from tenuto_analysis.dims import Compare, Constraint, Leaf, Relation, of
from tenuto_analysis.graph import Ssa, dims_of
from tenuto_analysis.normal_form import Remainder, single_atom
from tenuto_backend.mlir import sizes
from tenuto_backend.mlir.body import Axis, Body, Tensor
from tenuto_backend.mlir.operations import INDEX, Array, Value, Word


class Limits(Struct, frozen=True):
    """What is known of a size; None where it has no upper bound."""

    least: int = 0
    most: int | None = None
    divisor: int = 1


def limits_of(leaf: Leaf, bounds: Iterable[Constraint]) -> Limits:
    """What the facts say of a size alone."""
    found = Limits()
    for bound in bounds:
        if not isinstance(bound, Compare) or bound.right.constant is None:
            continue
        atom, number = single_atom(bound.left), bound.right.constant
        match bound.op:
            case Relation.GE if atom == leaf:
                found = Limits(max(found.least, number), found.most, found.divisor)
            case Relation.LE if atom == leaf:
                found = Limits(found.least, _least(found.most, number), found.divisor)
            case Relation.EQ if isinstance(atom, Remainder) and number == 0 and single_atom(atom.dividend) == leaf:
                divisor = atom.divisor.constant
                found = Limits(found.least, found.most, lcm(found.divisor, divisor) if divisor else found.divisor)
            case _:
                pass
    return found


def tell(body: Body, inputs: Sequence[Ssa], bounds: Sequence[Constraint]) -> None:
    """Every size of the inputs becomes one value, whichever input it is read from."""
    for leaf in list(body.axes):
        body.axes[leaf] = Axis(_assumed(body, leaf, limits_of(leaf, bounds)), None)
    body.sizes.clear()
    for ssa in inputs:
        dims, value = dims_of(ssa.type), body.tensor(ssa).value
        lengths = sizes.sizes(body, dims)
        if lengths:
            tied = body.op("flow.tensor.tie_shape", [value, *lengths], value.type)
            body.tensors[ssa] = Tensor(tied, dims)


def _assumed(body: Body, leaf: Leaf, limits: Limits) -> Value:
    value = sizes.size(body, of(leaf))
    if limits == Limits():
        return value
    said = [f"umin = {limits.least}"] if limits.least else []
    said += [f"umax = {limits.most}"] if limits.most is not None else []
    said += [f"udiv = {limits.divisor}"] if limits.divisor != 1 else []
    assumption = Word(f"#util.int.assumption<{', '.join(said)}>")
    return body.op("util.assume.int", [value], INDEX, assumptions=Array((Array((assumption,)),)))


def _least(one: int | None, other: int) -> int:
    return other if one is None else min(one, other)
