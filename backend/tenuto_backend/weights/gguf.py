"""`.gguf`: through the package `gguf`. Quantised tensors are given as `f32`; sizes stand in PyTorch's order."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from gguf import GGMLQuantizationType, GGUFReader, ReaderTensor, dequantize
from msgspec import Struct

from tenuto_analysis.compat import override
from tenuto_analysis.weights import Header, Stored
from tenuto_backend.reference.dtypes import DTYPES
from tenuto_backend.reference.values import Array
from tenuto_backend.weights.base import WeightsError, broken
from tenuto_backend.weights.mapped import mapped, read, view

# What the file holds as numbers; everything else is quantised.
PLAIN = {
    GGMLQuantizationType.F64: "f64",
    GGMLQuantizationType.F32: "f32",
    GGMLQuantizationType.F16: "f16",
    GGMLQuantizationType.BF16: "bf16",
    GGMLQuantizationType.I64: "i64",
    GGMLQuantizationType.I32: "i32",
    GGMLQuantizationType.I16: "i16",
    GGMLQuantizationType.I8: "i8",
}


class Gguf(Struct, frozen=True):
    path: Path
    header: Header
    tensors: dict[str, ReaderTensor]
    data: Array

    def tensor(self, name: str) -> Array:
        found = self.tensors[name]
        shape = _shape(found)
        data = view(self.path, name, self.data, found.data_offset, found.data.dtype, found.data.shape)
        if found.tensor_type is GGMLQuantizationType.BF16:
            return data.view(DTYPES["bf16"]).reshape(shape)
        if found.tensor_type in PLAIN:
            native = data if data.dtype.isnative else read(data).astype(data.dtype.newbyteorder("="))
            return native.reshape(shape)
        try:
            numbers: Array = dequantize(read(data), found.tensor_type)
        except NotImplementedError as error:
            kind = found.tensor_type.name
            reason = f"holds `{name}` quantised as {kind}, which the package `gguf` cannot read: take another file"
            raise WeightsError(self.path, reason) from error
        return numbers.reshape(shape)


class Bounded(GGUFReader):
    """The package's reader, which by itself believes every count in a file and reads on behind the file's end."""

    @override
    def _get(
        self, offset: int, dtype: npt.DTypeLike, count: int = 1, override_order: Literal["I", "S", "<"] | None = None
    ) -> npt.NDArray[np.generic]:
        end = int(offset) + int(count) * np.dtype(dtype).itemsize
        if end > len(self.data):
            raise ValueError(f"it should have {end} bytes or more, and has {len(self.data)}")
        return super()._get(offset, dtype, count, override_order)


def open_weights(path: Path, root: Path | None) -> Gguf:
    try:
        reader = Bounded(path)
    except (ValueError, KeyError, IndexError, OverflowError) as error:
        raise broken(path, str(error)) from error
    tensors = {item.name: item for item in reader.tensors}
    stored = tuple(Stored(item.name, PLAIN.get(item.tensor_type, "f32"), _shape(item)) for item in reader.tensors)
    return Gguf(path, Header(stored), tensors, mapped(path))


def _shape(tensor: ReaderTensor) -> tuple[int, ...]:
    return tuple(int(size) for size in reversed(tensor.shape))
