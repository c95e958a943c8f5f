"""Precision on the graph: which dtype each value gets, where casts stand, and what artifacts say of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from tenuto_analysis import modules
from tenuto_analysis.database import Database
from tenuto_analysis.elaborate.checkpoints import sound
from tenuto_analysis.elaborate.deploys import elaborate
from tenuto_analysis.graph import Apply, Block, Call, Function, Graph, Loop, Ssa, blocks_of, dims_of, walk
from tenuto_analysis.precision.policies import NAMED
from tenuto_analysis.verify import verify
from tenuto_backend.build import Program, program
from tenuto_backend.evaluate import run
from tenuto_backend.mlir import emit as mlir
from tenuto_backend.mlir.printing import text as mlir_text
from tenuto_backend.onnx.emit import emit
from tenuto_backend.onnx.interface import interface
from tenuto_backend.onnx.options import Options
from tenuto_backend.onnx.save import save
from tenuto_backend.onnx.structure import structure
from tenuto_backend.onnx.witness import ledger_of
from tenuto_backend.reference.dtypes import DTYPES
from tenuto_backend.reference.values import Array
from tests.generate.precisions import program as program_of
from tests.models import fetched
from tests.one_node import in_onnxruntime

EXAMPLES = Path(__file__).parent.parent / "examples"


def graph_of(text: str, deploy: str = "d") -> Graph:
    db, file = _opened(text)
    assert sound(db, file)
    return verify(elaborate(db, file, deploy))


def _opened(text: str) -> tuple[Database, str]:
    db, file = Database(), str(Path("/workspace/model.ten"))
    db.set(modules.file_text, file, text)
    return db, file


def named(function: Function) -> dict[str, str]:
    """The dtypes of what has a name."""
    given = (*function.inputs, *(weight.value for weight in function.weights))
    made = (ssa for node in walk(function.body) for ssa in node.results)
    return {ssa.name: str(ssa.type.dtype) for ssa in (*given, *made) if ssa.name}


def dtypes_of(graph: Graph, op: str) -> list[tuple[str, ...]]:
    """The dtypes of the operands, and the result, of each use of a primitive."""
    return [
        tuple(
            str(ssa.type.dtype) for ssa in (*(a for a in node.arguments.values() if isinstance(a, Ssa)), *node.results)
        )
        for function in graph.functions
        for node in walk(function.body)
        if isinstance(node, Apply) and node.op == op
    ]


def inserted(function: Function) -> list[Apply]:
    return [node for node in walk(function.body) if isinstance(node, Apply) and node.inserted]


def function(graph: Graph, name: str) -> Function:
    return next(item for item in graph.functions if item.name == name)


# ------------------------------------------------------------------------------------------------------------- policies

PRODUCT = """
model M(x: float[B, 8]) -> float[B, 4] {{
  param w: float[8, 4] = zeros
  param b: float[4] = zeros
  let y = x @ w
  let z = relu(y + b)
  let p = softmax(z, axis = -1)
  return p + b
}}

deploy d = M {{ weights: init(seed = 0), {setting}dims: {{ B: 1 .. 4 }} }}
"""


@pytest.mark.parametrize(
    ("policy", "product", "added", "softmax", "result"),
    [
        ("f32", ("f32", "f32", "f32"), "f32", "f32", "f32"),
        ("f64", ("f64", "f64", "f64"), "f64", "f64", "f64"),
        ("bf16", ("bf16", "bf16", "f32"), "bf16", "f32", "bf16"),
        ("f16", ("f16", "f16", "f32"), "f16", "f32", "f16"),
        ("mixed", ("bf16", "bf16", "f32"), "f32", "f32", "f32"),
        ("mixed(compute = f16, storage = bf16)", ("f16", "f16", "f32"), "bf16", "f32", "bf16"),
        ("policy(compute = f8e4m3, accumulate = f32)", ("f8e4m3", "f8e4m3", "f32"), "f32", "f32", "f32"),
        ("policy(compute = f16, accumulate = f16)", ("f16", "f16", "f16"), "f32", "f32", "f32"),
        ("mixed(wide = f64, params = f16)", ("bf16", "bf16", "f32"), "f32", "f64", "f32"),
    ],
)
def test_each_class_of_operators_takes_its_field_of_the_policy(
    policy: str, product: tuple[str, ...], added: str, softmax: str, result: str
) -> None:
    graph = graph_of(PRODUCT.format(setting=f"precision: {policy}, "))
    assert dtypes_of(graph, "matmul") == [product]
    assert dtypes_of(graph, "add") == [(added,) * 3] * 2
    assert dtypes_of(graph, "exp") == [(softmax,) * 2]
    assert [str(ssa.type.dtype) for ssa in graph.entry.results] == [result]


def test_a_deploy_without_a_policy_is_in_f32() -> None:
    graph = graph_of(PRODUCT.format(setting=""))
    assert {dtype for dtypes in dtypes_of(graph, "add") for dtype in dtypes} == {"f32"}
    assert not any(map(inserted, graph.functions))


ANNOTATED = """
import std.nn {{ Linear }}

model Mlp(x: float[B, 16]) -> f32[B, 4]{module} {{
  param w: float[16, 8] = normal(std = 0.1){parameter}
  sub head = Linear[8, 4]
  let h{tensor} = relu(x @ w)
  let p = softmax(head(h), axis = -1){operator}
  return p as f32
}}

deploy d = Mlp {{ weights: init(seed = 0), dims: {{ B: 1 .. 4 }} }}
"""
NONE = {"module": "", "parameter": "", "tensor": "", "operator": ""}
ON_MODULE = {"module": " precision mixed"}
ON_PARAMETER = {"parameter": " precision f16", "module": " precision f32"}
ON_TENSOR = {"tensor": ": bf16[B, 8]", "module": " precision f32"}
ON_OPERATOR = {"operator": " precision bf16"}
ALL = {**ON_MODULE, **ON_OPERATOR, **ON_TENSOR, **ON_PARAMETER, "module": " precision mixed"}


@pytest.mark.parametrize(
    ("annotations", "weight", "product", "h", "p", "head"),
    [
        ({}, "f32", ("f32", "f32", "f32"), "f32", "f32", ("f32", "f32", "f32")),
        (ON_MODULE, "bf16", ("bf16", "bf16", "f32"), "f32", "f32", ("bf16", "bf16", "f32")),
        (ON_PARAMETER, "f16", ("f32", "f32", "f32"), "f32", "f32", ("f32", "f32", "f32")),
        (ON_TENSOR, "f32", ("f32", "f32", "f32"), "bf16", "f32", ("f32", "f32", "f32")),
        (ON_OPERATOR, "f32", ("f32", "f32", "f32"), "f32", "bf16", ("bf16", "bf16", "f32")),
        (ALL, "bf16", ("bf16", "bf16", "f32"), "bf16", "bf16", ("bf16", "bf16", "f32")),
    ],
    ids=["none", "module", "parameter", "tensor", "operator", "all"],
)
def test_the_four_kinds_of_annotation_change_the_types_and_are_read_back(
    annotations: Mapping[str, str],
    weight: str,
    product: tuple[str, ...],
    h: str,
    p: str,
    head: tuple[str, ...],
) -> None:
    text = ANNOTATED.format(**{**NONE, **annotations})
    graph = graph_of(text)
    found = named(graph.entry)
    assert (found["w"], found["h"], found["p"]) == (weight, h, p)
    assert sorted(dtypes_of(graph, "matmul")) == sorted([product, head])
    _read_back(text, graph, weight, "precision mixed" in text)


def _read_back(text: str, graph: Graph, weight: str, is_mixed: bool) -> None:
    """What an ONNX model and a module of MLIR say."""
    db, _ = _opened(text)
    found = structure(emit(db, graph, Options()).model)
    shown = interface(found, ledger_of(found))
    assert next(item.type for item in shown.weights if item.path == "w") == f"{weight}[16, 8]"
    assert shown.entry.policy == ("mixed" if is_mixed else "f32")
    assert shown.ledger == "agrees"
    assert not shown.contradictions
    module = mlir_text(mlir.emit(db, graph))
    assert ('precision = "mixed"' in module) == is_mixed
    assert re.search(rf'sym_name = "w", type = tensor<16x8x{weight}>|"w".*tensor<16x8x{weight}>', module)


def test_the_program_of_the_blog_builds_in_its_precisions_and_runs() -> None:
    text = (EXAMPLES / "blog.ten").read_text(encoding="utf-8")
    db, file = _opened(text)
    graph = verify(elaborate(db, file, "my_module"))
    found = named(graph.entry)
    assert (found["x"], found["b1"], found["h"], found["probs"], found["head.weight"]) == (
        *("f32", "f32", "bf16", "f32", "f32"),
    )
    assert dtypes_of(graph, "matmul") == [("f32", "f32", "f32"), ("bf16", "bf16", "f32")]
    assert graph.entry.policy == NAMED["mixed"]
    assert graph.entry.target == ("groq.tsp",)


# ---------------------------------------------------------------------------------------------------- levels of clauses

LEVELS = """
import std.nn {{ Linear }}

const half = f16

model Inner(x: float[B, 8]) -> float[B, 8]{definition} {{
  sub project = Linear[8, 8]{sub}
  let y = project(x){statement}
  return y as float
}}

model Outer(x: float[B, 8]) -> float[B, 8] {{
  sub inner = Inner
  return inner(x)
}}

deploy d = Outer {{ weights: init(seed = 0), precision: {deploy}, dims: {{ B: 1 .. 4 }} }}
"""
UNSAID = {"definition": "", "sub": "", "statement": "", "deploy": "f32"}


@pytest.mark.parametrize(
    ("said", "product"),
    [
        ({"deploy": "bf16"}, "bf16"),
        ({"deploy": "bf16", "definition": " precision mixed(compute = f16)"}, "f16"),
        ({"deploy": "bf16", "definition": " precision mixed", "sub": " precision f16"}, "f16"),
        ({"deploy": "bf16", "definition": " precision mixed", "statement": " precision f32"}, "f32"),
        ({"deploy": "f32", "sub": " precision bf16", "statement": " precision f16"}, "bf16"),
        ({"deploy": "half"}, "f16"),
        ({"sub": " precision half"}, "f16"),
    ],
    ids=["deploy", "definition", "sub", "statement", "sub before statement", "constant", "constant of a sub"],
)
def test_the_inner_clause_wins(said: Mapping[str, str], product: str) -> None:
    graph = graph_of(LEVELS.format(**{**UNSAID, **said}))
    assert dtypes_of(graph, "matmul") == [(product, product, "f32")]


def test_a_deploy_without_a_policy_takes_that_of_its_type() -> None:
    text = PRODUCT.format(setting="").replace("deploy d =", "deploy d: Fast =")
    graph = graph_of(f"type Fast = model(float[B, 8]) -> float[B, 4] precision mixed\n{text}")
    assert dtypes_of(graph, "matmul") == [("bf16", "bf16", "f32")]


def test_a_part_read_from_outside_has_the_dtype_of_its_own_policy() -> None:
    graph = graph_of("""
import std.nn { Embedding }

model Tied(ids: i64[B, S] within 0 .. 31) -> float[B, S, 32] {
  sub table = Embedding[32, 8] precision f16
  let h = table(ids)
  return h @ transpose(table.weight)
}

deploy d = Tied { weights: init(seed = 0), precision: mixed, dims: { B: 1, S: 1 .. 8 } }
""")
    assert named(graph.entry)["table.weight"] == "f16"


def test_targets_of_clauses_stand_on_the_graph() -> None:
    graph = graph_of("""
import std.nn { Linear }

model M(x: float[B, 8]) -> float[B, 8] target cuda.sm_90 {
  sub a = Linear[8, 8] target groq.tsp
  let y = a(x)
  let z = relu(exp(y)) target cpu.x86_64
  return z
}

deploy d = M { weights: init(seed = 0), dims: { B: 1 } }
""")
    assert graph.entry.target == ("cuda.sm_90",)
    targets = {
        node.op if isinstance(node, Apply) else node.function.name: node.target
        for node in graph.entry.body.nodes
        if isinstance(node, Apply | Call)
    }
    assert targets == {"Linear": ("groq.tsp",), "exp": ("cpu.x86_64",), "relu": ("cpu.x86_64",)}


# ---------------------------------------------------------------------------------------------------------------- casts


def test_three_products_of_one_tensor_cast_it_once_and_weights_are_converted_when_a_model_is_built() -> None:
    graph = graph_of("""
import std.nn { LayerNorm, Linear }

model M(x: float[B, 8]) -> float[B, 8] {
  sub norm = LayerNorm[8]
  sub query = Linear[8, 8]
  sub key = Linear[8, 8]
  sub value = Linear[8, 8]
  let y = norm(x)
  return query(y) * key(y) + value(y)
}

deploy d = M { weights: init(seed = 0), precision: mixed, dims: { B: 1 .. 4 } }
""")
    assert [str(node.results[0].type.dtype) for node in inserted(graph.entry)] == ["bf16"]
    assert not inserted(function(graph, "Linear"))
    stored = {weight.path: str(weight.value.type.dtype) for weight in graph.entry.weights}
    assert stored == {
        **dict.fromkeys(("norm.weight", "norm.bias", "query.bias", "key.bias", "value.bias"), "f32"),
        **dict.fromkeys(("query.weight", "key.weight", "value.weight"), "bf16"),
    }


def test_a_weight_stays_as_narrow_as_params_says() -> None:
    graph = graph_of(PRODUCT.format(setting="precision: policy(params = f16, compute = f32, accumulate = f32), "))
    assert named(graph.entry)["w"] == named(graph.entry)["b"] == "f16"
    assert len(inserted(graph.entry)) == 2


def test_what_a_loop_does_not_change_is_cast_outside_of_it() -> None:
    graph = graph_of("""
model M(x: float[B, 8], h: float[8, 8]) -> float[B, 8] {
  var y = x
  for _ in range(B) {
    y = y @ h + y @ h
  }
  return y
}

deploy d = M { weights: init(seed = 0), precision: mixed, dims: { B: 1 .. 4 } }
""")
    (loop,) = (node for node in graph.entry.body.nodes if isinstance(node, Loop))
    outside = [node for node in graph.entry.body.nodes if isinstance(node, Apply) and node.inserted]
    inside = [node for node in walk(loop.body) if isinstance(node, Apply) and node.inserted]
    assert [node.arguments["x"] for node in outside] == [graph.entry.inputs[1]]
    assert [node.arguments["x"] for node in inside] == [loop.carried[0]]


def test_nothing_makes_a_round_trip() -> None:
    graph = graph_of("""
model M(x: float[B, 8], y: float[8, 8]) -> float[B, 8] {
  let scores = x @ y
  return exp(log(softmax(scores, axis = -1)))
}

deploy d = M { weights: init(seed = 0), precision: bf16, dims: { B: 1 .. 4 } }
""")
    (cast,) = inserted(graph.entry)
    assert cast.results == graph.entry.results


def test_what_only_moves_numbers_moves_the_narrower_ones() -> None:
    graph = graph_of("""
model M(x: float[B, 8, 4]) -> float[B, 4, 4] {
  return transpose(x) @ x
}

deploy d = M { weights: init(seed = 0), precision: mixed, dims: { B: 1 .. 4 } }
""")
    assert dtypes_of(graph, "transpose") == [("bf16", "bf16")]
    assert len(inserted(graph.entry)) == 1


def test_a_cast_to_a_wider_dtype_comes_after_what_only_moves_numbers() -> None:
    graph = graph_of("""
model M(ids: i64[B] within 0 .. 31) -> float[B, 8] {
  param table: float[32, 8] = normal(std = 1.0)
  return take(table, ids, axis = 0) * 2.0
}

deploy d = M { weights: init(seed = 0), precision: mixed(params = f16), dims: { B: 1 .. 4 } }
""")
    assert dtypes_of(graph, "take") == [("f16", "i64", "f16")]


def test_a_named_dtype_is_never_changed() -> None:
    text = """
fn f(x: f16[B, 8], y: f16[8, 8]) -> f16[B, 8] {
  let z = x @ y
  return softmax(z, axis = -1)
}

model M(x: f16[B, 8], y: f16[8, 8]) -> f16[B, 8] {
  return f(x, y)
}

deploy d = M { weights: init(seed = 0), precision: PRECISION, dims: { B: 1 .. 4 } }
"""
    for policy in ("f32", "bf16", "mixed"):
        graph = graph_of(text.replace("PRECISION", policy))
        assert dtypes_of(graph, "matmul") == [("f16", "f16", "f16")]
        assert dtypes_of(graph, "exp") == [("f16", "f16")]
        assert not any(map(inserted, graph.functions))


def test_a_product_rounds_its_operands_and_keeps_its_sum() -> None:
    text = """
model M(x: f32[3, 8]) -> f32[3, 4] precision policy(compute = f8e4m3, accumulate = f32) {
  param w: float[8, 4] = normal(std = 1.0)
  return x @ w
}

deploy d = M { weights: init(seed = 0) }
"""
    graph = graph_of(text)
    assert named(graph.entry)["w"] == "f8e4m3"
    chance, short = np.random.default_rng(0), DTYPES["f8e4m3"]
    x, w = (chance.normal(size=shape).astype(np.float32) for shape in ((3, 8), (8, 4)))
    (found,) = run(graph, [x], {"w": w.astype(short)})
    np.testing.assert_allclose(
        found, x.astype(short).astype(np.float32) @ w.astype(short).astype(np.float32), rtol=1e-6, atol=1e-6
    )
    assert np.abs(found - x @ w).max() > 1e-3


# --------------------------------------------------------------------------------------------------------------- MiniLM


@pytest.fixture(scope="module")
def in_f32() -> Array:
    fetched("all-MiniLM-L6-v2.safetensors")
    return _embedded(_minilm("f32"))


@pytest.mark.parametrize("policy", ["bf16", "f16", "mixed"])
def test_minilm_embeds_in_every_precision_as_it_does_in_f32(policy: str, in_f32: Array, tmp_path: Path) -> None:
    built = _minilm(policy)
    assert _cosine(_embedded(built), in_f32) >= 0.999
    if policy != "bf16":  # onnxruntime has no bf16 arithmetic on a CPU; products and casts it has.
        path = tmp_path / "embed.onnx"
        save(emit(Database(), built.graph, Options()), built.weights, path)
        (found,) = in_onnxruntime(path).run(None, {"ids": IDS, "mask": MASK})
        assert _cosine(found, in_f32) >= 0.999


IDS = np.random.default_rng(6).integers(0, 30_000, (2, 8))
MASK = np.arange(8) < np.array([[8], [5]])


def _minilm(policy: str) -> Program:
    file = str(EXAMPLES / "minilm.ten")
    before, name, after = (EXAMPLES / "minilm.ten").read_text(encoding="utf-8").partition("deploy embed = ")
    text = f"{before}{name}{after.replace('  dims:', f'  precision: {policy},{chr(10)}  dims:', 1)}"
    db = Database()
    db.set(modules.root, file, str(EXAMPLES))
    db.set(modules.file_text, file, text)
    return program(db, file, "embed", str(EXAMPLES))


def _embedded(built: Program) -> Array:
    (found,) = run(built.graph, [IDS, MASK], dict(built.weights))
    return found


def _cosine(found: Array, wanted: Array) -> float:
    """The least over a batch."""
    a, b = found.astype(np.float64), wanted.astype(np.float64)
    return float(((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).min())


# ------------------------------------------------------------------------------------------------------ random programs


def test_random_programs_under_random_policies_hold_what_is_said_of_casts() -> None:
    ran = sum(map(_holds, range(120)))
    assert ran >= 100


@pytest.mark.heavy
def test_thousands_of_random_programs_under_random_policies_hold_what_is_said_of_casts() -> None:
    assert sum(map(_holds, range(1_000, 3_000))) >= 1_900


def _holds(seed: int) -> bool:
    """Whether a program runs, as all do that check; its graph verifies, its casts stand once and where they must."""
    text = program_of(seed)
    db, file = _opened(text)
    if not sound(db, file):
        return False
    graph = verify(elaborate(db, file, "d"))
    for function_ in graph.functions:
        _casts_hold(function_, text)
    chance = np.random.default_rng(seed)
    given = [_drawn(chance, ssa, 1.0) for ssa in graph.entry.inputs]
    run(graph, given, {weight.path: _drawn(chance, weight.value, 0.3) for weight in graph.entry.weights})
    return True


def _drawn(chance: np.random.Generator, ssa: Ssa, scale: float) -> Array:
    shape = [3 if size.constant is None else size.constant for size in dims_of(ssa.type)]
    return (scale * chance.normal(size=shape)).astype(DTYPES[str(ssa.type.dtype)])


def _casts_hold(function_: Function, text: str) -> None:
    """One cast of a value to a dtype in a scope, none of what a loop does not change in it."""

    def look(block: Block, above: list[set[tuple[int, str]]], loops: set[int] | None) -> None:
        """`loops` are the values that the innermost loop around makes; None outside of loops."""
        seen: set[tuple[int, str]] = set()
        own = set(loops) if loops is not None else None
        for node in block.nodes:
            for inner in blocks_of(node):
                made = {id(ssa) for ssa in (*node.carried, node.index)} if isinstance(node, Loop) else own
                look(inner, [*above, seen], made)
            if isinstance(node, Apply) and node.inserted:
                source, dtype = node.arguments["x"], str(node.results[0].type.dtype)
                assert isinstance(source, Ssa)
                assert str(source.type.dtype) != dtype, text
                assert not any((id(source), dtype) in scope for scope in (*above, seen)), text
                assert own is None or id(source) in own, text
                seen.add((id(source), dtype))
            if own is not None:
                own |= {id(ssa) for ssa in node.results}

    look(function_.body, [], None)
