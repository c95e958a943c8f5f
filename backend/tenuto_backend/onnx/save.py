"""An emitted model with its weights: inline, or beside it in one safetensors file that runtimes read in place.

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
from onnx import ModelProto, TensorProto

from tenuto_analysis.weights import numbers_of
from tenuto_backend.onnx.dtypes import scalar, stored
from tenuto_backend.onnx.emit import PRODUCER, Emitted, Placed
from tenuto_backend.onnx.options import OnnxError
from tenuto_backend.reference.dtypes import DTYPES
from tenuto_backend.weights.mapped import read, write

Array = npt.NDArray[Any]

PROTOBUF_LIMIT = 2**31 - 1
_ALIGNMENT = 8
_METADATA = {"__metadata__": {"producer": PRODUCER}}
_MARKS = (f'{{"__metadata__":{{"producer":"{PRODUCER}"'.encode(), b"\x12" + bytes([len(PRODUCER)]) + PRODUCER.encode())
"""How the files begin that Tenuto wrote: the header of its weights, and the field of a model that names its maker."""


class Saved(Struct, frozen=True):
    """The files that were written, and how many bytes of weights they hold."""

    model: Path
    data: Path | None
    weight_bytes: int


def with_weights(emitted: Emitted, arrays: Mapping[str, Array]) -> ModelProto:
    """A model that holds its weights; `arrays` gives them by path."""
    _refuse_beyond_limit(emitted)
    model = ModelProto()
    model.CopyFrom(emitted.model)
    for weight, tensor in zip(emitted.weights, model.graph.initializer, strict=True):
        tensor.raw_data = read(_bytes(weight, arrays[weight.path])).tobytes()
    return model


def save(emitted: Emitted, arrays: Mapping[str, Array], path: Path, inline: bool = False) -> Saved:
    """Write the model to `path`, and its weights beside it under the same name with the ending `.safetensors`."""
    total = sum(_size(weight) for weight in emitted.weights)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = path.with_suffix(".safetensors")
    if inline or not emitted.weights:
        _refuse_to_replace(path)
        with _Temporary(path) as whole:
            whole.file.write(with_weights(emitted, arrays).SerializeToString())
            whole.keep()
        return Saved(path, None, total)
    _refuse_to_replace(path, data)
    layout = _layout(emitted.weights)
    model = ModelProto()
    model.CopyFrom(emitted.model)
    for weight, tensor in zip(emitted.weights, model.graph.initializer, strict=True):
        if _size(weight):
            _refer(tensor, data.name, layout.places[weight.path])
        else:
            tensor.raw_data = b""  # onnxruntime does not read nothing from the end of a file.
    with _Temporary(data) as temporary:
        temporary.file.write(layout.header)
        for weight in layout.order:
            write(temporary.file, _bytes(weight, arrays[weight.path]))
        with _Temporary(path) as other:
            other.file.write(model.SerializeToString())
            temporary.keep()
            other.keep()
    return Saved(path, data, total)


# --------------------------------------------------------------------------------------------------------------- layout


class _Layout(Struct, frozen=True):
    """The file's first bytes, the order of the weights in it, and where each begins and how long it is."""

    header: bytes
    order: Sequence[Placed]
    places: Mapping[str, tuple[int, int]]


def _layout(weights: Sequence[Placed]) -> _Layout:
    """Those of wide elements first, so that each begins at a multiple of its element's size; no gap anywhere."""
    order = sorted(weights, key=lambda weight: -DTYPES[scalar(weight.type.dtype).name].itemsize)
    entries: dict[str, object] = dict(_METADATA)
    offsets: dict[str, tuple[int, int]] = {}
    at = 0
    for weight in order:
        length = _size(weight)
        dtype = scalar(weight.type.dtype)
        name = stored(dtype)
        shape = list(numbers_of(weight.type)) if name != "U8" or dtype.name == "u8" else [length]
        entries[weight.path] = {"dtype": name, "shape": shape, "data_offsets": [at, at + length]}
        offsets[weight.path] = at, length
        at += length
    text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    header = len(text).to_bytes(8, "little") + text
    return _Layout(header, order, {path: (start + len(header), length) for path, (start, length) in offsets.items()})


def _size(weight: Placed) -> int:
    """Bytes; elements of less than a byte stand close together."""
    bits = scalar(weight.type.dtype).bits
    return -(-prod(numbers_of(weight.type)) * bits // 8)


def _refer(tensor: TensorProto, location: str, place: tuple[int, int]) -> None:
    tensor.data_location = TensorProto.EXTERNAL
    for key, text in (("location", location), ("offset", str(place[0])), ("length", str(place[1]))):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, text


def _bytes(weight: Placed, array: Array) -> npt.NDArray[np.uint8]:
    """The elements as both formats hold them: little-endian, and the first of several in a byte in its low bits."""
    dtype = scalar(weight.type.dtype)
    if array.dtype != DTYPES[dtype.name] or array.shape != numbers_of(weight.type):
        found = f"{array.dtype}{list(array.shape)}"
        raise OnnxError(f"the weight {weight.path} is {found}, the model wants {weight.type}")
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return _packed(read(flat), dtype.bits) if dtype.bits < 8 else flat


def _packed(elements: npt.NDArray[np.uint8], bits: int) -> npt.NDArray[np.uint8]:
    per_byte = 8 // bits
    padded = np.concatenate([elements, np.zeros(-elements.size % per_byte, np.uint8)]).reshape(-1, per_byte)
    found = np.zeros(len(padded), np.uint8)
    for place in range(per_byte):
        found |= (padded[:, place] & ((1 << bits) - 1)) << (place * bits)
    return found


def _refuse_beyond_limit(emitted: Emitted) -> None:
    total = sum(map(_size, emitted.weights))
    if total > PROTOBUF_LIMIT:
        raise OnnxError(f"{total} bytes of weights do not fit into one .onnx file (2 GB): keep them beside it")


# ---------------------------------------------------------------------------------------------------------------- files


def _refuse_to_replace(*paths: Path) -> None:
    for path in paths:
        if path.exists() and not _is_ours(path):
            raise OnnxError(f"{path} exists and is not Tenuto's: move it, or choose another folder")


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(64)
    return any(mark in start for mark in _MARKS)


class _Temporary:
    """A file beside `path` that takes its place with `keep`, and is gone where that was never said."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> _Temporary:
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
