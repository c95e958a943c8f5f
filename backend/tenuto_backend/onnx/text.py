"""A model, or one definition of it, in the textual form that ONNX itself has.

Behind each node stand, as comments, the place in the source that it comes from and the type of what it gives.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from onnx import FunctionProto, GraphProto, NodeProto
from onnx.printer import to_text

from tenuto_analysis.graph import Function, Graph
from tenuto_backend.onnx.emit import Emitted

_NODE = re.compile(r"^\s*\[(?P<name>[^\]]+)\]")
_NEXT_VALUE = re.compile(r", (?=\w+\[)")  # Weights and values are listed in one line, which may be very long.


def model_text(emitted: Emitted) -> str:
    model = emitted.model
    nodes = [*model.graph.node, *(node for function in model.functions for node in function.node)]
    return "".join(_annotated(to_text(model), nodes))


def definition_text(graph: Graph, emitted: Emitted, file: str, key: str) -> str:
    """What a definition became: a function for each choice of its static arguments; empty where there is none."""
    functions = zip(emitted.functions, emitted.model.functions, strict=True)
    texts = [_headed(function, proto) for function, proto in functions if (function.file, function.key) == (file, key)]
    if (graph.entry.file, graph.entry.key) == (file, key):
        texts.append(_headed(graph.entry, emitted.model.graph))
    return "\n".join(texts)


def _headed(function: Function, proto: FunctionProto | GraphProto) -> str:
    """A function below its typed signature."""
    return f"# {signature(function)}\n{''.join(_annotated(to_text(proto), proto.node))}"


def signature(function: Function) -> str:
    """What a function takes and gives, with its static arguments."""
    inputs = ", ".join(f"{item.name}: {item.type}" for item in function.inputs)
    results = ", ".join(str(item.type) for item in function.results)
    statics = ", ".join(f"{name} = {value}" for name, value in function.statics)
    chosen = f"[{statics}]" if statics else ""
    given = results if len(function.results) == 1 else f"({results})"
    return f"{function.name}{chosen}({inputs}) -> {given}"


def _annotated(text: str, nodes: Iterable[NodeProto]) -> Iterator[str]:
    """The lines of a text; nodes are told apart by what they give, because functions may share their names."""
    waiting: dict[str, list[NodeProto]] = {}
    for node in _all(nodes):
        waiting.setdefault(node.name, []).append(node)
    for line in text.rstrip("\n").split("\n"):
        found = _NODE.match(line)
        named = waiting.get(found["name"].strip('"'), []) if found is not None else []
        notes = {item.key: item.value for item in named.pop(0).metadata_props} if named else {}
        told = "  ".join(notes[key] for key in ("tenuto.source", "tenuto.type") if key in notes)
        yield f"{line}  # {told}\n" if told else _NEXT_VALUE.sub(",\n    ", line) + "\n"


def _all(nodes: Iterable[NodeProto]) -> Iterator[NodeProto]:
    """The nodes with those of their branches and loops, in the order of the text."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            yield from _all(attribute.g.node)
