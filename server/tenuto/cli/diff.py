"""`tenuto diff`: what an artifact still says of its source."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator

import msgspec

from tenuto.cli.formats import text
from tenuto.cli.inspect import read_structure
from tenuto.cli.misuse import Misuse
from tenuto.cli.outcome import count
from tenuto.cli.target import Opened, open_target
from tenuto.cli.terminal import harmless, wants_color
from tenuto_backend.build import Stopped, typed_graph
from tenuto_backend.onnx.compare import Item, Kind, Status, compare, surplus
from tenuto_backend.onnx.emit import emit
from tenuto_backend.onnx.interface import contradictions
from tenuto_backend.onnx.options import HIGHEST_OPSET, LOWEST_OPSET, OnnxError, Options
from tenuto_backend.onnx.structure import Structure, structure
from tenuto_backend.onnx.witness import UnreadableLedger, ledger_of
from tenuto_server.workspace import report

_MOST = 8


def run(arguments: list[str]) -> int:
    read = _read(arguments)
    artifact = read_structure(read.model)
    opened = open_target(read.source)
    try:
        if opened.reports:
            raise Stopped(())
        found = _compared(opened, artifact)
    except Stopped as stopped:
        reports = opened.reports or tuple(map(report, stopped.findings))
        sys.stdout.write(text.render(opened.outcome(reports), wants_color("auto")))
        raise Misuse(f"nothing to compare with: {count(len(reports), 'error')} in the source") from stopped
    except OnnxError as error:
        raise Misuse(f"nothing to compare with: {error}") from error
    if read.json:
        print(json.dumps(found.json(), indent=2))
    else:
        for line in found.text(read.model, read.all):
            print(harmless(line))
    return 0 if found.intact else 1


class _Found(msgspec.Struct, frozen=True):
    """`ledger` says in a word how the artifact's ledger stands to the source."""

    deploy: str
    items: tuple[Item, ...]
    ledger: str
    surplus: tuple[str, ...]
    contradictions: tuple[str, ...]

    @property
    def intact(self) -> bool:
        return (
            all(item.status is Status.INTACT for item in self.items)
            and not self.contradictions
            and self.ledger in ("agrees", "absent")
        )

    def json(self) -> dict[str, object]:
        found: dict[str, object] = msgspec.to_builtins(self)
        return {**found, "intact": self.intact, "summary": self.summary()}

    def summary(self) -> dict[str, dict[str, int]]:
        return {
            kind.value: {
                status.value: sum(item.kind is kind and item.status is status for item in self.items)
                for status in Status
            }
            for kind in Kind
        }

    def text(self, model: str, every: bool) -> Iterator[str]:
        yield f"`{self.deploy}` in {model}:"
        yield ""
        yield from _table(self.items)
        for kind in Kind:
            changed = [item for item in self.items if item.kind is kind and item.status is not Status.INTACT]
            if changed:
                yield ""
                yield f"{kind.value}:"
                yield from _details(changed, every)
        if self.contradictions:
            yield ""
            yield "the model contradicts itself:"
            yield from _some([f"  {line}" for line in self.contradictions], every)
        yield ""
        yield self._verdict()
        untold = [f"  not in it: {item.kind.value}: {item.name}" for item in self.items if item.told is False]
        yield from _some(untold, every)
        yield from _some([f"  only in it: {claim}" for claim in self.surplus], every)

    def _verdict(self) -> str:
        word = "all intact" if self.intact else "not all intact"
        match self.ledger:
            case "absent":
                return f"{word}; the model has no ledger"
            case "agrees":
                return f"{word}; the ledger says what the source says"
            case "differs":
                return f"{word}; the ledger does not say what the source says:"
            case other:
                return f"{word}; the ledger cannot be read: {other}"


def _compared(opened: Opened, artifact: Structure) -> _Found:
    deploy = _deploy(opened, artifact)
    database = opened.workspace.database
    graph = typed_graph(database, opened.source.file, deploy)
    opset = artifact.opset if LOWEST_OPSET <= artifact.opset <= HIGHEST_OPSET else None
    source = structure(emit(database, graph, Options(opset=opset)).model)
    told = ledger_of(source)
    assert told is not None
    state = ""
    try:
        witness = ledger_of(artifact)
    except UnreadableLedger as error:
        witness, state = None, str(error)
    items = compare(source, told, artifact, witness)
    more = tuple(surplus(told, witness)) if witness is not None else ()
    if not state:
        wrong = bool(more) or any(item.told is False for item in items)
        state = "absent" if witness is None else "differs" if wrong else "agrees"
    return _Found(deploy, items, state, more, contradictions(artifact))


def _deploy(opened: Opened, artifact: Structure) -> str:
    """The deploy that is named, or the only one, or the one whose name the model has."""
    if len(opened.deploys) == 1:
        return opened.deploys[0]
    if artifact.entry.name in opened.deploys:
        return artifact.entry.name
    names = ", ".join(f"`{name}`" for name in opened.deploys)
    raise Misuse(f"of which deploy is this? the file has {names}, and the model calls itself `{artifact.entry.name}`")


def _table(items: tuple[Item, ...]) -> Iterator[str]:
    head = ("", *(status.value for status in Status), "by the ledger")
    rows = [head]
    for kind in Kind:
        mine = [item for item in items if item.kind is kind]
        if not mine:
            continue
        numbers = [str(sum(item.status is status for item in mine)) for status in Status]
        heard = [item.told for item in mine if item.told is not None]
        rows.append((kind.value, *numbers, f"{sum(heard)} of {len(heard)}" if heard else "-"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    for row in rows:
        first, *others = (
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join((first, *others)).rstrip()


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


def _read(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tenuto diff",
        description="Compare an ONNX model with the source that it was built from.",
        epilog="Exit code: 0 all intact, 1 something changed, 2 misuse.",
    )
    parser.add_argument("source", metavar="SOURCE[:DEPLOY]")
    parser.add_argument("model", metavar="MODEL.onnx")
    parser.add_argument("--all", action="store_true", help="every detail, however many there are")
    parser.add_argument("--json", action="store_true", help="everything, as JSON")
    return parser.parse_args(arguments)
