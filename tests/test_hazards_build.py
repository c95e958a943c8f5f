"""A build in f16 of a model with a hazard stops before anything is written; what is only possible is a warning."""

from __future__ import annotations

import pytest

from tests.command import Command
from tests.corpus import FOLDER, Pair, pairs_of

ENCODER = """\
#! One block of an encoder, of numbers that are told.
import std.nn { Linear }

model Encoder(x: float[B, S, 8] within -1.0 .. 1.0, mask: bool[B, S]) -> float[B, 8]
  where S >= 1
{
  sub query = Linear[8, 8]
  sub key = Linear[8, 8]
  sub value = Linear[8, 8]
  let scores = query(x) @ transpose(key(x)) * 0.125
  let chosen = masked_softmax(scores, mask[:, none, :])
  let mixed = chosen @ value(x)
  let centred = mixed - mean(mixed, axis = -1, keepdims = true)
  let normed = centred * rsqrt(mean(centred * centred, axis = -1, keepdims = true) + 0.01)
  let count = maximum(sum(mask as float, axis = 1), 1.0)
  let pooled = sum(where(mask[..., none], normed, 0.0), axis = 1) / count[:, none]
  return tanh(pooled)
}

deploy encoder = Encoder {
  weights: init(seed = 0),
  precision: f16,
  dims: { B: 1 .. 2, S: 1 .. 8 },
}
"""

SEEDED = {
    "a mask constant": (
        *("masked_softmax(scores, mask[:, none, :])", "softmax(where(mask[:, none, :], scores, -1e9))"),
        "infinite-constant",
    ),
    "a masked row": (
        *("masked_softmax(scores, mask[:, none, :])", "softmax(where(mask[:, none, :], scores, -inf))"),
        "masked-row",
    ),
    "a naked exponential": (
        "masked_softmax(scores, mask[:, none, :])",
        "exp(scores * 16.0) / sum(exp(scores * 16.0), axis = -1, keepdims = true)",
        "unstable-form",
    ),
    "an epsilon": ("+ 0.01)", "+ 1e-10)", "lost-epsilon"),
    "no epsilon": (" + 0.01)", ")", "outside-domain"),
    "a divisor": ("maximum(sum(mask as float, axis = 1), 1.0)", "sum(mask as float, axis = 1)", "outside-domain"),
    "a logarithm": ("return tanh(pooled)", "return log(softmax(x[:, 0] * 200.0))", "outside-domain"),
    "a power": ("return tanh(pooled)", "return tanh(pooled) ** 0.5", "outside-domain"),
    "a square": ("return tanh(pooled)", "return tanh(pooled) + square(x[:, 0] * 400.0)", "overflow"),
    "a cast": ("return tanh(pooled)", "return tanh(pooled) + (x[:, 0] * 400.0) as i8 as float", "cast-out-of-range"),
    "an 8-bit float": (
        "return tanh(pooled)",
        "return tanh(pooled) + (x[:, 0] * 900.0) as f8e4m3 as float",
        "saturation",
    ),
    "a counter": ("return tanh(pooled)", "return tanh(pooled) + 4000.0 + 0.5", "cancellation"),
    "an integer sum": (
        "return tanh(pooled)",
        "return tanh(pooled) + (sum(mask as i8 * 100, axis = 1) as float)[:, none]",
        "long-sum",
    ),
    "infinities": (
        "return tanh(pooled)",
        "return where(mask[:, 0:1], pooled, -inf) - where(mask[:, 0:1], pooled, -inf)",
        "infinities-meet",
    ),
    "an index": (
        "return tanh(pooled)",
        "return take(pooled, arange(9), axis = 1)[:, :8]",
        "out-of-range",
    ),
}


def test_the_sound_encoder_is_built(tenuto: Command) -> None:
    tenuto.write({"encoder.ten": ENCODER})
    built = tenuto("build", "encoder.ten")
    assert (built.code, built.err) == (0, "")
    assert (tenuto.folder / "encoder.onnx").exists()


@pytest.mark.parametrize("name", SEEDED)
def test_a_hazard_in_the_encoder_is_caught_before_it_is_built(tenuto: Command, name: str) -> None:
    sound, buggy, rule = SEEDED[name]
    assert sound in ENCODER
    tenuto.write({"encoder.ten": ENCODER.replace(sound, buggy)})
    built = tenuto("build", "encoder.ten")
    assert f"error[{rule}]" in built.out, built.out
    assert built.code == 1
    assert built.err.startswith("not built: ")
    assert not [*tenuto.folder.glob("encoder.onnx"), *tenuto.folder.glob("encoder.safetensors")]


FIRST = [next(iter(pairs_of(path))) for path in sorted(FOLDER.glob("*.md"))]


@pytest.mark.parametrize("pair", FIRST, ids=lambda pair: pair.name)
def test_a_program_of_the_corpus_is_caught_and_its_twin_is_built(tenuto: Command, pair: Pair) -> None:
    tenuto.write({"buggy.ten": pair.buggy, "twin.ten": pair.twin})
    built = tenuto("build", "buggy.ten")
    assert built.code == 1, built.out
    assert not [*tenuto.folder.glob("*.onnx")]
    twin = tenuto("build", "twin.ten")
    assert twin.code == 0, twin.out + twin.err


POSSIBLE = """\
model Rooted(x: f16[B, 4] within -1.0 .. 1.0) -> f16[B, 3] {
  param weight: f16[4, 3] = uniform(-0.5, 0.5)
  return sqrt(x @ weight + 0.5)
}

deploy rooted = Rooted {
  weights: init(seed = 0),
  dims: { B: 1 },
}
"""


def test_what_is_only_possible_is_a_warning_of_the_build(tenuto: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenuto_backend.witnesses.MOST_NUMBERS", 0)
    tenuto.write({"rooted.ten": POSSIBLE})
    built = tenuto("build", "rooted.ten")
    assert built.code == 0
    assert "warning[outside-domain]" in built.out
    assert "possible" in built.out
    assert "warning" not in tenuto("build", "rooted.ten", "--quiet").out
