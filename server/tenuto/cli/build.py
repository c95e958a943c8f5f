"""`tenuto build`: makes an artifact of each deploy that is named."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from tenuto.cli.sources import shown
from tenuto.cli.table import table
from tenuto.cli.target import Opened, open_target, show_findings
from tenuto_analysis.compat import override
from tenuto_backend.build import Program, Stopped, parameters, program
from tenuto_backend.onnx.emit import emit
from tenuto_backend.onnx.options import OnnxError, Options, Profile
from tenuto_backend.onnx.save import Saved, save
from tenuto_backend.reference.values import Array
from tenuto_backend.weights.base import WeightsError
from tenuto_server.workspace import report


class Row(NamedTuple):
    """What the summary says of one artifact; `nodes` are its own and those of its functions."""

    deploy: str
    functions: int
    nodes: int
    parameters: int
    saved: Saved
    seconds: float


def run(read: argparse.Namespace) -> int:
    opened = open_target(read.target)
    if opened.reports:
        return show_findings(opened, opened.reports, read.color, "not built")
    rows: list[Row] = []
    code = 0
    for deploy in opened.deploys:
        try:
            rows.append(_build(opened, deploy, read))
        except Stopped as stopped:
            code = show_findings(opened, tuple(map(report, stopped.findings)), read.color, "not built")
        except (OnnxError, WeightsError) as error:
            print(f"tenuto: `{deploy}` cannot be built: {error}", file=sys.stderr)
            code = 1
        except OSError as error:
            print(f"tenuto: `{deploy}` cannot be written: {error.strerror or error}", file=sys.stderr)
            code = 1
    if rows and not read.quiet:
        print("\n".join(_table(rows)))
    return code


def _build(opened: Opened, deploy: str, read: argparse.Namespace) -> Row:
    started = time.perf_counter()
    database, file = opened.workspace.database, opened.source.file
    made = program(database, file, deploy, opened.root, read.allow_outside, read.fold_batch_norm)
    options = Options(
        profile=Profile(read.profile),
        opset=read.opset,
        ledger=read.ledger,
        checkpoints=made.checkpoints,
    )
    emitted = emit(database, made.graph, options)
    arrays = _Shown(made, deploy, read.quiet)
    saved = save(emitted, arrays, Path(read.output) / f"{deploy}.onnx", inline=read.inline)
    functions = emitted.model.functions
    nodes = len(emitted.model.graph.node) + sum(len(function.node) for function in functions)
    return Row(deploy, len(functions), nodes, parameters(made.graph), saved, time.perf_counter() - started)


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
    head = ("deploy", "functions", "nodes", "parameters", "weights", "seconds", "files")
    cells = [
        (
            row.deploy,
            f"{row.functions}",
            f"{row.nodes}",
            f"{row.parameters:,}",
            _bytes(row.saved.weight_bytes),
            f"{row.seconds:.1f}",
            " ".join(shown(str(path)) for path in (row.saved.model, row.saved.data) if path is not None),
        )
        for row in rows
    ]
    return table([head, *cells], right=range(1, len(head) - 1))


def _bytes(number: int) -> str:
    exponent = min(3, max(0, (len(str(number)) - 1) // 3))
    unit = ("B", "KB", "MB", "GB")[exponent]
    return f"{number / 1000**exponent:.{1 if exponent else 0}f} {unit}"
