"""A deploy held against an artifact: everything that was compared, and whether all of it is intact."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from tenuto_analysis.database import Database
from tenuto_analysis.graph import Graph
from tenuto_backend.onnx.compare import Item, Kind, Status, compare, surplus
from tenuto_backend.onnx.emit import emit
from tenuto_backend.onnx.interface import contradictions
from tenuto_backend.onnx.options import HIGHEST_OPSET, LOWEST_OPSET, Options
from tenuto_backend.onnx.structure import Structure, structure
from tenuto_backend.onnx.witness import UnreadableLedger, ledger_of


class Verdict(Struct, frozen=True):
    """`ledger` is absent, agrees, differs, or unreadable; `surplus` is what only the artifact's ledger claims."""

    deploy: str
    items: tuple[Item, ...]
    ledger: str
    surplus: tuple[str, ...]
    contradictions: tuple[str, ...]

    @property
    def intact(self) -> bool:
        """Whether the artifact says of its source what a new build would; a ledger may be left out, but not lie."""
        changed = any(item.status is not Status.INTACT for item in self.items)
        return not changed and not self.contradictions and self.ledger in ("agrees", "absent")

    def summary(self) -> dict[str, dict[str, int]]:
        """For each kind, how many of it became what."""
        return {
            kind.value: {
                status.value: sum(item.kind is kind and item.status is status for item in self.items)
                for status in Status
            }
            for kind in Kind
        }

    def plain(self) -> dict[str, object]:
        """As JSON holds it."""
        return {"intact": self.intact, "summary": self.summary(), **msgspec.to_builtins(self)}


def verdict(db: Database, graph: Graph, artifact: Structure) -> Verdict:
    """Emits the graph for the artifact's opset, where that is one of ours, and compares. Raises `OnnxError`."""
    opset = artifact.opset if LOWEST_OPSET <= artifact.opset <= HIGHEST_OPSET else None
    source = structure(emit(db, graph, Options(opset=opset)).model)
    told = ledger_of(source)
    assert told is not None, "a build has a ledger where nobody leaves it out"
    try:
        witness, state = ledger_of(artifact), ""
    except UnreadableLedger:
        witness, state = None, "unreadable"
    items = compare(source, told, artifact, witness)
    more = tuple(surplus(told, witness)) if witness is not None else ()
    wrong = bool(more) or any(item.told is False for item in items)
    state = state or ("absent" if witness is None else "differs" if wrong else "agrees")
    return Verdict(graph.name, items, state, more, contradictions(artifact))
