"""Files of weights, mapped into memory: what is in them is read where it is needed, and not before.

Who touches a page of a mapped file that has become shorter is killed by the system, without a word. So arrays of such a
file are only passed on: `read` gives their numbers to who computes with them, `write` sends their bytes to another
file, and both tell what happened.
"""

from __future__ import annotations

import os
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO
from weakref import finalize

import numpy as np
import numpy.typing as npt
from numpy.lib.array_utils import byte_bounds

from tenuto_backend.reference.dtypes import DType
from tenuto_backend.reference.values import Array
from tenuto_backend.weights.base import broken, unreadable

_CHUNK = 1 << 21


class _Mapped(np.memmap[Any, np.dtype[np.uint8]]):
    """A whole file; `file` stays open with it: under its name there may be another one by now."""

    file: FileIO
    path: Path


def mapped(path: Path) -> Array:
    """The bytes of a file."""
    try:
        file = FileIO(os.fspath(path))
        if os.fstat(file.fileno()).st_size == 0:
            file.close()
            return np.empty(0, np.uint8)
        data = _Mapped(file, np.uint8, "r")
    except OSError as error:
        raise unreadable(path, error) from error
    data.file, data.path = file, path
    finalize(data, file.close)
    return np.asarray(data)


def view(path: Path, name: str, data: Array, start: int, dtype: DType, shape: tuple[int, ...]) -> Array:
    """A tensor in the bytes of a file, from `start` on."""
    size = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if start < 0 or start + size > len(data):
        raise broken(path, f"`{name}` ends at byte {start + size}, and the file has {len(data)}")
    return data[start : start + size].view(dtype).reshape(shape)


def read(array: Array) -> Array:
    """The same numbers, but no longer in a mapped file."""
    source = _source(array)
    if source is None or not array.size:
        return array
    first, end = byte_bounds(array)
    found = np.empty(end - first, np.uint8)
    _fill(found, source, first)
    return np.ndarray(array.shape, array.dtype, found.data, _address(array) - first, array.strides)


def write(file: BinaryIO, data: npt.NDArray[np.uint8]) -> None:
    """Append bytes to a file."""
    source = _source(data)
    if source is None:
        file.write(data.data)
        return
    # By way of a buffer that stays in the processor's cache: touching the mapped pages costs thrice as much, and
    # letting the system copy from file to file is no better where the two places are not alike within a page.
    buffer = np.empty(min(_CHUNK, len(data)), np.uint8)
    for start in range(0, len(data), _CHUNK):
        chunk = buffer[: len(data) - start]
        _fill(chunk, source, _address(data) + start)
        file.write(chunk.data)


def place_of(array: Array) -> tuple[Path, int] | None:
    """The file in which the bytes of an array stand as they are, and where they begin; None where there is none."""
    source = _source(array)
    if source is None or not array.flags.c_contiguous or not array.size:
        return None
    return source.path, _address(array) - _address(source)


def _fill(found: npt.NDArray[np.uint8], source: _Mapped, address: int) -> None:
    """Reads the bytes that are mapped to an address."""
    start = address - _address(source)
    source.file.seek(start)
    done = 0
    while done < len(found):
        count = source.file.readinto(found[done:].data)
        if not count:
            reason = f"it ended at byte {start + done} when it was read, and was longer when it was opened"
            raise broken(source.path, reason)
        done += count


def _source(array: Array) -> _Mapped | None:
    """The mapped file that an array is a view of."""
    base: object = array
    while isinstance(base, np.ndarray):
        if isinstance(base, _Mapped):
            return base
        base = base.base
    return None


def _address(array: Array) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
