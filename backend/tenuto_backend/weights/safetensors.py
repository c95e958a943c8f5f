"""`.safetensors`: the package checks the header against the file; the tensors are views of the mapped file."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct
from safetensors import SafetensorError, safe_open

from tenuto_analysis.weights import Header, Stored
from tenuto_backend.reference.values import Array
from tenuto_backend.weights.base import broken, numpy_dtype
from tenuto_backend.weights.mapped import mapped, read, view

# The format's names that are not Tenuto's in capitals. What has no line here and no such name is not read.
DTYPES = {"BOOL": "bool", "F8_E4M3": "f8e4m3", "F8_E5M2": "f8e5m2", "F8_E8M0": "f8e8m0"} | {
    "F8_E4M3FNUZ": "f8e4m3fnuz",
    "F8_E5M2FNUZ": "f8e5m2fnuz",
}

# Two numbers a byte, or three in two: the format's own name stays, so that no tensor is taken for what it is not.
PACKED_BITS = {"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6}


class Safetensors(Struct, frozen=True):
    path: Path
    stored: dict[str, Stored]
    starts: dict[str, int]
    data: Array

    @property
    def header(self) -> Header:
        return Header(tuple(self.stored.values()))

    def tensor(self, name: str) -> Array:
        stored = self.stored[name]
        dtype = numpy_dtype(self.path, name, stored.dtype)
        return view(self.path, name, self.data, self.starts[name], dtype, stored.shape)


def open_weights(path: Path, root: Path | None) -> Safetensors:
    data = mapped(path)
    try:
        with safe_open(path, "numpy") as file:
            names = file.offset_keys()
            slices = [file.get_slice(name) for name in names]
            described = [(item.get_dtype(), tuple(item.get_shape())) for item in slices]
    except SafetensorError as error:
        raise broken(path, str(error)) from error
    tensors: dict[str, Stored] = {}
    starts: dict[str, int] = {}
    # The tensors follow each other without a gap, which the package has checked.
    position = 8 + int.from_bytes(read(data[:8]).tobytes(), "little")
    for name, (dtype, shape) in zip(names, described, strict=True):
        starts[name] = position
        tensors[name] = Stored(name, DTYPES.get(dtype, dtype if dtype in PACKED_BITS else dtype.lower()), shape)
        position += _bytes(dtype, shape)
    return Safetensors(path, tensors, starts, data)


def _bytes(dtype: str, shape: tuple[int, ...]) -> int:
    bits = PACKED_BITS.get(dtype) or (8 if dtype == "BOOL" else int("".join(_digits(dtype))))
    for size in shape:
        bits *= size
    return bits // 8


def _digits(dtype: str) -> str:
    return "".join(character for character in dtype.split("_")[0] if character.isdigit())
