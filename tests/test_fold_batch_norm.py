"""Normalisations go into the layers before them: the numbers stay, nodes go, and the artifact tells it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from safetensors.numpy import load_file, save_file

import tenuto
from tenuto_analysis.graph import Apply, Call, Graph, dims_of, walk
from tenuto_backend.evaluate import run
from tenuto_backend.passes import optimised
from tenuto_backend.passes.batch_norm import fold_batch_norms
from tenuto_backend.reference.values import Array
from tenuto_backend.runtime import onnxruntime
from tenuto_backend.weights.folded import FoldedWeights
from tests.command import Command
from tests.test_elaborate import case_graph, graph_of, weights_of
from tests.test_examples_torch import ARRAYS, CASES, EXAMPLES, assert_same
from tests.test_passes import dump

random = np.random.default_rng(0)


def norms(graph: Graph) -> int:
    """How many normalisations there are, by what calls them in the source."""
    calls = (node for function in graph.functions for node in walk(function.body) if isinstance(node, Call))
    return sum(call.function.key == "batch_norm" for call in calls)


def drawn(graph: Graph) -> dict[str, Array]:
    """Weights of which no two are alike, with variances above 0."""
    found = weights_of(graph)
    return {path: random.uniform(0.5, 2.0, array.shape).astype(array.dtype) for path, array in found.items()}


def folded(graph: Graph, weights: dict[str, Array]) -> tuple[Graph, FoldedWeights]:
    changed, folds = fold_batch_norms(graph)
    return changed, FoldedWeights(weights, [weight.path for weight in changed.entry.weights], folds)


@pytest.mark.parametrize("example", ["resnet50", "mobilenet_v3", "efficientnet_lite0"])
def test_the_examples_have_no_normalisation_left_and_compute_the_same(example: str) -> None:
    case: dict[str, Any] = CASES[example]
    graph = optimised(case_graph(case))
    inputs = [ARRAYS[key] for key in case["inputs"]]
    weights = weights_of(graph)
    before_all = dump(graph, {})
    changed, found = folded(graph, weights)
    assert norms(graph) > 0
    assert norms(changed) == 0
    results = run(changed, inputs, found)
    for ours, before, theirs in zip(results, run(graph, inputs, weights), case["results"], strict=True):
        np.testing.assert_allclose(ours, before, rtol=1e-4, atol=1e-5 * np.abs(before).max())
        assert_same(ours, ARRAYS[theirs])
    kept = sum(path in weights for path in found)
    assert (
        len(weights) - kept == (len(found) - kept) // 2 * 5
    )  # No layer here has a bias: of five weights two are made.
    assert dump(graph, {}) == before_all, "the given graph stays as it was"


def test_an_example_with_biased_layers() -> None:
    deploy = tenuto.load(EXAMPLES / "unet.ten").deploy("segmentation_small")
    given = deploy.draw(0)
    artifact = deploy.to_onnx(fold_batch_norm=True)
    operators = {node.op_type for function in artifact.model.functions for node in function.node}
    assert "Conv" in operators and "BatchNormalization" not in operators
    (ours,), (plain,) = artifact.run(**given).values(), deploy.evaluate(**given).values()
    np.testing.assert_allclose(ours, plain, rtol=1e-4, atol=1e-5)


HEAD = "import std.nn { BatchNorm1d, BatchNorm2d, Conv2d, Linear }\n\n"
DEPLOY = "\n\ndeploy d = M { weights: init(seed = 0), dims: { B: 1 .. 4 } }\n"

FOLDED = {
    "a layer with a bias": """
model M(x: float[B, 3, 5, 5]) -> float[B, 4, 3, 3] {
  sub conv = Conv2d[3, 4, 3]
  sub norm = BatchNorm2d[4, eps = 0.5]
  return relu(norm(conv(x)))
}""",
    "a layer without": """
model M(x: float[B, 4, 5, 5]) -> float[B, 4, 3, 3] {
  sub conv = Conv2d[4, 4, 3, Groups = 2, biased = false]
  sub norm = BatchNorm2d[4]
  return norm(conv(x))
}""",
    "a dense layer": """
model M(x: float[B, 3]) -> float[B, 4] {
  sub fc = Linear[3, 4]
  sub norm = BatchNorm1d[4]
  return norm(fc(x))
}""",
    "a dense layer without a bias": """
model M(x: float[B, 3]) -> float[B, 4] {
  sub fc = Linear[3, 4, biased = false]
  sub norm = BatchNorm1d[4]
  return relu(norm(fc(x)))
}""",
    "operators with weights of the model's own": """
model M(x: float[B, 3, 5]) -> float[B, 4, 3] {
  param kernel: float[4, 3, 3]
  param gain: float[4]
  param shift: float[4]
  return batch_norm(conv1d(x, kernel), shift, gain, gain, shift)
}""",
    "models in models": """
model Layer(x: float[B, C, H, W]) -> float[B, C, H, W] where C == 4, H >= 1, W >= 1 {
  sub inner = Conv2d[4, 4, 3, padding = 1, biased = false]
  return inner(2.0 * x)
}

model Norm(x: float[B, 4, H, W]) -> float[B, 4, H, W] {
  sub inner = BatchNorm2d[4]
  return inner(x)
}

model Block(x: float[B, 4, H, W]) -> float[B, 4, H, W] where H >= 1, W >= 1 {
  sub layer = Layer
  sub norm = Norm
  return norm(layer(x))
}

model M(x: float[B, 4, 5, 5]) -> float[B, 4, 5, 5] {
  sub blocks = [Block for _ in range(2)]
  return blocks[1](blocks[0](x))
}""",
    "weights that are used twice": """
model Block(x: float[B, 4, H, W]) -> float[B, 4, H, W] where H >= 1, W >= 1 {
  sub conv = Conv2d[4, 4, 3, padding = 1]
  sub norm = BatchNorm2d[4]
  return norm(conv(x))
}

model M(x: float[B, 4, 5, 5]) -> float[B, 4, 5, 5] {
  sub block = Block
  return block(relu(block(x)))
}""",
    "a loop and a branch": """
model M(x: float[B, 4, 5, 5], often: bool[]) -> float[B, 4, 5, 5] {
  sub conv = Conv2d[4, 4, 3, padding = 1]
  sub norm = BatchNorm2d[4]
  var h = x
  if often {
    for i in range(B) {
      h = relu(norm(conv(h)))
    }
  }
  return h
}""",
}

KEPT = {
    "a layer whose result has another use": """
model M(x: float[B, 3, 5, 5]) -> float[B, 4, 3, 3] {
  sub conv = Conv2d[3, 4, 3]
  sub norm = BatchNorm2d[4]
  let y = conv(x)
  return norm(y) + y
}""",
    "a kernel that has another use": """
model M(x: float[B, 3]) -> float[B, 4] {
  param kernel: float[4, 3]
  sub norm = BatchNorm1d[4]
  return norm(x @ transpose(kernel)) + sum(kernel)
}""",
    "something between them": """
model M(x: float[B, 3, 5, 5]) -> float[B, 4, 3, 3] {
  sub conv = Conv2d[3, 4, 3]
  sub norm = BatchNorm2d[4]
  return norm(relu(conv(x)))
}""",
    "a dense layer of another axis": """
model M(x: float[B, 4, 3]) -> float[B, 4, 5] {
  sub fc = Linear[3, 5]
  sub norm = BatchNorm1d[4]
  return norm(fc(x))
}""",
    "statistics that are no weights": """
model M(x: float[B, 3, 5, 5], mean: float[4]) -> float[B, 4, 3, 3] {
  sub conv = Conv2d[3, 4, 3]
  param gain: float[4]
  return batch_norm(conv(x), mean, gain, gain, gain)
}""",
}


@pytest.mark.parametrize("case", [*FOLDED, *KEPT])
def test_what_is_folded_computes_the_same_and_the_rest_stays(case: str) -> None:
    graph = optimised(graph_of(f"{HEAD}{FOLDED.get(case) or KEPT[case]}{DEPLOY}", "d"))
    shapes = [[size.constant or 2 for size in dims_of(ssa.type)] for ssa in graph.entry.inputs]
    inputs = [np.asarray(random.standard_normal(shape), np.float32) for shape in shapes]
    inputs = [x if x.shape else np.asarray(True) for x in inputs]
    weights = drawn(graph)
    changed, found = folded(graph, weights)
    assert (norms(changed) == 0) == (case in FOLDED)
    np.testing.assert_allclose(run(changed, inputs, found)[0], run(graph, inputs, weights)[0], rtol=1e-4, atol=1e-4)
    paths = [weight.path for weight in changed.entry.weights]
    assert len({*paths}) == len(paths)
    if case in KEPT:
        assert paths == [weight.path for weight in graph.entry.weights]


SOURCE = f"""{HEAD}
model Block(x: float[B, 4, H, W]) -> float[B, 4, H, W] where H >= 1, W >= 1 {{
  sub conv = Conv2d[4, 4, 3, padding = 1]
  sub norm = BatchNorm2d[4]
  return relu(norm(conv(x)))
}}

model Net(x: float[B, 4, H, W]) -> float[B, 4, H, W] where H >= 1, W >= 1 {{
  sub block = [Block for _ in range(2)]
  return block[1](block[0](x))
}}

deploy net = Net {{
  weights: load("net.safetensors", rename = {{ "blocks.{{i}}": "block.{{i}}" }}),
  dims: {{ B: 1 .. 4, H: 1 .. 9, W: 1 .. 9 }},
}}
"""
NORM = ("weight", "bias", "running_mean", "running_var")


@pytest.fixture
def workspace(tenuto: Command) -> Command:
    tenuto.write({"tenuto.toml": "", "net.ten": SOURCE})
    found: dict[str, Array] = {}
    for i in range(2):
        found |= {f"blocks.{i}.norm.{name}": random.uniform(0.5, 2.0, 4).astype(np.float32) for name in NORM}
        found[f"blocks.{i}.conv.weight"] = random.standard_normal((4, 4, 3, 3)).astype(np.float32)
        found[f"blocks.{i}.conv.bias"] = random.standard_normal(4).astype(np.float32)
    save_file(found, tenuto.folder / "net.safetensors")
    return tenuto


def test_an_artifact_says_what_its_weights_are_made_of(workspace: Command) -> None:
    assert workspace("build", "net.ten", "-o", "out", "--fold-batch-norm", "--quiet").code == 0
    assert set(load_file(workspace.folder / "out/net.safetensors")) == {
        f"block.{i}.conv.{name}+norm" for i in range(2) for name in ("weight", "bias")
    }
    model = onnx.load(workspace.folder / "out/net.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert "BatchNormalization" not in {node.op_type for function in model.functions for node in function.node}
    told = json.loads(workspace("inspect", "out/net.onnx", "--json").out)
    assert told["ledger"] == "agrees"
    assert {weight["path"]: weight["checkpoint"] for weight in told["weights"]}["block.1.conv.bias+norm"] == [
        "blocks.1.conv.bias",
        *(f"blocks.1.norm.{name}" for name in NORM),
    ]
    told = json.loads(workspace("inspect", "out/net.onnx", "--json").out)
    assert told["weights"][0]["checkpoint"] == [
        f"blocks.0.{name}" for name in ("conv.weight", "norm.weight", "norm.running_var")
    ]
    x = random.standard_normal((2, 4, 5, 6)).astype(np.float32)
    assert workspace("build", "net.ten", "-o", "plain", "--quiet").code == 0
    (ours,), (plain,) = (onnxruntime.of_model(Path(f"{name}/net.onnx"))([x]) for name in ("out", "plain"))
    np.testing.assert_allclose(ours, plain, rtol=1e-4, atol=1e-4)


def test_diff_compares_with_what_the_build_was_asked_for(workspace: Command) -> None:
    assert workspace("build", "net.ten", "-o", "out", "--fold-batch-norm", "--quiet").code == 0
    same = workspace("diff", "net.ten", "out/net.onnx", "--fold-batch-norm")
    assert (same.code, "all intact" in same.out) == (0, True)
    other = workspace("diff", "net.ten", "out/net.onnx", "--all")
    assert other.code == 1
    assert "  fused   BatchNorm2d" in other.out
    assert workspace("build", "net.ten", "-o", "out", "--quiet").code == 0
    assert workspace("diff", "net.ten", "out/net.onnx").code == 0
    assert workspace("diff", "net.ten", "out/net.onnx", "--fold-batch-norm").code == 1


def test_from_python(workspace: Command) -> None:
    deploy = tenuto.load("net.ten").deploy("net")
    given = deploy.draw(0, B=2, H=4, W=3)
    artifact = deploy.to_onnx(fold_batch_norm=True)
    assert artifact.model.graph.initializer[0].name == "block.0.conv.weight+norm"
    assert any(weight.name == "block.0.norm.bias" for weight in deploy.to_onnx().model.graph.initializer)
    np.testing.assert_allclose(
        artifact.run(**given)["result"], deploy.evaluate(**given)["result"], rtol=1e-4, atol=1e-4
    )


def test_a_function_that_ends_in_a_layer_keeps_its_own_form_for_other_callers() -> None:
    source = f"""{HEAD}
model M(x: float[B, 4, 5, 5]) -> float[B, 4, 5, 5] {{
  sub one = Conv2d[4, 4, 3, padding = 1, biased = false]
  sub other = Conv2d[4, 4, 3, padding = 1, biased = false]
  sub norm = BatchNorm2d[4]
  return other(norm(one(x)))
}}{DEPLOY}"""
    graph = optimised(graph_of(source, "d"))
    changed, _ = folded(graph, drawn(graph))
    convolutions = [node for f in changed.functions for node in walk(f.body) if isinstance(node, Apply)]
    assert sorted(str(node.arguments["bias"]) == "none" for node in convolutions) == [False, True]
    assert [weight.path for weight in changed.entry.weights] == ["one.weight+norm", "one.bias+norm", "other.weight"]
