"""`tenuto inspect`: what is read back from an artifact, where its ledger lies, foreign models, files that are none."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import ModelProto, TensorProto, helper

from tenuto_backend.onnx.interface import interface
from tenuto_backend.onnx.ledger import KEY
from tenuto_backend.onnx.options import Options, Profile
from tenuto_backend.onnx.structure import structure
from tenuto_backend.onnx.witness import ledger_of
from tests.artifacts import EXAMPLES, Built, built, example, set_ledger, source
from tests.command import Command

ROOT = Path(__file__).parent.parent
SMALL = """
import std.nn { Linear }

record Out[B] { y: float[B, 4], n: i64[B] }

model Block(x: float[B, 4]) -> float[B, 4] {
  sub inner = Linear[4, 4]
  return relu(inner(x)) + x
}

model Net(x: float[B, 4] within -1.0 .. 1.0, flags: bool[B]) -> Out[B] where B >= 1 {
  sub first = Block
  sub second = Block
  let h = second(first(x))
  return Out(y = h, n = flags as i64)
}

deploy net = Net { weights: init(seed = 3), dims: { B: 1 .. 16 } }
"""


@pytest.fixture(scope="module")
def small() -> Built:
    return built(source(SMALL, "net"))


def ledger(model: ModelProto) -> Any:
    return json.loads(next(note.value for note in model.metadata_props if note.key == KEY))


def test_signatures_are_read_back(tenuto: Command) -> None:
    tenuto.write({"net.ten": SMALL})
    assert tenuto("build", "net.ten:net", "-q").code == 0
    found = tenuto("inspect", "net.onnx")
    assert found.code == 0
    assert found.err == ""
    assert found.out == (
        "net.onnx: ONNX, opset 21 (portable), IR 10, made by tenuto\n"
        "\n"
        "model net(x: f32[B, 4] within -1.0 .. 1.0, flags: bool[B]) -> (f32[B, 4], i64[B])\n"
        "  where B >= 1, B <= 16\n"
        "  results: y, n\n"
        "\n"
        "3 nodes in the model itself\n"
        "2 functions:\n"
        "  model Linear(x: f32[S.0, 4]) -> f32[S.0, 4]\n"
        "    called 2 times, 1 node, 2 weights, std/nn.ten:7:1\n"
        "  model Block(x: f32[B, 4]) -> f32[B, 4]\n"
        "    called 2 times, 3 nodes, 2 weights, net.ten:6:1\n"
        "4 weights: 40 parameters, 160 B in net.safetensors\n"
        "what a run costs:\n"
        "  flops: 88*B\n"
        "  product_flops: 64*B\n"
        "  bytes_read: 161*B + 168\n"
        "  bytes_written: 136*B\n"
        "  activation_bytes: 65*B\n"
        "  weight_bytes: 160\n"
        "ledger: agrees with the structure\n"
    )


def test_a_function_in_a_loop_of_functions_is_counted_as_often_as_it_is_called() -> None:
    found = interface(structure(example("minilm", "embed").emitted().model), None)
    calls = {function.name: function.calls for function in found.functions}
    assert calls["Layer"] == 6
    assert calls["SelfAttention"] == 6
    assert calls["LayerNorm"] == 13
    assert sum(times for name, times in calls.items() if name.startswith("Linear")) == 36
    assert found.parameters == 22_565_376
    assert found.bytes == 4 * 22_565_376
    assert len(found.weights) == 101


def test_weights_are_told_with_their_names_in_the_checkpoint() -> None:
    found = example("minilm", "small_encoder")
    path = "layer.0.attention.query.weight"
    model = found.emitted(Options(checkpoints={path: ("encoder.layer.0.attention.self.query.weight",)})).model
    shown = interface(structure(model), ledger_of(structure(model)))
    (weight,) = (weight for weight in shown.weights if weight.path == path)
    assert weight.checkpoint == ("encoder.layer.0.attention.self.query.weight",)
    assert weight.type == "f32[24, 24]"


def test_everything_is_there_as_json(tenuto: Command) -> None:
    tenuto.write({"net.ten": SMALL})
    tenuto("build", "net.ten:net", "-q", "--profile", "modern")
    found = json.loads(tenuto("inspect", "net.onnx", "--json").out)
    assert found["signature"].startswith("model net(x: f32[B, 4] within -1.0 .. 1.0, ")
    assert (found["opset"], found["ir"], found["profile"]) == (23, 11, "modern")
    assert found["entry"]["outputs"] == [{"name": "y", "type": "f32[B, 4]"}, {"name": "n", "type": "i64[B]"}]
    assert {item["name"]: item["calls"] for item in found["functions"]} == {"Linear": 2, "Block": 2}
    assert {item["path"]: item["type"] for item in found["weights"]} == {
        "first.inner.weight": "f32[4, 4]",
        "first.inner.bias": "f32[4]",
        "second.inner.weight": "f32[4, 4]",
        "second.inner.bias": "f32[4]",
    }
    assert {item["file"] for item in found["weights"]} == {"net.safetensors"}
    assert (found["parameters"], found["bytes"]) == (40, 160)
    assert (found["ledger"], found["differences"], found["contradictions"]) == ("agrees", [], [])


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.ten")), ids=lambda path: path.stem)
def test_of_every_example_the_ledger_and_the_structure_agree(path: Path) -> None:
    names = [line.split()[1] for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("deploy ")]
    for name in names:
        if "small" in name:
            for profile in Profile:
                found = structure(example(path.stem, name).emitted(Options(profile=profile)).model)
                shown = interface(found, ledger_of(found))
                assert (shown.ledger, shown.differences, shown.contradictions) == ("agrees", (), ())
                assert shown.profile == profile.value


# --------------------------------------------------------------------------------------------------- a ledger that lies


TORN = "the ledger tells `{}` of the model in two ways"


def of_input(told: Any) -> None:
    told["inputs"][0][1] = "f32[B, 5] within -1.0 .. 1.0"


def of_range(told: Any) -> None:
    told["functions"][-1]["inputs"][0][1] = "f32[B, 4] within 0.0 .. 9.0"


def of_output(told: Any) -> None:
    told["outputs"][1][0] = "count"


def of_weight(told: Any) -> None:
    told["weights"][0][1] = "f16[4, 4]"


def of_function(told: Any) -> None:
    told["functions"][1]["name"] = "Blocks"


def of_value(told: Any) -> None:
    told["functions"][-1]["values"][0][1] = "bf16[B, 4]"


def of_value_that_is_not_there(told: Any) -> None:
    told["functions"][1]["values"].append(["secret", "f32[B, 4]", "net.ten:1:1"])


def of_parameters(told: Any) -> None:
    told["functions"][1]["inputs"][0][0] = "z"


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        (of_input, [TORN.format("x"), "input `x` is f32[B, 4], the ledger says f32[B, 5]"]),
        (
            of_output,
            [
                TORN.format("count"),
                TORN.format("n"),
                "output `count` is not in the model",
                "output `n` is in the model, not in the ledger",
            ],
        ),
        (
            of_weight,
            [
                TORN.format("first.inner.weight"),
                "weight `first.inner.weight` is f32[4, 4], the ledger says f16[4, 4]",
            ],
        ),
        (of_range, [TORN.format("x")]),
        (of_function, ["function `Blocks` is not in the model", "function `Block` is in the model, not in the ledger"]),
        (of_value, ["value `first` is f32[B, 4], the ledger says bf16[B, 4]"]),
        (of_value_that_is_not_there, ["value `Block.secret` is not in the model"]),
        (
            of_parameters,
            [
                "function `Block` takes (x, inner.weight, inner.bias), the ledger says (z, inner.weight, inner.bias)",
                "value `Block.z` is not in the model",
            ],
        ),
    ],
)
def test_where_the_ledger_lies_the_structure_is_shown_and_the_lie_is_told(
    small: Built, lie: Callable[[Any], None], said: list[str], tenuto: Command
) -> None:
    told = ledger(small.model)
    lie(told)
    (tenuto.folder / "net.onnx").write_bytes(set_ledger(small.model, json.dumps(told)).SerializeToString())
    found = tenuto("inspect", "net.onnx")
    assert found.code == 1
    places = "1 place" if len(said) == 1 else f"{len(said)} places"
    assert f"ledger: differs from the structure in {places}; what is shown above is the structure:" in found.out
    for line in said:
        assert f"  {line}\n" in found.out
    signature = "(x: f32[B, 4]{}, flags: bool[B]) -> (f32[B, 4], i64[B])"
    assert signature.format("" if TORN[:16] in said[0] else " within -1.0 .. 1.0") in found.out
    shown = json.loads(tenuto("inspect", "net.onnx", "--json").out)
    assert shown["differences"] == said


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"version": 2}', "\x00", '{"functions": [], "deploy": 3}'])
def test_a_ledger_that_is_none_is_told(small: Built, text: str, tenuto: Command) -> None:
    (tenuto.folder / "net.onnx").write_bytes(set_ledger(small.model, text).SerializeToString())
    found = tenuto("inspect", "net.onnx")
    assert found.code == 1
    assert "ledger: it cannot be read: " in found.out
    assert "model net(x: f32[B, 4], flags: bool[B])" in found.out


def test_a_build_without_the_ledger_is_the_same_but_for_that_entry(small: Built) -> None:
    with_ledger = small.source.emitted().model
    without = small.source.emitted(Options(ledger=False)).model
    assert KEY in {note.key for note in with_ledger.metadata_props}
    kept = [note for note in with_ledger.metadata_props if note.key != KEY]
    del with_ledger.metadata_props[:]
    with_ledger.metadata_props.extend(kept)
    assert with_ledger.SerializeToString(deterministic=True) == without.SerializeToString(deterministic=True)


def test_without_a_ledger_there_are_types_but_no_ranges(tenuto: Command) -> None:
    tenuto.write({"net.ten": SMALL})
    tenuto("build", "net.ten:net", "-q", "--no-ledger")
    found = tenuto("inspect", "net.onnx")
    assert found.code == 0
    assert "model net(x: f32[B, 4], flags: bool[B]) -> (f32[B, 4], i64[B])\n" in found.out
    assert found.out.endswith("ledger: none; ranges and sources are not known\n")


def test_nothing_runs_from_the_ledger(small: Built) -> None:
    told = ledger(small.model)
    for function in told["functions"]:
        for key in ("inputs", "outputs", "weights", "values"):
            function[key] = []
    told["inputs"], told["outputs"], told["weights"] = [["q", "i8[7]"]], [], []
    inputs = {"x": np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4), "flags": np.array([True, False, True])}

    def computed(model: ModelProto) -> list[Any]:
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        found: list[Any] = session.run(None, inputs)
        return found

    for ours, theirs in zip(computed(small.model), computed(set_ledger(small.model, json.dumps(told))), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_run_is_the_same_with_a_ledger_that_lies(small: Built, tenuto: Command) -> None:
    def ran(text: str) -> Any:
        (tenuto.folder / "net.onnx").write_bytes(set_ledger(small.model, text).SerializeToString())
        found = tenuto("run", "net.onnx", "--dim", "B=3", "--seed", "4")
        assert found.code == 0, found.err
        return re.sub(r"ran in [\d.]+ s", "ran", found.out)

    told = ledger(small.model)
    honest = ran(json.dumps(told))
    told["inputs"][0][1] = "i8[7] within 100 .. 101"
    told["functions"][-1]["inputs"][0][1] = "i8[7] within 100 .. 101"
    told["bounds"] = ["B >= 15"]
    assert ran(json.dumps(told)) == honest
    assert ran("no ledger at all") == honest


def test_only_the_witness_reads_the_ledger() -> None:
    """Whoever knows of the ledger's entry writes it, or compares it; nothing that compiles or runs asks for it."""
    readers = {"backend/tenuto_backend/onnx/witness.py", "backend/tenuto_backend/onnx/emit.py"}
    askers = {
        "backend/tenuto_backend/onnx/compare.py",
        "backend/tenuto_backend/onnx/interface.py",
        "backend/tenuto_backend/onnx/verdict.py",
        "server/tenuto/cli/inspect.py",
    }
    for folder in ("grammar", "analysis", "backend", "server"):
        for path in (ROOT / folder).rglob("*.py"):
            name, text = path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
            assert "tenuto_backend.onnx.ledger import" not in text or name in readers, name
            assert "tenuto_backend.onnx.witness import" not in text or name in askers, name
            assert '"tenuto.ledger"' not in text or name == "backend/tenuto_backend/onnx/ledger.py", name


# ------------------------------------------------------------------------------------------------------ foreign models


def foreign() -> ModelProto:
    """Opset 13, no metadata, a size that nobody knows, a sequence, a branch, an operator of a domain of its own."""
    unknown = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", None, 3])
    listed = helper.make_tensor_sequence_value_info("parts", TensorProto.FLOAT, None)
    branch = helper.make_graph([helper.make_node("Neg", ["x"], ["minus"])], "then", [], [unknown_output("minus")])
    other = helper.make_graph([helper.make_node("Abs", ["x"], ["plus"])], "else", [], [unknown_output("plus")])
    nodes = [
        helper.make_node("If", ["test"], ["y"], then_branch=branch, else_branch=other),
        helper.make_node("MatMul", ["y", "w"], ["z"]),
        helper.make_node("Mystery", ["z"], ["out"], domain="org.example"),
        helper.make_node("SplitToSequence", ["z"], ["parts"]),
    ]
    graph = helper.make_graph(
        nodes,
        "somebody's",
        [unknown, helper.make_tensor_value_info("test", TensorProto.BOOL, [])],
        [unknown_output("out"), listed],
        [helper.make_tensor("w", TensorProto.FLOAT, [3, 2], np.ones(6))],
    )
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("org.example", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=7)


def unknown_output(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, None)


def test_a_foreign_model_can_be_read(tenuto: Command) -> None:
    (tenuto.folder / "other.onnx").write_bytes(foreign().SerializeToString())
    found = tenuto("inspect", "other.onnx", "--weights")
    assert found.code == 0
    assert found.out == (
        "other.onnx: ONNX, opset 13, IR 7\n"
        "\n"
        "model somebody's(x: f32[batch, ?, 3], test: bool[]) -> (f32[..?], sequence(f32[..?]))\n"
        "  results: out, parts\n"
        "\n"
        "6 nodes in the model itself\n"
        "operators that are not ONNX's own: org.example\n"
        "1 weight: 6 parameters, 24 B\n"
        "  w: f32[3, 2]\n"
        "ledger: none; ranges and sources are not known\n"
    )


def test_text_of_a_model_cannot_move_the_cursor(tenuto: Command) -> None:
    model = foreign()
    model.graph.name = "a\x1b[2J"
    (tenuto.folder / "other.onnx").write_bytes(model.SerializeToString())
    assert "\x1b" not in tenuto("inspect", "other.onnx").out


def test_two_branches_may_use_one_name() -> None:
    model = foreign()
    for attribute in model.graph.node[0].attribute:
        attribute.g.node[0].output[0] = attribute.g.output[0].name = "same"
    steps = structure(model).entry.steps
    assert [step.outputs for step in steps[:3]] == [("same",), ("same #2",), ("y",)]
    assert [branch.outputs for branch in steps[2].branches] == [("same",), ("same #2",)]


def test_functions_that_call_themselves_end(tenuto: Command) -> None:
    model = foreign()
    node = helper.make_node("again", ["x"], ["y"], domain="own")
    model.functions.append(helper.make_function("own", "again", ["x"], ["y"], [node], []))
    model.graph.node.append(helper.make_node("again", ["x"], ["last"], domain="own"))
    (tenuto.folder / "other.onnx").write_bytes(model.SerializeToString())
    assert tenuto("inspect", "other.onnx").code == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "`bad.onnx` is no ONNX model: it holds no graph"),
        (b"model Net(x: f32[B]) -> f32[B] = x\n", "`bad.onnx` is no ONNX model, or is cut off"),
        (foreign().SerializeToString()[:-20], "`bad.onnx` is no ONNX model, or is cut off"),
        (bytes(300), "`bad.onnx` is no ONNX model, or is cut off"),
        (TensorProto(name="w", dims=[2]).SerializeToString(), "`bad.onnx` is no ONNX model"),
    ],
)
def test_what_is_no_model_is_misuse(content: bytes, said: str, tenuto: Command) -> None:
    (tenuto.folder / "bad.onnx").write_bytes(content)
    found = tenuto("inspect", "bad.onnx")
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith(f"tenuto: {said}")


def test_a_file_that_cannot_be_read_is_misuse(tenuto: Command) -> None:
    assert tenuto("inspect", "nothing.onnx").err == "tenuto: cannot read `nothing.onnx`: No such file or directory\n"
    assert tenuto("inspect", ".").code == 2
    assert tenuto("inspect").code == 2


def test_every_prefix_of_a_model_is_read_or_refused(small: Built, tenuto: Command) -> None:
    whole = small.model.SerializeToString()
    for length in range(0, len(whole), max(1, len(whole) // 150)):
        (tenuto.folder / "cut.onnx").write_bytes(whole[:length])
        assert tenuto("inspect", "cut.onnx").code in (0, 1, 2)
