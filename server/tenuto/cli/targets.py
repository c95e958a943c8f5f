"""`tenuto targets`: which targets can run a deploy, what is in the way of others, and how long a run takes at least."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tenuto.cli.cost import counted_graph
from tenuto.cli.options.sizes import add_dim
from tenuto.cli.sources import shown
from tenuto.cli.table import table
from tenuto.cli.target import Opened, open_declaration, show_findings
from tenuto_analysis.cost.measure import Measured, graph_of
from tenuto_analysis.cost.roofline import time_on
from tenuto_analysis.diagnostics.base import Place
from tenuto_analysis.diagnostics.deploys import CannotBuild
from tenuto_analysis.dims import evaluate, literal
from tenuto_analysis.elaborate.builder import Refusal
from tenuto_analysis.elaborate.deploys import elaborate
from tenuto_analysis.elaborate.fixed import fix_sizes
from tenuto_analysis.graph import Graph
from tenuto_analysis.model import finding_at
from tenuto_analysis.modules import deploys, starts
from tenuto_analysis.targets.analysis import Verdict, targets_named, targets_of, targets_of_function
from tenuto_server.units import in_bytes, in_seconds
from tenuto_server.workspace import report

_LEAST_SHARE = 1e-4  # A smaller one is told as less than it.


class Row(NamedTuple):
    """One target: what is in the way, with its place; the share of its memory; seconds, and whether they are all."""

    target: str
    title: str
    named: bool
    obstacle: tuple[str, str] | None
    memory: float | None
    seconds: float | None
    whole: bool


def run(arguments: list[str]) -> int:
    read = _options(arguments)
    opened = open_declaration(read.target)
    if opened.reports:
        return show_findings(opened, opened.reports, read.color, "not judged")
    code = 0
    found: list[tuple[Measured, list[Row]]] = []
    for name in opened.deploys:
        graph = graph_of(opened.workspace.database, opened.source.file, name)
        if isinstance(graph, Refusal):
            stopped = finding_at(opened.workspace.database, graph.place, CannotBuild(graph.place.span, graph.reason))
            code = show_findings(opened, (report(stopped),), read.color, "not judged")
            continue
        asked = dict(read.dim)
        measured = counted_graph(graph, asked)
        found.append((measured, [*_rows(opened, measured, asked)]))
    if read.format == "json":
        print(json.dumps([_plain(measured, rows) for measured, rows in found], indent=2))
    else:
        print("\n\n".join("\n".join(_text(measured, rows)) for measured, rows in found))
    return code


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tenuto targets",
        description="Say which targets can run a deploy, or every deploy of a file.",
        epilog="Exit code: 0 judged, 1 findings, 2 misuse.",
    )
    parser.add_argument("target", metavar="FILE[:DEPLOY]", help="FILE:MODEL judges a model or a fn by itself")
    add_dim(parser, "a number for a size that is open, and not the largest that the deploy allows")
    parser.add_argument("--format", choices=["text", "json"], default="text", help="default: text")
    parser.add_argument("--color", choices=["auto", "always", "never"], default="auto", help="default: auto")
    return parser.parse_args(arguments)


def _rows(opened: Opened, found: Measured, asked: Mapping[str, int]) -> Iterator[Row]:
    """The targets in the order of their names."""
    db, graph = opened.workspace.database, found.graph
    named = targets_named(db, graph.file, graph.name)
    weights = evaluate(found.cost.weight_bytes, found.sizes)
    for verdict in _verdicts(opened, graph, asked):
        target = verdict.target
        used = weights + found.peak[0] if weights is not None and found.peak is not None else None
        time = time_on(target, found.run) if found.run is not None else None
        yield Row(
            target.name,
            target.title,
            target.name in named,
            _obstacle(opened, verdict),
            used / target.capacity if used is not None and target.capacity else None,
            time.seconds if time is not None and time.seconds else None,
            time is not None and time.whole,
        )


def _verdicts(opened: Opened, graph: Graph, asked: Mapping[str, int]) -> tuple[Verdict, ...]:
    """What each target makes of a graph whose sizes are those that are asked for."""
    db = opened.workspace.database
    if graph.name not in deploys(db, graph.file):
        return targets_of_function(db, graph.entry)
    if asked:
        graph = elaborate(db, graph.file, graph.name)  # One of its own: its sizes are changed where they are.
        fix_sizes(graph.entry, {leaf: literal(asked[str(leaf)]) for leaf in graph.entry.symbols if str(leaf) in asked})
    return targets_of(db, graph)


def _obstacle(opened: Opened, verdict: Verdict) -> tuple[str, str] | None:
    """What is in the way, and the nearest place that leads there in the file that is asked about."""
    problem = verdict.obstacle
    if problem is None:
        return None
    places = (problem.place, *reversed(problem.calls))
    own = next((place for place in places if place.file == opened.source.file), problem.place)
    return problem.message, _written(opened, own)


def _written(opened: Opened, place: Place) -> str:
    """`minilm.ten:40:13`."""
    start = starts(opened.workspace.database, place.file).get(place.declaration, 0)
    line, column = opened.workspace.lines(place.file).position(place.span.start + start)
    name = opened.source.shown if place.file == opened.source.file else shown(place.file)
    return f"{name}:{line + 1}:{column + 1}"


def _text(found: Measured, rows: list[Row]) -> Iterator[str]:
    sizes = ", ".join(f"{leaf} = {number}" for leaf, number in found.sizes.items())
    count = found.cost.parameters.constant
    parameters = f", {count:,} parameters" if count is not None else ""
    most = f", {in_bytes(found.peak[0])} of activations" if found.peak is not None else ""
    yield f"{found.graph.name}: {found.graph.entry.name}{parameters}{most}{f', at {sizes}' if sizes else ''}"
    yield ""
    cells = [
        (row.target, "yes" if row.obstacle is None else "no", _share(row.memory), _least(row), _why(row))
        for row in rows
    ]
    yield from table([("target", "runs", "memory", "time", ""), *cells], right=(2, 3))
    if any(row.seconds is not None and not row.whole for row in rows):
        yield ""
        yield "> longer in truth: the profile does not say how fast all of this is"


def _share(memory: float | None) -> str:
    if memory is None:
        return ""
    return f"{100 * memory:.3g} %" if memory >= _LEAST_SHARE else f"< {100 * _LEAST_SHARE:g} %"


def _least(row: Row) -> str:
    if row.seconds is None:
        return ""
    return f"{'' if row.whole else '> '}{in_seconds(row.seconds)}"


def _why(row: Row) -> str:
    if row.obstacle is None:
        return "named by the deploy" if row.named else ""
    message, place = row.obstacle
    return f"{message} ({place})"


def _plain(found: Measured, rows: list[Row]) -> Mapping[str, object]:
    return {
        "deploy": found.graph.name,
        "model": found.graph.entry.name,
        "sizes": {str(leaf): number for leaf, number in found.sizes.items()},
        "parameters": found.cost.parameters.constant,
        "peak_activation_bytes": found.peak[0] if found.peak is not None else None,
        "targets": [
            {
                "target": row.target,
                "title": row.title,
                "named": row.named,
                "runs": row.obstacle is None,
                "obstacle": row.obstacle[0] if row.obstacle is not None else None,
                "place": row.obstacle[1] if row.obstacle is not None else None,
                "memory": row.memory,
                "seconds": row.seconds,
                "whole": row.whole,
            }
            for row in rows
        ],
    }
