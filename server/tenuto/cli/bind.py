"""`tenuto bind`: writes a typed Python module for a deploy."""

from __future__ import annotations

import argparse
import os
import sys

from tenuto.cli.misuse import Misuse
from tenuto.cli.sources import shown
from tenuto.cli.target import only_deploy, open_target, show_findings
from tenuto.cli.writing import replace_file
from tenuto_backend.build import Stopped, typed_graph
from tenuto_backend.runtime.base import of_graph
from tenuto_backend.runtime.binding import module
from tenuto_server.workspace import report


def run(arguments: list[str]) -> int:
    read = _read(arguments)
    opened = open_target(read.target)
    if opened.reports:
        return show_findings(opened, opened.reports, read.color, "not written")
    deploy = only_deploy(opened, read.target)
    try:
        graph = typed_graph(opened.workspace.database, opened.source.file, deploy)
    except Stopped as stopped:
        return show_findings(opened, tuple(map(report, stopped.findings)), read.color, "not written")
    text = module(of_graph(graph), graph.entry.doc, os.path.basename(opened.source.file))
    if read.output == "-":
        sys.stdout.write(text)
        return 0
    path = read.output if read.output is not None else f"{deploy}.py"
    try:
        replace_file(os.path.abspath(path), text.encode("utf-8"))
    except OSError as error:
        print(f"tenuto: `{path}` cannot be written: {error.strerror or error}", file=sys.stderr)
        return 1
    print(f"wrote {shown(os.path.abspath(path))}; it runs `{deploy}.onnx` beside it, which `tenuto build` makes")
    return 0


def _read(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tenuto bind",
        description="Write a Python module that runs a deploy's artifact, with the types of NumPy.",
        epilog="Exit code: 0 written, 1 findings or a file that cannot be written, 2 misuse.",
    )
    parser.add_argument("target", metavar="FILE[:DEPLOY]")
    parser.add_argument("--output", "-o", metavar="MODULE.py", help="the module (default: DEPLOY.py); - is the output")
    parser.add_argument("--color", choices=["auto", "always", "never"], default="auto", help="default: auto")
    read = parser.parse_args(arguments)
    if read.output not in (None, "-") and not read.output.endswith(".py"):
        raise Misuse(f"--output {read.output}: the name of a module ends in .py")
    return read
