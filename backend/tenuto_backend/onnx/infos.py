"""The types of values as ONNX writes them: element type, sizes by name or number, and the Tenuto type beside."""

from __future__ import annotations

from onnx import TypeProto, ValueInfoProto

from tenuto_analysis.dims import Dim
from tenuto_analysis.graph import dims_of
from tenuto_analysis.types import Tensor
from tenuto_backend.onnx.dtypes import element


class SizeNames:
    """One text for each size of a function; two that print alike are told apart by a number."""

    def __init__(self) -> None:
        self._texts: dict[Dim, str] = {}
        self._taken: set[str] = set()

    def text(self, dim: Dim) -> str:
        found = self._texts.get(dim)
        if found is None:
            found, count = str(dim), 1
            while found in self._taken:
                count += 1
                found = f"{dim} #{count}"
            self._taken.add(found)
            self._texts[dim] = found
        return found


def value_info(name: str, type_: Tensor, sizes: SizeNames) -> ValueInfoProto:
    info = ValueInfoProto(name=name, type=type_proto(type_, sizes))
    note = info.metadata_props.add()
    note.key, note.value = "tenuto.type", str(type_)
    return info


def type_proto(type_: Tensor, sizes: SizeNames) -> TypeProto:
    found = TypeProto()
    found.tensor_type.elem_type = element(type_.dtype)
    shape = found.tensor_type.shape
    shape.ClearField("dim")
    for dim in dims_of(type_):
        axis = shape.dim.add()
        if dim.constant is not None:
            axis.dim_value = dim.constant
        else:
            axis.dim_param = sizes.text(dim)
    if not type_.shape:
        shape.SetInParent()
    return found
