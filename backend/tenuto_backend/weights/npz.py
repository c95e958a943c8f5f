"""`.npz`: arrays of NumPy in a zip file. Those that are not compressed are views of the mapped file.

An array of Python objects is never loaded: it would have to be unpickled.
"""

from __future__ import annotations

import zipfile
import zlib
from lzma import LZMAError
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from msgspec import Struct
from numpy.lib import format as npy

from tenuto_analysis.weights import Header, Stored
from tenuto_backend.reference.dtypes import DType
from tenuto_backend.reference.values import Array
from tenuto_backend.weights.base import broken, numpy_dtype, scalar
from tenuto_backend.weights.mapped import mapped, read, view

ENDING = ".npy"
# What the standard library raises for a zip file that is not as it should be; RuntimeError where it is encrypted.
DAMAGE = (ValueError, zipfile.BadZipFile, zlib.error, LZMAError, EOFError, RuntimeError, OSError)
_LOCAL_HEADER = 30  # The bytes before a member's name, which its own lengths of name and extra field end.


class Member(Struct, frozen=True):
    """An array in the file; `skipped` is the length of its own header."""

    info: zipfile.ZipInfo
    skipped: int
    dtype: DType
    shape: tuple[int, ...]
    fortran: bool


class Npz(Struct, frozen=True):
    path: Path
    header: Header
    members: dict[str, Member]
    data: Array

    def tensor(self, name: str) -> Array:
        member = self.members[name]
        numpy_dtype(self.path, name, scalar(member.dtype))
        if member.info.compress_type == zipfile.ZIP_STORED:
            return _native(self._mapped(name, member))
        try:
            with np.load(self.path, allow_pickle=False) as loaded:
                return _native(loaded[member.info.filename.removesuffix(ENDING)])
        except DAMAGE as error:
            raise broken(self.path, f"`{name}`: {error}") from error

    def _mapped(self, name: str, member: Member) -> Array:
        start = member.info.header_offset
        lengths = read(self.data[start + _LOCAL_HEADER - 4 : start + _LOCAL_HEADER]).view("<u2")
        if len(lengths) != 2:
            raise broken(self.path, f"`{name}` begins behind its end")
        start += _LOCAL_HEADER + int(lengths.sum(dtype=int)) + member.skipped
        shape = member.shape[::-1] if member.fortran else member.shape
        array = view(self.path, name, self.data, start, member.dtype, shape)
        return array.T if member.fortran else array


def open_weights(path: Path, root: Path | None) -> Npz:
    try:
        with zipfile.ZipFile(path) as archive:
            found = [_member(path, archive, info) for info in archive.infolist() if info.filename.endswith(ENDING)]
    except DAMAGE as error:
        raise broken(path, str(error)) from error
    members = {member.info.filename.removesuffix(ENDING): member for member in found}
    tensors = tuple(Stored(name, scalar(member.dtype), member.shape) for name, member in members.items())
    return Npz(path, Header(tensors), members, mapped(path))


def _member(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    try:
        with archive.open(info) as opened:
            file = cast(BinaryIO, opened)
            version = npy.read_magic(file)
            read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, fortran, dtype = read(file)
            skipped = opened.tell()
    except DAMAGE as error:
        raise broken(path, f"`{info.filename}`: {error}") from error
    size = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if not dtype.hasobject and skipped + size != info.file_size:
        raise broken(path, f"`{info.filename}` should have {skipped + size} bytes and has {info.file_size}")
    return Member(info, skipped, dtype, tuple(shape), fortran)


def _native(array: Array) -> Array:
    return array if array.dtype.isnative else read(array).astype(array.dtype.newbyteorder("="))
