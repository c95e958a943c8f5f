"""`tenuto bind`: writes a typed Python module for a deploy."""

from __future__ import annotations

import argparse
import os
import sys

from tenuto.cli.sources import shown
from tenuto.cli.target import only_deploy, open_target, show_findings
from tenuto.cli.writing import replace_file
from tenuto_analysis.targets.analysis import only_target
from tenuto_backend.build import Stopped, typed_graph
from tenuto_backend.runtime.base import of_graph
from tenuto_backend.runtime.binding import module
from tenuto_server.workspace import report


def run(read: argparse.Namespace) -> int:
    opened = open_target(read.target)
    if opened.reports:
        return show_findings(opened, opened.reports, read.color, "not written")
    deploy = only_deploy(opened, read.target)
    try:
        database, file = opened.workspace.database, opened.source.file
        graph = typed_graph(database, file, deploy, target=only_target(database, file, deploy))
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
