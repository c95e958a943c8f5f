"""Profiles of targets: those that ship, those of a project, and what is said of one that cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from tenuto_analysis import model, modules
from tenuto_analysis.database import Database
from tenuto_analysis.diagnostics.base import Severity
from tenuto_analysis.dtypes import SCALARS
from tenuto_analysis.elaborate.deploys import elaborated
from tenuto_analysis.graph import Graph
from tenuto_analysis.targets.analysis import targets_of, targets_of_function, transfers_of
from tenuto_analysis.targets.profile import Figure, ProfileError, Table, built_in, checked, read
from tests.command import Command


def figures(value: object) -> Iterator[Figure]:
    if isinstance(value, Figure):
        yield value
    elif isinstance(value, Struct):
        for name in value.__struct_fields__:
            yield from figures(getattr(value, name))
    elif isinstance(value, dict):
        for item in value.values():
            yield from figures(item)
    elif isinstance(value, tuple):
        for item in value:
            yield from figures(item)


@pytest.mark.parametrize("name", built_in())
def test_a_profile_that_ships_is_whole(name: str) -> None:
    """Every figure is positive and has a source; what is only generally known is marked."""
    profile = read(name)
    assert profile.name == name
    assert set(profile.dtypes) <= set(SCALARS)
    assert [*profile.main] or profile.vendor == "the TOSA specification", "weights live somewhere"
    for figure in figures(profile):
        assert figure.value > 0
        assert figure.source in profile.sources
        assert figure.uncertain or figure.source != "unread"
    for dtype, precision in profile.dtypes.items():
        assert precision.uncertain or precision.source != "unread", dtype
        assert not precision.accumulate or precision.operators in ("all", "products")
        assert precision.operators != "products" or precision.accumulate


def test_a_project_inherits_and_replaces() -> None:
    own: Table = {
        "card": {
            "inherits": "nvidia.h200",
            "sources": {"lab": "measured in the lab"},
            "memories": {"HBM": {"bytes": {"value": 100e9, "source": "lab"}}},
            "dtypes": {"bf16": {"operators": "moves", "source": "lab"}},
        },
        "half.card": {"inherits": "card", "sizes": {"open": "static", "source": "lab"}},
    }
    checked(own)
    card, half = read("card", own), read("half.card", own)
    assert card.capacity == half.capacity == 100_000_000_000
    assert card.bandwidth == 4.8e12
    assert card.dtypes["bf16"].accumulate == ()
    assert card.dtypes["f16"] == read("nvidia.h100").dtypes["f16"]
    assert (card.sizes.open, half.sizes.open) == ("bounded", "static")
    assert half.name == "half.card"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (
            {"board": {"inherits": "groq.tps"}},
            "target `board`: there is no target `groq.tps`; did you mean `groq.tsp`?",
        ),
        ({"board": {"inherits": "board"}}, "target `board`: it inherits itself, by board -> board"),
        ({"board": {"inherits": 3}}, "target `board`: `inherits` is the name of a target"),
        ({"board": 3}, "target `board`: a profile is a table, as in `[targets.board]`"),
        ({"board": {"title": "Board"}}, "target `board`: object missing required field `vendor`"),
        ({"board": {"inherits": "groq.tsp", "foo": 1}}, "target `board`: object contains unknown field `foo`"),
        (
            {
                "board": {
                    "inherits": "groq.tsp",
                    "memories": {"SRAM": {"bytes": {"value": "1", "source": "techpowerup"}}},
                }
            },
            "target `board`: memories.SRAM.bytes.value: expected `float`, got `str`",
        ),
        (
            {"board": {"inherits": "groq.tsp", "memories": {"SRAM": {"bytes": {"value": 1, "source": "lab"}}}}},
            "target `board`: memories.SRAM.bytes: the source `lab` is not in `sources`",
        ),
        (
            {"board": {"inherits": "groq.tsp", "lacks": {"any": ["matmull"]}}},
            "target `board`: lacks.any: there is no operator `matmull`; did you mean `matmul`?",
        ),
        (
            {"board": {"inherits": "groq.tsp", "dtypes": {"fp16": {"operators": "all", "source": "techpowerup"}}}},
            "target `board`: dtypes.fp16: there is no dtype `fp16`; did you mean `f16`?",
        ),
        ({"my-board": {"inherits": "groq.tsp"}}, "target `my-board`: a target's name is made of letters"),
        ({"groq.tsp": {}}, "target `groq.tsp` ships with Tenuto: give yours another name"),
    ],
)
def test_a_profile_that_cannot_be_used_is_told_where(table: Table, said: str) -> None:
    with pytest.raises(ProfileError) as caught:
        checked(table)
    assert str(caught.value).startswith(said)


PROGRAM = """model Scale(x: f32[B, 4]) -> f32[B, 4] {
  param gain: f32[4] = ones
  return x * gain
}

deploy here = Scale { weights: init(seed = 0), target: board, dims: { B: 1 } }
"""


def test_a_project_names_its_own_target(tenuto: Command) -> None:
    tenuto.write({"tenuto.toml": "", "model.ten": PROGRAM})
    assert "unknown-policy" in tenuto("check", "model.ten").out
    tenuto.write({"tenuto.toml": '[targets.board]\ninherits = "cpu.x86_64"\n'})
    assert tenuto("check", "model.ten").code == 0
    tenuto.write({"tenuto.toml": '[targets.board]\ninherits = "cpu.x86"\n'})
    told = tenuto("check", "model.ten")
    assert told.code == 2
    assert "tenuto.toml: target `board`: there is no target `cpu.x86`; did you mean `cpu.x86_64`?" in told.err


def test_every_profile_is_a_file_that_ships() -> None:
    folder = Path(__file__).parent.parent / "analysis/tenuto_analysis/targets/profiles"
    assert {f"{name}.toml" for name in built_in()} == {path.name for path in folder.iterdir()}


# ------------------------------------------------------------------------------------------------ verdicts, placement

FILE = "/w/main.ten"


def graph_of(text: str, name: str) -> tuple[Database, Graph]:
    db = Database()
    db.set(modules.root, FILE, "/w")
    db.set(modules.file_text, FILE, text)
    assert not [finding for finding in model.findings(db, FILE) if finding.severity is Severity.ERROR]
    graph = elaborated(db, FILE, name)
    assert isinstance(graph, Graph)
    return db, graph


ANYWHERE = """model Double(x: f8e4m3[B, 4]) -> bf16[B, 4] = (x as bf16) * 2.0

deploy bare = Double { weights: init(seed = 0) }
"""


def test_every_target_has_a_verdict_with_the_first_reason() -> None:
    db, graph = graph_of(ANYWHERE, "bare")
    found = {verdict.target.name: verdict for verdict in targets_of(db, graph)}
    assert set(found) == set(built_in())
    runs = {name for name, verdict in found.items() if verdict.runs}
    assert runs == {
        "cpu.x86_64",
        "cpu.x86_64.cascadelake",
        "cpu.x86_64.sapphirerapids",
        "cpu.aarch64",
        "arm.neoverse",
    } | {*("cuda.sm_80", "cuda.sm_89", "cuda.sm_90", "rocm.gfx950", "vulkan", "metal")}
    rules = {name: obstacle.rule for name, verdict in found.items() if (obstacle := verdict.obstacle) is not None}
    assert rules["nvidia.h100"] == rules["groq.tsp"] == "target-dynamic-size"
    assert rules["amd.mi300x"] == rules["rocm.gfx942"] == rules["rocm.gfx1100"] == "target-dtype"
    assert rules["onnxruntime.cpu"] == "target-operator"
    obstacle = found["amd.mi300x"].obstacle
    assert obstacle is not None
    assert obstacle.place.declaration == "Double"


def test_a_function_has_verdicts_of_its_own_and_open_sizes_are_its_callers() -> None:
    db, graph = graph_of(ANYWHERE, "bare")
    found = {verdict.target.name: verdict.runs for verdict in targets_of_function(db, graph.entry)}
    assert found["nvidia.h100"]
    assert not found["amd.mi300x"]


PLACED = """import std.nn { Linear }

model Two(x: float[B, 64]) -> float[B, 32] {
  sub first = Linear[64, 64]
  sub second = Linear[64, 32] target nvidia.h200
  let h = relu(first(x))
  let y = second(h)
  return y + 1.0
}

deploy split = Two { weights: init(seed = 0), precision: f16, target: nvidia.h100, dims: { B: 1 .. 8 } }
"""


def test_values_that_cross_between_targets_are_typed_and_priced() -> None:
    db, graph = graph_of(PLACED, "split")
    (batch,) = graph.entry.symbols
    into, back = transfers_of(db, graph, {batch: 8})
    assert (into.transfer.name, into.transfer.source, into.transfer.to) == ("h", (), ("nvidia.h200",))
    assert (back.transfer.name, back.transfer.source, back.transfer.to) == ("y", ("nvidia.h200",), ())
    assert str(into.transfer.bytes) == "128*B"
    assert (into.bytes, back.bytes) == (8 * 64 * 2, 8 * 32 * 2)
    assert into.seconds == 8 * 64 * 2 / 64e9
    assert [priced.bytes for priced in transfers_of(db, graph, {})] == [None, None]


def test_a_part_is_held_against_the_target_that_it_is_placed_on() -> None:
    text = PLACED.replace("nvidia.h200", "groq.tsp")
    db = Database()
    db.set(modules.root, FILE, "/w")
    db.set(modules.file_text, FILE, text)
    (found,) = (finding for finding in model.findings(db, FILE) if finding.severity is Severity.ERROR)
    assert found.message == "`B` is open, and `groq.tsp` takes fixed sizes alone"


def test_an_artifact_holds_no_part_that_is_placed_elsewhere(tenuto: Command) -> None:
    tenuto.write({"tenuto.toml": "", "model.ten": PLACED})
    ran = tenuto("build", "model.ten")
    assert ran.code == 1
    assert "this part is placed on `nvidia.h200`: an artifact for `nvidia.h100` cannot hold it" in ran.out
    assert [path.suffix for path in tenuto.folder.iterdir() if path.is_file()].count(".onnx") == 0


@pytest.mark.parametrize(
    ("replaced", "by", "said"),
    [
        (
            "dims: { B: 1, S: 128 }",
            "dims: { B: 1, S: 1 .. 128 }",
            ["`S` is open, and `groq.tsp` takes fixed sizes alone"],
        ),
        (
            "precision: f16",
            "precision: policy(compute = f16, accumulate = f32, params = bf16, storage = f16)",
            ["`groq.tsp` has no `bf16`, the dtype of weight `weight`: it becomes `f16` there"],
        ),
        (
            "vocab = 30522",
            "vocab = 305220",
            ["it needs 259 MB of memory, and SRAM of `groq.tsp` holds 230 MB"],
        ),
        ("precision: f16", "precision: f16", []),
    ],
)
def test_the_encoder_on_a_chip_has_one_finding_for_each_cause(replaced: str, by: str, said: list[str]) -> None:
    path = Path(__file__).parent.parent / "examples/minilm.ten"
    before, on_groq, after = path.read_text(encoding="utf-8").partition("deploy on_groq")
    if replaced in before:
        before = before.replace(replaced, by)
    else:
        assert replaced in after
        after = after.replace(replaced, by, 1)
    db = Database()
    db.set(modules.root, FILE, "/w")
    db.set(modules.file_text, FILE, before + on_groq + after)
    found = model.findings(db, FILE)
    assert [finding.message for finding in found if finding.rule.startswith(("target", "tile"))] == said
