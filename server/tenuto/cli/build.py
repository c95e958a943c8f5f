"""`tenuto build`: makes an artifact of each deploy that is named."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from math import inf
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from tenuto.cli import losses
from tenuto.cli.aims import Aim, aims, left_to_do
from tenuto.cli.options.build import PROFILE, only_of_onnx
from tenuto.cli.sources import shown
from tenuto.cli.table import table
from tenuto.cli.target import Opened, open_target, show_findings, show_hazards
from tenuto_analysis.compat import override
from tenuto_analysis.database import Database
from tenuto_backend.bound import bound
from tenuto_backend.build import Program, Stopped, parameters, program, with_sizes
from tenuto_backend.iree import build as binaries
from tenuto_backend.iree.targets import target
from tenuto_backend.legalise import refuse_binary, takes_opset
from tenuto_backend.mlir import emit as mlir
from tenuto_backend.mlir import save as mlir_files
from tenuto_backend.mlir.operations import count
from tenuto_backend.onnx.emit import emit
from tenuto_backend.onnx.options import OPSET_OF_PROFILE, Options, Profile
from tenuto_backend.onnx.save import save
from tenuto_backend.reference.values import Array
from tenuto_backend.runtime.base import WrongInput
from tenuto_backend.stablehlo import emit as stablehlo
from tenuto_backend.stablehlo import save as stablehlo_files
from tenuto_backend.weights.base import WeightsError
from tenuto_backend.weights.beside import ArtifactError, Saved
from tenuto_server.workspace import report


class Made(NamedTuple):
    """One artifact: its functions, its nodes and those of its functions, its files."""

    functions: int
    nodes: int
    saved: Saved


class Row(NamedTuple):
    """What the summary says of one artifact."""

    aim: Aim
    deploy: str
    functions: int
    nodes: int
    parameters: int
    saved: Saved
    seconds: float


def run(read: argparse.Namespace) -> int:
    opened = open_target(read.target, at_once=inf)
    if opened.reports:
        return show_findings(opened, opened.reports, read.color, "not built")
    if not read.quiet:
        show_hazards(opened, read.color)
    rows: list[Row] = []
    reports: list[str] = []
    code = 0
    database, file = opened.workspace.database, opened.source.file
    for deploy, aim in (
        (name, aim) for name in opened.deploys for aim in aims(database, file, name, read.emit, read.targets)
    ):
        try:
            rows.append(_build(opened, deploy, aim, read, reports))
        except Stopped as stopped:
            code = show_findings(opened, tuple(map(report, stopped.findings)), read.color, "not built")
        except (ArtifactError, WeightsError) as error:
            print(f"tenuto: `{aim.stem}` cannot be built: {error}", file=sys.stderr)
            code = 1
        except WrongInput as error:
            print(f"tenuto: `{aim.stem}` is built, but nothing is reported: {error}", file=sys.stderr)
            code = 1
        except OSError as error:
            print(f"tenuto: `{aim.stem}` cannot be written: {error.strerror or error}", file=sys.stderr)
            code = 1
    if rows and not read.quiet:
        print("\n".join((*_table(rows), *left_to_do((row.aim, shown(str(row.saved.model))) for row in rows))))
    if reports:
        print("\n".join(["", *reports] if rows and not read.quiet else reports))
    return code


def _build(opened: Opened, deploy: str, aim: Aim, read: argparse.Namespace, reports: list[str]) -> Row:
    """Writes an artifact; what is to be reported of it goes to `reports`."""
    started = time.perf_counter()
    if aim.form != "onnx":
        only_of_onnx(read, aim.form)
    elif aim.target is not None:
        takes_opset(aim.target, read.opset or OPSET_OF_PROFILE[Profile(read.profile or PROFILE)])
    database, file = opened.workspace.database, opened.source.file
    made = with_sizes(
        program(database, file, deploy, opened.root, read.allow_outside, read.fold_batch_norm, aim.target),
        dict(read.dim),
    )
    arrays = _Shown(made, deploy, read.quiet)
    form = FORMS[aim.form]
    path = Path(read.output) / f"{aim.stem}{form.ending}"
    functions, nodes, saved = form.write(database, made, arrays, path, read, aim)
    seconds = time.perf_counter() - started
    if read.report:
        reports += losses.lines(opened, deploy, made, read)
    return Row(aim, deploy, functions, nodes, parameters(made.graph), saved, seconds)


def _onnx(
    database: Database, made: Program, arrays: Mapping[str, Array], path: Path, read: argparse.Namespace, _: Aim
) -> Made:
    options = Options(
        profile=Profile(read.profile or PROFILE),
        opset=read.opset,
        ledger=read.ledger,
        checkpoints=made.checkpoints,
    )
    emitted = emit(database, made.graph, options)
    saved = save(emitted, arrays, path, inline=read.inline, in_place=read.in_place)
    functions = emitted.model.functions
    nodes = len(emitted.model.graph.node) + sum(len(function.node) for function in functions)
    return Made(len(functions), nodes, saved)


def _mlir(
    database: Database, made: Program, arrays: Mapping[str, Array], path: Path, _: argparse.Namespace, __: Aim
) -> Made:
    module = mlir.emit(database, made.graph)
    saved = mlir_files.save(module, made.graph, arrays, path)
    return Made(len(module.functions), count(module), saved)


def _stablehlo(
    database: Database, made: Program, arrays: Mapping[str, Array], path: Path, read: argparse.Namespace, _: Aim
) -> Made:
    # Its sizes are numbers in every function, not in the deploy's own alone.
    graph = bound(made.graph, {})
    module = stablehlo.emit(database, graph)
    saved = stablehlo_files.save(module, graph, arrays, path, read.portable)
    return Made(len(module.functions), count(module), saved)


def _vmfb(
    database: Database, made: Program, arrays: Mapping[str, Array], path: Path, _: argparse.Namespace, aim: Aim
) -> Made:
    if aim.target is not None:
        refuse_binary(aim.target)
    wanted = target(aim.code)
    data = path.with_suffix(".safetensors") if made.graph.entry.weights else None
    module = binaries.module_for(database, made.graph, wanted, data.name if data is not None else None)
    saved = binaries.save(binaries.compiled(database, made.graph, wanted, module), made.graph, arrays, path, data)
    return Made(len(module.functions), count(module), saved)


class Form(NamedTuple):
    """How an artifact of a kind is written, how its name ends, and what it calls what it computes with."""

    write: Callable[[Database, Program, Mapping[str, Array], Path, argparse.Namespace, Aim], Made]
    ending: str
    nodes: str


FORMS = {
    "onnx": Form(_onnx, ".onnx", "nodes"),
    "mlir": Form(_mlir, ".mlir", "operations"),
    "stablehlo": Form(_stablehlo, stablehlo_files.ENDING, "operations"),
    "vmfb": Form(_vmfb, ".vmfb", "operations"),
}


class _Shown(Mapping[str, Array]):
    """Weights that move a progress bar as they are read; there is none where nobody looks."""

    def __init__(self, made: Program, deploy: str, quiet: bool) -> None:
        self._weights = made.weights
        self._bar = tqdm(
            total=parameters(made.graph),
            desc=deploy,
            unit="param",
            unit_scale=True,
            leave=False,
            disable=True if quiet else None,
            delay=0.5,
        )

    @override
    def __getitem__(self, path: str) -> Array:
        array = self._weights[path]
        self._bar.update(array.size)
        return array

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._weights)

    @override
    def __len__(self) -> int:
        return len(self._weights)


def _table(rows: list[Row]) -> Iterator[str]:
    """A line for each artifact, by the name of its file."""
    nodes = " or ".join(dict.fromkeys(FORMS[row.aim.form].nodes for row in rows))
    head = ("deploy", "functions", nodes, "parameters", "weights", "seconds", "files")
    cells = [
        (
            row.aim.stem,
            f"{row.functions}",
            f"{row.nodes}",
            f"{row.parameters:,}",
            _bytes(row.saved.weight_bytes),
            f"{row.seconds:.1f}",
            _files(row.saved),
        )
        for row in rows
    ]
    return table([head, *cells], right=range(1, len(head) - 1))


def _files(saved: Saved) -> str:
    written = " ".join(shown(str(path)) for path in (saved.model, *saved.others, saved.data) if path is not None)
    if not saved.checkpoints:
        return written
    return f"{written} (weights stay in {', '.join(path.name for path in saved.checkpoints)})"


def _bytes(number: int) -> str:
    exponent = min(3, max(0, (len(str(number)) - 1) // 3))
    unit = ("B", "KB", "MB", "GB")[exponent]
    return f"{number / 1000**exponent:.{1 if exponent else 0}f} {unit}"
