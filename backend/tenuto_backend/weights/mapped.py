"""Files of weights, mapped into memory: what is in them is read where it is needed, and not before.

Who touches a page of a mapped file that has become shorter is killed by the system, without a word. So arrays of such a
file are only passed on: `read` gives their numbers to who computes with them, `write` sends their bytes to another
file, and both tell what happened.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
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

_CHUNK = 1 << 24


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
    start = first - _address(source)
    done = 0
    source.file.seek(start)
    while done < len(found):
        count = source.file.readinto(found[done:].data)
        if not count:
            reason = f"it ended at byte {start + done} when it was read, and was longer when it was opened"
            raise broken(source.path, reason)
        done += count
    return np.ndarray(array.shape, array.dtype, found.data, _address(array) - first, array.strides)


def write(file: BinaryIO, data: npt.NDArray[np.uint8]) -> None:
    """Append bytes to a file; the system moves those of a mapped file itself where it can, which costs half as much."""
    source = _source(data)
    if source is None:
        file.write(data.data)
        return
    file.flush()
    moved = 0
    for count in _moved(file.fileno(), source.file.fileno(), _address(data) - _address(source), len(data)):
        moved += count
    for start in range(moved, len(data), _CHUNK):
        file.write(read(data[start : start + _CHUNK]).data)


def _moved(target: int, source: int, start: int, length: int) -> Iterator[int]:
    """Lets the system copy from file to file; it says how many bytes it copied, and stops early where it cannot."""
    if not hasattr(os, "sendfile"):
        return
    end = start + length
    with suppress(OSError):  # Whatever it is, who goes on in the plain way meets it again.
        while start < end and (count := os.sendfile(target, source, start, end - start)):
            yield count
            start += count


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
