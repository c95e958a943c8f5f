"""Models of whole graphs: functions, control flow, sizes, names, metadata, the ledger, and what lies on the disk.

Primitives one by one are in `test_onnx_rules.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import GraphProto, ModelProto, NodeProto
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import tenuto
from tenuto_analysis import modules
from tenuto_analysis.compat import override
from tenuto_analysis.database import Database
from tenuto_analysis.dims import Constraint, Dim, Leaf, evaluate, floordiv, holds, maximum, minimum, of
from tenuto_analysis.dtypes import BOOL, SCALARS
from tenuto_analysis.elaborate.deploys import elaborate
from tenuto_analysis.graph import (
    Apply,
    Argument,
    Block,
    Call,
    Function,
    Graph,
    If,
    Literal,
    Loop,
    Node,
    Size,
    Ssa,
    Weight,
)
from tenuto_analysis.normal_form import single_atom
from tenuto_analysis.types import Tensor
from tenuto_backend.onnx.declared import declared
from tenuto_backend.onnx.emit import emit
from tenuto_backend.onnx.ledger import KEY
from tenuto_backend.onnx.options import OnnxError, Options, Profile
from tenuto_backend.onnx.save import save, with_weights
from tenuto_backend.passes import optimised
from tenuto_backend.reference.dtypes import DTYPES
from tenuto_backend.reference.values import Array
from tenuto_backend.weights.beside import ArtifactError
from tenuto_grammar import syntax
from tests.dim_source import constraint, dim, symbol
from tests.one_node import (
    FILE,
    ORIGIN,
    RUNNERS,
    SYMBOLS,
    accept,
    agree,
    built,
    database,
    dtype_value,
    expected,
    feeds_of,
    function,
    in_onnxruntime,
    static,
    tensor,
)

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.ten"))
MODERN = Options(Profile.MODERN)
M, N, S = SYMBOLS["M"], SYMBOLS["N"], SYMBOLS["S"]
I64 = SCALARS["i64"]


def graph(inputs: Sequence[Ssa], body: Block, *callees: Function, **more: Any) -> Graph:
    return Graph("test", FILE, (*callees, function("main", inputs, body, **more)), ())


def apply(op: str, type_: str, name: str = "", **arguments: Argument) -> Apply:
    return Apply(op, arguments, (Ssa(tensor(type_), name),), ORIGIN)


def compare(found: Graph, inputs: Sequence[Array], weights: Mapping[str, Array] | None = None) -> ModelProto:
    """Both runtimes give what our evaluator gives."""
    model = built(found, Options(), weights)
    for start in RUNNERS.values():
        agree(expected(found, inputs, weights), start(model).run(None, feeds_of(model, inputs)))
    return model


def numbers(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def graphs_in(holder: GraphProto | onnx.FunctionProto) -> Iterator[NodeProto]:
    """Every node, those of branches too."""
    for node in holder.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from graphs_in(attribute.g)


# ---------------------------------------------------------------------------------------------------------------- sizes


def sized(dims: Sequence[Dim]) -> Graph:
    """A graph that gives sizes; its symbols are axes, and an input may be any integer."""
    x = Ssa(tensor("f32[M, N]"), "x")
    free = Ssa(Tensor(I64, ()), "free")
    nodes = [Size(item, Ssa(Tensor(I64, ()), f"size{at}"), ORIGIN) for at, item in enumerate(dims)]
    results = tuple(node.result for node in nodes)
    body = Block(list[Node](nodes), results)
    return Graph("sizes", FILE, (function("main", [x], body, size_inputs=((symbol("free"), free),)),), ())


leaf_dims = st.sampled_from([M, N, of(symbol("free"))]) | st.integers(-7, 7).map(lambda n: dim(str(n)))


def larger(parts: st.SearchStrategy[Dim]) -> st.SearchStrategy[Dim]:
    divisors = st.sampled_from([dim(text) for text in ("2", "3", "-2", "M + 1", "-N - 1", "max(free, 1)")])
    return st.one_of(
        st.builds(lambda a, b: a + b, parts, parts),
        st.builds(lambda a, b: a - b, parts, parts),
        st.builds(lambda a, b: a * b, parts, parts),
        st.builds(floordiv, parts, divisors),
        st.builds(lambda a, b: a % b, parts, divisors),
        st.builds(minimum, parts, parts),
        st.builds(maximum, parts, parts),
    )


@settings(max_examples=60)
@given(
    dims=st.lists(st.recursive(leaf_dims, larger, max_leaves=6), min_size=1, max_size=6),
    m=st.integers(0, 4),
    n=st.integers(0, 4),
    free=st.integers(-9, 9),
)
def test_sizes_are_computed_as_they_are_defined(dims: list[Dim], m: int, n: int, free: int) -> None:
    values: dict[Leaf, int] = {symbol("M"): m, symbol("N"): n, symbol("free"): free}
    wanted = [np.asarray(evaluate(item, values)) for item in dims]
    model = built(sized(dims), Options())
    found = in_onnxruntime(model).run(None, {"x": np.zeros((m, n), np.float32), "free": np.asarray(free)})
    assert [int(item) for item in found] == [int(item) for item in wanted]


@pytest.mark.parametrize(
    ("text", "m", "value"),
    [
        ("7 if M > 2 else N", 3, 7),
        ("7 if M > 2 else N", 2, 5),
        ("N // M if M != 0 else 9", 0, 9),
        ("N % M if M != 0 and N > M else 9", 3, 2),
        ("9 if not (M == 1 or M >= 3) else 4", 2, 9),
        ("2 ** M", 4, 16),
        ("1 if M <= 2 and M < 1 else 0", 0, 1),
    ],
)
def test_sizes_choose(text: str, m: int, value: int) -> None:
    found = sized([dim(text)])
    model = built(found, Options())
    for start in RUNNERS.values():
        feeds = {"x": np.zeros((m, 5), np.float32), "free": np.asarray(0)}
        assert start(model).run(None, feeds)[0] == value


def test_a_size_is_read_once_and_plain_reshapes_read_none() -> None:
    x = Ssa(tensor("f32[B, S, 12]"), "x")
    split = apply("reshape", "f32[B, S, 3, 4]", x=x, to=static((SYMBOLS["B"], S, 3, 4)))
    moved = apply("reshape", "f32[S, B, 12]", x=x, to=static((S, SYMBOLS["B"], 12)))
    again = apply("expand", "f32[4, S, B, 12]", x=moved.results[0], to=static((4, S, SYMBOLS["B"], 12)))
    body = Block([split, moved, again], (split.results[0], again.results[0]))
    model = compare(graph([x], body), [numbers(2, 5, 12)])
    operators = [node.op_type for node in model.graph.node]
    assert operators.count("Shape") == 2 and operators.count("Reshape") == 2


# ------------------------------------------------------------------------------------------------------------ functions


def dense() -> tuple[Graph, Mapping[str, Array]]:
    """Two calls of one function, each with weights of its own, and a weight of the entry."""
    x, w, b = Ssa(tensor("f32[B, 3]"), "x"), Ssa(tensor("f32[3, 3]"), "weight"), Ssa(tensor("f32[3]"), "bias")
    product_ = apply("matmul", "f32[B, 3]", "y", a=x, b=w)
    moved = apply("add", "f32[B, 3]", a=product_.results[0], b=b)
    linear = function(
        "Linear",
        [x],
        Block([product_, moved], moved.results),
        weights=(Weight("weight", w, None), Weight("bias", b, None)),
    )
    start = Ssa(tensor("f32[N, 3]"), "input")
    scale = Weight("scale", Ssa(tensor("f32[3]"), "scale"), None)
    weights, nodes, value = [scale], list[Node](), start
    for at in range(2):
        own = [
            Weight(f"layers.{at}.{name}", Ssa(tensor(type_), f"layers.{at}.{name}"), None)
            for name, type_ in (("weight", "f32[3, 3]"), ("bias", "f32[3]"))
        ]
        result = Ssa(tensor("f32[N, 3]"), "h")
        taken = tuple(weight.value for weight in own)
        nodes.append(Call(linear, {"x": value}, (value,), taken, {symbol("B"): N}, (result,), f"layers.{at}", ORIGIN))
        weights += own
        value = result
    last = apply("multiply", "f32[N, 3]", "out", a=value, b=scale.value)
    nodes.append(last)
    main = function("main", [start], Block(nodes, last.results), weights=tuple(weights), output_names=("logits",))
    arrays = {
        weight.path: numbers(
            *[item.constant or 0 for item in weight.value.type.shape if isinstance(item, Dim)], seed=at
        )
        for at, weight in enumerate(weights)
    }
    return Graph("dense", FILE, (linear, main), (constraint("N >= 1"),)), arrays


def test_a_definition_is_one_function_and_names_are_kept() -> None:
    found, weights = dense()
    model = compare(found, [numbers(4, 3)], weights)
    assert [(item.domain, item.name) for item in model.functions] == [("tenuto", "Linear")]
    assert list(model.functions[0].input) == ["x", "weight", "bias"]
    assert [node.name for node in model.graph.node] == ["layers.0", "layers.1", "logits"]
    assert [info.name for info in model.graph.input] == ["input"]
    assert [info.name for info in model.graph.output] == ["logits"]
    assert [item.name for item in model.graph.initializer] == list(weights)
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "N"
    assert {info.name for info in model.graph.value_info} == {"h", "h_2"}
    assert {info.name for info in model.functions[0].value_info} == {"x", "weight", "bias", "y", "output"}


def test_instances_of_one_definition_have_names_of_their_own() -> None:
    x = Ssa(tensor("f32[N]"), "x")
    nodes, value, callees = list[Node](), x, []
    for factor in (2, 3):
        taken = Ssa(tensor("f32[N]"), "x")
        number = Literal(factor, Ssa(tensor("f32[]")), ORIGIN)
        scaled = apply("multiply", "f32[N]", a=taken, b=number.result)
        callee = function("Scale", [taken], Block([number, scaled], scaled.results))
        callee.statics = (("by", static(factor)),)
        callees.append(callee)
        result = Ssa(tensor("f32[N]"))
        nodes.append(Call(callee, {"x": value}, (value,), (), {symbol("N"): N}, (result,), "", ORIGIN))
        value = result
    model = compare(graph([x], Block(nodes, (value,)), *callees), [numbers(4)])
    assert [item.name for item in model.functions] == ["Scale_2", "Scale_3"]


def test_what_passes_through_and_what_is_given_twice_are_outputs_too() -> None:
    x = Ssa(tensor("f32[N]"), "x")
    same = apply("reshape", "f32[N]", "same", x=x, to=static((N,)))
    twice = apply("negate", "f32[N]", "n", x=x)
    results = (x, same.results[0], twice.results[0], twice.results[0])
    model = compare(graph([x], Block([same, twice], results)), [numbers(4)])
    assert [info.name for info in model.graph.output] == ["x_2", "same", "n", "n_2"]


# --------------------------------------------------------------------------------------------------------- control flow


def branches(test: Ssa | Constraint, x: Ssa) -> If:
    """The sum with a size, or the value itself."""
    size = Size(N * 2, Ssa(Tensor(I64, ())), ORIGIN)
    wide = apply("cast", "f32[]", U=dtype_value("f32"), x=size.result)
    added = apply("add", "f32[N]", a=x, b=wide.results[0])
    return If(
        test,
        Block([size, wide, added], added.results),
        Block([], (x,)),
        (Ssa(tensor("f32[N]"), "chosen"),),
        ORIGIN,
    )


@pytest.mark.parametrize("flag", [True, False])
def test_a_branch_on_a_tensor(flag: bool) -> None:
    x, test = Ssa(tensor("f32[N]"), "x"), Ssa(Tensor(BOOL, ()), "flag")
    node = branches(test, x)
    after = apply("negate", "f32[N]", x=node.results[0])
    compare(graph([x, test], Block([node, after], after.results)), [numbers(4), np.asarray(flag)])


@pytest.mark.parametrize("count", [2, 3, 4])
def test_a_branch_on_a_size(count: int) -> None:
    x = Ssa(tensor("f32[N]"), "x")
    node = branches(constraint("N % 2 == 0 and N > 2"), x)
    compare(graph([x], Block([node], node.results)), [numbers(count)])


def running_sums(x: Ssa) -> Loop:
    """Sums of the rows so far, each collected, beside twice the number of the step."""
    step, total = Ssa(Tensor(I64, ()), "t"), Ssa(tensor("f32[N]"), "total")
    row = apply("take", "f32[N]", x=x, index=step, axis=static(0))
    added = apply("add", "f32[N]", "total", a=total, b=row.results[0])
    index = Size(of(symbol("t")) * 2, Ssa(Tensor(I64, ())), ORIGIN)
    zero = Ssa(tensor("f32[N]"), "start")
    body = Block([row, added, index], (added.results[0], added.results[0], index.result))
    results = (Ssa(tensor("f32[N]"), "last"), Ssa(tensor("f32[M, N]"), "sums"), Ssa(tensor("i64[M]"), "doubles"))
    return Loop(M, symbol("t"), step, (zero,), (total,), None, body, results, ORIGIN)


@pytest.mark.parametrize("rows", [1, 3])
def test_a_loop_carries_and_collects(rows: int) -> None:
    x = Ssa(tensor("f32[M, N]"), "x")
    node = running_sums(x)
    model = compare(graph([x, node.initial[0]], Block([node], node.results)), [numbers(rows, 4), numbers(4)])
    names = [name for item in graphs_in(model.graph) for name in item.output]
    assert len(names) == len(set(names))


def test_a_loop_in_a_function_keeps_its_names_from_those_around_the_call() -> None:
    text = """
fn total(rows: f32[N, D], start: f32[D]) -> f32[D] {
  var s = start
  for t in range(N) {
    s = s + rows[t]
  }
  return s
}

model Twice(x: f32[1, N, D], y: f32[1, D]) -> f32[D] = total(x[0], y[0])

deploy test = Twice { weights: init(seed = 0), dims: { N: 1 .. 4, D: 1 .. 4 } }
"""
    db, found = deployed(text)
    inputs = [numbers(1, 3, 2), numbers(1, 2)]
    model = with_weights(emit(db, found, Options()), {})
    for start in RUNNERS.values():
        agree(expected(found, inputs), start(model).run(None, feeds_of(model, inputs)))


def test_a_loop_of_no_step_collects_nothing_of_the_right_shape() -> None:
    x = Ssa(tensor("f32[M, N]"), "x")
    node = running_sums(x)
    found = graph([x, node.initial[0]], Block([node], node.results))
    inputs = [numbers(0, 4), numbers(4)]
    model = built(found, Options())
    agree(expected(found, inputs), in_onnxruntime(model).run(None, feeds_of(model, inputs)))


@pytest.mark.parametrize("limit", [0.5, 40.0])
def test_a_loop_runs_while_its_test_holds(limit: float) -> None:
    x, bound = Ssa(tensor("f32[]"), "x"), Ssa(tensor("f32[]"), "bound")
    value = Ssa(tensor("f32[]"), "value")
    less = apply("less", "bool[]", a=value, b=bound)
    doubled = apply("add", "f32[]", a=value, b=value)
    node = Loop(
        None,
        symbol("t"),
        Ssa(Tensor(I64, ()), "t"),
        (x,),
        (value,),
        Block([less], less.results),
        Block([doubled], doubled.results),
        (Ssa(tensor("f32[]"), "found"),),
        ORIGIN,
    )
    compare(graph([x, bound], Block([node], node.results)), [np.asarray(value, np.float32) for value in (1.5, limit)])


# ------------------------------------------------------------------------------------------------------------- metadata


def notes(holder: ModelProto | NodeProto | onnx.ValueInfoProto | onnx.FunctionProto) -> dict[str, str]:
    return {entry.key: entry.value for entry in holder.metadata_props}


def test_nodes_values_and_functions_tell_where_they_come_from() -> None:
    found, weights = dense()
    model = built(found, Options(), weights)
    call = notes(model.graph.node[0])
    assert call == {"tenuto.source": "one.ten:1:1", "tenuto.definition": "main", "tenuto.type": "f32[N, 3]"}
    assert notes(model.graph.value_info[0]) == {"tenuto.type": "f32[N, 3]"}
    assert notes(model.functions[0])["tenuto.definition"] == "Linear"
    assert notes(model.functions[0].node[0])["tenuto.definition"] == "Linear"


def test_the_ledger_tells_the_whole_interface_and_nothing_else_depends_on_it() -> None:
    found, weights = dense()
    checkpoints = {"layers.0.weight": ("encoder.0.w",)}
    model = built(found, Options(checkpoints=checkpoints), weights)
    assert list(notes(model)) == [KEY]
    told = json.loads(notes(model)[KEY])
    assert told["inputs"] == [["input", "f32[N, 3]"]] and told["outputs"] == [["logits", "f32[N, 3]"]]
    assert told["bounds"] == ["N >= 1"]
    assert told["weights"][1] == ["layers.0.weight", "f32[3, 3]", "encoder.0.w"]
    assert [page["name"] for page in told["functions"]] == ["Linear", "main"]
    assert told["functions"][1]["values"][0] == ["h", "f32[N, 3]", "one.ten:1:1"]
    without = built(found, Options(ledger=False, checkpoints=checkpoints), weights)
    del model.metadata_props[:]
    assert model == without


def test_a_build_is_the_same_every_time() -> None:
    path = next(item for item in EXAMPLES if item.stem == "llama")
    texts = []
    for _ in range(2):
        example = small(path)
        assert example is not None
        texts.append(emit(*example, MODERN).model.SerializeToString(deterministic=True))
    assert texts[0] == texts[1]


# -------------------------------------------------------------------------------------------------------------- options


@pytest.mark.parametrize(
    ("options", "opset", "ir"),
    [
        (Options(), 21, 10),
        (MODERN, 23, 11),
        (Options(opset=22), 22, 10),
        (Options(opset=24), 24, 12),
        (Options(Profile.MODERN, opset=26), 26, 13),
    ],
)
def test_the_opset_is_the_lowest_of_the_profile_or_the_chosen_one(options: Options, opset: int, ir: int) -> None:
    found, weights = dense()
    model = built(found, options, weights)
    assert (model.opset_import[0].version, model.ir_version) == (opset, ir)
    assert all(item.opset_import[0].version == opset for item in model.functions)
    in_onnxruntime(model)


def test_a_dtype_asks_for_the_opset_that_knows_it() -> None:
    x = Ssa(tensor("f4e2m1[N]"), "x")
    found = graph([x], Block([], (x,)))
    assert emit(database(), found, Options()).model.opset_import[0].version == 23
    with pytest.raises(OnnxError, match="opset 21 does not know f4e2m1"):
        emit(database(), found, Options(opset=21))


@pytest.mark.parametrize("opset", [20, 27])
def test_an_opset_that_cannot_be_built_is_refused(opset: int) -> None:
    with pytest.raises(OnnxError, match="choose one from 21 to 26"):
        emit(database(), dense()[0], Options(opset=opset))


# ------------------------------------------------------------------------------------------------------------- the disk


def test_weights_lie_beside_the_model_where_onnxruntime_and_safetensors_read_them(tmp_path: Path) -> None:
    found, weights = dense()
    saved = save(emit(database(), found, Options()), weights, tmp_path / "dense.onnx")
    assert sorted(item.name for item in tmp_path.iterdir()) == ["dense.onnx", "dense.safetensors"]
    assert saved.weight_bytes == sum(array.nbytes for array in weights.values())
    assert saved.data is not None
    read = load_file(saved.data)
    assert set(read) == set(weights) and all(np.array_equal(read[path], array) for path, array in weights.items())
    accept(onnx.load(saved.model))
    inputs = [numbers(4, 3)]
    session = in_onnxruntime(saved.model)
    agree(expected(found, inputs, weights), session.run(None, {"input": inputs[0]}))


def test_a_weight_without_an_element_is_not_looked_for_in_the_file(tmp_path: Path) -> None:
    text = """
model Empty(x: f32[B, 0]) -> (f32[B, 2], f32[3]) {
  param weight: f32[0, 2] = zeros
  param bias: f32[3] = ones
  return (x @ weight, bias)
}

deploy empty = Empty { weights: init(seed = 0) }
"""
    (tmp_path / "empty.ten").write_text(text, encoding="utf-8")
    artifact = tenuto.load(tmp_path / "empty.ten").deploy("empty").to_onnx(tmp_path / "empty.onnx")
    found = artifact.run(x=np.zeros((4, 0), np.float32))
    assert [found["0"].tolist(), found["1"].tolist()] == [[[0.0, 0.0]] * 4, [1.0] * 3]
    assert set(load_file(tmp_path / "empty.safetensors")) == {"weight", "bias"}


def test_weights_may_lie_in_the_model(tmp_path: Path) -> None:
    found, weights = dense()
    saved = save(emit(database(), found, Options()), weights, tmp_path / "dense.onnx", inline=True)
    assert [item.name for item in tmp_path.iterdir()] == ["dense.onnx"]
    inputs = [numbers(4, 3)]
    agree(expected(found, inputs, weights), in_onnxruntime(saved.model).run(None, {"input": inputs[0]}))


IN_PLACE = """
model Two(x: float[B, 3]) -> float[B, 2] {
  param first: float[3, 2] = zeros
  param second: float[3, 2] = zeros
  return x @ first + x @ second
}

deploy two = Two { weights: load("%s", rename = { "b": "second" }, transpose = [%s]) }
"""


def two(folder: Path, checkpoint: str, transposed: str, b: Array) -> tuple[tenuto.Deploy, Array]:
    """A deploy of two weights from a checkpoint, and the first of them."""
    first = numbers(3, 2)
    (folder / checkpoint).parent.mkdir(exist_ok=True)
    save_file({"first": first, "b": b}, folder / checkpoint)
    (folder / "two.ten").write_text(IN_PLACE % (checkpoint, transposed), encoding="utf-8")
    return tenuto.load(folder / "two.ten").deploy("two"), first


def test_weights_may_stay_in_their_checkpoint(tmp_path: Path) -> None:
    x, b = numbers(4, 3), numbers(3, 2) + 1
    deploy, first = two(tmp_path, "w.safetensors", "", b)
    artifact = deploy.to_onnx(tmp_path / "two.onnx", in_place=True)
    assert sorted(item.name for item in tmp_path.iterdir()) == ["two.onnx", "two.ten", "w.safetensors"]
    np.testing.assert_allclose(artifact.run(x=x)["result"], x @ first + x @ b, rtol=1e-6)


def test_weights_that_must_be_made_are_written_beside(tmp_path: Path) -> None:
    x, b = numbers(4, 3), numbers(2, 3) + 1
    deploy, first = two(tmp_path, "w.safetensors", '"b"', b)
    artifact = deploy.to_onnx(tmp_path / "two.onnx", in_place=True)
    assert set(load_file(tmp_path / "two.safetensors")) == {"second"}
    np.testing.assert_allclose(artifact.run(x=x)["result"], x @ first + x @ b.T, rtol=1e-6)


def test_weights_stay_in_place_in_the_folder_of_the_model_only(tmp_path: Path) -> None:
    deploy, _ = two(tmp_path, "else/w.safetensors", "", numbers(3, 2))
    with pytest.raises(ArtifactError, match="a checkpoint in the model's own folder"):
        deploy.to_onnx(tmp_path / "two.onnx", in_place=True)
    assert not (tmp_path / "two.onnx").exists()


@pytest.mark.parametrize("dtype", ["bf16", "f16", "f64", "i8", "u4", "i4", "i2", "bool", "f8e4m3", "f4e2m1", "i64"])
def test_every_dtype_is_stored_as_it_is(dtype: str, tmp_path: Path) -> None:
    values = np.asarray([[0, 1, 1], [1, 0, 1], [1, 1, 0]]).astype(DTYPES[dtype])
    weights = {"w": values, "one": np.asarray(1).astype(DTYPES[dtype]), "none": np.zeros((0, 2), DTYPES[dtype])}
    owned = [
        Weight("w", Ssa(tensor(f"{dtype}[3, 3]"), "w"), None),
        Weight("one", Ssa(tensor(f"{dtype}[]"), "one"), None),
        Weight("none", Ssa(tensor(f"{dtype}[0, 2]"), "none"), None),
    ]
    found = graph([], Block([], tuple(weight.value for weight in owned)), weights=tuple(owned))
    emitted = emit(database(), found, Options())
    saved = save(emitted, weights, tmp_path / "m.onnx")
    beside = onnx.load(saved.model)
    for model in (beside, with_weights(emitted, weights)):
        onnx.checker.check_model(model, full_check=True)
        for tensor_ in model.graph.initializer:
            assert np.array_equal(onnx.numpy_helper.to_array(tensor_), weights[tensor_.name])
    if dtype not in ("i2", "u4", "i4"):
        assert saved.data is not None
        with safe_open(saved.data, "np") as file:
            assert set(file.keys()) == set(weights)


class Broken(dict[str, Array]):
    @override
    def __getitem__(self, path: str) -> Array:
        if path == "layers.1.bias":
            raise OSError("the disk is gone")
        return super().__getitem__(path)


@pytest.mark.parametrize("inline", [True, False])
def test_a_build_that_fails_leaves_what_was_there(tmp_path: Path, inline: bool) -> None:
    found, weights = dense()
    emitted = emit(database(), found, Options())
    target = tmp_path / "dense.onnx"
    save(emitted, weights, target, inline)
    before = {item.name: item.read_bytes() for item in tmp_path.iterdir()}
    with pytest.raises(OSError, match="the disk is gone"):
        save(emitted, Broken({path: array + 1 for path, array in weights.items()}), target, inline)
    assert {item.name: item.read_bytes() for item in tmp_path.iterdir()} == before
    saved = save(emitted, {path: array + 1 for path, array in weights.items()}, target, inline)
    assert (saved.data or saved.model).read_bytes() != before[(saved.data or saved.model).name]


@pytest.mark.parametrize("name", ["dense.onnx", "dense.safetensors"])
def test_a_file_of_others_is_not_replaced(tmp_path: Path, name: str) -> None:
    found, weights = dense()
    checkpoint = tmp_path / name
    if name.endswith(".onnx"):
        onnx.save(
            onnx.parser.parse_model('<ir_version: 10, opset_import: ["": 21]> g (float[N] x) => () {}'), checkpoint
        )
    else:
        save_file(dict(weights), checkpoint)
    before = checkpoint.read_bytes()
    with pytest.raises(ArtifactError, match="is not Tenuto's"):
        save(emit(database(), found, Options()), weights, tmp_path / "dense.onnx")
    assert checkpoint.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == [name]


def test_a_weight_of_another_type_is_refused(tmp_path: Path) -> None:
    found, weights = dense()
    wrong = {**weights, "scale": weights["scale"].astype(ml_dtypes.bfloat16)}
    with pytest.raises(ArtifactError, match=r"the weight scale is bfloat16\[3\], the model wants f32\[3\]"):
        save(emit(database(), found, Options()), wrong, tmp_path / "dense.onnx")


def large(rows: int) -> Graph:
    table = Weight("table", Ssa(tensor(f"u8[{rows}, 1024]"), "table"), None)
    index = Ssa(tensor("i64[N]"), "index")
    taken = apply("take", "u8[N, 1024]", x=table.value, index=index, axis=static(0))
    return graph([index], Block([taken], taken.results), weights=(table,))


def test_weights_beyond_two_gigabytes_are_not_put_inline(tmp_path: Path) -> None:
    with pytest.raises(OnnxError, match=r"do not fit into one \.onnx file"):
        save(emit(database(), large(2**21), Options()), {}, tmp_path / "m.onnx", inline=True)


@pytest.mark.heavy
def test_weights_beyond_two_gigabytes_lie_beside_the_model(tmp_path: Path) -> None:
    rows = 2**21 + 8
    array = np.zeros((rows, 1024), np.uint8)
    array[-1] = 7
    saved = save(emit(database(), large(rows), Options()), {"table": array}, tmp_path / "m.onnx")
    found = in_onnxruntime(saved.model).run(None, {"index": np.asarray([0, rows - 1])})
    assert np.array_equal(found[0], array[[0, -1]])


# -------------------------------------------------------------------------------------------------------- library calls

PROGRAM = """
model main(x: f32[B, N], w: f32[N], z: f32[B, 8, H, W], c: f32[8], q: f32[B, 4, S, 8], k: f32[B, 2, L, 8],
           kk: f32[B, 2, S, 8], g: f32[B, 4, L, 8], e: f32[B, 4, S, L])
  where B >= 1, N >= 1, H >= 1, W >= 1, S >= 1, L >= 1
{
  return CALL
}
deploy test = main {
  weights: init(seed = 0), dims: { B: 1 .. 9, N: 1 .. 9, H: 1 .. 9, W: 1 .. 9, S: 1 .. 9, L: 1 .. 9 },
}
"""

OF_X = "relu leaky_relu elu selu celu sigmoid gelu gelu_tanh hard_sigmoid hard_swish softplus softsign mish"
CALLS: Mapping[str, Sequence[str]] = {
    **{name: [f"{name}(x)"] for name in OF_X.split()},
    **{name: [f"{name}(x)", f"{name}(x, axis = 0)"] for name in ("softmax", "log_softmax")},
    **{
        name: [f"{name}(x)", f"{name}(x, axis = 1)", f"{name}(x, axis = (0, 1), keepdims = true)"]
        for name in ("logsumexp", "norm")
    },
    "masked_softmax": [
        "masked_softmax(e, e > 0.3)",
        "masked_softmax(e, q[0, 0, :, 0, none] > 0.0)",
        "masked_softmax(e, e > 99.0, axis = 1)",
    ],
    **{
        name: [f"{name}(q, cos(angles), sin(angles))".replace("angles", "kk[0, 0, :, 0, none] * c[none, :4]")]
        for name in ("rotary", "rotary_interleaved")
    },
    **{name: [f"{name}(x)", f"{name}(x, axis = 0, keepdims = true)"] for name in ("l1_norm", "sum_of_squares")},
    "log_sum": ["log_sum(abs(x) + 0.1)", "log_sum(abs(x) + 0.1, axis = 1)"],
    "cumulative_product": [
        "cumulative_product(x)",
        "cumulative_product(x, axis = 0, exclusive = true, reverse = true)",
    ],
    "hard_shrink": ["hard_shrink(x, bound = 0.2)"],
    "soft_shrink": ["soft_shrink(x, bound = 0.3)"],
    "thresholded_relu": ["thresholded_relu(x, threshold = 0.25)"],
    "depth_to_space": ["depth_to_space(z, 2)"],
    "space_to_depth": ["space_to_depth(depth_to_space(z, 2), 2)"],
    **{
        f"{name}_window": [f"{name}_window(N + 1)", f"{name}_window(8, periodic = false)"]
        for name in ("hann", "hamming", "blackman")
    },
    "leaky_relu": ["leaky_relu(x, slope = 0.3)"],
    "elu": ["elu(x, alpha = 0.5)"],
    "celu": ["celu(x, alpha = 0.5)"],
    "reciprocal": ["reciprocal(abs(x) + 1.0)"],
    "clamp": ["clamp(x, -0.5, 0.25)"],
    "layer_norm": ["layer_norm(x, w, w)", "layer_norm(x, w, eps = 0.1)"],
    "rms_norm": ["rms_norm(x, w)"],
    "batch_norm": ["batch_norm(z, c, abs(c), c, c)"],
    "group_norm": ["group_norm(z, 2, c, c)"],
    "instance_norm": ["instance_norm(z, c, c, eps = 0.01)"],
    "global_avg_pool": ["global_avg_pool(z)", "global_avg_pool(z[:, :, 0])"],
    "global_max_pool": ["global_max_pool(z)"],
    "squeeze": ["squeeze(x[:, none], 1)"],
    "pixel_shuffle": ["pixel_shuffle(z, 2)"],
    "resize_bilinear": [
        "resize_bilinear(z, 2 * H, W + 1)",
        "resize_bilinear(z, 5, 3, align_corners = true)",
    ],
    "attention": [
        "attention(q, g, g)",
        "attention(q, g, g, bias = e)",
        "attention(q, q, q, causal = true, scale = 0.3)",
        "attention(q, g, g, mask = e > 0.4)",
        "attention(q, g, g, mask = e > 0.1, bias = e, causal = true, past = 1)",
        "attention(q, g, g, causal = true, past = L)",
        "attention(q[0], g[0], g[0])",
        "attention(q[:, :, :1], g, g, causal = true, past = L - 1)",
        "attention(q[:, :, :1], g, g, causal = true)",
    ],
    "grouped_query_attention": [
        "grouped_query_attention(q, k, k)",
        "grouped_query_attention(q, kk, kk, causal = true)",
        "grouped_query_attention(q, g, g, mask = e > 0.2)",
    ],
    "cached_attention": ["cached_attention(q, kk, kk, k, k)", "cached_attention(q, q, q, g, g, scale = 0.2)"],
}
NEWER = {"cumulative_product": 26, "rotary": 23, "rotary_interleaved": 23, "rms_norm": 23}
LOWERED = {
    name: found
    for name, target in modules.prelude().items()
    if (found := declared(Database(), target.file, name)) is not None and found.definition.keyword is syntax.Keyword.FN
}


def deployed(text: str) -> tuple[Database, Graph]:
    db = database()
    db.set(modules.file_text, FILE, text)
    return db, elaborate(db, FILE, "test")


def test_every_library_call_that_has_an_operator_is_tried() -> None:
    assert set(CALLS) == set(LOWERED)


@pytest.mark.parametrize(("name", "call"), [(name, call) for name, calls in CALLS.items() for call in calls])
@pytest.mark.parametrize("profile", Profile)
def test_a_library_call_is_its_operator_and_means_its_body(name: str, call: str, profile: Profile) -> None:
    db, found = deployed(PROGRAM.replace("CALL", call))
    operator = LOWERED[name].lowering.operator
    model = with_weights(emit(db, found, Options(profile)), {})
    plain = with_weights(emit(db, found, Options(profile, recognise=False)), {})
    called = {node.op_type for node in plain.graph.node}
    assert name in called
    replaced = model.opset_import[0].version >= NEWER.get(name, 21)
    used = {node.op_type for node in model.graph.node}
    assert (name in used) != replaced
    assert operator is None or (operator.value in used) == replaced
    for sizes_ in ({"B": 2, "N": 5, "H": 3, "W": 4, "S": 3, "L": 5}, {"B": 1, "N": 7, "H": 4, "W": 2, "S": 4, "L": 1}):
        values: dict[Leaf, int] = {leaf: sizes_[str(leaf)] for leaf in leaves_of(found)}
        inputs = [random_of(at, ssa.type, values) for at, ssa in enumerate(found.entry.inputs)]
        wanted = expected(found, inputs)
        for item in (model, plain):
            accept(item)
            for start in RUNNERS.values():
                with np.errstate(all="ignore"):
                    agree(wanted, start(item).run(None, feeds_of(item, inputs)), 3.0)


BODIES = """
model main(x: f32[B, N], w: f32[N], z: f32[B, 8, H, W], c: f32[8], e2: f32[B, 2 * H], z2: f32[B, 4, 2 * H, 3 * W],
           m: f32[N, N], i: i64[B] within 0 .. 4)
  where B >= 1, N >= 5, H >= 1, W >= 1
{
  return CALL
}
deploy test = main { weights: init(seed = 0), dims: { B: 1 .. 9, N: 5 .. 9, H: 1 .. 9, W: 1 .. 9 } }
"""
WITHOUT = (
    "(i // 2 - 7 % (i + 1)) ** 2",
    "(sort(x), arg_sort(x, descending = true))",
    "(x[::-1], x[:, 0], x[0], z[..., -1, none], x[:, 1:])",
    "0.1 < x and x <= 0.9",
    "adaptive_avg_pool2d(z2, 2, 3)",
    "all_true((B, N))",
    "cross_entropy(x, i)",
    "dot(x, x)",
    "eye(N)",
    "flatten(z)",
    "glu(e2)",
    "is_finite(x)",
    "l2_normalize(x)",
    "linear(x, m, w)",
    "masked_fill(x, x > 0.0, -1.0)",
    "nonzero(x > 0.0)[:, 0]",
    "one_hot(i, 5)",
    "outer(w, c)",
    "prelu(z, c)",
    "repeat(x, 2, axis = 1)",
    "rotary_angles(arange(N), 8)",
    "standard_deviation(x, axis = 0)",
    "swiglu(x,x)",
    "triu(N, B) as f32",
    "upsample_nearest(z, 3)",
    "where(tril(N, N), x[:1] , 0.0)",
    "x // 0.3 + x % 0.3 - (x ** 2.0)",
)
"""Expressions that have no operator of their own: what is written is their bodies."""


@pytest.mark.parametrize("call", WITHOUT)
def test_a_library_call_without_an_operator_means_its_body(call: str) -> None:
    db, found = deployed(BODIES.replace("CALL", call))
    model = with_weights(emit(db, found, Options()), {})
    accept(model)
    for sizes_ in ({"B": 2, "N": 5, "H": 3, "W": 4}, {"B": 3, "N": 7, "H": 1, "W": 2}):
        values: dict[Leaf, int] = {leaf: sizes_[str(leaf)] for leaf in leaves_of(found)}
        inputs = [random_of(at, ssa.type, values) for at, ssa in enumerate(found.entry.inputs)]
        for start in RUNNERS.values():
            with np.errstate(all="ignore"):
                agree(expected(found, inputs), start(model).run(None, feeds_of(model, inputs)), 3.0)


DENSE = """
model Layer[N](x: f32[B, 3]) -> f32[B, N] {
  param weight: f32[N, 3]
  param bias: f32[N]
  let y = x @ transpose(weight)
  return RESULT
}
deploy test = Layer[N = 4] { weights: init(seed = 0), dims: { B: 0 .. 9 } }
"""


@pytest.mark.parametrize(
    ("result", "operators"),
    [
        ("y + bias", {"Gemm"}),
        ("y + bias  # i32", {"Transpose", "MatMul", "Add"}),
        ("relu(y + bias)", {"Gemm", "Relu"}),
        ("y", {"Transpose", "MatMul"}),
        ("y + y", {"Transpose", "MatMul", "Add"}),
        ("y + bias + y", {"Transpose", "MatMul", "Add"}),
        ("y + bias[none, :]", {"Transpose", "MatMul", "Add", "Unsqueeze", "Constant"}),
        ("x[:, :1] + bias", {"Slice", "Add", "Constant"}),
    ],
)
def test_a_dense_layer_of_a_matrix_is_one_operator(result: str, operators: set[str]) -> None:
    text = DENSE.replace("RESULT", result)
    db, elaborated = deployed(text.replace("f32", "i32") if result.endswith("i32") else text)
    found = optimised(elaborated)
    drawn = {w.path: random_of(at, w.value.type, {}) for at, w in enumerate(found.entry.weights)}
    model = with_weights(emit(db, found, Options()), drawn)
    accept(model)
    assert {node.op_type for node in model.graph.node} == operators
    for rows in (0, 1, 5):
        inputs = [random_of(7, found.entry.inputs[0].type, dict.fromkeys(leaves_of(found), rows))]
        for start in RUNNERS.values():
            agree(expected(found, inputs, drawn), start(model).run(None, feeds_of(model, inputs)))


def leaves_of(found: Graph) -> Sequence[Leaf]:
    return [
        atom
        for ssa in found.entry.inputs
        for item in ssa.type.shape
        if isinstance(item, Dim) and isinstance(atom := single_atom(item), Leaf)
    ]


def random_of(seed: int, type_: Tensor, values: Mapping[Leaf, int]) -> Array:
    shape = [evaluate(item, values) or 0 for item in type_.shape if isinstance(item, Dim)]
    chance, dtype = np.random.default_rng(seed), DTYPES[str(type_.dtype)]
    if dtype == np.bool_:
        return np.asarray(chance.random(shape) < 0.7)
    if np.issubdtype(dtype, np.integer):
        high = type_.within.high if type_.within is not None else None
        most = evaluate(high, values) if isinstance(high, Dim) else None
        return chance.integers(0, 3 if most is None else most + 1, shape).astype(dtype)
    return chance.normal(0, 0.5, shape).astype(dtype)


# ------------------------------------------------------------------------------------------------------------- examples


def small(path: Path) -> tuple[Database, Graph] | None:
    """The example at its small configuration, on random weights."""
    db = Database()
    db.set(modules.file_text, str(path), path.read_text(encoding="utf-8"))
    name = next((key for key, word in modules.keys(db, str(path)) if word == "deploy" and "small" in key), None)
    return None if name is None else (db, elaborate(db, str(path), name))


ROUTED = ("moe", "onnx")
"""A part of the model that gets no row: onnx's evaluator gathers nothing with too few axes."""


def bindings(found: Graph) -> list[dict[Leaf, int]]:
    """Two choices of sizes that the deploy allows, as different as may be."""
    owned = list(dict.fromkeys(leaves_of(found)))
    allowed = [
        dict(zip(owned, chosen, strict=True))
        for chosen in product((1, 2, 3, 5, 8, 32, 48, 64, 96), repeat=len(owned))
        if all(holds(bound, dict(zip(owned, chosen, strict=True))) is not False for bound in found.bounds)
    ]
    apart = [item for item in allowed if len(set(item.values())) == len(item)] or allowed
    return [apart[0], apart[len(apart) // 2]]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize("profile", Profile)
def test_an_example_runs_as_its_graph_does(path: Path, profile: Profile) -> None:
    example = small(path)
    if example is None:
        return
    db, found = example
    emitted = emit(db, found, Options(profile))
    weights = {}
    for at, placed in enumerate(emitted.weights):
        drawn = random_of(at, placed.type, {}) * np.float32(0.3)
        weights[placed.path] = np.abs(drawn) if "running_var" in placed.path else drawn
    model = with_weights(emitted, weights)
    accept(model)
    for nodes in (list(graphs_in(model.graph)), *(list(graphs_in(item)) for item in model.functions)):
        assert len({node.name for node in nodes}) == len(nodes)
    sessions = [start(model) for name, start in RUNNERS.items() if (path.stem, name) != ROUTED]
    for values in bindings(found):
        inputs = [random_of(at, ssa.type, values) for at, ssa in enumerate(found.entry.inputs)]
        wanted = expected(found, inputs, weights)
        for session in sessions:
            agree(wanted, session.run(None, feeds_of(model, inputs)), 10.0)


@pytest.mark.parametrize("op", ["sum", "any"])
def test_an_axis_from_the_end_is_reduced_where_there_are_no_elements(op: str) -> None:
    dtype = "bool" if op == "any" else "f32"
    x = Ssa(tensor(f"{dtype}[M, N]"), "x")
    node = apply(op, f"{dtype}[M]", "y", x=x, axis=static([-1]), keepdims=static(False))
    found = graph([x], Block([node], node.results))
    for shape in ((0, 0), (2, 0), (2, 3)):
        compare(found, [numbers(*shape).astype(np.bool_ if op == "any" else np.float32)])


def test_nothing_is_rolled_without_a_division_by_zero() -> None:
    x = Ssa(tensor("f32[M, N]"), "x")
    node = apply("roll", "f32[M, N]", "y", x=x, shift=static(1), axis=static(1))
    found = graph([x], Block([node], node.results))
    model = built(found, Options())
    for shape in ((2, 0), (2, 3)):
        inputs = [numbers(*shape)]
        agree(expected(found, inputs), in_onnxruntime(model).run(None, feeds_of(model, inputs)))
