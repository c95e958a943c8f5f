"""What takes the graph of a deploy is told later than the rest, and never waited for by an edit.

The server runs in this process. An analysis of these tests says that a deploy holds an `exp`, and where.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import ClassVar

import pytest

from tenuto_analysis import deployed, suppression
from tenuto_analysis.compat import override
from tenuto_analysis.database import Database
from tenuto_analysis.diagnostics.base import GraphProblem, Place, Severity
from tenuto_analysis.graph import Apply, Graph, walk
from tests.client import PATIENCE, Connection, Json, served

PUBLISHED = "textDocument/publishDiagnostics"
REFRESH = "workspace/diagnostic/refresh"
PULLS: Json = {"textDocument": {"diagnostic": {}}}
REFRESHED: Json = {**PULLS, "workspace": {"diagnostics": {"refreshSupport": True}}}

PROGRAM = """
fn grown(x: f32[N]) -> f32[N] = exp(x)

model M(x: f32[N]) -> f32[N] {
  return x + exp(x)
}

deploy d = M { weights: init(seed = 0) }
"""
TOLD = ("exponential", 4)
BROKEN = PROGRAM.replace("grown(x: f32[N]) -> f32[N] = exp(x)", "grown(x: f32[N]) -> f32[N] = exp(y)")


class Exponential(GraphProblem, frozen=True, kw_only=True):
    rule: ClassVar[str] = "exponential"
    severity: ClassVar[Severity] = Severity.WARNING

    @property
    @override
    def message(self) -> str:
        return "an exponential"


class Looking:
    """An analysis that can be held."""

    def __init__(self) -> None:
        self.released = Event()
        self.released.set()
        self.begun = Event()

    def __call__(self, db: Database, file: str, name: str, graph: Graph) -> Iterator[GraphProblem]:
        self.begun.set()
        while not self.released.wait(0.01):
            db.stop_if_cancelled()
        whole = Place(file, name, graph.entry.body.nodes[-1].origin.span)
        for node in walk(graph.entry.body):
            if isinstance(node, Apply) and node.op == "exp":
                yield Exponential(node.origin.span, place=node.origin, calls=(whole,))


@pytest.fixture
def looking(monkeypatch: pytest.MonkeyPatch) -> Looking:
    analysis = Looking()
    monkeypatch.setattr(deployed, "ANALYSES", (analysis,))
    monkeypatch.setattr(suppression, "OF_GRAPHS", frozenset({Exponential.rule}))
    monkeypatch.setattr("tenuto_analysis.model.OF_GRAPHS", frozenset({Exponential.rule}))
    monkeypatch.setitem(suppression._SEVERITIES, Exponential.rule, Severity.WARNING)
    return analysis


@pytest.fixture
def client(tmp_path: Path, looking: Looking) -> Iterator[Connection]:
    (tmp_path / "tenuto.toml").touch()
    with served(tmp_path) as made:
        yield made


def brief(items: Json) -> list[tuple[str, int]]:
    """The rules and lines of diagnostics."""
    return [(item["code"], item["range"]["start"]["line"]) for item in items]


def heard(client: Connection) -> list[tuple[str, int]]:
    return brief(client.heard(PUBLISHED)["diagnostics"])


def pulled(client: Connection) -> list[tuple[str, int]]:
    return brief(client.request("textDocument/diagnostic", client.document("a.ten"))["result"]["items"])


def test_what_is_quick_is_pushed_at_once_and_the_rest_follows(client: Connection, looking: Looking) -> None:
    looking.released.clear()
    client.initialize()
    client.open("a.ten", PROGRAM)
    assert heard(client) == []
    assert looking.begun.wait(PATIENCE)
    looking.released.set()
    assert heard(client) == [TOLD]


def test_what_is_known_moves_with_its_declaration_and_is_kept_while_others_change(
    client: Connection, looking: Looking
) -> None:
    client.initialize()
    client.open("a.ten", PROGRAM)
    assert [heard(client), heard(client)] == [[], [TOLD]]
    looking.begun.clear()
    looking.released.clear()
    client.change("a.ten", f"\n{PROGRAM}")
    assert heard(client) == [("exponential", 5)]
    # There is no graph of a file with a mistake; until that is known, the rest is told as it was.
    looking.released.set()
    client.change("a.ten", BROKEN)
    assert heard(client) == [("unknown-name", 1), TOLD]
    assert heard(client) == [("unknown-name", 1)]


def test_what_is_known_of_a_declaration_is_forgotten_where_that_changes(client: Connection) -> None:
    client.initialize()
    client.open("a.ten", PROGRAM)
    assert [heard(client), heard(client)] == [[], [TOLD]]
    client.change("a.ten", PROGRAM.replace("x + exp(x)", "x + x"))
    assert heard(client) == []


def test_an_edit_does_not_wait_for_graphs(client: Connection, looking: Looking) -> None:
    client.initialize()
    client.open("a.ten", PROGRAM)
    assert [heard(client), heard(client)] == [[], [TOLD]]
    looking.released.clear()
    looking.begun.clear()
    client.change("a.ten", PROGRAM.replace("exp(x)\n}", "exp(x) + exp(y)\n}"))
    assert heard(client) == [("unknown-name", 4)]
    looking.released.set()


def test_who_asks_is_told_what_is_quick_and_to_ask_again(client: Connection, looking: Looking) -> None:
    looking.released.clear()
    client.initialize(REFRESHED)
    client.open("a.ten", PROGRAM)
    assert pulled(client) == []
    assert REFRESH not in client.asked
    looking.released.set()
    client.was_asked(REFRESH)
    assert pulled(client) == [TOLD]
    client.asked.clear()
    client.change("a.ten", f"{PROGRAM}\n")
    assert pulled(client) == [TOLD]
    client.request("workspace/diagnostic", {"previousResultIds": []})
    assert REFRESH not in client.asked, "nothing is new"


def test_who_cannot_be_told_to_ask_again_is_told_all(client: Connection) -> None:
    client.initialize(PULLS)
    client.open("a.ten", PROGRAM)
    assert pulled(client) == [TOLD]


def test_a_whole_workspace_is_told_all(client: Connection) -> None:
    (client.folder / "a.ten").write_text(PROGRAM, encoding="utf-8")
    client.initialize(PULLS)
    (item,) = client.request("workspace/diagnostic", {"previousResultIds": []})["result"]["items"]
    assert brief(item["items"]) == [TOLD]


def test_a_comment_silences_what_a_graph_shows_and_is_not_called_unused_before(
    client: Connection, looking: Looking
) -> None:
    looking.released.clear()
    client.initialize()
    client.open("a.ten", PROGRAM.replace("x + exp(x)", "x + exp(x)  # tenuto: allow(exponential)"))
    assert heard(client) == []
    looking.released.set()
    # It silences; where there is nothing left to silence, it is unused.
    client.change("a.ten", PROGRAM.replace("x + exp(x)", "x + x  # tenuto: allow(exponential)"))
    assert heard(client) == [("unused-suppression", 4)]
