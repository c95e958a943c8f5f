"""`tenuto inspect`: the typed interface and the structure of an artifact, read back from it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from tenuto.cli.misuse import Misuse
from tenuto.cli.outcome import count
from tenuto.cli.terminal import harmless
from tenuto_backend.mlir import interface as mlir
from tenuto_backend.mlir import reading
from tenuto_backend.onnx.interface import Interface, Signature, interface
from tenuto_backend.onnx.structure import Structure, UnreadableModel, open_model, structure
from tenuto_backend.onnx.witness import UnreadableLedger, ledger_of

_MOST = 10
_LONGEST = 110  # Characters of a formula.
TOLD_ELSEWHERE = {"deploy", "size", "size_input", "bound"}
"""Notes of a module that its signature tells already."""

_UNITS = ("B", "KB", "MB", "GB", "TB")


def run(read: argparse.Namespace) -> int:
    return _module(read) if read.model.endswith(".mlir") else _onnx(read)


def _onnx(read: argparse.Namespace) -> int:
    found = read_structure(read.model)
    try:
        shown = interface(found, ledger_of(found))
    except UnreadableLedger as error:
        shown = interface(found, None, str(error))
    if read.json:
        print(json.dumps({"model": read.model, **shown.plain()}, indent=2))
    else:
        for line in _text(read.model, shown, read.weights):
            print(harmless(line))
    return 1 if shown.differences or shown.contradictions else 0


def _module(read: argparse.Namespace) -> int:
    """A module of MLIR or of StableHLO."""
    path = Path(read.model)
    try:
        shown = mlir.interface(reading.read(path), path)
    except reading.UnreadableModule as error:
        raise Misuse(str(error)) from error
    if read.json:
        print(json.dumps({"model": read.model, **shown.plain()}, indent=2))
    else:
        for line in _module_text(read.model, shown, read.weights):
            print(harmless(line))
    return 1 if shown.problems else 0


def _module_text(path: str, shown: mlir.Interface, weights: bool) -> Iterator[str]:
    yield f"{path}: {shown.form} ({', '.join(shown.dialects)}), made by tenuto"
    yield ""
    yield f"model {shown.signature.text(shown.deploy)}"
    bounds = [text for name, text in shown.told.items() if name.startswith("bound.")]
    if bounds:
        yield f"  where {', '.join(bounds)}"
    for name, text in shown.told.items():
        if name.partition(".")[0] not in TOLD_ELSEWHERE:
            yield f"  {name}: {_readable(text)}"
    yield ""
    own = shown.signature
    source = f", {own.source}" if own.source else ""
    yield f"{count(own.operations, 'operation')} in the model itself, `{own.name}`{source}"
    if shown.functions:
        yield f"{count(len(shown.functions), 'function')}:"
    for function in shown.functions:
        called = f"called {function.calls} times" if function.calls != 1 else "called once"
        held = f", {count(len(function.weights), 'weight')}" if function.weights else ""
        source = f", {function.source}" if function.source else ""
        yield f"  {function.text()}"
        yield f"    {called}, {count(function.operations, 'operation')}{held}{source}"
    parameters = f"{shown.parameters:,} parameter{'s' * (shown.parameters != 1)}"
    place = f" in {shown.data}" if shown.data else ", whose file is not beside it" if shown.weights else ""
    yield f"{count(len(shown.weights), 'weight')}: {parameters}{place}"
    if weights:
        yield from (f"  {weight.path}: {weight.type}" for weight in shown.weights)
    files = ", ".join(shown.sources) or "no file"
    yield f"places: {shown.placed} of {count(shown.operations, 'operation')}, in {files}"
    if shown.problems:
        yield "the module contradicts itself:"
        yield from some(shown.problems)
    else:
        yield "interface: as the types say"


def _readable(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ... (--json tells all)"


def read_structure(path: str) -> Structure:
    """The structure of a file; what is no ONNX model is misuse."""
    try:
        return structure(open_model(Path(path)))
    except UnreadableModel as error:
        raise Misuse(str(error)) from error


def some(lines: tuple[str, ...]) -> Iterator[str]:
    """The first of many, indented, and how many there are besides."""
    yield from (f"  {line}" for line in lines[:_MOST])
    if len(lines) > _MOST:
        yield f"  ... and {len(lines) - _MOST} more: --json tells all"


def _text(path: str, shown: Interface, weights: bool) -> Iterator[str]:
    profile = f" ({shown.profile})" if shown.profile else ""
    made = f", made by {shown.producer}" if shown.producer else ""
    yield f"{path}: ONNX, opset {shown.opset}{profile}, IR {shown.ir}{made}"
    yield ""
    yield shown.entry.text()
    if shown.bounds:
        yield f"  where {', '.join(shown.bounds)}"
    for constraint, why in shown.assumed:
        yield f"  assume {constraint}, {json.dumps(why, ensure_ascii=False)}"
    if len(shown.entry.outputs) > 1:
        yield f"  results: {', '.join(item.name for item in shown.entry.outputs)}"
    yield ""
    yield f"{count(shown.entry.nodes, 'node')} in the model itself"
    if shown.functions:
        yield f"{count(len(shown.functions), 'function')}:"
        yield from _functions(shown.functions)
    if shown.domains:
        yield f"operators that are not ONNX's own: {', '.join(shown.domains)}"
    yield from _weights(shown, weights)
    if shown.cost:
        yield "what a run costs:"
        yield from (f"  {name}: {_readable(formula)}" for name, formula in shown.cost)
    yield from _agreement(shown)


def _functions(functions: tuple[Signature, ...]) -> Iterator[str]:
    calls = [f"called {item.calls} times" if item.calls != 1 else "called once" for item in functions]
    nodes = [count(item.nodes, "node") for item in functions]
    for item, called, inside in zip(functions, calls, nodes, strict=True):
        held = f", {count(len(item.weights), 'weight')}" if item.weights else ""
        yield f"  {item.text()}"
        yield f"    {called}, {inside}{held}{f', {item.source}' if item.source else ''}"


def _weights(shown: Interface, each: bool) -> Iterator[str]:
    files = sorted({weight.file for weight in shown.weights if weight.file})
    place = f" in {', '.join(files)}" if files else ""
    numbers = f"{count(shown.parameters, 'parameter').replace(str(shown.parameters), f'{shown.parameters:,}')}"
    yield f"{count(len(shown.weights), 'weight')}: {numbers}, {_size(shown.bytes)}{place}"
    if each:
        for weight in shown.weights:
            names = f"  from {', '.join(weight.checkpoint)}" if weight.checkpoint else ""
            yield f"  {weight.path}: {weight.type}{names}"


def _agreement(shown: Interface) -> Iterator[str]:
    if shown.contradictions:
        yield "the model contradicts itself:"
        yield from some(shown.contradictions)
    match shown.ledger:
        case "absent":
            yield "ledger: none; ranges and sources are not known"
        case "agrees":
            yield "ledger: agrees with the structure"
        case "unreadable":
            yield f"ledger: {shown.differences[0]}"
        case _:
            places = count(len(shown.differences), "place")
            yield f"ledger: differs from the structure in {places}; what is shown above is the structure:"
            yield from some(shown.differences)


def _size(number: int) -> str:
    exponent = min(len(_UNITS) - 1, max(0, (len(str(number)) - 1) // 3))
    return f"{number / 1000**exponent:.{1 if exponent else 0}f} {_UNITS[exponent]}"
