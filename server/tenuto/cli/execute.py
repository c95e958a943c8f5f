"""`tenuto run`: runs a deploy, or an ONNX model, on inputs that are given, or drawn within their types."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tenuto.cli.misuse import Misuse
from tenuto.cli.sources import shown
from tenuto.cli.table import table
from tenuto.cli.target import only_deploy, open_target, show_findings
from tenuto.cli.writing import replace_file
from tenuto_backend.build import Stopped, program
from tenuto_backend.onnx.options import OnnxError
from tenuto_backend.reference.values import Array
from tenuto_backend.runtime import files
from tenuto_backend.runtime.artifact import interface_of, read_model
from tenuto_backend.runtime.base import BACKENDS, Interface, RunError, Runner, WrongInput, backend, of_graph
from tenuto_backend.runtime.inputs import Ready, ready
from tenuto_backend.runtime.summary import summary
from tenuto_backend.weights.base import WeightsError
from tenuto_server.workspace import report


def run(arguments: list[str]) -> int:
    read = _read(arguments)
    try:
        return _run(read)
    except WrongInput as error:
        raise Misuse(str(error)) from error
    except (OnnxError, RunError, WeightsError) as error:
        print(f"tenuto: {error}", file=sys.stderr)
        return 1


def _run(read: argparse.Namespace) -> int:
    runtime = backend(read.backend)
    if read.target.endswith(".onnx"):
        if not os.path.isfile(read.target):
            raise Misuse(f"there is no file `{read.target}`")
        path = Path(read.target)
        interface = interface_of(read_model(path))
        taken = _inputs(interface, read)
        return _show(interface, taken, runtime.of_model(path), read)
    opened = open_target(read.target)
    if opened.reports:
        return show_findings(opened, opened.reports, read.color, "not run")
    deploy = only_deploy(opened, read.target)
    database = opened.workspace.database
    try:
        made = program(database, opened.source.file, deploy, opened.root, read.allow_outside)
    except Stopped as stopped:
        return show_findings(opened, tuple(map(report, stopped.findings)), read.color, "not run")
    interface = of_graph(made.graph)
    taken = _inputs(interface, read)
    return _show(interface, taken, runtime.of_program(database, made), read)


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


def _read(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tenuto run",
        description="Run a deploy, or an ONNX model. Inputs that are not given are drawn within their types.",
        epilog="Exit code: 0 it ran, 1 findings or a run that failed, 2 misuse, which inputs that do not fit are.",
    )
    parser.add_argument("target", metavar="FILE[:DEPLOY]|MODEL.onnx")
    parser.add_argument(
        "--input",
        "-i",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an input: a .npy file, or JSON such as [[1, 2, 3]]; may be repeated",
    )
    parser.add_argument("--inputs", metavar="FILE", help="inputs by name: a .npz, or an object in a .json")
    parser.add_argument(
        "--dim", action="append", default=[], metavar="SIZE=N", help="a size of what is drawn, S=12; may be repeated"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="what is drawn depends on it (default: 0)")
    parser.add_argument("--output", "-o", metavar="FILE.npz", help="write the outputs to this file")
    parser.add_argument(
        "--backend",
        choices=[*BACKENDS],
        default="onnxruntime",
        help="onnxruntime, or NumPy: slow, and the meaning that the other is held against (default: onnxruntime)",
    )
    parser.add_argument("--allow-outside", action="store_true", help="read weights from outside of the workspace")
    parser.add_argument("--color", choices=["auto", "always", "never"], default="auto", help="default: auto")
    parser.add_argument("--quiet", "-q", action="store_true", help="no summary")
    read = parser.parse_args(arguments)
    if read.seed < 0:
        raise Misuse("--seed: an integer that is not negative")
    if read.output is not None and not read.output.endswith(".npz"):
        raise Misuse(f"--output {read.output}: outputs are written to a .npz file")
    if read.output is not None and not os.path.isdir(os.path.dirname(read.output) or "."):
        raise Misuse(f"--output {read.output}: there is no folder `{os.path.dirname(read.output)}`")
    return read
