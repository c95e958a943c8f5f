"""`tenuto cost`: tables, JSON, pictures, and what it says where it cannot count."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tenuto_server.units import counted, in_bytes, in_seconds
from tests.command import Command

EXAMPLES = Path(__file__).parent.parent / "examples"
MINILM = str(EXAMPLES / "minilm.ten")
OPEN = """
model M(x: f32[N, 4], w: f32[4, 4]) -> f32[N, 4] where N >= 1 {
  var y = x
  while max(y) < 100.0 {
    y = y @ w
  }
  return y
}

deploy d = M where N >= 1 { weights: init(seed = 0) }
"""


def test_the_table_of_a_deploy_fits_on_a_screen_and_adds_up(tenuto: Command) -> None:
    found = tenuto("cost", f"{MINILM}:on_groq")
    assert found.code == 0
    lines = found.out.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 100
    rows = [line.split() for line in lines[3:6]]
    assert sum(int(row[3].replace(",", "")) for row in rows) == 22_565_376
    assert [row[:3] for row in rows] == [
        ["embeddings", "Embeddings", "1"],
        ["layer.*", "Layer", "6"],
        ["(itself)", "Encoder", "1"],
    ]


def test_json_has_numbers_and_formulas_whose_parts_add_up(tenuto: Command) -> None:
    found = tenuto(
        "cost", f"{MINILM}:sentence_encoder", "--dim", "B=2", "--dim", "S=7", "--depth", "3", "--format", "json"
    )
    (deploy,) = json.loads(found.out)
    assert deploy["sizes"] == {"B": 2, "S": 7}
    assert deploy["parameters"] == sum(part["parameters"] for part in deploy["parts"]) == 22_565_376
    assert deploy["flops"]["value"] == sum(part["flops"]["value"] for part in deploy["parts"])
    assert deploy["product_flops"]["formula"] == "9216*B*S**2 + 21233664*B*S"
    assert deploy["product_flops"]["value"] == 9216 * 2 * 49 + 21233664 * 2 * 7
    assert {"layer.*.attention.query", "layer.*.output"} <= {part["part"] for part in deploy["parts"]}


def test_sizes_that_nobody_bounds_stay_formulas(tenuto: Command) -> None:
    tenuto.write({"open.ten": OPEN})
    found = tenuto("cost", "open.ten", "--target", "nvidia.h100")
    assert found.code == 0
    assert "FLOPs        36*N*steps" in found.out
    assert "FLOPs/byte" not in found.out
    bound = tenuto("cost", "open.ten", "--dim", "N=3", "--dim", "steps=5", "--format", "json")
    (deploy,) = json.loads(bound.out)
    # A product of 2 * 4 for each of 12 numbers; the maximum of 12 takes 11, a comparison 1.
    assert (deploy["product_flops"]["value"], deploy["flops"]["value"]) == (5 * 96, 5 * (96 + 11 + 1))


def test_a_time_is_that_of_the_slower_one_of_computing_and_moving(tenuto: Command) -> None:
    tenuto.write(
        {
            "tenuto.toml": """
[targets.toy]
title = "Toy"
vendor = "us"
artifacts = ["onnx"]
sizes = { open = "any", source = "us" }
sources = { us = "made up" }
[targets.toy.dtypes.f32]
operators = "all"
source = "us"
peak = { value = 100, source = "us" }
vector = { value = 10, source = "us" }

[[targets.toy.tiles]]
dtypes = ["f32"]
source = "us"
k = 300
n = 50

[targets.toy.memories.RAM]
role = "main"
bandwidth = { value = 4, source = "us" }
""",
            "a.ten": """
model M(x: f32[2, 3], y: f32[3, 5]) -> f32[2, 5] {
  return exp(x @ y)
}

deploy d = M { weights: init(seed = 0) }
""",
        }
    )
    (deploy,) = json.loads(tenuto("cost", "a.ten:d", "--target", "toy", "--format", "json").out)
    # 60 operations, padded to 100 times 10 as many, take 600 s, 4 * (6 + 15 + 10) bytes 31 s; 10 exponentials take 1 s,
    # 80 bytes 20 s.
    assert deploy["seconds"] == {"least": 600 + 20, "whole": True, "computing": 600 / 620}


def test_values_that_cross_between_targets_are_priced(tenuto: Command) -> None:
    program = """
import std.nn { Linear }

model Two(x: float[B, 4]) -> float[B, 4] {
  sub first = Linear[4, 8]
  sub second = Linear[8, 4] target nvidia.h200
  let h = first(x)
  return second(h)
}

deploy d = Two { weights: init(seed = 0), target: nvidia.h100, dims: { B: 1 .. 16 } }
"""
    tenuto.write({"a.ten": program})
    lines = tenuto("cost", "a.ten:d").out.splitlines()
    (crossing,) = (line for line in lines if line.startswith("crosses"))
    assert crossing.split()[1:5] == ["`h`", "to", "nvidia.h200", "from"]
    (deploy,) = json.loads(tenuto("cost", "a.ten:d", "--format", "json").out)
    assert deploy["transfers"][0]["bytes"] == {"formula": "32*B", "value": 512}
    assert deploy["transfers"][0]["seconds"] > 0


def test_a_picture_is_the_same_every_time_and_says_where_the_most_is(tenuto: Command) -> None:
    arguments = ("cost", f"{MINILM}:small_encoder", "--target", "nvidia.h100", "--picture")
    assert [tenuto(*arguments, name).code for name in ("a.svg", "b.svg")] == [0, 0]
    first, second = ((tenuto.folder / name).read_bytes() for name in ("a.svg", "b.svg"))
    assert first == second
    texts = {element.text for element in ElementTree.fromstring(first).iter() if element.tag.endswith("text")}
    assert {"products of f32", "weights", "activations"} <= texts
    assert any(text is not None and " of layer.0" in text for text in texts)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--target", "nvidia.h1000"], "there is no target `nvidia.h1000`; did you mean `nvidia.h100`?"),
        (["--dim", "Q=3"], "there is no open size `Q`: those of `sentence_encoder` are B, S"),
        (["--dim", "S=513"], "S = 513 breaks `S <= 512`, which is said of its sizes"),
        (["--dim", "S"], "'S' is no size: say it as S=128"),
        (["--picture", "a.txt"], "`a.txt` says no format: it ends in .svg, .png, .pdf"),
        (["--depth", "-1"], "--depth is 0 or more"),
    ],
)
def test_misuse_is_told(tenuto: Command, arguments: list[str], told: str) -> None:
    found = tenuto("cost", f"{MINILM}:sentence_encoder", *arguments)
    assert found.code == 2
    assert told in found.err


def test_a_file_with_a_mistake_is_not_counted(tenuto: Command) -> None:
    tenuto.write({"open.ten": OPEN.replace("y @ w", "y @ v")})
    found = tenuto("cost", "open.ten")
    assert found.code == 1
    assert "unknown-name" in found.out
    assert found.err == "not counted: 1 error\n"


def test_a_picture_without_its_package_says_how_to_get_it(tenuto: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "tenuto_backend.picture.cost", raising=False)
    found = tenuto("cost", f"{MINILM}:small_encoder", "--picture", "a.svg")
    assert found.code == 2
    assert "pip install 'tenuto[plot]'" in found.err


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (counted(999), "999"),
        (counted(1000), "1.00 K"),
        (counted(12_345_678), "12.3 M"),
        (counted(999_600), "1.00 M"),
        (in_bytes(0), "0 B"),
        (in_bytes(93_800_000), "93.8 MB"),
        (in_seconds(1.234e-3), "1.23 ms"),
        (in_seconds(12.0), "12.0 s"),
        (in_seconds(3e-10), "300 ps"),
    ],
)
def test_numbers_as_people_read_them(text: str, wanted: str) -> None:
    assert text == wanted
