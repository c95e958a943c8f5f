"""`tenuto cost`: what a run of a deploy costs, by its parts: weights, operations, bytes, memory, time on a target."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path

from tenuto.cli.misuse import Misuse
from tenuto.cli.options.sizes import add_dim
from tenuto.cli.sources import shown
from tenuto.cli.table import table
from tenuto.cli.target import Opened, open_declaration, show_findings
from tenuto.cli.writing import replace_file
from tenuto_analysis.cost.liveness import Step, peak_formulas
from tenuto_analysis.cost.measure import Measured, graph_of, measured
from tenuto_analysis.cost.roofline import Operation, time_on
from tenuto_analysis.cost.summary import Part, nearest, parts_of
from tenuto_analysis.cost.work import at
from tenuto_analysis.diagnostics.deploys import CannotBuild
from tenuto_analysis.dims import Dim, evaluate, holds, render
from tenuto_analysis.elaborate.builder import Refusal
from tenuto_analysis.graph import Graph
from tenuto_analysis.model import finding_at
from tenuto_analysis.modules import deploys, starts
from tenuto_analysis.targets.analysis import Priced, targets_named, transfers_of
from tenuto_analysis.targets.profile import Profile, known, profile
from tenuto_server.settings import near
from tenuto_server.units import counted, in_bytes, in_seconds
from tenuto_server.workspace import report

PICTURES = (".svg", ".png", ".pdf")
_MOST_PEAKS = 3  # Formulas that can be read.


def run(arguments: list[str]) -> int:
    read = _options(arguments)
    opened = open_declaration(read.target)
    if opened.reports:
        return show_findings(opened, opened.reports, read.color, "not counted")
    if read.picture is not None and len(opened.deploys) > 1:
        names = ", ".join(f"`{name}`" for name in opened.deploys)
        raise Misuse(f"`{read.target}` has several deploys, {names}: say which, as FILE:DEPLOY")
    found: list[tuple[Measured, Profile | None]] = []
    code = 0
    for deploy in opened.deploys:
        graph = graph_of(opened.workspace.database, opened.source.file, deploy)
        if isinstance(graph, Refusal):
            stopped = finding_at(opened.workspace.database, graph.place, CannotBuild(graph.place.span, graph.reason))
            code = show_findings(opened, (report(stopped),), read.color, "not counted")
            continue
        found.append((counted_graph(graph, dict(read.dim)), _target(opened, deploy, read.on)))
    if read.picture is not None:
        for item, target in found:
            _draw(item, target, read.picture)
    if read.format == "json":
        print(json.dumps([_plain(opened, item, target, read.depth) for item, target in found], indent=2))
    else:
        print("\n\n".join("\n".join(_text(opened, item, target, read.depth)) for item, target in found))
    return code


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tenuto cost",
        description="Count what a run of a deploy costs, or of every deploy of a file.",
        epilog="Exit code: 0 counted, 1 findings, 2 misuse.",
    )
    parser.add_argument("target", metavar="FILE[:DEPLOY]", help="FILE:MODEL counts a model or a fn by itself")
    add_dim(parser, "a number for a size that is open, and not the largest that the deploy allows")
    parser.add_argument("--target", dest="on", metavar="TARGET", help="the time on this one (default: the deploy's)")
    parser.add_argument("--depth", type=int, default=1, metavar="N", help="parts within parts, down to N (default: 1)")
    parser.add_argument("--picture", metavar="OUT", help="draw OUT.svg, .png or .pdf: the roofline and the memory")
    parser.add_argument("--format", choices=["text", "json"], default="text", help="default: text")
    parser.add_argument("--color", choices=["auto", "always", "never"], default="auto", help="default: auto")
    read = parser.parse_args(arguments)
    if read.picture is not None and Path(read.picture).suffix.lower() not in PICTURES:
        raise Misuse(f"`{read.picture}` says no format: it ends in {', '.join(PICTURES)}")
    if read.depth < 0:
        raise Misuse("--depth is 0 or more")
    return read


def _target(opened: Opened, deploy: str, asked: str | None) -> Profile | None:
    """The target that is asked for, or the first that the deploy names; raises `Misuse` where there is none."""
    db, file = opened.workspace.database, opened.source.file
    named = (asked,) if asked is not None else targets_named(db, file, deploy)
    if not named:
        return None
    found = profile(db, file, named[0])
    if found is None:
        raise Misuse(f"there is no target `{named[0]}`{near(named[0], [*known(db, file)])}")
    return found


def counted_graph(graph: Graph, asked: Mapping[str, int]) -> Measured:
    """What a graph costs; raises `Misuse` where a size is asked for that it does not have, or does not allow."""
    found = measured(graph, asked)
    names = [str(leaf) for leaf in (*graph.entry.symbols, *sorted(found.cost.leaves, key=str))]
    for name in asked:
        if name not in names:
            known = f"those of `{graph.name}` are {', '.join(dict.fromkeys(names))}" if names else "it has none"
            raise Misuse(f"there is no open size `{name}`: {known}")
    for fact in graph.bounds:
        if holds(fact, found.sizes) is False:
            told = ", ".join(f"{name} = {number}" for name, number in asked.items())
            raise Misuse(f"{told} breaks `{render(fact)}`, which is said of its sizes")
    return found


def _draw(found: Measured, target: Profile | None, output: str) -> None:
    if found.missing:
        raise Misuse(f"a picture needs numbers for all sizes: say --dim {found.missing[0]}=...")
    content = import_module("tenuto_backend.picture.cost").drawn(found, target, Path(output).suffix.lower()[1:])
    try:
        replace_file(output, content)
    except OSError as error:
        raise Misuse(f"cannot write `{output}`: {error.strerror or error}") from error
    print(f"wrote {shown(os.path.abspath(output))}", file=sys.stderr)


# ---------------------------------------------------------------------------------------------------------------- text


def _text(opened: Opened, found: Measured, target: Profile | None, depth: int) -> Iterator[str]:
    yield _title(found, target)
    yield ""
    if found.work is not None:
        yield from table([*_rows(found, target, depth)], right=range(2, 9))
        yield ""
        yield from _memory(opened, found, target)
        yield from _time(found, target)
        yield from _transfers(_crossing(opened, found))
        yield from [""] if found.graph.entry.symbols else ()
    if found.work is None or found.graph.entry.symbols:
        yield from _formulas(found)


def _title(found: Measured, target: Profile | None) -> str:
    sizes = ", ".join(f"{leaf} = {number}" for leaf, number in found.sizes.items())
    on = f" on {target.name}" if target is not None else ""
    return f"{found.graph.name}: {found.graph.entry.name}{on}{f', at {sizes}' if sizes else ''}"


def _rows(found: Measured, target: Profile | None, depth: int) -> Iterator[Sequence[str]]:
    """A line for each part, and the total."""
    timed = _is_timed(found, target)
    yield "part", "model", "count", "parameters", "FLOPs", "bytes", "FLOPs/byte", *(("time",) if timed else ())
    parts = parts_of(found.graph.entry, depth)
    times = _times(found, target, parts) if target is not None and timed else []
    for number, part in enumerate(parts):
        yield (
            part.name or "(itself)",
            part.model,
            f"{len(part.paths)}",
            *_cells(found, part),
            *times[number : number + 1],
        )
    whole = Part("total", ("",), "", found.cost.parameters, found.cost.work)
    yield "total", "", "", *_cells(found, whole), *times[len(parts) :]


def _cells(found: Measured, part: Part) -> tuple[str, str, str, str]:
    numbers = at(part.work, found.sizes)
    assert numbers is not None, "the whole has numbers"
    count = evaluate(part.parameters, found.sizes)
    parameters = f"{count:,}" if count is not None else f"{part.parameters}"
    intensity = f"{numbers.intensity:.1f}" if numbers.intensity is not None else ""
    return parameters, counted(numbers.flops), in_bytes(numbers.moved), intensity


def _times(found: Measured, target: Profile, parts: Sequence[Part]) -> list[str]:
    """The time of each part, and last that of all."""
    owner = {path: number for number, part in enumerate(parts) for path in part.paths}
    runs: list[list[Operation]] = [[] for _ in parts]
    for operation in found.run or ():
        number = owner.get(nearest(owner, operation.part))
        if number is not None:
            runs[number].append(operation)
    return [in_seconds(time_on(target, run).seconds) for run in (*runs, found.run or ())]


def _is_timed(found: Measured, target: Profile | None) -> bool:
    return target is not None and found.run is not None and time_on(target, found.run).seconds > 0


def _memory(opened: Opened, found: Measured, target: Profile | None) -> Iterator[str]:
    weights = evaluate(found.cost.weight_bytes, found.sizes)
    yield f"weights      {in_bytes(weights) if weights is not None else found.cost.weight_bytes}"
    if found.peak is None:
        return
    most, step = found.peak
    yield f"activations  {in_bytes(most)} at most, at {_place(opened, step)}"
    if target is not None and target.capacity is not None and weights is not None:
        whole, share = in_bytes(target.capacity), 100 * (weights + most) / target.capacity
        yield f"together     {in_bytes(weights + most)}, {share:.3g} % of the {whole} of {target.name}"


def _place(opened: Opened, step: Step) -> str:
    """`matmul of layer.0.output (minilm.ten:40:13)`: the nearest place that leads there in the file of the deploy."""
    part = f" of {step.part}" if step.part else ""
    places = [place for place in (step.origin, *reversed(step.calls)) if place is not None]
    own = next((place for place in places if place.file == opened.source.file), None)
    if own is None:
        return f"`{step.op}`{part}"
    start = starts(opened.workspace.database, own.file)[own.declaration]
    line, column = opened.workspace.lines(own.file).position(own.span.start + start)
    return f"`{step.op}`{part} ({opened.source.shown}:{line + 1}:{column + 1})"


def _time(found: Measured, target: Profile | None) -> Iterator[str]:
    if target is None or found.run is None:
        return
    time = time_on(target, found.run)
    if not time.seconds:
        yield f"time         not known: the profile of {target.name} says no rates"
        return
    yield f"waits        {100 * time.computing:.0f} % of the time for arithmetic, else for memory"
    if not time.whole:
        yield f"             longer in truth: the profile of {target.name} does not say how fast all of this is"


def _crossing(opened: Opened, found: Measured) -> tuple[Priced, ...]:
    """The values that cross between targets; a definition by itself has no parts elsewhere."""
    db, graph = opened.workspace.database, found.graph
    return transfers_of(db, graph, found.sizes) if graph.name in deploys(db, graph.file) else ()


def _transfers(crossing: Sequence[Priced]) -> Iterator[str]:
    for number, priced in enumerate(crossing):
        size = in_bytes(priced.bytes) if priced.bytes is not None else f"{priced.transfer.bytes} bytes"
        time = f", {in_seconds(priced.seconds)} at least" if priced.seconds is not None else ""
        way = f"to {_targets(priced.transfer.to)} from {_targets(priced.transfer.source)}"
        yield f"{'' if number else 'crosses':13}`{priced.transfer.name}` {way}: {size}{time}"


def _targets(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "the deploy's target"


def _formulas(found: Measured) -> Iterator[str]:
    """The numbers for all sizes; of the activations, what is the most at these."""
    if found.cost.parameters.constant is None or found.work is None:
        yield f"parameters   {found.cost.parameters}"
    yield f"FLOPs        {found.cost.work.flops}"
    yield f"bytes        {found.cost.work.moved}"
    peaks = peak_formulas(found.cost.steps)
    if found.peak is not None:
        yield f"activations  {found.peak[1].live}"
    elif len(peaks) <= _MOST_PEAKS:
        yield f"activations  {_largest(peaks)}"
    else:
        yield f"activations  the largest of {len(peaks)} formulas: --format json has them"


def _largest(peaks: Sequence[Dim]) -> str:
    return f"max({', '.join(map(str, peaks))})" if len(peaks) > 1 else f"{peaks[0]}"


# ---------------------------------------------------------------------------------------------------------------- JSON


def _plain(opened: Opened, found: Measured, target: Profile | None, depth: int) -> dict[str, object]:
    numbers, work = found.work, found.cost.work
    peaks = peak_formulas(found.cost.steps)
    parts = parts_of(found.graph.entry, depth)
    return {
        "deploy": found.graph.name,
        "model": found.graph.entry.name,
        "target": target.name if target is not None else None,
        "sizes": {str(leaf): number for leaf, number in found.sizes.items()},
        "missing": list(found.missing),
        "parameters": found.cost.parameters.constant,
        "weight_bytes": found.cost.weight_bytes.constant,
        "flops": _both(work.flops, numbers.flops if numbers is not None else None),
        "product_flops": _both(work.products, numbers.products if numbers is not None else None),
        "bytes_read": _both(work.read, numbers.read if numbers is not None else None),
        "bytes_written": _both(work.written, numbers.written if numbers is not None else None),
        "peak_activation_bytes": {
            "formula": _largest(peaks),
            "value": found.peak[0] if found.peak is not None else None,
            "operator": found.peak[1].op if found.peak is not None else None,
            "part": found.peak[1].part if found.peak is not None else None,
        },
        "seconds": _seconds(found, target),
        "transfers": [_plain_transfer(priced) for priced in _crossing(opened, found)],
        "parts": [_plain_part(found, part) for part in parts],
    }


def _plain_part(found: Measured, part: Part) -> dict[str, object]:
    numbers = at(part.work, found.sizes)
    return {
        "part": part.name,
        "paths": list(part.paths),
        "model": part.model,
        "parameters": part.parameters.constant,
        "flops": _both(part.work.flops, numbers.flops if numbers is not None else None),
        "bytes": _both(part.work.moved, numbers.moved if numbers is not None else None),
    }


def _plain_transfer(priced: Priced) -> dict[str, object]:
    transfer = priced.transfer
    return {
        "value": transfer.name,
        "type": str(transfer.type),
        "from": list(transfer.source),
        "to": list(transfer.to),
        "bytes": _both(transfer.bytes, priced.bytes),
        "seconds": priced.seconds,
    }


def _both(formula: Dim, value: int | None) -> dict[str, object]:
    return {"formula": str(formula), "value": value}


def _seconds(found: Measured, target: Profile | None) -> dict[str, object] | None:
    if target is None or found.run is None:
        return None
    time = time_on(target, found.run)
    return {"least": time.seconds, "whole": time.whole, "computing": time.computing}
