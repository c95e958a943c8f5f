"""What a process that runs a module and the one that asked for it say to each other: frames of msgpack, in turn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO

import msgspec
import numpy as np
from msgspec import Struct

from tenuto_backend.reference.dtypes import DTYPES, NAMES
from tenuto_backend.reference.values import Array


class Load(Struct, tag=True):
    """The first: a binary and the file that gives its parameters, or to tell only what is noted in the binary."""

    module: str
    device: str | None
    weights: str | None = None


class Loaded(Struct, tag=True):
    """The answer: the module's name, its function, and the notes."""

    name: str
    function: str
    notes: Mapping[str, str]


class Tensor(Struct):
    dtype: str
    shape: tuple[int, ...]
    data: bytes


class Run(Struct, tag=True):
    tensors: list[Tensor]


class Ran(Struct, tag=True):
    tensors: list[Tensor]


class Failed(Struct, tag=True):
    reason: str


Message = Load | Loaded | Run | Ran | Failed

_DECODER: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


def send(file: IO[bytes], message: Message) -> None:
    data = msgspec.msgpack.encode(message)
    file.write(len(data).to_bytes(8, "little"))
    file.write(data)
    file.flush()


def receive(file: IO[bytes]) -> Message:
    """Raises EOFError where the other process is gone."""
    size = file.read(8)
    data = file.read(int.from_bytes(size, "little"))
    if len(size) < 8 or len(data) < int.from_bytes(size, "little"):
        raise EOFError
    return _DECODER.decode(data)


def tensor_of(array: Array) -> Tensor:
    return Tensor(NAMES[array.dtype], array.shape, np.require(array, requirements="C").tobytes())


def array_of(tensor: Tensor) -> Array:
    return np.frombuffer(tensor.data, DTYPES[tensor.dtype]).reshape(tensor.shape)
