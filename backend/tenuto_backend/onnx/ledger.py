"""The type ledger: the whole typed interface of a model in one entry of its metadata.

It is a witness for whoever compares an artifact with its source; nothing reads it to compile or to run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from msgspec import Struct

from tenuto_analysis.cost.told import told
from tenuto_analysis.dims import render
from tenuto_analysis.graph import Function, Graph
from tenuto_backend.instances import policy_text
from tenuto_backend.onnx.bodies import Told

KEY = "tenuto.ledger"


class Page(Struct, frozen=True):
    """What is told of one function: its name in the artifact, where it is defined, its values."""

    function: Function
    name: str
    source: str
    inputs: Sequence[tuple[str, str]]
    outputs: Sequence[tuple[str, str]]
    weights: Sequence[tuple[str, str]]
    values: Sequence[Told]


def ledger(graph: Graph, pages: Sequence[Page], checkpoints: Mapping[str, tuple[str, ...]]) -> str:
    """Compact JSON; the last page is the model's own. A function without a `policy` is in `f32`."""
    entry = pages[-1]
    found = {
        "version": 1,
        "deploy": graph.name,
        "entry": entry.name,
        "inputs": entry.inputs,
        "outputs": entry.outputs,
        "weights": [[path, type_, *checkpoints.get(path, ())] for path, type_ in entry.weights],
        "bounds": [render(bound) for bound in graph.bounds],
        "assumed": [[render(constraint), why] for constraint, why in graph.assumed],
        "functions": [_page(page) for page in pages],
        "cost": told(graph),
    }
    return json.dumps(found, separators=(",", ":"), ensure_ascii=False)


def _page(page: Page) -> dict[str, object]:
    policy = policy_text(page.function)
    return {
        "name": page.name,
        "definition": page.function.name,
        "source": page.source,
        "statics": [[name, str(value)] for name, value in page.function.statics],
        "inputs": page.inputs,
        "outputs": page.outputs,
        "weights": page.weights,
        "values": [[value.name, value.type, value.source] for value in page.values],
        **({"policy": policy} if policy else {}),
    }
