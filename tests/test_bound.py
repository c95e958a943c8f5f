"""Sizes as numbers: `tenuto build --dim`, and the graphs that it gives."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import tenuto
from tenuto_analysis.dims import Dim
from tenuto_analysis.graph import Call, Graph, walk
from tenuto_backend.bound import bound, chosen, open_sizes
from tenuto_backend.build import program
from tenuto_backend.evaluate import run as evaluated
from tenuto_backend.passes import optimised
from tenuto_backend.weights.beside import ArtifactError
from tests.command import Command
from tests.test_models import EXAMPLES, SMALL, drawn_inputs, graph_of, small_deploy

SOURCE = """model Doubled(x: f32[B, N]) -> f32[B, 2 * N] {
  return concat([x, x], axis = 1)
}

model Twice(x: f32[B, N]) -> f32[B, 4 * N] {
  sub one = Doubled
  sub other = Doubled
  return other(one(x))
}

deploy twice = Twice { weights: init(seed = 0), dims: { B: 1 .. 8, N: 1 .. 16 } }
"""


@pytest.fixture
def workspace(tenuto: Command) -> Command:
    tenuto.write({"tenuto.toml": "", "model.ten": SOURCE})
    return tenuto


DECIDED_BY_NUMBERS = {"moe"}
"""How many tokens an expert takes, the router's numbers say."""


def has_open_sizes(graph: Graph) -> bool:
    return any(
        isinstance(item, Dim) and item.constant is None
        for function in graph.functions
        for node in walk(function.body)
        for ssa in node.results
        for item in ssa.type.shape
    )


@pytest.mark.parametrize("example", SMALL)
def test_all_sizes_of_an_example_become_numbers(example: str) -> None:
    _, graph = graph_of(example, small_deploy(example))
    for binding in SMALL[example]:
        found = bound(graph, chosen(graph, binding))
        assert not open_sizes(found)
        assert has_open_sizes(found) == (example in DECIDED_BY_NUMBERS)
        assert not found.entry.symbols
        calls = [node for function in found.functions for node in walk(function.body) if isinstance(node, Call)]
        assert all(not node.sizes for node in calls) or example in DECIDED_BY_NUMBERS
    assert open_sizes(graph), "the graph itself stays as it was"


@pytest.mark.parametrize("example", ["gpt2", "whisper", "lstm_tagger", "lenet"])
def test_a_graph_with_numbers_computes_the_same(example: str) -> None:
    deploy = small_deploy(example)
    db, bare = graph_of(example, deploy)
    made = program(db, bare.file, deploy, str(EXAMPLES))
    for binding, inputs in zip(SMALL[example], drawn_inputs(made.graph, SMALL[example]), strict=True):
        fixed = bound(made.graph, chosen(made.graph, binding))
        ours, theirs = evaluated(fixed, inputs, made.weights), evaluated(made.graph, inputs, made.weights)
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_function_is_there_once_for_each_choice_of_its_sizes(workspace: Command) -> None:
    graph = optimised(tenuto.load(workspace.folder / "model.ten").deploy("twice").graph)
    assert [function.name for function in graph.functions] == ["Doubled", "Twice"]
    whole = bound(graph, chosen(graph, {"B": 2, "N": 2}))
    assert [str(f.inputs[0].type) for f in whole.functions] == ["f32[2, 2]", "f32[2, 4]", "f32[2, 2]"]
    part = bound(graph, chosen(graph, {"B": 2}))
    assert [str(leaf) for leaf in open_sizes(part)] == ["N"]
    assert [str(f.inputs[0].type) for f in part.functions] == ["f32[2, N]", "f32[2, N]"]


def test_the_command_and_python_take_sizes(workspace: Command) -> None:
    built = workspace("build", "model.ten:twice", "--emit", "mlir", "--dim", "B=2", "--dim", "N=2")
    assert built.code == 0
    deploy = tenuto.load(workspace.folder / "model.ten").deploy("twice")
    assert workspace.read("twice.mlir") == deploy.to_mlir(dims={"B": 2, "N": 2}).text
    assert "?" not in workspace.read("twice.mlir")
    assert "@Doubled_2(" in workspace.read("twice.mlir")
    artifact = deploy.to_onnx(dims={"N": 2})
    assert [str(port) for port in artifact.inputs] == ["x: f32[B, 2]"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("M=3", "there is no open size `M`: those of `twice` are B, N"),
        ("N=0", "N = 0 breaks `N >= 1`, which the deploy says of its sizes"),
        ("B=9", "B = 9 breaks `B <= 8`, which the deploy says of its sizes"),
    ],
)
def test_a_size_that_a_deploy_does_not_take_is_refused(workspace: Command, said: str, told: str) -> None:
    refused = workspace("build", "model.ten:twice", "--dim", said, "-o", "out")
    assert refused.code == 1
    assert told in refused.err
    assert not (workspace.folder / "out").exists()
    name, number = said.split("=")
    with pytest.raises(ArtifactError, match=re.escape(told)):
        tenuto.load(workspace.folder / "model.ten").deploy("twice").to_onnx(dims={name: int(number)})


def test_a_size_that_is_below_nought_is_refused(workspace: Command) -> None:
    deploy = tenuto.load(workspace.folder / "model.ten").deploy("twice")
    with pytest.raises(ArtifactError, match="`B` is -1: a size is 0 or more"):
        deploy.to_mlir(dims={"B": -1})


@pytest.mark.parametrize("said", ["N", "N=", "N=x", "=4", "N=-4"])
def test_what_is_no_size_is_misuse(workspace: Command, said: str) -> None:
    refused = workspace("build", "model.ten:twice", f"--dim={said}")
    assert refused.code == 2
    assert "is no size: say it as S=128" in refused.err


def test_a_deploy_without_open_sizes_says_so(tmp_path: Path) -> None:
    path = tmp_path / "one.ten"
    path.write_text(
        "model M(x: f32[4]) -> f32[4] = x + 1.0\n\ndeploy m = M { weights: init(seed = 0) }\n", encoding="utf-8"
    )
    with pytest.raises(ArtifactError, match="there is no open size `N`: `m` has none"):
        tenuto.load(path).deploy("m").to_onnx(dims={"N": 2})
