"""What the lowering of one operator sees: where it writes, what was passed, what is to come out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from tenuto_analysis.dims import Dim, Truth
from tenuto_analysis.dtypes import DType, Scalar
from tenuto_analysis.graph import Argument, Ssa, dims_of, tensors_of
from tenuto_analysis.types import (
    Bool,
    Int,
    ListValue,
    NoneValue,
    Reference,
    ShapeValue,
    Str,
    Tensor,
    TupleValue,
)
from tenuto_backend.onnx import sizes
from tenuto_backend.onnx.dtypes import element, scalar, wider
from tenuto_backend.onnx.schemas import takes
from tenuto_backend.onnx.scope import Attribute, Scope


class Site(Struct, eq=False):
    scope: Scope
    op: str
    arguments: Mapping[str, Argument]
    results: tuple[Ssa, ...]

    # -------------------------------------------------------------------------------------------------------- tensors

    def value(self, name: str) -> str:
        """What the tensor under a parameter's name is called."""
        argument = self.arguments[name]
        assert isinstance(argument, Ssa), f"`{name}` of {self.op} is no tensor"
        return self.scope.value(argument)

    def values(self, name: str) -> list[str]:
        """The values of a list of tensors."""
        return [self.scope.value(ssa) for ssa in tensors_of(self.arguments[name])]

    def type(self, name: str) -> Tensor:
        """The type of the tensor under a name."""
        argument = self.arguments[name]
        assert isinstance(argument, Ssa), f"`{name}` of {self.op} is no tensor"
        return argument.type

    def dtype(self, name: str) -> Scalar:
        return scalar(self.type(name).dtype)

    def shape(self, name: str) -> tuple[Dim, ...]:
        return dims_of(self.type(name))

    @property
    def result(self) -> Tensor:
        return self.results[0].type

    @property
    def result_shape(self) -> tuple[Dim, ...]:
        return dims_of(self.result)

    # --------------------------------------------------------------------------------------------------------- statics

    def dim(self, name: str) -> Dim:
        (found,) = dims(self.arguments[name])
        return found

    def dims(self, name: str) -> tuple[Dim, ...]:
        return dims(self.arguments[name])

    def integer(self, name: str) -> int:
        found = self.dim(name).constant
        assert found is not None, f"`{name}` of {self.op} is known only at run time"
        return found

    def axis(self, name: str, rank: int) -> int:
        """An axis, counted from the front."""
        return self.integer(name) % rank

    @property
    def rank(self) -> int:
        """Of the first tensor, whose axes a reduction speaks of."""
        return len(next(ssa for argument in self.arguments.values() for ssa in tensors_of(argument)).type.shape)

    def axes(self, argument: Argument) -> list[int]:
        """Axes of the first tensor, from the front: onnxruntime 1.31 takes others for none where it has no elements."""
        found = [dim.constant for dim in dims(argument)]
        return [axis % self.rank for axis in found if axis is not None]

    def truth(self, name: str) -> bool:
        match self.arguments[name]:
            case Bool(value=Truth(value)):
                return value
            case other:
                raise AssertionError(f"`{name}` of {self.op} is not known: {other}")

    def text(self, name: str) -> str:
        match self.arguments[name]:
            case Str(value=str(text)) | Reference(name=text):
                return text
            case other:
                raise AssertionError(f"`{name}` of {self.op} is no text: {other}")

    def is_none(self, name: str) -> bool:
        return isinstance(self.arguments.get(name), NoneValue | None)

    # ----------------------------------------------------------------------------------------------------------- nodes

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


def dims(argument: Argument) -> tuple[Dim, ...]:
    """Static integers: one, or those of a list, a tuple or a shape."""
    match argument:
        case Int(value=dim):
            return (dim,)
        case tuple() as items:
            return tuple(dim for item in items for dim in dims(item))
        case TupleValue(items=items) | ListValue(items=items):
            return tuple(dim for item in items for dim in dims(item))
        case ShapeValue(shape=shape):
            return tuple(item for item in shape if isinstance(item, Dim))
        case _:
            raise AssertionError(f"no sizes: {argument}")
