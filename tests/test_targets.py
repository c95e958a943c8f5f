"""Profiles of targets: those that ship, those of a project, and what is said of one that cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from tenuto_analysis.dtypes import SCALARS
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
