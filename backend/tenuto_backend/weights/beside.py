"""The weights of an artifact in one safetensors file beside it, which runtimes read in place; files that appear whole.

Weights are asked for one at a time and written as they come, so that no model is twice in memory. Files appear whole
or not at all: they are written under other names and renamed at the end. Nothing takes the place of a file that Tenuto
did not write: it may be the checkpoint that the weights come from.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from tenuto_analysis.dtypes import Scalar
from tenuto_analysis.types import Tensor
from tenuto_analysis.weights import Wanted, numbers_of
from tenuto_backend.applied import scalar
from tenuto_backend.reference.dtypes import DTYPES
from tenuto_backend.weights.mapped import read, write

Array = npt.NDArray[Any]

PRODUCER = "tenuto"
TEXT_MARK = f"// Written by {PRODUCER}."
"""How the files begin that are text."""

_ALIGNMENT = 8
_METADATA = {"__metadata__": {"producer": PRODUCER}}
_MARKS = (
    f'{{"__metadata__":{{"producer":"{PRODUCER}"'.encode(),
    b"\x12" + bytes([len(PRODUCER)]) + PRODUCER.encode(),
    TEXT_MARK.encode(),
)
"""How the files begin that Tenuto wrote: the header of weights, the field of a model for its maker, a comment."""

_NAMES: Mapping[str, str] = {
    "f64": "F64",
    "f32": "F32",
    "f16": "F16",
    "bf16": "BF16",
    "f8e4m3": "F8_E4M3",
    "f8e5m2": "F8_E5M2",
    "f8e8m0": "F8_E8M0",
    "i64": "I64",
    "i32": "I32",
    "i16": "I16",
    "i8": "I8",
    "u64": "U64",
    "u32": "U32",
    "u16": "U16",
    "u8": "U8",
    "bool": "BOOL",
}


class ArtifactError(Exception):
    """An artifact that cannot be made as it was asked for; the message says why, to whoever asked."""


class Saved(Struct, frozen=True):
    """The files that were written, how many bytes the weights are, and the checkpoints in which they were left."""

    model: Path
    data: Path | None
    weight_bytes: int
    checkpoints: tuple[Path, ...] = ()
    others: tuple[Path, ...] = ()  # The same model in other forms.


class Layout(Struct, frozen=True):
    """The file's first bytes, the order of the weights in it, and where each begins and how long it is."""

    header: bytes
    order: Sequence[Wanted]
    places: Mapping[str, tuple[int, int]]


def layout_of(weights: Sequence[Wanted]) -> Layout:
    """Those of wide elements first, so that each begins at a multiple of its element's size; no gap anywhere."""
    order = sorted(weights, key=lambda weight: -DTYPES[scalar(weight[1].dtype).name].itemsize)
    entries: dict[str, object] = dict(_METADATA)
    offsets: dict[str, tuple[int, int]] = {}
    at = 0
    for path, type_ in order:
        length = size_of(type_)
        dtype = scalar(type_.dtype)
        name = _stored(dtype)
        shape = list(numbers_of(type_)) if name != "U8" or dtype.name == "u8" else [length]
        entries[path] = {"dtype": name, "shape": shape, "data_offsets": [at, at + length]}
        offsets[path] = at, length
        at += length
    text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    header = len(text).to_bytes(8, "little") + text
    return Layout(header, order, {path: (start + len(header), length) for path, (start, length) in offsets.items()})


def size_of(type_: Tensor) -> int:
    """Bytes; elements of less than a byte stand close together."""
    return -(-prod(numbers_of(type_)) * scalar(type_.dtype).bits // 8)


def _stored(dtype: Scalar) -> str:
    """The name of a dtype in a safetensors file; what has none there is stored as bytes."""
    return _NAMES.get(dtype.name, "U8")


def write_weights(file: BinaryIO, layout: Layout, arrays: Mapping[str, Array]) -> None:
    """The whole file; `arrays` gives the weights by path, each when it is asked for."""
    file.write(layout.header)
    for path, type_ in layout.order:
        write(file, bytes_of(path, type_, arrays[path]))


def bytes_of(path: str, type_: Tensor, array: Array) -> npt.NDArray[np.uint8]:
    """The elements as both formats hold them: little-endian, and the first of several in a byte in its low bits."""
    dtype = scalar(type_.dtype)
    if array.dtype != DTYPES[dtype.name] or array.shape != numbers_of(type_):
        found = f"{array.dtype}{list(array.shape)}"
        raise ArtifactError(f"the weight {path} is {found}, the model wants {type_}")
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return _packed(read(flat), dtype.bits) if dtype.bits < 8 else flat


def _packed(elements: npt.NDArray[np.uint8], bits: int) -> npt.NDArray[np.uint8]:
    per_byte = 8 // bits
    padded = np.concatenate([elements, np.zeros(-elements.size % per_byte, np.uint8)]).reshape(-1, per_byte)
    found = np.zeros(len(padded), np.uint8)
    for place in range(per_byte):
        found |= (padded[:, place] & ((1 << bits) - 1)) << (place * bits)
    return found


# ---------------------------------------------------------------------------------------------------------------- files


def refuse_to_replace(*paths: Path) -> None:
    """Raises `ArtifactError` where a file that Tenuto did not write would be lost."""
    for path in paths:
        if path.exists() and not _is_ours(path):
            raise ArtifactError(f"{path} exists and is not Tenuto's: move it, or choose another folder")


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(64)
    return any(mark in start for mark in _MARKS)


class Temporary:
    """A file beside `path` that takes its place with `keep`, and is gone where that was never said."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Temporary:
        handle, name = tempfile.mkstemp(prefix=f".{self._path.name}.", dir=self._path.parent)
        self._name = Path(name)
        self.file: BinaryIO = os.fdopen(handle, "wb")
        return self

    def keep(self) -> None:
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        mask = os.umask(0)
        os.umask(mask)
        self._name.chmod(0o666 & ~mask)
        self._name.replace(self._path)

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self._name.unlink(missing_ok=True)
