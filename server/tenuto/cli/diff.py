"""`tenuto diff`: what an artifact still says of its source."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from tenuto.cli.formats import text
from tenuto.cli.inspect import read_structure
from tenuto.cli.misuse import Misuse
from tenuto.cli.outcome import count
from tenuto.cli.target import Opened, open_target
from tenuto.cli.terminal import harmless, wants_color
from tenuto_analysis.targets.analysis import only_target
from tenuto_backend.build import Stopped, typed_graph
from tenuto_backend.onnx.compare import Item, Kind, Status
from tenuto_backend.onnx.options import OnnxError
from tenuto_backend.onnx.structure import Structure
from tenuto_backend.onnx.verdict import Verdict, verdict
from tenuto_server.workspace import report

_MOST = 8

_LEDGER = {
    "absent": "the model has no ledger",
    "agrees": "the ledger says what the source says",
    "differs": "the ledger does not say what the source says:",
    "unreadable": "the ledger cannot be read",
}


def run(read: argparse.Namespace) -> int:
    artifact = read_structure(read.model)
    opened = open_target(read.source)
    try:
        found = _compared(opened, artifact, read.fold_batch_norm, Path(read.model).stem)
    except Stopped as stopped:
        reports = opened.reports or tuple(map(report, stopped.findings))
        sys.stdout.write(text.render(opened.outcome(reports), wants_color("auto")))
        raise Misuse(f"nothing to compare with: {count(len(reports), 'error')} in the source") from stopped
    except OnnxError as error:
        raise Misuse(f"nothing to compare with: {error}") from error
    if read.json:
        print(json.dumps({"model": read.model, **found.plain()}, indent=2))
    else:
        for line in _text(found, read.model, read.all):
            print(harmless(line))
    return 0 if found.intact else 1


def _compared(opened: Opened, artifact: Structure, fold: bool, stem: str) -> Verdict:
    if opened.reports:
        raise Stopped(())
    database, file, deploy = opened.workspace.database, opened.source.file, _deploy(opened, artifact)
    target = only_target(database, file, deploy, stem)
    return verdict(database, typed_graph(database, file, deploy, fold, target), artifact)


def _deploy(opened: Opened, artifact: Structure) -> str:
    """The deploy that is named, or the only one, or the one whose name the model has."""
    if len(opened.deploys) == 1:
        return opened.deploys[0]
    if artifact.entry.name in opened.deploys:
        return artifact.entry.name
    names = ", ".join(f"`{name}`" for name in opened.deploys)
    raise Misuse(f"of which deploy is this? the file has {names}, and the model calls itself `{artifact.entry.name}`")


# ----------------------------------------------------------------------------------------------------------------- text


def _text(found: Verdict, model: str, every: bool) -> Iterator[str]:
    yield f"`{found.deploy}` in {model}:"
    yield ""
    yield from _table(found.items)
    for kind in Kind:
        changed = [item for item in found.items if item.kind is kind and item.status is not Status.INTACT]
        if changed:
            yield ""
            yield f"{kind.value}:"
            yield from _details(changed, every)
    if found.contradictions:
        yield ""
        yield "the model contradicts itself:"
        yield from _some([f"  {line}" for line in found.contradictions], every)
    yield ""
    yield f"{'all intact' if found.intact else 'not all intact'}; {_LEDGER[found.ledger]}"
    untold = [item for item in found.items if item.told is False]
    yield from _some([f"  not in it: {item.kind.value}: {item.name}" for item in untold], every)
    yield from _some([f"  only in it: {claim}" for claim in found.surplus], every)


def _table(items: tuple[Item, ...]) -> Iterator[str]:
    rows = [("", *(status.value for status in Status), "by the ledger")]
    for kind in Kind:
        mine = [item for item in items if item.kind is kind]
        if mine:
            numbers = [str(sum(item.status is status for item in mine)) for status in Status]
            heard = [item.told for item in mine if item.told is not None]
            rows.append((kind.value, *numbers, f"{sum(heard)} of {len(heard)}" if heard else "-"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        yield "  ".join((first.ljust(widths[0]), *cells))


def _details(items: list[Item], every: bool) -> Iterator[str]:
    for status in Status:
        mine = [item for item in items if item.status is status]
        lines = [f"  {status.value:<8}{item.name}{f' -> {item.now}' if item.now else ''}" for item in mine]
        yield from _some(lines, every)


def _some(lines: list[str], every: bool) -> Iterator[str]:
    shown = lines if every or len(lines) <= _MOST else lines[: _MOST - 1]
    yield from shown
    if len(shown) < len(lines):
        yield f"  ... and {len(lines) - len(shown)} more: --all tells them"
