"""`tenuto diff`: one thing is done to an artifact, and exactly that is told; the command around it.

What whole tools do is in `test_diff_tools.py`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import FunctionProto, GraphProto, ModelProto, NodeProto, TensorProto, helper

from tenuto_backend.onnx.compare import Kind, Status
from tenuto_backend.onnx.ledger import KEY
from tenuto_backend.onnx.options import Options, Profile
from tenuto_backend.onnx.verdict import Verdict
from tests.artifacts import EXAMPLES, Built, built, example, item, names, set_ledger, source, statuses
from tests.command import Command

Change = Callable[[ModelProto], None]


@cache
def encoder() -> Built:
    return built(example("minilm", "small_encoder"))


def changed(*changes: Change) -> Verdict:
    model = ModelProto()
    model.CopyFrom(encoder().model)
    for change in changes:
        change(model)
    return encoder().source.against(model)


def told(found: Verdict) -> set[tuple[Kind, str, Status]]:
    """All that is not intact."""
    return {(item.kind, item.name, item.status) for item in found.items if item.status is not Status.INTACT}


def all_nodes(model: ModelProto) -> Iterator[NodeProto]:
    yield from model.graph.node
    for function in model.functions:
        yield from function.node


def function(model: ModelProto, name: str) -> FunctionProto:
    return next(item for item in model.functions if item.name == name)


def rename(body: GraphProto | FunctionProto, names: dict[str, str]) -> None:
    """Other names for the values of a body."""
    for node in body.node:
        for values in (node.input, node.output):
            values[:] = [names.get(name, name) for name in values]
    for info in body.value_info:
        info.name = names.get(info.name, info.name)
    if isinstance(body, GraphProto):
        for tensor in body.initializer:
            tensor.name = names.get(tensor.name, tensor.name)
        for value in (*body.input, *body.output):
            value.name = names.get(value.name, value.name)
    else:
        body.input[:] = [names.get(name, name) for name in body.input]
        body.output[:] = [names.get(name, name) for name in body.output]


# ---------------------------------------------------------------------------------------------------------- all intact


def small_deploys() -> Iterator[tuple[str, str]]:
    for path in sorted(EXAMPLES.glob("*.ten")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("deploy ") and "small" in line.split()[1]:
                yield path.stem, line.split()[1]


@pytest.mark.parametrize(("name", "deploy"), list(small_deploys()))
def test_a_build_of_an_example_is_intact(name: str, deploy: str) -> None:
    found = example(name, deploy)
    for profile in Profile:
        verdict = found.against(found.emitted(Options(profile=profile)).model)
        assert told(verdict) == set()
        assert (verdict.intact, verdict.ledger, verdict.surplus, verdict.contradictions) == (True, "agrees", (), ())


def test_minilm_is_intact_with_all_that_it_has() -> None:
    found = example("minilm", "embed")
    verdict = found.against(found.emitted().model)
    assert verdict.intact
    counts = {kind: sum(statuses(verdict, kind).values()) for kind in Kind}
    assert counts[Kind.INTERFACE] == 3
    assert counts[Kind.WEIGHTS] == 101
    assert counts[Kind.FUNCTIONS] == len(found.emitted().model.functions) == 9
    ledger = json.loads(next(note.value for note in found.emitted().model.metadata_props if note.key == KEY))
    assert counts[Kind.VALUES] == sum(len({name for name, _, _ in page["values"]}) for page in ledger["functions"])


# ------------------------------------------------------------------------------------------------------- one thing done


def without_ledger(model: ModelProto) -> None:
    del model.metadata_props[:]


def test_without_a_ledger_only_what_it_alone_says_is_lost() -> None:
    found = changed(without_ledger)
    assert found.ledger == "absent"
    assert names(found, Kind.RANGES, Status.LOST) == {"B >= 1", "B <= 8", "S >= 1", "S <= 64"}
    assert {kind for kind, _, _ in told(found)} == {Kind.RANGES}


def test_a_weight_with_another_name_is_renamed() -> None:
    found = changed(lambda model: rename(model.graph, {"embeddings.norm.bias": "onnx::Add_17"}))
    assert told(found) == {(Kind.WEIGHTS, "embeddings.norm.bias", Status.RENAMED)}
    assert item(found, Kind.WEIGHTS, "embeddings.norm.bias").now == "`onnx::Add_17`"


def test_a_weight_of_another_dtype_or_shape_is_changed() -> None:
    def change(model: ModelProto) -> None:
        held = {tensor.name: tensor for tensor in model.graph.initializer}
        held["embeddings.norm.bias"].data_type = TensorProto.FLOAT16
        del held["embeddings.norm.weight"].dims[:]
        held["embeddings.norm.weight"].dims.extend([24, 1])

    found = changed(change)
    weights = {"embeddings.norm.bias": "f32[24] is f16[24]", "embeddings.norm.weight": "f32[24] is f32[24, 1]"}
    assert names(found, Kind.WEIGHTS, Status.CHANGED) == set(weights)
    for name, now in weights.items():
        assert item(found, Kind.WEIGHTS, name).now == now
    assert len(found.contradictions) == 2


def test_a_weight_that_nothing_has_is_lost() -> None:
    def change(model: ModelProto) -> None:
        (norm,) = (node for node in model.graph.node if node.op_type == "Embeddings")
        norm.input[:] = ["" if name == "embeddings.norm.bias" else name for name in norm.input]
        kept = [tensor for tensor in model.graph.initializer if tensor.name != "embeddings.norm.bias"]
        del model.graph.initializer[:]
        model.graph.initializer.extend(kept)

    assert (Kind.WEIGHTS, "embeddings.norm.bias", Status.LOST) in told(changed(change))


def test_a_value_with_another_name_is_renamed() -> None:
    found = changed(lambda model: rename(function(model, "Layer"), {"h": "tmp_3"}))
    assert told(found) == {(Kind.VALUES, "Layer.h", Status.RENAMED)}
    assert item(found, Kind.VALUES, "Layer.h").stands == ("tmp_3",)


def test_a_function_with_another_name_is_renamed() -> None:
    def change(model: ModelProto) -> None:
        function(model, "SelfAttention").name = "Attn"
        for node in all_nodes(model):
            if node.op_type == "SelfAttention":
                node.op_type = "Attn"

    found = changed(change)
    assert told(found) == {(Kind.FUNCTIONS, "SelfAttention", Status.RENAMED)}
    assert item(found, Kind.FUNCTIONS, "SelfAttention").now == "`Attn`"


def test_a_function_that_is_called_less_is_told() -> None:
    def change(model: ModelProto) -> None:
        first, second = (node for node in model.graph.node if node.op_type == "Layer")
        model.graph.node.remove(second)
        rename(model.graph, {second.output[0]: first.output[0]})

    found = changed(change)
    assert item(found, Kind.FUNCTIONS, "Layer").now == "1 of 2 calls are left"
    assert item(found, Kind.FUNCTIONS, "Layer").status is Status.FUSED
    assert names(found, Kind.VALUES, Status.LOST) | names(found, Kind.VALUES, Status.FUSED) == {"h_3"}


def test_parameters_with_other_names_are_told() -> None:
    found = changed(lambda model: rename(function(model, "Layer"), {"x": "hidden"}))
    assert told(found) == {(Kind.FUNCTIONS, "Layer", Status.CHANGED)}


def dims(model: ModelProto) -> Iterator[Any]:
    for info in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        yield from info.type.tensor_type.shape.dim


def test_a_size_with_another_name_is_renamed() -> None:
    def change(model: ModelProto) -> None:
        for dim in dims(model):
            if dim.dim_param == "B":
                dim.dim_param = "batch"

    found = changed(change)
    assert item(found, Kind.SIZES, "B").now == "`batch`"
    assert {(kind, name, status) for kind, name, status in told(found) if kind is Kind.SIZES} == {
        (Kind.SIZES, "B", Status.RENAMED)
    }
    assert names(found, Kind.INTERFACE, Status.CHANGED) == {"input ids", "input mask", "output result"}


def test_a_size_that_is_fixed_is_changed() -> None:
    def change(model: ModelProto) -> None:
        for dim in dims(model):
            if dim.dim_param == "S":
                dim.dim_value = 16

    found = changed(change)
    assert (item(found, Kind.SIZES, "S").status, item(found, Kind.SIZES, "S").now) == (Status.CHANGED, "`16`")
    assert item(found, Kind.INTERFACE, "input ids").now == "i64[B, S] is i64[B, 16]"


def test_a_size_that_is_not_stated_any_more_is_lost() -> None:
    def change(model: ModelProto) -> None:
        for dim in dims(model):
            if dim.dim_param == "S":
                dim.ClearField("dim_param")

    found = changed(change)
    assert item(found, Kind.SIZES, "S").status is Status.LOST
    assert item(found, Kind.TYPES, "h: f32[B, S, 24]").status is Status.LOST


def test_types_sources_and_ranges_that_are_dropped_are_lost() -> None:
    def change(model: ModelProto) -> None:
        del model.graph.value_info[:]
        for node in all_nodes(model):
            del node.metadata_props[:]
        for info in model.graph.input:
            del info.metadata_props[:]

    found = changed(change)
    own = {node.output[0] for node in encoder().model.graph.node if node.op_type != "Constant"} - {"result"}
    assert {name.partition(":")[0] for name in names(found, Kind.TYPES, Status.LOST)} == own
    assert set(statuses(found, Kind.SOURCES)) == {Status.LOST}
    assert names(found, Kind.RANGES, Status.LOST) == {"ids within 0 .. 127"}
    assert {kind for kind, _, _ in told(found)} == {Kind.TYPES, Kind.SOURCES, Kind.RANGES}


def test_inputs_and_outputs_that_change_are_told() -> None:
    def change(model: ModelProto) -> None:
        model.graph.input[0].type.tensor_type.elem_type = TensorProto.INT32
        rename(model.graph, {"mask": "attention_mask"})
        extra = helper.make_tensor_value_info("debug", TensorProto.FLOAT, [])
        model.graph.output.append(extra)

    found = changed(change)
    assert item(found, Kind.INTERFACE, "input ids").now == "i64[B, S] is i32[B, S]"
    assert item(found, Kind.INTERFACE, "input mask").status is Status.RENAMED
    assert item(found, Kind.INTERFACE, "output debug").now == "is not in the source"


def test_a_number_that_changes_is_changed() -> None:
    def change(model: ModelProto) -> None:
        (node,) = (node for node in model.graph.node if node.output[0] == "constant_3")
        node.attribute[0].t.raw_data = b"\x00\x00\x40\x40"

    found = changed(change)
    assert told(found) == {(Kind.VALUES, "constant_3", Status.CHANGED)}


def test_nodes_that_become_one_are_fused() -> None:
    def change(model: ModelProto) -> None:
        body = function(model, "Layer")
        (add,) = (node for node in body.node if node.output[0] == "add")
        (norm,) = (node for node in body.node if node.output[0] == "h")
        norm.op_type, norm.domain = "SkipLayerNorm", "com.example"
        norm.input[:] = [*add.input, *norm.input[1:]]
        body.node.remove(add)

    found = changed(change)
    assert names(found, Kind.VALUES, Status.FUSED) == {"Layer.add"}
    assert item(found, Kind.VALUES, "Layer.add").now.startswith("in com.example.SkipLayerNorm")
    assert not names(found, Kind.VALUES, Status.LOST)
    assert names(found, Kind.FUNCTIONS, Status.FUSED) == {"LayerNorm"}
    assert item(found, Kind.FUNCTIONS, "LayerNorm").now == "3 of 5 calls are left"


def test_a_model_of_something_else_has_lost_it() -> None:
    other = built(example("mlp", "digits_small"))
    found = encoder().source.against(other.model)
    for kind in (Kind.INTERFACE, Kind.FUNCTIONS, Kind.WEIGHTS):
        assert Status.INTACT not in statuses(found, kind), kind
    assert not found.intact
    assert found.ledger == "differs"


# --------------------------------------------------------------------------------------------------- names are shuffled


@given(st.integers(0, 10**6))
def test_whatever_names_values_get_they_are_found(seed: int) -> None:
    """The names of values change places: what computes them tells which is which."""
    draw = random.Random(seed)
    model = ModelProto()
    model.CopyFrom(encoder().model)
    places: dict[str, str] = {}
    bodies: list[GraphProto | FunctionProto] = [model.graph, *model.functions]
    for body in bodies:
        own = {name for node in body.node if node.op_type != "Constant" for name in node.output}
        fixed = {output.name for output in model.graph.output} if isinstance(body, GraphProto) else set(body.output)
        free = sorted(own - fixed)
        moved = dict(zip(free, draw.sample(free, len(free)), strict=True))
        rename(body, moved)
        prefix = "" if isinstance(body, GraphProto) else f"{body.name}."
        places |= {f"{prefix}{name}": now for name, now in moved.items()}
    found = encoder().source.against(model)
    for one in found.items:
        if one.kind is Kind.VALUES and one.name in places:
            assert one.stands == (places[one.name],), one
    assert set(statuses(found, Kind.TYPES)) == {Status.INTACT}


# -------------------------------------------------------------------------------------------------- a ledger that lies


def lying(change: Callable[[Any], None]) -> Verdict:
    text = json.loads(next(note.value for note in encoder().model.metadata_props if note.key == KEY))
    change(text)
    return encoder().source.against(set_ledger(encoder().model, json.dumps(text)))


def test_a_ledger_that_lies_of_a_type_is_exposed() -> None:
    def lie(text: Any) -> None:
        text["functions"][-1]["values"][0][1] = "f16[B, S, 24]"

    found = lying(lie)
    assert {status for _, _, status in told(found)} == set()  # The structure is as it was.
    assert (found.ledger, found.intact) == ("differs", False)
    assert [one.name for one in found.items if one.told is False and one.kind is Kind.TYPES] == ["h: f32[B, S, 24]"]
    assert found.surplus == ("Encoder.h: f16[B, S, 24]",)


def test_a_ledger_that_lies_of_a_bound_is_exposed() -> None:
    def lie(text: Any) -> None:
        text["bounds"].remove("B <= 8")
        text["bounds"].append("B <= 800")

    found = lying(lie)
    assert told(found) == {(Kind.RANGES, "B <= 8", Status.LOST)}
    assert found.surplus == ("B <= 800",)


def test_a_ledger_that_adds_something_is_exposed() -> None:
    def lie(text: Any) -> None:
        text["weights"].append(["backdoor.weight", "f32[1]"])
        text["functions"].insert(0, {**text["functions"][0], "name": "Backdoor"})

    found = lying(lie)
    assert not found.intact
    assert "weight backdoor.weight: f32[1]" in found.surplus
    assert "function Backdoor" in found.surplus


def test_a_ledger_that_is_none_is_told() -> None:
    found = encoder().source.against(set_ledger(encoder().model, "[1, 2"))
    assert (found.ledger, found.intact) == ("unreadable", False)


# ---------------------------------------------------------------------------------------------------------- the command

NET = """
import std.nn { Linear }

model Net[N: dim](x: float[B, 4]) -> float[B, N] {
  sub first = Linear[4, 4]
  sub second = Linear[4, N]
  let hidden = relu(first(x))
  return second(hidden)
}

deploy net = Net[2] { weights: init(seed = 3), dims: { B: 1 .. 16 } }
deploy wide = Net[3] { weights: init(seed = 3), dims: { B: 1 .. 16 } }
"""


def test_the_command_says_that_all_is_intact(tenuto: Command) -> None:
    tenuto.write({"net.ten": NET})
    tenuto("build", "net.ten", "-q")
    found = tenuto("diff", "net.ten:net", "net.onnx")
    assert (found.code, found.err) == (0, "")
    assert found.out.startswith(
        "`net` in net.onnx:\n\n           intact  renamed  fused  changed  lost  by the ledger\n"
    )
    assert "weights         4        0      0        0     0         4 of 4\n" in found.out
    assert found.out.endswith("all intact; the ledger says what the source says\n")
    assert tenuto("diff", "net.ten", "wide.onnx").out.startswith("`wide` in wide.onnx:")  # The model says which.


def test_a_source_that_changed_since_is_told(tenuto: Command) -> None:
    tenuto.write({"net.ten": NET})
    tenuto("build", "net.ten", "-q")
    tenuto.write(
        {"net.ten": NET.replace("hidden", "inner").replace("sub second", "sub last").replace("second(", "last(")}
    )
    found = tenuto("diff", "net.ten:net", "net.onnx")
    assert found.code == 1
    assert "  renamed inner -> `hidden`\n" in found.out
    assert "  renamed last.weight -> `second.weight`\n" in found.out
    assert "not all intact; the ledger does not say what the source says:\n" in found.out
    assert "  not in it: weights: last.weight\n" in found.out
    assert "  only in it: weight second.weight: f32[2, 4]\n" in found.out


def test_another_deploy_is_another_model(tenuto: Command) -> None:
    tenuto.write({"net.ten": NET})
    tenuto("build", "net.ten", "-q")
    found = tenuto("diff", "net.ten:wide", "net.onnx")
    assert found.code == 1
    assert "  changed second.weight -> f32[3, 4] is f32[2, 4]\n" in found.out
    assert "  changed output result -> f32[B, 3] is f32[B, 2]\n" in found.out


def test_the_answer_is_there_as_json(tenuto: Command) -> None:
    tenuto.write({"net.ten": NET})
    tenuto("build", "net.ten", "-q")
    found = json.loads(tenuto("diff", "net.ten:net", "net.onnx", "--json").out)
    assert (found["intact"], found["deploy"], found["ledger"]) == (True, "net", "agrees")
    assert found["summary"]["weights"] == {"intact": 4, "renamed": 0, "fused": 0, "changed": 0, "lost": 0}
    weights = [item for item in found["items"] if item["kind"] == "weights"]
    assert weights[0] == {
        "kind": "weights",
        "name": "first.weight",
        "status": "intact",
        "now": "`first.weight`",
        "told": True,
        "stands": [],
    }
    failed = tenuto("diff", "net.ten:wide", "net.onnx", "--json")
    assert failed.code == 1
    assert json.loads(failed.out)["intact"] is False


def test_long_lists_are_cut_unless_all_is_asked_for(tenuto: Command) -> None:
    (tenuto.folder / "other.onnx").write_bytes(built(example("mlp", "digits_small")).model.SerializeToString())
    tenuto.write({"minilm.ten": (EXAMPLES / "minilm.ten").read_text(encoding="utf-8")})
    short = tenuto("diff", "minilm.ten:small_encoder", "other.onnx").out
    assert "more: --all tells them" in short
    whole = tenuto("diff", "minilm.ten:small_encoder", "other.onnx", "--all").out
    assert "--all" not in whole
    assert whole.count("\n") > short.count("\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("net.ten:net",), "the following arguments are required: MODEL.onnx"),
        (("net.ten:nett", "net.onnx"), "`net.ten` has no deploy `nett`; did you mean `net`?"),
        (("nothing.ten", "net.onnx"), "cannot read `nothing.ten`"),
        (("net.ten:net", "nothing.onnx"), "cannot read `nothing.onnx`"),
        (("net.ten:net", "net.ten"), "`net.ten` is no ONNX model"),
        (("net.ten", "alias.onnx"), "of which deploy is this? the file has `net`, `wide`"),
        (("bad.ten:net", "net.onnx"), "nothing to compare with: 1 error in the source"),
    ],
)
def test_misuse(arguments: tuple[str, ...], said: str, tenuto: Command) -> None:
    tenuto.write({"net.ten": NET, "bad.ten": NET.replace("relu(first(x))", "relu(first(y))")})
    tenuto("build", "net.ten", "-q")
    model = ModelProto.FromString((tenuto.folder / "net.onnx").read_bytes())
    model.graph.name = "main_graph"
    (tenuto.folder / "alias.onnx").write_bytes(model.SerializeToString())
    found = tenuto("diff", *arguments)
    assert found.code == 2
    assert said in found.err


def test_weights_need_not_be_there(tenuto: Command) -> None:
    """What is compared is what the program says; its checkpoint is not read."""
    tenuto.write({"net.ten": NET.replace("init(seed = 3)", '"gone.npz"', 1)})
    (tenuto.folder / "net.onnx").write_bytes(source(NET, "net").emitted().model.SerializeToString())
    assert "weights         4        0" in tenuto("diff", "net.ten:net", "net.onnx").out
