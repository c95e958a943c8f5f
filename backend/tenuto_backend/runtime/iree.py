"""Runs deploys, and binaries that Tenuto has compiled, by IREE, each in a process of its own."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tenuto_analysis.database import Database
from tenuto_backend.build import Program
from tenuto_backend.iree.build import binary, save
from tenuto_backend.iree.messages import Load, Tensor, tensor_of
from tenuto_backend.iree.process import Process
from tenuto_backend.iree.record import Record, record, refuse_other_machine
from tenuto_backend.iree.targets import HOST, target
from tenuto_backend.reference.values import Array
from tenuto_backend.runtime.base import Interface, RunError, Runner, of_graph

_MISSING = re.compile(r"key '(?P<path>[^']*)'")


def of_program(database: Database, made: Program) -> Runner:
    """The binary is made for this machine in a temporary folder; its weights are in memory once it is loaded."""
    with tempfile.TemporaryDirectory(prefix="tenuto-") as folder:
        path = Path(folder) / f"{made.graph.name}.vmfb"
        data = path.with_suffix(".safetensors") if made.graph.entry.weights else None
        save(binary(database, made.graph, target(HOST)), made.graph, made.weights, path, data)
        return _runner(path.name, of_graph(made.graph), Load(str(path), "local-task", str(data) if data else None))


def of_model(path: Path) -> Runner:
    """A binary in a file, with its weights beside it; raises `RunError` where this machine cannot run it."""
    return of_record(path, read_record(path))


def of_record(path: Path, found: Record) -> Runner:
    """The same, of a binary whose notes were read."""
    refuse_other_machine(path.name, found)
    data = path.parent / found.weights if found.weights is not None else None
    if data is not None and not data.is_file():
        raise RunError(f"`{path.name}` takes its weights from `{data.name}`, which is not beside it")
    return _runner(path.name, found.interface, Load(str(path), found.device, str(data) if data else None))


def read_record(path: Path) -> Record:
    """What a binary tells of itself; raises `RunError` where the file is none of Tenuto's."""
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise RunError(f"cannot read `{path}`: {error.strerror or error}") from error
    try:
        process = Process(path.name, Load(str(path), None))
    except RunError as error:
        raise RunError(f"`{path.name}` is no module of IREE: {_reason(error)}") from error
    process.end()
    return record(path.name, process.loaded.function, process.loaded.notes)


def _runner(name: str, interface: Interface, asked: Load) -> Runner:
    try:
        process = Process(name, asked)
    except RunError as error:
        raise RunError(_explained(name, asked, str(error))) from error

    def run(inputs: Sequence[Array]) -> tuple[Array, ...]:
        found = process.run([tensor_of(array) for array in inputs])
        return tuple(_array(answer, port.dtype) for answer, port in zip(found, interface.outputs, strict=True))

    return run


def _array(answer: Tensor, dtype: np.dtype[np.generic]) -> Array:
    """MLIR's integers have no signs, so that the type of the interface tells what the bytes are."""
    return np.frombuffer(answer.data, dtype).reshape(answer.shape)


def _reason(error: RunError) -> str:
    return str(error).rpartition("; ")[2]


def _explained(name: str, asked: Load, told: str) -> str:
    """What of the two things that are missing most often it was."""
    missing = _MISSING.search(told)
    if "NOT_FOUND" in told and missing is not None and asked.weights is not None:
        return f"`{Path(asked.weights).name}` has no weight `{missing['path']}`, which `{name}` takes"
    return told
