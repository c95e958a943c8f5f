"""A model, or one definition of it, in the textual form that ONNX itself has."""

from __future__ import annotations

from onnx.printer import to_text

from tenuto_analysis.graph import Graph
from tenuto_backend.onnx.emit import Emitted


def model_text(emitted: Emitted) -> str:
    return f"{to_text(emitted.model)}\n"


def definition_text(graph: Graph, emitted: Emitted, file: str, key: str) -> str:
    """The functions that a definition became, one for each choice of its static arguments; empty where it is none."""
    functions = zip(emitted.functions, emitted.model.functions, strict=True)
    texts = [to_text(proto) for function, proto in functions if (function.file, function.key) == (file, key)]
    if (graph.entry.file, graph.entry.key) == (file, key):
        texts.append(to_text(emitted.model.graph))
    return "".join(f"{text}\n" for text in texts)
