"""`tenuto graph`: draws a deploy, as an SVG picture or as an HTML page whose functions open and close."""

from __future__ import annotations

import argparse
import os
import sys
from difflib import get_close_matches
from pathlib import Path

from tenuto.cli.formats import text
from tenuto.cli.misuse import Misuse
from tenuto.cli.options.graph import FORMATS
from tenuto.cli.outcome import count
from tenuto.cli.sources import shown
from tenuto.cli.target import Opened, open_target
from tenuto.cli.terminal import wants_color
from tenuto.cli.writing import replace_file
from tenuto_analysis.graph import Function, Graph
from tenuto_backend.build import Stopped, typed_graph
from tenuto_backend.picture.layout import laid_out
from tenuto_backend.picture.page import page
from tenuto_backend.picture.scene import scene
from tenuto_backend.picture.svg import picture
from tenuto_server.reports import Report
from tenuto_server.workspace import report


def run(read: argparse.Namespace) -> int:
    format_ = read.format or _suffix(read.output)
    if read.function is not None and format_ == "html":
        raise Misuse("--function is for SVG: an HTML page has every function")
    opened = open_target(read.target)
    if opened.reports:
        return _show(opened, opened.reports, read.color)
    if read.output is not None and len(opened.deploys) > 1:
        names = ", ".join(f"`{name}`" for name in opened.deploys)
        raise Misuse(f"`{read.target}` has several deploys, {names}: say which, as FILE:DEPLOY")
    code = 0
    for deploy in opened.deploys:
        try:
            graph = typed_graph(opened.workspace.database, opened.source.file, deploy)
        except Stopped as stopped:
            code = _show(opened, tuple(map(report, stopped.findings)), read.color)
            continue
        drawn = page(graph) if format_ == "html" else _picture(graph, read.function)
        _write(drawn, read.output or f"{deploy}.{format_}", read.quiet)
    return code


def _picture(graph: Graph, wanted: str | None) -> str:
    drawn = scene(graph, graph.entry if wanted is None else _function(graph, wanted))
    return picture(drawn, laid_out(drawn))


def _function(graph: Graph, wanted: str) -> Function:
    """The function of this name; of several, the last, which is the nearest to the entry."""
    names = {function.name: function for function in graph.functions}
    if wanted not in names:
        near = get_close_matches(wanted, names, n=1)
        hint = f"; did you mean `{near[0]}`?" if near else f"; it has {', '.join(f'`{name}`' for name in names)}"
        raise Misuse(f"`{graph.name}` has no function `{wanted}`{hint}")
    return names[wanted]


def _write(drawn: str, output: str, quiet: bool) -> None:
    content = drawn.encode("utf-8")
    if output == "-":
        sys.stdout.buffer.write(content)
        return
    try:
        replace_file(output, content)
    except OSError as error:
        raise Misuse(f"cannot write `{output}`: {error.strerror or error}") from error
    if not quiet:
        print(f"wrote {shown(os.path.abspath(output))}", file=sys.stderr)


def _show(opened: Opened, reports: tuple[Report, ...], color: str) -> int:
    sys.stdout.write(text.render(opened.outcome(reports), wants_color(color)))
    print(f"not drawn: {count(len(reports), 'error')}", file=sys.stderr)
    return 1


def _suffix(output: str | None) -> str:
    """The format that the name of a file asks for; SVG where there is none."""
    if output is None or output == "-":
        return "svg"
    suffix = Path(output).suffix.removeprefix(".").lower()
    suffix = "html" if suffix == "htm" else suffix
    if suffix not in FORMATS:
        raise Misuse(f"`{output}` says no format: it ends in .svg or .html, or --format says it")
    return suffix
