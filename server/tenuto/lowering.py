"""From a deploy to machine code in steps, each of which can be looked at: `to_mlir().optimize(target).lower()`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tenuto.extras import needed
from tenuto_analysis.compat import override
from tenuto_analysis.database import Database
from tenuto_backend.build import Program
from tenuto_backend.iree import build as binaries
from tenuto_backend.iree.targets import HOST, Target
from tenuto_backend.iree.targets import target as target_of
from tenuto_backend.mlir.emit import emit
from tenuto_backend.mlir.operations import Module, Word
from tenuto_backend.mlir.save import content
from tenuto_backend.runtime.binary import Binary, open_binary
from tenuto_backend.weights.beside import ArtifactError

_FOLDERS: list[TemporaryDirectory[str]] = []  # Of what was made without a path; they are gone with the process.


class Making(NamedTuple):
    """What is lowered: a deploy, its program, the targets that it names; `build` raises what it does not become."""

    name: str
    database: Database
    program: Program
    targets: tuple[str, ...]
    build: Callable[[Callable[[], object]], object]


class MlirModule:
    """A deploy as a module of MLIR: its text, the names of its functions, the last of which is the model's own.

    `path` is its file, where it was written to one.
    """

    def __init__(self, text: str, functions: tuple[str, ...], path: Path | None, making: Making) -> None:
        self.text = text
        self.functions = functions
        self.path = path
        self._making = making

    @override
    def __repr__(self) -> str:
        return f"<MLIR of {len(self.functions)} functions, {self.path or 'in memory'}>"

    def optimize(self, target: str | None = None) -> TargetModule:
        """The module for a target: one of those that `tenuto build --target` takes, or that of the deploy.

        >>> import tenuto
        >>> digits = tenuto.load("examples/mlp.ten").deploy("digits_small")
        >>> module = digits.to_mlir().optimize(target="cuda.sm_90")
        >>> module.target, module.functions[-1]
        ('cuda.sm_90', 'Mlp')
        Where the deploy names no target it is this processor. Raises `ArtifactError` where Tenuto's compiler makes no
        code for the target, or the deploy names several and none is said.
        """
        making = self._making
        if target is None and len(making.targets) > 1:
            known, first = ", ".join(making.targets), making.targets[0]
            raise ArtifactError(f"`{making.name}` has the targets {known}: say which, as optimize(target={first!r})")
        chosen = target_of(target or next(iter(making.targets), HOST))
        module = emit(making.database, making.program.graph)
        if chosen.devices is not None:
            module.attributes = (*module.attributes, ("hal.device.targets", Word(chosen.devices)))
        return TargetModule(content(module), self.functions, chosen, making)


class TargetModule:
    """A module of MLIR for one target, with what the compiler must know of it."""

    def __init__(self, text: str, functions: tuple[str, ...], target: Target, making: Making) -> None:
        self.text = text
        self.functions = functions
        self._target = target
        self._making = making

    @property
    def target(self) -> str:
        """Its name: `cuda.sm_90`."""
        return self._target.name

    @override
    def __repr__(self) -> str:
        return f"<MLIR of {len(self.functions)} functions for {self.target}>"

    def lower(self, path: str | Path | None = None) -> Binary:
        """Machine code for the target, made by IREE, with the weights beside it; without a path in a temporary folder.

        Raises `ProgramError` where the compiler refuses the program, `WeightsError` where the weights cannot be read,
        OSError where a file cannot be written, and ModuleNotFoundError, which says what to install, where the compiler
        is missing.
        """
        making = self._making
        if path is not None and Path(path).suffix != ".vmfb":
            raise ValueError(f"{os.fspath(path)!r}: the name of a module of machine code ends in .vmfb")
        whole = _temporary() / f"{making.name}.vmfb" if path is None else Path(path)
        graph = making.program.graph
        data = whole.with_suffix(".safetensors") if graph.entry.weights else None

        def code() -> bytes:
            name = data.name if data is not None else None
            return binaries.binary(making.database, graph, self._target, name)

        try:
            made = making.build(code)
        except ModuleNotFoundError as error:
            told = needed(error)
            if told is None:
                raise
            raise ModuleNotFoundError(told, name=error.name) from error
        assert isinstance(made, bytes)
        return open_binary(binaries.save(made, graph, making.program.weights, whole, data).model)


def mlir_module(module: Module, making: Making, path: Path | None = None) -> MlirModule:
    """The first step."""
    return MlirModule(content(module), tuple(function.name for function in module.functions), path, making)


def _temporary() -> Path:
    _FOLDERS.append(TemporaryDirectory(prefix="tenuto-"))
    return Path(_FOLDERS[-1].name)
