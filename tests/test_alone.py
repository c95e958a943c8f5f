"""The graph of a definition by itself holds the rules of every graph; where there is none, a reason says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenuto_analysis import modules
from tenuto_analysis.cost.measure import cost_of_declaration
from tenuto_analysis.cost.summary import Cost
from tenuto_analysis.database import Database
from tenuto_analysis.elaborate.alone import alone
from tenuto_analysis.elaborate.builder import Refusal
from tenuto_analysis.verify import verify
from tests.markdown import programs
from tests.test_elaborate import FILES

PAGES = sorted((Path(__file__).parent / "spec").rglob("*.md"))
STD = sorted(Path(modules.STD).glob("*.ten"))

# What only a caller knows.
REASONS = (
    "how often this repeats must be known when a model is built",
    "has no default, and is no tensor",
    "its caller decides",
    "do not broadcast",
    "is not known when the model is built",
)


@pytest.mark.parametrize("path", [*FILES, *STD], ids=lambda path: path.stem)
def test_a_definition_has_a_graph_or_a_reason_why_not(path: Path) -> None:
    db = Database()
    file = str(path)
    if path not in STD:
        db.set(modules.file_text, file, path.read_text(encoding="utf-8"))
    for key, keyword in modules.keys(db, file):
        if keyword in ("model", "fn"):
            found = alone(db, file, key)
            if isinstance(found, Refusal):
                assert any(reason in found.reason for reason in REASONS), f"{key}: {found.reason}"
            else:
                assert verify(found).entry.name == key


def test_most_definitions_have_one() -> None:
    db = Database()
    kinds = [
        isinstance(alone(db, str(path), key), Refusal)
        for path in STD
        for key, keyword in modules.keys(db, str(path))
        if keyword in ("model", "fn")
    ]
    assert kinds.count(True) <= len(kinds) // 6


def test_sizes_of_a_configuration_are_open_and_defaults_are_taken() -> None:
    db = Database()
    db.set(
        modules.file_text,
        "/a.ten",
        """
record Config { width: dim, factor: float = 2.5 }

model M[c: Config, N: dim = 3](x: float[B, c.width]) -> float[B, c.width, N] {
  param w: float[N] = zeros
  return x[:, :, none] * w * c.factor
}
""",
    )
    graph = alone(db, "/a.ten", "M")
    assert not isinstance(graph, Refusal)
    assert [str(symbol) for symbol in graph.entry.symbols] == ["B", "c.width"]
    assert [str(result.type) for result in graph.entry.results] == ["f32[B, c.width, 3]"]


@pytest.mark.heavy
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_whatever_the_manual_declares_has_a_cost_or_a_reason(page: Path) -> None:
    for text in programs(page.read_text(encoding="utf-8")):
        db = Database()
        db.set(modules.file_text, "/page.ten", text)
        for key, keyword in modules.keys(db, "/page.ten"):
            if keyword in ("model", "fn", "deploy") and "#" not in key:
                assert isinstance(cost_of_declaration(db, "/page.ten", key), Cost | Refusal | None)
