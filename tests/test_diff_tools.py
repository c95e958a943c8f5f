"""Tools that rewrite ONNX models, and what `tenuto diff` says of what they did.

Each expectation is told from the tool's model itself, read here with `onnx` alone; and values that are said to stand
under a name are computed, in the source's model and in the tool's, and compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import numpy as np
import onnx_ir
import onnxruntime
import onnxscript.optimizer
import onnxslim
import pytest
from onnx import GraphProto, ModelProto, ValueInfoProto, inliner, numpy_helper
from onnxconverter_common import float16

from tenuto_backend.onnx.compare import Kind, Status
from tenuto_backend.onnx.verdict import Verdict
from tenuto_backend.reference.values import Array
from tests.artifacts import Built, built, example, item, names, statuses

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")

FUNCTIONS = {
    "Embedding",
    "LayerNorm",
    "Embeddings",
    "Linear_24_24",
    "Linear_24_48",
    "Linear_48_24",
    "SelfAttention",
    "Layer",
    "l2_normalize",
}
TRANSPOSED = {  # What a `Linear` transposes before it multiplies.
    f"layer.{layer}.{name}.weight"
    for layer in range(2)
    for name in ("attention.query", "attention.key", "attention.value", "attention_output", "intermediate", "output")
}
TOKEN_TYPES = "embeddings.token_type_embeddings.weight"  # Its first row is taken, which can be done beforehand.


@cache
def encoder() -> Built:
    return built(example("minilm", "small_encoder"))


def copy_of(model: ModelProto) -> ModelProto:
    other = ModelProto()
    other.CopyFrom(model)
    return other


def optimised_by_onnxruntime(model: ModelProto, folder: Path) -> ModelProto:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.optimized_model_filepath = str(folder / "optimised.onnx")
    options.log_severity_level = 4
    onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return ModelProto.FromString((folder / "optimised.onnx").read_bytes())


def against(model: ModelProto) -> Verdict:
    found = encoder().source.against(model)
    assert found.ledger == "agrees"  # Every one of these tools keeps the metadata of the model.
    return found


# ------------------------------------------------------------------------------------------- what is read from a model


def stored(model: ModelProto) -> dict[str, Array]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def operators(model: ModelProto) -> Counter[str]:
    return Counter(node.op_type for node in model.graph.node)


def with_source(nodes: Iterable[object]) -> int:
    return sum("tenuto.source" in str(node) for node in nodes)


def computed(model: ModelProto, wanted: list[str]) -> dict[str, Array]:
    """Values of the main graph on some sentences, one of them with padding."""
    open_ = copy_of(model)
    there = {output.name for output in open_.graph.output}
    open_.graph.output.extend(ValueInfoProto(name=name) for name in wanted if name not in there)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(open_.SerializeToString(), options, providers=["CPUExecutionProvider"])
    ids = np.random.default_rng(1).integers(0, 128, (3, 5))
    mask = np.array([[True] * 5, [True] * 3 + [False] * 2, [True] + [False] * 4])
    return dict(zip(wanted, session.run(wanted, {"ids": ids, "mask": mask}), strict=True))


def assert_values_stand_where_it_is_said(found: Verdict, model: ModelProto) -> int:
    """Computes every value that is said to be there, in the inlined source and in the model; gives their number."""
    plain = inliner.inline_local_functions(encoder().model)
    mine = {one.name: one.stands for one in against(plain).items if one.kind is Kind.VALUES}
    pairs: list[tuple[str, str]] = []
    for one in found.items:
        if one.kind is Kind.VALUES:
            assert len(one.stands) == len(mine[one.name]), one.name
            pairs += [(a, b) for a, b in zip(mine[one.name], one.stands, strict=True) if a and b]
    held = stored(model)
    here = computed(plain, list({name for name, _ in pairs}))
    there = computed(model, list({name for _, name in pairs if name not in held})) | held
    for name, now in pairs:
        np.testing.assert_allclose(there[now], here[name], rtol=1e-4, atol=1e-4, err_msg=f"{name} is not {now}")
    return len(pairs)


# ---------------------------------------------------------------------------------------------------------------- tools


def test_what_is_built_is_intact() -> None:
    found = against(encoder().model)
    assert found.intact
    assert {status for kind in Kind for status in statuses(found, kind)} == {Status.INTACT}
    assert names(found, Kind.FUNCTIONS, Status.INTACT) == FUNCTIONS
    assert names(found, Kind.WEIGHTS, Status.INTACT) == set(encoder().weights)


def test_onnx_ir_drops_the_types_of_what_functions_take() -> None:
    model = onnx_ir.to_proto(onnx_ir.from_proto(encoder().model))
    assert isinstance(model, ModelProto)
    for function in model.functions:
        assert not {info.name for info in function.value_info} & set(function.input)
    found = against(model)
    assert not found.intact
    taken = {f"{function.name}.{name}" for function in model.functions for name in function.input}
    assert {name.partition(":")[0] for name in names(found, Kind.TYPES, Status.LOST)} == taken
    assert names(found, Kind.RANGES, Status.LOST) == {
        "Embedding.index within 0 .. 127",
        "Embeddings.ids within 0 .. 127",
    }
    for kind in (Kind.INTERFACE, Kind.FUNCTIONS, Kind.VALUES, Kind.WEIGHTS, Kind.SIZES, Kind.SOURCES):
        assert set(statuses(found, kind)) == {Status.INTACT}, kind


def test_the_inliner_writes_functions_out_and_keeps_the_rest() -> None:
    model = inliner.inline_local_functions(encoder().model)
    assert not model.functions
    assert set(stored(model)) == set(encoder().weights)
    found = against(model)
    assert names(found, Kind.FUNCTIONS, Status.FUSED) == FUNCTIONS
    assert names(found, Kind.WEIGHTS, Status.INTACT) == set(encoder().weights)
    assert set(statuses(found, Kind.INTERFACE)) == {Status.INTACT}
    assert set(statuses(found, Kind.VALUES)) == {Status.INTACT, Status.RENAMED}  # Nothing is gone.
    own = {name for node in encoder().model.graph.node if node.op_type != "Constant" for name in node.output}
    # `l2_normalize` made the model's result, and called it so too; the number is the 1e-9 of the program.
    assert names(found, Kind.VALUES, Status.INTACT) == {*own, "constant_3", "l2_normalize.result"}
    for one in found.items:
        if one.kind is Kind.VALUES and one.status is Status.RENAMED:
            _, _, name = one.name.partition(".")
            assert name == "result" or all(now.startswith(f"{name}__") for now in one.stands), one
    assert item(found, Kind.VALUES, "Layer.result").stands == ("h_2", "h_3")
    assert len(item(found, Kind.VALUES, "Linear_24_24.y").stands) == 8
    assert assert_values_stand_where_it_is_said(found, model) > 100


def test_the_optimizer_of_onnxscript_inlines_and_computes_beforehand() -> None:
    model = onnxscript.optimizer.optimize(copy_of(encoder().model))
    assert isinstance(model, ModelProto)
    held = stored(model)
    assert not model.functions
    found = against(model)
    assert names(found, Kind.FUNCTIONS, Status.FUSED) == FUNCTIONS
    assert names(found, Kind.WEIGHTS, Status.INTACT) == set(encoder().weights) & set(held)
    assert names(found, Kind.WEIGHTS, Status.FUSED) == {*TRANSPOSED, TOKEN_TYPES}
    assert_transposed_weights_are_found(found, held)
    # Two transpositions of the keys have become one, and two new axes of the mask.
    assert operators(model)["Transpose"] == 2 * 4
    assert operators(model)["Unsqueeze"] == 2
    gone = {"SelfAttention.k", "SelfAttention.unsqueeze", "SelfAttention.unsqueeze_2"}
    assert names(found, Kind.VALUES, Status.FUSED) == gone
    assert not names(found, Kind.VALUES, Status.LOST)
    assert "Transpose" in item(found, Kind.VALUES, "SelfAttention.k").now
    assert assert_values_stand_where_it_is_said(found, model) > 100


def test_weights_that_are_equal_become_one() -> None:
    model = copy_of(encoder().model)
    held = {tensor.name: tensor for tensor in model.graph.initializer}
    held["layer.1.output.bias"].raw_data = held["layer.0.output.bias"].raw_data
    found = against(onnxscript.optimizer.optimize(model))
    one = item(found, Kind.WEIGHTS, "layer.1.output.bias")
    assert (one.status, one.now) == (Status.FUSED, "in `layer.0.output.bias`, which is the same")


def test_onnxslim_keeps_the_structure_and_drops_what_is_said_of_it() -> None:
    model = onnxslim.slim(copy_of(encoder().model))
    assert isinstance(model, ModelProto)
    assert {function.name for function in model.functions} == FUNCTIONS
    assert not any(function.value_info for function in model.functions)
    assert not with_source([*model.graph.node, *(node for function in model.functions for node in function.node)])
    found = against(model)
    assert names(found, Kind.FUNCTIONS, Status.INTACT) == FUNCTIONS
    assert set(statuses(found, Kind.WEIGHTS)) == {Status.INTACT}
    assert set(statuses(found, Kind.VALUES)) == {Status.INTACT}
    assert set(statuses(found, Kind.SOURCES)) == {Status.LOST}
    assert names(found, Kind.SIZES, Status.INTACT) == {"B", "S"}
    lost = {name.partition(":")[0] for name in names(found, Kind.TYPES, Status.LOST)}
    stated = {info.name for info in (*model.graph.value_info, *model.graph.input, *model.graph.output)}
    assert not lost & {*stated, *stored(model)}
    assert all(name.partition(".")[0] in FUNCTIONS for name in lost)
    twice = [name for name, times in Counter(info.name for info in model.graph.value_info).items() if times > 1]
    assert twice == ["h"]
    assert found.contradictions == (
        "in `small_encoder`, `h` is stated twice: as f32[B, S, 24] and as f32[B, unk__2, 24]",
    )


def test_onnxruntime_fuses_across_functions(tmp_path: Path) -> None:
    model = optimised_by_onnxruntime(encoder().model, tmp_path)
    held = stored(model)
    assert not model.functions
    assert not with_source(model.graph.node)
    assert operators(model)["SkipLayerNormalization"] == 4
    assert operators(model)["BiasGelu"] == 2
    assert operators(model)["FusedMatMul"] == 2
    found = against(model)
    assert names(found, Kind.FUNCTIONS, Status.FUSED) == FUNCTIONS
    assert names(found, Kind.WEIGHTS, Status.INTACT) == set(encoder().weights) & set(held)
    assert names(found, Kind.WEIGHTS, Status.FUSED) == {*TRANSPOSED, TOKEN_TYPES}
    assert_transposed_weights_are_found(found, held)
    fused = {  # The sums before a normalisation, the bias before GELU, the division before the softmax.
        "Layer.add": "SkipLayerNormalization",
        "Layer.attention_output": "SkipLayerNormalization",
        "Layer.add_2": "SkipLayerNormalization",
        "Layer.output": "SkipLayerNormalization",
        "Linear_48_24.result": "SkipLayerNormalization",
        "Layer.intermediate": "BiasGelu",
        "Linear_24_48.result": "BiasGelu",
        "SelfAttention.matmul": "FusedMatMul",
        "SelfAttention.k": "Transpose",
    }
    for name, into in fused.items():
        one = item(found, Kind.VALUES, name)
        assert one.status is Status.FUSED, one
        assert into in one.now
        assert not any(one.stands)
    assert not names(found, Kind.VALUES, Status.LOST)
    assert set(statuses(found, Kind.SOURCES)) == {Status.LOST, Status.FUSED}
    assert not statuses(found, Kind.SOURCES)[Status.INTACT]
    assert names(found, Kind.SIZES, Status.INTACT) >= {"B", "S"}
    assert assert_values_stand_where_it_is_said(found, model) > 80


def test_the_float16_converter_changes_types_and_contradicts_itself() -> None:
    model = float16.convert_float_to_float16(copy_of(encoder().model))
    assert isinstance(model, ModelProto)
    assert {array.dtype for array in stored(model).values()} == {np.dtype(np.float16)}
    assert model.graph.output[0].type.tensor_type.elem_type == 10
    assert {info.type.tensor_type.elem_type for info in model.functions[1].value_info} == {1}  # It forgets functions.
    found = against(model)
    assert names(found, Kind.FUNCTIONS, Status.INTACT) == FUNCTIONS
    assert names(found, Kind.INTERFACE, Status.CHANGED) == {"output result"}
    assert names(found, Kind.INTERFACE, Status.INTACT) == {"input ids", "input mask"}
    assert names(found, Kind.WEIGHTS, Status.CHANGED) == set(encoder().weights)
    changed = {name.partition(":")[0] for name in names(found, Kind.TYPES, Status.CHANGED)}
    half = {
        info.name
        for info in (*model.graph.value_info, *model.graph.output)
        if info.type.tensor_type.elem_type == 10 and not info.name.startswith("constant")
    }
    assert changed == half | set(encoder().weights)
    assert names(found, Kind.VALUES, Status.CHANGED) == {"constant_3"}  # 1e-9 is not a number of f16.
    assert names(found, Kind.SOURCES, Status.LOST) == {"maximum at model.ten:76:46"}  # A cast stands there now.
    # Its functions state f32, and are called with f16: onnxruntime refuses the model.
    assert any(line.startswith("`Layer` states `x` as f32[B, S, 24]") for line in found.contradictions)
    with pytest.raises(onnxruntime.capi.onnxruntime_pybind11_state.Fail):
        onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def assert_transposed_weights_are_found(found: Verdict, held: dict[str, Array]) -> None:
    """What is said to hold a weight now holds its numbers, transposed; or the row of it that is used."""
    for path in names(found, Kind.WEIGHTS, Status.FUSED):
        into = item(found, Kind.WEIGHTS, path).now.split("`")[1]
        wanted = encoder().weights[path]
        np.testing.assert_array_equal(held[into], wanted[0] if path == TOKEN_TYPES else wanted.T)


TOOLS: dict[str, Callable[[ModelProto], object]] = {
    "onnx-ir": lambda model: onnx_ir.to_proto(onnx_ir.from_proto(model)),
    "onnxscript": onnxscript.optimizer.optimize,
    "onnxslim": onnxslim.slim,
    "inliner": inliner.inline_local_functions,
    "float16": float16.convert_float_to_float16,
}


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize(("name", "deploy"), [("gpt2", "small_generator"), ("lstm_tagger", "tagger_small")])
def test_tools_lose_no_weight_of_other_models(tool: str, name: str, deploy: str) -> None:
    found = built(example(name, deploy))
    model = TOOLS[tool](copy_of(found.model))
    assert isinstance(model, ModelProto)
    said = found.source.against(model)
    assert not names(said, Kind.WEIGHTS, Status.LOST)
    assert names(said, Kind.WEIGHTS, Status.INTACT) | names(said, Kind.WEIGHTS, Status.CHANGED) == set(
        stored(model)
    ) & set(found.weights)


@pytest.mark.parametrize(
    ("name", "deploy"),
    [
        ("gpt2", "small_generator"),
        ("lstm_tagger", "tagger_small"),
        ("moe", "mixtral_small"),
        ("efficientnet_lite0", "imagenet_small"),
    ],
)
def test_what_onnxruntime_makes_of_weights_is_found(name: str, deploy: str, tmp_path: Path) -> None:
    found = built(example(name, deploy))
    model = optimised_by_onnxruntime(found.model, tmp_path)
    said = found.source.against(model)
    assert names(said, Kind.WEIGHTS, Status.INTACT) == set(stored(model)) & set(found.weights)
    assert not names(said, Kind.WEIGHTS, Status.LOST)
    assert not names(said, Kind.VALUES, Status.LOST)
    beforehand = stored_anywhere(model.graph)
    for path in names(said, Kind.WEIGHTS, Status.FUSED):
        _, place, how = item(said, Kind.WEIGHTS, path).now.split("`")
        if how == ", computed beforehand" and found.weights[path].ndim == 2:
            arrays = beforehand[place.partition(" #")[0]]
            assert any(np.array_equal(array, found.weights[path].T) for array in arrays), path


def stored_anywhere(graph: GraphProto) -> dict[str, list[Array]]:
    """Tensors of a graph and its branches, which may use a name again."""
    found: dict[str, list[Array]] = {}
    for tensor in graph.initializer:
        found.setdefault(tensor.name, []).append(numpy_helper.to_array(tensor))
    for attribute in (attribute for node in graph.node for attribute in node.attribute):
        for name, arrays in stored_anywhere(attribute.g).items():
            found.setdefault(name, []).extend(arrays)
    return found
