"""What the lowering of one operator sees: where it writes, what was passed, what is to come out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tenuto_analysis.dims import Dim
from tenuto_analysis.dtypes import DType, Scalar
from tenuto_backend.applied import Applied
from tenuto_backend.onnx import sizes
from tenuto_backend.onnx.dtypes import element, wider
from tenuto_backend.onnx.schemas import takes
from tenuto_backend.onnx.scope import Attribute, Scope


class Site(Applied, eq=False):
    scope: Scope

    def value(self, name: str) -> str:
        """What the tensor under a parameter's name is called."""
        return self.scope.value(self.tensor(name))

    def values(self, name: str) -> list[str]:
        """The values of a list of tensors."""
        return [self.scope.value(ssa) for ssa in self.tensors(name)]

    def __call__(self, operator: str, *inputs: str, **attributes: Attribute) -> str:
        return self.scope.op(operator, *inputs, **attributes)

    def cast(self, value: str, to: DType) -> str:
        return self("Cast", value, to=element(to))

    def recast(self, value: str, dtype: DType, to: DType) -> str:
        """`value`, which is of `dtype`, in another dtype, if it is another."""
        return value if dtype == to else self.cast(value, to)

    def number(self, value: bool | int | float, dtype: DType | None = None) -> str:
        """A constant in the dtype of the result, if no other is given."""
        return self.scope.number(value, self.result.dtype if dtype is None else dtype)

    def integers(self, *values: int) -> str:
        return self.scope.integers(values)

    def size(self, dim: Dim) -> str:
        return sizes.size(self.scope, dim)

    def vector(self, found: Sequence[Dim]) -> str:
        return sizes.shape(self.scope, found)


def fitting(site: Site, operator: str, dtype: Scalar) -> Scalar:
    """The dtype in which an operator of one tensor computes for `dtype`."""
    return next(found for found in (dtype, *wider(dtype)) if takes(operator, site.scope.unit.opset, found))


Rule = Callable[[Site], Sequence[str] | None]
"""Writes the nodes and gives the results' names; None where the rule does not speak of such operands."""
