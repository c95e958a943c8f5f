"""`tenuto explain-value`: the chain of reasons, in text and as data, and what is said where there is none."""

from __future__ import annotations

import json

import pytest

from tests.command import Command

LIBRARY = """
model Scores(x: float[B, 8]) -> float[B, 4] {
  param weight: float[8, 4] = zeros
  let scores = x @ weight
  return softmax(scores, axis = -1)
}
"""
DEPLOYS = """
import library { Scores }

model Wrapped(x: float[B, 8]) -> float[B, 4] precision mixed {
  sub inner = Scores
  let y = inner(x)
  return y
}

deploy narrow = Scores { weights: init(seed = 0), precision: bf16, dims: { B: 1 } }

deploy wrapped = Wrapped { weights: init(seed = 0), precision: f16, dims: { B: 1 } }
"""


@pytest.fixture
def workspace(tenuto: Command) -> Command:
    tenuto.write({"tenuto.toml": "", "library.ten": LIBRARY, "deploys.ten": DEPLOYS})
    return tenuto


def test_the_chain_leads_from_the_value_out_to_the_clause(workspace: Command) -> None:
    told = workspace("explain-value", "library.ten:4:7", "--deploy", "deploys.ten:wrapped")
    assert told.code == 0
    assert told.out.splitlines() == [
        "wrapped: `scores` of `Scores` is f32[1, 4]",
        "  f32: `accumulate` of the policy, as `matmul` is a product (library.ten:4:16)",
        "  `Scores` takes the policy of `Wrapped` (deploys.ten:6:11)",
        "  the policy is `mixed`, by the clause of `Wrapped` (deploys.ten:4:56)",
    ]


def test_the_deploy_has_the_last_word(workspace: Command) -> None:
    told = workspace("explain-value", "library.ten:3:9", "--deploy", "deploys.ten:narrow", "--format", "json")
    (found,) = json.loads(told.out)
    assert (found["deploy"], found["name"], found["type"]) == ("narrow", "weight", "bf16[8, 4]")
    assert [reason["text"] for reason in found["reasons"]] == [
        "bf16: `params` of the policy, as it is a weight",
        "the policy is `bf16`, by the deploy `narrow`",
    ]
    assert found["reasons"][1]["place"].startswith("deploys.ten:10:")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("deploys.ten",), "`deploys.ten` is no place: write FILE:LINE:COLUMN, such as model.ten:12:7"),
        (("deploys.ten:0:1",), "`deploys.ten:0:1` is no place"),
        (("deploys.ten:900:1",), "deploys.ten:900:1 is no value that a deploy of `deploys.ten` makes"),
        (("library.ten:4:7",), "library.ten:4:7 is no value that a deploy of `library.ten` makes"),
        (("deploys.ten:5:7", "--deploy", "wraped"), "`deploys.ten` has no deploy `wraped`; did you mean `wrapped`?"),
        (("nothing.ten:1:1",), "cannot read `nothing.ten`"),
        (("nothing.ten:1:1", "--deploy", "deploys.ten:narrow"), "nothing.ten`"),
    ],
)
def test_what_cannot_be_explained_is_misuse(workspace: Command, arguments: tuple[str, ...], said: str) -> None:
    told = workspace("explain-value", *arguments)
    assert told.code == 2
    assert said in told.err


def test_a_file_with_an_error_is_not_explained(workspace: Command) -> None:
    workspace.write({"deploys.ten": DEPLOYS.replace("inner(x)", "inner(z)")})
    told = workspace("explain-value", "deploys.ten:6:7")
    assert told.code == 1
    assert "unknown-name" in told.out
    assert "not explained: 1 error" in told.err
