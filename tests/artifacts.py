"""Artifacts of deploys for tests, with drawn weights that all differ, and what a comparison says of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from onnx import ModelProto

from tenuto_analysis import modules
from tenuto_analysis.database import Database
from tenuto_analysis.graph import Graph
from tenuto_backend.build import typed_graph
from tenuto_backend.onnx.compare import Item, Kind, Status
from tenuto_backend.onnx.emit import Emitted, emit
from tenuto_backend.onnx.ledger import KEY
from tenuto_backend.onnx.options import Options
from tenuto_backend.onnx.save import with_weights
from tenuto_backend.onnx.structure import structure
from tenuto_backend.onnx.verdict import Verdict, verdict
from tenuto_backend.reference.values import Array

EXAMPLES = Path(__file__).parent.parent / "examples"


class Source(NamedTuple):
    """A deploy and what it is elaborated from."""

    database: Database
    graph: Graph

    def emitted(self, options: Options | None = None) -> Emitted:
        return emit(self.database, self.graph, options or Options())

    def against(self, model: ModelProto) -> Verdict:
        return verdict(self.database, self.graph, structure(model))


class Built(Struct, frozen=True, eq=False):
    """An emitted model with drawn weights, all of them different, inline."""

    source: Source
    model: ModelProto
    weights: Mapping[str, Array]


def source(text: str, deploy: str) -> Source:
    file = str(Path("/workspace/model.ten"))
    database = Database()
    database.set(modules.file_text, file, text)
    return Source(database, typed_graph(database, file, deploy))


def example(name: str, deploy: str) -> Source:
    return source((EXAMPLES / f"{name}.ten").read_text(encoding="utf-8"), deploy)


def built(found: Source) -> Built:
    emitted = found.emitted()
    weights = _drawn(emitted)
    return Built(found, with_weights(emitted, weights), weights)


def _drawn(emitted: Emitted) -> dict[str, Array]:
    random = np.random.default_rng(0)
    return {
        tensor.name: random.normal(0.5, 0.3, tuple(tensor.dims)).astype(np.float32)
        for tensor in emitted.model.graph.initializer
    }


def statuses(found: Verdict, kind: Kind) -> Counter[Status]:
    return Counter(item.status for item in found.items if item.kind is kind)


def names(found: Verdict, kind: Kind, status: Status) -> set[str]:
    return {item.name for item in found.items if item.kind is kind and item.status is status}


def item(found: Verdict, kind: Kind, name: str) -> Item:
    (one,) = (item for item in found.items if item.kind is kind and item.name == name)
    return one


def set_ledger(model: ModelProto, text: str) -> ModelProto:
    """The model with another ledger."""
    other = ModelProto()
    other.CopyFrom(model)
    (note,) = (note for note in other.metadata_props if note.key == KEY)
    note.value = text
    return other
