"""A module of MLIR as a file, and its weights beside it: the same file that serves an ONNX model of the deploy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tenuto_analysis.graph import Graph
from tenuto_backend.mlir.operations import Module
from tenuto_backend.mlir.printing import text
from tenuto_backend.weights.beside import (
    TEXT_MARK,
    Array,
    Saved,
    Temporary,
    layout_of,
    refuse_to_replace,
    size_of,
    write_weights,
)


def save(module: Module, graph: Graph, arrays: Mapping[str, Array], path: Path, kind: str = "") -> Saved:
    """Writes the module to `path`, and its weights under the same name with the ending `.safetensors`.

    `kind` stands before the ending of the module's name, `.stablehlo`, and not in that of the weights.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    wanted = [(weight.path, weight.value.type) for weight in graph.entry.weights]
    data = path.with_name(f"{path.stem.removesuffix(kind)}.safetensors") if wanted else None
    refuse_to_replace(path, *([data] if data is not None else []))
    with Temporary(path) as whole:
        whole.file.write(content(module).encode())
        if data is not None:
            with Temporary(data) as weights:
                write_weights(weights.file, layout_of(wanted), arrays)
                weights.keep()
        whole.keep()
    return Saved(path, data, sum(size_of(type_) for _, type_ in wanted))


def content(module: Module) -> str:
    """The text of the file."""
    return f"{TEXT_MARK}\n{text(module)}"
