"""What the lowering of one operator sees: what was passed, and the body to write in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tenuto_analysis.dims import Dim
from tenuto_backend.applied import Applied
from tenuto_backend.mlir import sizes
from tenuto_backend.mlir.body import PARALLEL, Body, Compute, Loops, Tensor, aligned, generic, variable
from tenuto_backend.mlir.operations import INDEX, Affine, Attribute, Numbers, Ranked, Scalar, Type, Value
from tenuto_backend.mlir.types import element, ranked, shaped

DYNAMIC = -(2**63)  # How MLIR writes a size that is an operand.


class Site(Applied, eq=False):
    body: Body

    def value(self, name: str) -> Tensor:
        return self.body.tensor(self.tensor(name))

    def values(self, name: str) -> list[Tensor]:
        return [self.body.tensor(ssa) for ssa in self.tensors(name)]

    def __call__(self, name: str, operands: Sequence[Value], result: Type, **attributes: Attribute) -> Value:
        return self.body.op(name, operands, result, **attributes)

    def size(self, dim: Dim) -> Value:
        return sizes.size(self.body, dim)

    def index(self, number: int) -> Value:
        return self.body.constant(number, INDEX)

    def empty(self, dims: Sequence[Dim], kind: Scalar) -> Value:
        return self("tensor.empty", sizes.sizes(self.body, dims), shaped(kind, dims))

    @property
    def element(self) -> Scalar:
        """Of the result."""
        return element(self.result.dtype)

    def each(self, operands: Sequence[Tensor], compute: Compute) -> Value:
        """The result, element by element; operands broadcast."""
        dims = self.result_shape
        return self.over([aligned(operand, dims) for operand in operands], compute)

    def over(self, operands: Sequence[Loops], compute: Compute) -> Value:
        """The result, element by element; how operands are read is given."""
        dims = self.result_shape
        start = self.empty(dims, self.element)
        return generic(self.body, [PARALLEL] * len(dims), operands, start, identity(len(dims)), compute)

    def filled(self, dims: Sequence[Dim], number: bool | int | float, kind: Scalar) -> Value:
        """A tensor of one number."""
        one = Tensor(Value(Ranked(kind, ())), (), number)
        start = self.empty(dims, kind)
        loops = [PARALLEL] * len(dims)
        return generic(self.body, loops, [Loops(one, ())], start, identity(len(dims)), lambda _, seen: seen[0])

    def fitted(self, value: Value, type_: Ranked) -> Value:
        """A value whose sizes are written in another way: less is known of some, or more."""
        return value if value.type == type_ else self("tensor.cast", [value], type_)

    def as_result(self, value: Value) -> list[Value]:
        return [self.fitted(value, ranked(self.result))]


def identity(rank: int) -> tuple[Affine, ...]:
    return tuple(variable(at) for at in range(rank))


def static(dims: Sequence[Dim]) -> Numbers:
    """Sizes as an attribute; those that only a run knows are operands beside it."""
    return Numbers(tuple(DYNAMIC if dim.constant is None else dim.constant for dim in dims))


def plain(tensor: Tensor) -> Loops:
    """A tensor read in its own order."""
    return Loops(tensor, identity(len(tensor.dims)))


Rule = Callable[[Site], Sequence[Value]]
"""Writes the operations, and gives the results."""
