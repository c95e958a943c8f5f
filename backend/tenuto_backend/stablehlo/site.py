"""What the lowering of one operator sees: what was passed, and the body to write in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tenuto_backend.applied import Applied
from tenuto_backend.mlir.body import Body
from tenuto_backend.mlir.body import Tensor as Known
from tenuto_backend.mlir.operations import Scalar, Value
from tenuto_backend.stablehlo import tensors
from tenuto_backend.stablehlo.types import Sizes, element, number, numbers


class Site(Applied, eq=False):
    body: Body

    def value(self, name: str) -> Value:
        return whole(self.body, self.body.tensor(self.tensor(name)))

    def values(self, name: str) -> list[Value]:
        return [whole(self.body, self.body.tensor(ssa)) for ssa in self.tensors(name)]

    def broadcast(self, *names: str) -> list[Value]:
        """Operands as large as the result."""
        return [tensors.aligned(self.body, self.value(name), self.sizes) for name in names]

    @property
    def sizes(self) -> Sizes:
        """Of the result."""
        return numbers(self.result_shape)

    @property
    def element(self) -> Scalar:
        """Of the result."""
        return element(self.result.dtype)

    def number(self, name: str) -> int:
        """A size under a parameter's name."""
        return number(self.dim(name))

    def numbers(self, name: str) -> Sizes:
        return numbers(self.dims(name))


def whole(body: Body, known: Known) -> Value:
    """A tensor as a value, where it may be a number that the program writes."""
    if known.number is None:
        return known.value
    return tensors.constant(body, known.number, known.element)


Rule = Callable[[Site], Sequence[Value]]
"""Writes the operations, and gives the results; raises `NotLowered`."""
