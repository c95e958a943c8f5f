"""`tenuto.load`, for programs: a source, its deploys, what they take and give, their artifacts.

It shares its parts with the command line, so that both build and run the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeVar

from tenuto.checking import ProgramError, problems
from tenuto.cli.target import Opened, open_file, without_deploy
from tenuto.lowering import Making, MlirModule, mlir_module
from tenuto_analysis.compat import override
from tenuto_analysis.graph import Graph
from tenuto_analysis.targets.analysis import only_target, targets_named
from tenuto_analysis.targets.profile import Profile as TargetProfile
from tenuto_backend.build import Program, Stopped, program, typed_graph, with_sizes
from tenuto_backend.iree import build as binaries
from tenuto_backend.iree.targets import HOST
from tenuto_backend.iree.targets import target as target_of
from tenuto_backend.mlir import emit as mlir
from tenuto_backend.mlir import save as mlir_files
from tenuto_backend.onnx.emit import emit
from tenuto_backend.onnx.options import Options, Profile
from tenuto_backend.onnx.save import save, with_weights
from tenuto_backend.reference.values import Array
from tenuto_backend.runtime.artifact import Artifact, read_model
from tenuto_backend.runtime.base import Interface, Port, Runner, backend, of_graph
from tenuto_backend.runtime.binary import Binary, open_binary
from tenuto_backend.runtime.inputs import ready
from tenuto_backend.stablehlo import emit as stablehlo
from tenuto_backend.stablehlo import save as stablehlo_files
from tenuto_server.workspace import report

_Made = TypeVar("_Made")

NO_SIZES: Mapping[str, int] = {}


def load(path: str | Path, *, allow_outside: bool = False) -> Source:
    """A source file without an error; `allow_outside` lets its deploys read weights from outside of the workspace.

    >>> import tenuto
    >>> tenuto.load("examples/mlp.ten").deploys
    ('digits', 'digits_small')

    Raises OSError where the file cannot be read, and `ProgramError` where it has errors.
    """
    with open(path, "rb"):
        pass  # The workspace would say no more than that there is no such file.
    opened = open_file(os.fspath(path))
    if opened.reports:
        raise ProgramError(tuple(problems(opened.disk, opened.reports)))
    return Source(opened, allow_outside)


class Source:
    """A checked file."""

    def __init__(self, opened: Opened, allow_outside: bool) -> None:
        self._opened = opened
        self._allow_outside = allow_outside

    @property
    def path(self) -> Path:
        return Path(self._opened.source.file)

    @property
    def deploys(self) -> tuple[str, ...]:
        """Their names, in the order of the file."""
        return self._opened.deploys

    def deploy(self, name: str) -> Deploy:
        """A deploy of the file; raises LookupError where there is none of this name."""
        if name not in self.deploys:
            raise LookupError(without_deploy(self._opened.source.shown, name, self.deploys))
        return Deploy(self._opened, name, self._allow_outside)


class Deploy:
    """A model closed over its configuration, its weights and the ranges of its sizes.

    >>> import tenuto
    >>> encoder = tenuto.load("examples/minilm.ten").deploy("small_encoder")
    >>> for parameter in encoder.inputs:
    ...     print(parameter)
    ids: i64[B, S] within 0 .. 127
    mask: bool[B, S]
    >>> encoder.inputs[0].dtype, encoder.inputs[0].shape
    (dtype('int64'), ('B', 'S'))

    It is read when it is first asked for something; what then cannot be built raises `ProgramError`.
    """

    def __init__(self, opened: Opened, name: str, allow_outside: bool) -> None:
        self.name = name
        self._opened = opened
        self._allow_outside = allow_outside

    @override
    def __repr__(self) -> str:
        return f"<deploy {self.name} of {self._opened.source.shown}>"

    @property
    def inputs(self) -> tuple[Port, ...]:
        """What the model takes, in order."""
        return self._interface.inputs

    @property
    def outputs(self) -> tuple[Port, ...]:
        """What the model gives, in order."""
        return self._interface.outputs

    @cached_property
    def graph(self) -> Graph:
        """The typed graph: one function for each definition and its static arguments, the model's own the last."""
        database, file, target = self._opened.workspace.database, self._opened.source.file, self._target
        return self._build(lambda: typed_graph(database, file, self.name, target=target))

    def draw(self, seed: int = 0, /, **sizes: int) -> dict[str, Array]:
        """Inputs within their types, by name; sizes that are not given are small.

        >>> import tenuto
        >>> encoder = tenuto.load("examples/minilm.ten").deploy("small_encoder")
        >>> inputs = encoder.draw(7, B=1, S=5)
        >>> inputs["ids"].shape, inputs["mask"].dtype
        ((1, 5), dtype('bool'))

        Raises `WrongInput` where the deploy does not take such sizes.
        """
        arrays = ready(self._interface, {}, sizes, seed).arrays
        return {port.name: array for port, array in zip(self.inputs, arrays, strict=True)}

    def to_onnx(
        self,
        path: str | Path | None = None,
        *,
        profile: Literal["portable", "modern"] = "portable",
        opset: int | None = None,
        ledger: bool = True,
        inline: bool = False,
        in_place: bool = False,
        fold_batch_norm: bool = False,
        dims: Mapping[str, int] = NO_SIZES,
    ) -> Artifact:
        """The deploy as an ONNX model: in memory, or written to `path`, with its weights beside it or `inline`.

        `portable` is opset 21, which is understood most widely; `modern` has operators such as Attention. The `ledger`
        tells, in the model's metadata, where each value comes from. `in_place` leaves weights in a checkpoint of the
        same folder that holds them as the model wants them. `fold_batch_norm` puts normalisations by recorded
        statistics into the layers before them: fewer nodes, and weights that are no more those of the checkpoint.
        `dims` gives numbers for sizes that the deploy leaves open: `dims={"B": 1}`.

        >>> import tenuto, pathlib, tempfile
        >>> digits = tenuto.load("examples/mlp.ten").deploy("digits_small")
        >>> digits.to_onnx().model.opset_import[0].version
        21
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     artifact = digits.to_onnx(f"{folder}/digits.onnx", profile="modern")
        ...     sorted(file.name for file in pathlib.Path(folder).iterdir())
        ['digits.onnx', 'digits.safetensors']

        Raises `ArtifactError` where the model cannot be written as asked, `WeightsError` where the weights cannot be
        read, and OSError where the file cannot be written.
        """
        if path is not None and Path(path).suffix != ".onnx":
            raise ValueError(f"{os.fspath(path)!r}: the name of an ONNX model ends in .onnx")
        made = with_sizes(self._folded_program if fold_batch_norm else self._program, dims)
        interface = of_graph(made.graph) if dims else self._interface
        options = Options(Profile(profile), opset, ledger=ledger, checkpoints=made.checkpoints)
        emitted = emit(self._opened.workspace.database, made.graph, options)
        if path is None:
            return Artifact(with_weights(emitted, made.weights), None, interface)
        saved = save(emitted, made.weights, Path(path), inline, in_place)
        return Artifact(read_model(saved.model), saved.model, interface)

    def to_mlir(
        self,
        path: str | Path | None = None,
        *,
        fold_batch_norm: bool = False,
        dims: Mapping[str, int] = NO_SIZES,
    ) -> MlirModule:
        """The deploy as a module of MLIR: its text, and where a `path` is given its file, with the weights beside it.

        Weights are parameters, which the file beside the module gives: the same file as that of an ONNX model. `dims`
        gives numbers for sizes that the deploy leaves open.

        >>> import tenuto, pathlib, tempfile
        >>> digits = tenuto.load("examples/mlp.ten").deploy("digits_small")
        >>> artifact = digits.to_mlir()
        >>> artifact.functions[-1]
        'Mlp'
        >>> artifact.text.splitlines()[1]
        'module @digits_small {'
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     artifact = digits.to_mlir(f"{folder}/digits.mlir")
        ...     sorted(file.name for file in pathlib.Path(folder).iterdir())
        ['digits.mlir', 'digits.safetensors']

        Raises `ArtifactError` where a file would be lost, `WeightsError` where the weights cannot be read, and OSError
        where a file cannot be written.
        """
        if path is not None and Path(path).suffix != ".mlir":
            raise ValueError(f"{os.fspath(path)!r}: the name of a module of MLIR ends in .mlir")
        made = with_sizes(self._folded_program if fold_batch_norm else self._program, dims)
        module = self._build(lambda: mlir.emit(self._opened.workspace.database, made.graph))
        file, database = self._opened.source.file, self._opened.workspace.database
        making = Making(self.name, database, made, targets_named(database, file, self.name), self._build)
        if path is None:
            return mlir_module(module, making)
        return mlir_module(module, making, mlir_files.save(module, made.graph, made.weights, Path(path)).model)

    def to_stablehlo(
        self,
        path: str | Path | None = None,
        *,
        fold_batch_norm: bool = False,
        dims: Mapping[str, int] = NO_SIZES,
    ) -> stablehlo_files.StablehloArtifact:
        """The deploy as a module of StableHLO, whose sizes are numbers: `dims` gives those that the deploy leaves open.

        Its function is `main`; the weights are its last arguments, in the order of the artifact's `weights`.

        >>> import tenuto
        >>> digits = tenuto.load("examples/mlp.ten").deploy("digits_small")
        >>> artifact = digits.to_stablehlo(dims={"B": 8})
        >>> artifact.functions[-1], artifact.weights[0]
        ('main', 'fc1.weight')

        Raises `ProgramError` where a size stays open, or StableHLO cannot say what the deploy computes, and otherwise
        what `to_mlir` raises.
        """
        if path is not None and not Path(path).name.endswith(stablehlo_files.ENDING):
            raise ValueError(f"{os.fspath(path)!r}: the name of a module of StableHLO ends in .stablehlo.mlir")
        made = with_sizes(self._folded_program if fold_batch_norm else self._program, dims)
        module = self._build(lambda: stablehlo.emit(self._opened.workspace.database, made.graph))
        if path is None:
            return stablehlo_files.artifact(module, made.graph)
        saved = stablehlo_files.save(module, made.graph, made.weights, Path(path))
        return stablehlo_files.artifact(module, made.graph, saved.model)

    def to_vmfb(
        self,
        path: str | Path,
        *,
        target: str = HOST,
        fold_batch_norm: bool = False,
        dims: Mapping[str, int] = NO_SIZES,
    ) -> Binary:
        """The deploy as machine code for a target, made by IREE and written to `path`, with the weights beside it.

        `target` is this processor, or one of those that `tenuto build --target` takes; `dims` gives numbers for sizes
        that the deploy leaves open, which makes the code faster.

        Raises `ProgramError` where the compiler refuses the program, `ArtifactError` where it knows no such target,
        and otherwise what `to_mlir` raises.
        """
        if Path(path).suffix != ".vmfb":
            raise ValueError(f"{os.fspath(path)!r}: the name of a module of machine code ends in .vmfb")
        made = with_sizes(self._folded_program if fold_batch_norm else self._program, dims)
        data = Path(path).with_suffix(".safetensors") if made.graph.entry.weights else None
        name, database = data.name if data is not None else None, self._opened.workspace.database
        code = self._build(lambda: binaries.binary(database, made.graph, target_of(target), name))
        return open_binary(binaries.save(code, made.graph, made.weights, Path(path), data).model)

    def run(self, /, **inputs: Array) -> dict[str, Array]:
        """The outputs by name, computed by onnxruntime; names with dots are given as `**{"past.0.keys": keys}`.

        >>> import tenuto, numpy
        >>> encoder = tenuto.load("examples/minilm.ten").deploy("small_encoder")
        >>> ids = numpy.array([[3, 1, 4, 1, 5]])
        >>> encoder.run(ids=ids, mask=ids > 0)["result"].shape
        (1, 24)
        >>> encoder.run(ids=ids)
        Traceback (most recent call last):
            ...
        tenuto_backend.runtime.base.WrongInput: `small_encoder` also takes `mask: bool[B, S]`

        Raises `WrongInput` where an input does not fit its type, and `RunError` where onnxruntime fails.
        """
        return self._run(self._session, inputs)

    def evaluate(self, /, **inputs: Array) -> dict[str, Array]:
        """The same as `run`, computed in NumPy: slow, and the meaning that artifacts are held against."""
        return self._run(self._evaluator, inputs)

    def _run(self, runner: Runner, inputs: dict[str, Array]) -> dict[str, Array]:
        found = runner(ready(self._interface, inputs).arrays)
        return {port.name: array for port, array in zip(self.outputs, found, strict=True)}

    @cached_property
    def _target(self) -> TargetProfile | None:
        """The target, where the deploy names one: what is made in Python is what the command line makes."""
        return only_target(self._opened.workspace.database, self._opened.source.file, self.name)

    @cached_property
    def _interface(self) -> Interface:
        return of_graph(self.graph)

    @cached_property
    def _program(self) -> Program:
        return self._read(fold=False)

    @cached_property
    def _folded_program(self) -> Program:
        return self._read(fold=True)

    @cached_property
    def _session(self) -> Runner:
        return self._runner("onnxruntime")

    @cached_property
    def _evaluator(self) -> Runner:
        return self._runner("reference")

    def _runner(self, name: str) -> Runner:
        made: Runner = backend(name).of_program(self._opened.workspace.database, self._program)
        return made

    def _read(self, fold: bool) -> Program:
        database, file, root = self._opened.workspace.database, self._opened.source.file, self._opened.root
        target = self._target
        return self._build(lambda: program(database, file, self.name, root, self._allow_outside, fold, target))

    def _build(self, make: Callable[[], _Made]) -> _Made:
        try:
            return make()
        except Stopped as stopped:
            raise ProgramError(tuple(problems(self._opened.disk, map(report, stopped.findings)))) from stopped
