"""`tenuto targets`: which targets can run a deploy, and what is in the way of the others."""

from __future__ import annotations

import json
from pathlib import Path

from tenuto_analysis.targets.profile import built_in
from tests.command import Command

MINILM = str(Path(__file__).parent.parent / "examples" / "minilm.ten")


def test_every_target_has_a_row_with_its_reason(tenuto: Command) -> None:
    (deploy,) = json.loads(tenuto("targets", f"{MINILM}:embed", "--format", "json").out)
    rows = {row["target"]: row for row in deploy["targets"]}
    assert set(rows) == set(built_in())
    assert rows["nvidia.h100"]["runs"]
    assert rows["nvidia.h100"]["seconds"] > 0
    assert not rows["groq.tsp"]["runs"]
    assert rows["groq.tsp"]["obstacle"].startswith("`B` is open")
    assert rows["groq.tsp"]["place"].endswith("examples/minilm.ten:120:14")
    assert [name for name, row in rows.items() if row["named"]] == []


def test_sizes_that_are_given_are_not_open(tenuto: Command) -> None:
    numbers = ("--dim", "B=1", "--dim", "S=128", "--format", "json")
    (deploy,) = json.loads(tenuto("targets", f"{MINILM}:embed", *numbers).out)
    assert deploy["sizes"] == {"B": 1, "S": 128}
    reasons = [row["obstacle"] for row in deploy["targets"] if not row["runs"]]
    assert reasons
    assert not any("is open" in reason for reason in reasons)


def test_a_target_of_the_project_and_a_model_by_itself(tenuto: Command) -> None:
    toy = """
[targets.toy]
title = "Toy"
vendor = "us"
artifacts = ["onnx"]
sizes = { open = "any", source = "us" }
sources = { us = "made up" }
lacks = { any = ["exp"] }
dtypes.f32 = { operators = "all", source = "us" }
"""
    program = """
model M(x: f32[N, 4]) -> f32[N, 4] {
  return exp(x)
}

deploy d = M { weights: init(seed = 0), target: toy }
"""
    tenuto.write({"tenuto.toml": toy, "a.ten": program})
    found = tenuto("targets", "a.ten:d")
    assert found.code == 0
    (line,) = (line for line in found.out.splitlines() if line.startswith("toy "))
    assert line.split()[1] == "no"
    assert line.endswith("(a.ten:3:10)")
    alone = tenuto("targets", "a.ten:M")
    assert alone.code == 0
    (line,) = (line for line in alone.out.splitlines() if line.startswith("toy "))
    assert line.split()[1] == "no"


def test_misuse_is_told(tenuto: Command) -> None:
    found = tenuto("targets", f"{MINILM}:embed", "--dim", "Q=1")
    assert found.code == 2
    assert "there is no open size `Q`" in found.err
    assert tenuto("targets", f"{MINILM}:nobody").code == 2
