"""`tenuto run`: runs a deploy or an artifact, on inputs that are given, or drawn within their types."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

from tenuto.cli.misuse import Misuse
from tenuto.cli.sources import shown
from tenuto.cli.table import table
from tenuto.cli.target import only_deploy, open_target, show_findings
from tenuto.cli.writing import replace_file
from tenuto_analysis.targets.analysis import only_target
from tenuto_backend.build import Stopped, program
from tenuto_backend.reference.values import Array
from tenuto_backend.runtime import files
from tenuto_backend.runtime.artifact import interface_of, read_model
from tenuto_backend.runtime.base import Interface, RunError, Runner, WrongInput, backend, of_graph
from tenuto_backend.runtime.binary import open_binary
from tenuto_backend.runtime.inputs import Ready, ready
from tenuto_backend.runtime.summary import summary
from tenuto_backend.weights.base import WeightsError
from tenuto_backend.weights.beside import ArtifactError
from tenuto_server.workspace import report


def run(read: argparse.Namespace) -> int:
    try:
        return _run(read)
    except WrongInput as error:
        raise Misuse(str(error)) from error
    except (ArtifactError, RunError, WeightsError) as error:
        print(f"tenuto: {error}", file=sys.stderr)
        return 1


def _run(read: argparse.Namespace) -> int:
    runtime = backend(read.backend)
    if read.target.endswith((".onnx", ".vmfb")):
        if not os.path.isfile(read.target):
            raise Misuse(f"there is no file `{read.target}`")
        return _run_file(Path(read.target), runtime, read)
    opened = open_target(read.target)
    if opened.reports:
        return show_findings(opened, opened.reports, read.color, "not run")
    deploy = only_deploy(opened, read.target)
    database = opened.workspace.database
    try:
        target = only_target(database, opened.source.file, deploy)
        made = program(database, opened.source.file, deploy, opened.root, read.allow_outside, target=target)
    except Stopped as stopped:
        return show_findings(opened, tuple(map(report, stopped.findings)), read.color, "not run")
    interface = of_graph(made.graph)
    taken = _inputs(interface, read)
    return _show(interface, taken, runtime.of_program(database, made), read)


def _run_file(path: Path, runtime: ModuleType, read: argparse.Namespace) -> int:
    if path.suffix == ".vmfb":
        binary = open_binary(path)
        return _show(binary.interface, _inputs(binary.interface, read), binary.runner(), read)
    interface = interface_of(read_model(path))
    return _show(interface, _inputs(interface, read), runtime.of_model(path), read)


def _inputs(interface: Interface, read: argparse.Namespace) -> Ready:
    given: dict[str, Array] = dict(files.many(interface, read.inputs)) if read.inputs is not None else {}
    for name, text in _pairs("--input", read.input):
        if name in given:
            raise Misuse(f"the input `{name}` is given twice")
        given[name] = files.one(interface, name, text)
    return ready(interface, given, _sizes(read.dim), read.seed)


def _show(interface: Interface, taken: Ready, runner: Runner, read: argparse.Namespace) -> int:
    started = time.perf_counter()
    results = dict(zip((port.name for port in interface.outputs), runner(taken.arrays), strict=True))
    seconds = time.perf_counter() - started
    if read.output is not None:
        try:
            replace_file(os.path.abspath(read.output), files.packed(results))
        except OSError as error:
            print(f"tenuto: `{read.output}` cannot be written: {error.strerror or error}", file=sys.stderr)
            return 1
    if not read.quiet:
        print("\n".join(_lines(interface, taken, results)))
        told = f"ran in {seconds:.3f} s ({read.backend})"
        print(f"{told}, wrote {shown(os.path.abspath(read.output))}" if read.output is not None else told)
    return 0


def _lines(interface: Interface, taken: Ready, results: Mapping[str, Array]) -> Sequence[str]:
    rows = [("", "name", "type", "least", "mean", "greatest", "first")]
    for port, array in zip(interface.inputs, taken.arrays, strict=True):
        rows.append(("drawn" if port.name in taken.drawn else "given", port.name, *summary(array)))
    rows += (("output", name, *summary(array)) for name, array in results.items())
    return list(table(rows, right=(3, 4, 5)))


def _pairs(option: str, texts: Sequence[str]) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise Misuse(f"{option} {text}: write name=value")
        if name in found:
            raise Misuse(f"{option}: `{name}` is given twice")
        found[name] = value
    return list(found.items())


def _sizes(texts: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, value in _pairs("--dim", texts):
        if not value.isascii() or not value.isdigit():
            raise Misuse(f"--dim {name}={value}: a size is an integer that is not negative")
        found[name] = int(value)
    return found
