"""A typed graph as a binary for one target; what the compiler refuses is told at the source, through the locations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from tenuto_analysis.database import Database
from tenuto_analysis.diagnostics.base import Place
from tenuto_analysis.diagnostics.deploys import CannotBuild
from tenuto_analysis.graph import Graph, walk
from tenuto_backend.build import stopped
from tenuto_backend.iree import compiler
from tenuto_backend.iree.record import notes
from tenuto_backend.iree.targets import Target
from tenuto_backend.mlir.emit import emit
from tenuto_backend.mlir.operations import Module, Word
from tenuto_backend.mlir.printing import text
from tenuto_backend.onnx.provenance import Places
from tenuto_backend.reference.values import Array
from tenuto_backend.weights.beside import (
    ArtifactError,
    Saved,
    Temporary,
    layout_of,
    refuse_to_replace,
    size_of,
    write_weights,
)
from tenuto_grammar.text import Span

_MARK = b"tenuto.target"
"""A note that stands in every binary of ours."""


def module_for(db: Database, graph: Graph, target: Target, weights: str | None) -> Module:
    """The module that the compiler is given: it tells what it is made for, and `weights`, the name of their file."""
    module = emit(db, graph)
    entry = module.functions[-1]
    entry.reflection = (
        *entry.reflection,
        *notes(target, compiler.machine_of(target), compiler.compiler_version(), weights),
    )
    if target.devices is not None:
        module.attributes = (*module.attributes, ("hal.device.targets", Word(target.devices)))
    return module


def binary(db: Database, graph: Graph, target: Target, weights: str | None = None) -> bytes:
    """What `compiled` makes of the module."""
    return compiled(db, graph, target, module_for(db, graph, target, weights))


def compiled(db: Database, graph: Graph, target: Target, module: Module) -> bytes:
    """Raises `Stopped` with what the compiler refuses, and `ArtifactError` where it knows no such target, or hangs."""
    try:
        return compiler.compiled(text(module), target)
    except compiler.NotCompiled as refused:
        _refuse_unknown(target)
        places = {told: place for place, told in _places(db, graph)}
        problems = [
            (places[told.place], CannotBuild(places[told.place].span, _sentence(target, told.words)))
            for told in refused.errors
            if told.place is not None and told.place in places
        ]
        if problems:
            place, problem = problems[0]
            raise stopped(db, place, problem) from refused
        raise ArtifactError(_sentence(target, str(refused))) from refused


def save(made: bytes, graph: Graph, arrays: Mapping[str, Array] | None, path: Path, data: Path | None) -> Saved:
    """Writes a binary to `path`, and the weights to `data`; without `arrays` they lie there already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and _MARK not in path.read_bytes():
        raise ArtifactError(f"{path} exists and is not Tenuto's: move it, or choose another folder")
    wanted = [(weight.path, weight.value.type) for weight in graph.entry.weights]
    with Temporary(path) as whole:
        whole.file.write(made)
        if data is not None and arrays is not None:
            refuse_to_replace(data)
            with Temporary(data) as weights:
                write_weights(weights.file, layout_of(wanted), arrays)
                weights.keep()
        whole.keep()
    return Saved(path, data, sum(size_of(type_) for _, type_ in wanted))


def _refuse_unknown(target: Target) -> None:
    """Raises `ArtifactError` where the compiler makes no code at all for a target."""
    probe = Module("probe", (), ())
    if target.devices is not None:
        probe.attributes = (("hal.device.targets", Word(target.devices)),)
    try:
        compiler.compiled(compiler.probe(text(probe)), target)
    except compiler.NotCompiled as refused:
        raise ArtifactError(f"IREE makes no code for `{target.name}`: {refused}") from refused


def _places(db: Database, graph: Graph) -> Iterator[tuple[Place, str]]:
    """Every place that a location of the module names, and how it does."""
    places = Places(db)
    for function in graph.functions:
        whole = Place(function.file, function.key, Span(0, 0))
        yield whole, places.text(whole)
        for node in walk(function.body):
            yield node.origin, places.text(node.origin)


def _sentence(target: Target, words: str) -> str:
    return f"IREE does not compile this for `{target.name}`: {_short(words)}"


def _short(words: str) -> str:
    """Without the attributes of the target, which are a page long."""
    return words.partition(" #hal.executable.target")[0].strip()[:300]
