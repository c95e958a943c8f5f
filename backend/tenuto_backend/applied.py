"""One operator as a lowering sees it: what was passed under which name, and what is to come out."""

from __future__ import annotations

from collections.abc import Mapping

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


class Applied(Struct, eq=False):
    op: str
    arguments: Mapping[str, Argument]
    results: tuple[Ssa, ...]

    # -------------------------------------------------------------------------------------------------------- tensors

    def tensor(self, name: str) -> Ssa:
        """The tensor under a parameter's name."""
        argument = self.arguments[name]
        assert isinstance(argument, Ssa), f"`{name}` of {self.op} is no tensor"
        return argument

    def tensors(self, name: str) -> list[Ssa]:
        """The tensors of a list."""
        return [*tensors_of(self.arguments[name])]

    def type(self, name: str) -> Tensor:
        """The type of the tensor under a name."""
        return self.tensor(name).type

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

    def bounds(self, name: str) -> list[Dim | None]:
        """Those of a slice; None where one is left out."""
        match self.arguments[name]:
            case TupleValue(items=items) | ListValue(items=items):
                return [item.value if isinstance(item, Int) else None for item in items]
            case tuple() as items:
                return [item.value if isinstance(item, Int) else None for item in items]
            case other:
                raise AssertionError(f"the bounds of a slice are a list: {other}")

    def is_none(self, name: str) -> bool:
        return isinstance(self.arguments.get(name), NoneValue | None)


def scalar(dtype: DType) -> Scalar:
    """In a graph every dtype is one of the machine."""
    assert isinstance(dtype, Scalar), dtype
    return dtype


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
