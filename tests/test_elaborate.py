"""A deploy's graph verifies, has the weights that the public checkpoint has, and computes what the reference does.

The numbers are those of transformers, timm and PyTorch (`data/examples.npz`), so that elaboration is held against
implementations that share nothing with it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tenuto_analysis import modules
from tenuto_analysis.database import Database
from tenuto_analysis.dims import Dim, evaluate
from tenuto_analysis.elaborate.builder import Refusal
from tenuto_analysis.elaborate.deploys import elaborate
from tenuto_analysis.graph import Call, Graph, Loop, walk
from tenuto_analysis.verify import GraphError, verify
from tenuto_backend.evaluate import run
from tenuto_backend.reference.interpret import deployed, invoke, start
from tenuto_backend.reference.program import program
from tenuto_backend.reference.values import Array
from tests.record_examples import weight
from tests.test_examples_torch import ARRAYS, CASES, EXAMPLES, KEY_HEADS, assert_same

FILES = sorted(EXAMPLES.glob("*.ten"))


def graph_of(text: str, deploy: str, name: str = "model") -> Graph:
    file = str(Path(f"/workspace/{name}.ten"))
    db = Database()
    db.set(modules.file_text, file, text)
    return verify(elaborate(db, file, deploy))


def deploys(path: Path) -> list[str]:
    return re.findall(r"^deploy (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)


def weights_of(graph: Graph) -> dict[str, Array]:
    return {w.path: weight(w.path, shape_of(w.value.type.shape)) for w in graph.entry.weights}


def shape_of(shape: tuple[object, ...]) -> list[int]:
    sizes = [evaluate(item, {}) for item in shape if isinstance(item, Dim)]
    return [size for size in sizes if size is not None]


def case_graph(case: dict[str, Any]) -> Graph:
    """The graph of a recorded case, in f32, for batches and images of the recorded size."""
    text = (EXAMPLES / f"{case['example']}.ten").read_text(encoding="utf-8")
    text = re.sub(r"\n  precision: [^\n]*,", "", text)
    height, width = ARRAYS[case["inputs"][0]].shape[-2:]
    text = re.sub(r"\bB: 1,", "B: 1 .. 4,", text)
    text = re.sub(r"\bH: \d+(?=[ ,}])", f"H: {height}", text)
    return graph_of(re.sub(r"\bW: \d+(?=[ ,}])", f"W: {width}", text), case["deploy"], case["example"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_deploy_of_the_examples_verifies(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for deploy in deploys(path):
        assert graph_of(text, deploy, path.stem).entry.results


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_a_graph_has_the_weights_and_computes_the_numbers_of_the_public_implementation(case: dict[str, Any]) -> None:
    graph = case_graph(case)
    assert sorted(w.path for w in graph.entry.weights) == case["weights"]
    inputs = [ARRAYS[key] for key in case["inputs"]]
    if case["example"] in KEY_HEADS:
        inputs += [np.zeros((2, KEY_HEADS[case["example"]], 0, 8), np.float32)] * 4
    results = run(graph, inputs, weights_of(graph))
    for ours, theirs in zip(results, case["results"], strict=False):
        assert_same(ours, ARRAYS[theirs])


@pytest.mark.parametrize("example", sorted(KEY_HEADS))
def test_a_graph_reads_a_text_in_two_parts_as_it_reads_it_at_once(example: str) -> None:
    case = CASES[example]
    graph = case_graph(case)
    ids = ARRAYS[case["inputs"][0]]
    nothing = np.zeros((2, KEY_HEADS[example], 0, 8), np.float32)
    first = run(graph, [ids[:, :4], *[nothing] * 4], weights_of(graph))
    second = run(graph, [ids[:, 4:], *first[1:]], weights_of(graph))
    assert_same(np.concatenate([first[0], second[0]], axis=1), ARRAYS[case["results"][0]])


def test_one_definition_is_one_function_however_often_it_is_used() -> None:
    graph = graph_of((EXAMPLES / "minilm.ten").read_text(encoding="utf-8"), "sentence_encoder")
    layers = [f for f in graph.functions if f.name == "Layer"]
    calls = [n for n in walk(graph.entry.body) if isinstance(n, Call) and n.function in layers]
    assert len(layers) == 1
    assert [call.part for call in calls] == [f"layer.{i}" for i in range(6)]


CONTROL = """
model Steps[n: int](x: f32[B, D], keep: bool[], extra: f32[B, D]? = none) -> f32[B, D] where n >= 1 {
  param gain: f32[D] = ones
  var h = x * gain
  for i in range(n) {
    h = h + i
  }
  if keep {
    h = h * 2.0
  }
  var total = h
  for t in range(B) {
    total = total + h[t]
    collect row = h[t] * 3.0
  }
  var k = 0
  var y = total
  while max(y) < 1000.0 {
    y = y * 2.0
  }
  if extra == none {
    return y + row
  }
  return y + extra
}

deploy small = Steps[n = 3] { weights: init(seed = 0), dims: { B: 1 .. 4, D: 1 .. 4 } }
"""


def test_loops_and_branches_that_a_run_decides() -> None:
    graph = graph_of(CONTROL.replace("  param gain: f32[D] = ones\n", "").replace("x * gain", "x"), "small")
    x = np.arange(1, 7, dtype=np.float32).reshape(2, 3)
    for keep in (False, True):
        h = (x + 3) * (2 if keep else 1)
        y = h + h[0] + h[1]
        while y.max() < 1000:
            y = y * 2
        (result,) = run(graph, [x, np.asarray(keep)], {})
        np.testing.assert_array_equal(result, y + h * 3)


def test_a_graph_that_reads_what_is_made_later_is_refused() -> None:
    graph = graph_of((EXAMPLES / "mlp.ten").read_text(encoding="utf-8"), "digits_small")
    graph.entry.body.nodes.reverse()
    with pytest.raises(GraphError, match="not made before it"):
        verify(graph)


def test_a_number_that_no_build_knows_is_refused() -> None:
    text = """
import std.nn { LayerNorm }

record C { n: dim, eps: float = 1e-5 }

const small = C(n = 4)

fn e[c: C]() = c.eps

model M[c: C](x: float[B, c.n]) -> float[B, c.n] where c.n >= 1 {
  sub norm = LayerNorm[c.n, eps = e[c]()]
  return norm(x)
}

deploy d = M[small] { weights: init(seed = 0) }
"""
    with pytest.raises(Refusal, match="the value of `eps` is not known when the model is built"):
        graph_of(text, "d")


def test_a_size_that_a_deploy_fixes_is_a_number_and_a_loop_over_it_a_loop() -> None:
    text = CONTROL.replace("  param gain: f32[D] = ones\n", "").replace("x * gain", "x")
    graph = graph_of(text.replace("B: 1 .. 4, D: 1 .. 4", "B: 2, D: 1 .. 4"), "small")
    assert [str(ssa.type) for ssa in graph.entry.inputs] == ["f32[2, D]", "bool[]"]
    lengths = [node.length for node in walk(graph.entry.body) if isinstance(node, Loop) and node.length is not None]
    assert [str(length) for length in lengths] == ["2"]


def test_a_size_that_a_deploy_fixes_is_a_number_in_a_pattern_too() -> None:
    text = """
model Heads(x: f32[B, S]) -> f32[B, S // B, B] where S % B == 0, B >= 1 {
  return rearrange(x, "a (p q) -> a q p", p = B)
}

deploy fixed = Heads where S % 2 == 0 { weights: init(seed = 0), dims: { B: 2 } }
"""
    x = np.arange(12, dtype=np.float32).reshape(2, 6)
    (result,) = run(graph_of(text, "fixed"), [x], {})
    np.testing.assert_array_equal(result, x.reshape(2, 2, 3).transpose(0, 2, 1))


def test_a_result_has_another_name_than_an_input_or_a_weight() -> None:
    text = """
record Cache[N] {
  k: f32[N],
  v: f32[N],
}

model Grow(k: f32[N], result: f32[N]) -> Cache[N] {
  param v: f32[] = ones
  return Cache(k = k + result, v = k * v)
}

model Echo(result: f32[N]) -> f32[N] {
  return result * 2.0
}

deploy grow = Grow { weights: init(seed = 0) }
deploy echo = Echo { weights: init(seed = 0) }
"""
    assert graph_of(text, "grow").entry.output_names == ("k_2", "v_2")
    assert graph_of(text, "echo").entry.output_names == ("result_2",)


def test_a_loop_over_a_size_that_is_given_as_a_number_is_a_loop() -> None:
    text = """
model Rows[N](x: f32[N, D]) -> f32[N, D] {
  param gain: f32[N] = ones
  for t in range(N) {
    collect row = x[t] * gain[t]
  }
  return row
}

model Twice(x: f32[4, D]) -> f32[4, D] {
  sub first = Rows[4]
  sub second = Rows
  return second(first(x))
}

deploy rows = Rows[3] { weights: init(seed = 0) }
deploy twice = Twice { weights: init(seed = 0) }
"""
    for deploy, size, times in (("rows", 3, 1), ("twice", 4, 2)):
        graph = graph_of(text, deploy)
        assert [str(ssa.type) for ssa in graph.entry.inputs] == [f"f32[{size}, D]"]
        assert [str(w.value.type) for w in graph.entry.weights] == [f"f32[{size}]"] * times
        assert any(isinstance(node, Loop) for function in graph.functions for node in walk(function.body))
        x = np.arange(2.0 * size, dtype=np.float32).reshape(size, 2)
        gains = {w.path: np.full(size, 3, np.float32) for w in graph.entry.weights}
        (result,) = run(graph, [x], gains)
        np.testing.assert_array_equal(result, x * 3**times)


def test_a_size_that_facts_make_a_number_meets_that_number_in_a_call() -> None:
    text = """
fn both[..S, ..R](x: f32[..S], y: f32[..R]) -> f32[..broadcast(S, R)] = x + y

model Sum[K: dim](x: f32[H, 8], y: f32[H, H]) -> f32[H, H] where H == 2 * K, H == 8 {
  return both(x, y)
}

deploy made = Sum[K = 4] where H == 8 { weights: init(seed = 0) }
"""
    x, y = np.ones((8, 8), np.float32), np.arange(64, dtype=np.float32).reshape(8, 8)
    (result,) = run(graph_of(text, "made"), [x, y], {})
    np.testing.assert_array_equal(result, x + y)


def test_a_size_that_a_deploy_gives_and_a_loop_counts_to_is_no_input() -> None:
    text = """
model Rest[B: dim](x: f32[4, M]) -> f32[4 - B, M] where B <= 3 {
  let rest = x[B:]
  for t in range(4 - B) {
    collect rows = rest[t]
  }
  return rows
}

deploy made = Rest[B = 3] { weights: init(seed = 0) }
"""
    graph = graph_of(text, "made")
    assert graph.entry.size_inputs == ()
    x = np.arange(8, dtype=np.float32).reshape(4, 2)
    np.testing.assert_array_equal(run(graph, [x], {})[0], x[3:])


NESTED = """
record Parts {
  parts: list[f32[4], 2],
  x: f32[4],
}

record Config {
  table: list[list[int, 2], 2],
  pair: (list[int, 2], int),
}

const config = Config(table = [[1, 2], [3, 4]], pair = ([5, 6], 7))

fn of_record(r: Parts) -> f32[4] {
  var h = r.x
  for part in r.parts {
    h = h + part
  }
  return h
}

fn of_tuple(xs: (list[f32[N], 2], f32[N])) -> f32[N] {
  let (one, other) = xs[0]
  return one - other * 3.0 + xs[1]
}

fn of_list(xs: list[list[f32[N], 2], n], n: int) -> f32[N] where n >= 1 {
  var h = xs[0][1]
  for row in xs {
    for one in row {
      h = h + one
    }
  }
  return h
}

fn pair(x: f32[N]) -> (list[f32[N], 2], f32[N]) = ([x, x + 1.0], -x)

model Nested[c: Config](x: f32[4]) -> (f32[4], f32[4], f32[4], f32[4]) {
  var h = x * c.table[1][0] + c.pair[0][1] * c.pair[1]
  for row in c.table {
    h = h + row[1]
  }
  let rows = [[x, x + 2.0], [x * 2.0, x], [x, x]]
  return (of_record(Parts(parts = [x, x + 1.0], x = x)), of_tuple(pair(x)), of_list(rows, 3), h)
}

deploy nested = Nested[config] { weights: init(seed = 0) }
"""


def test_lists_in_lists_tuples_and_records_mean_what_they_mean_in_the_syntax_tree() -> None:
    x = np.asarray([1, -2, 0.5, 4], np.float32)
    found = run(graph_of(NESTED, "nested"), [x], {})
    going = start(program({"file": NESTED}))
    known = invoke(going, deployed(going, "file", "nested"), [x])
    assert isinstance(known, tuple)
    expected = (3 * x + 1, -3 * x - 3, 8 * x + 4, 3 * x + 42 + 6)
    for ours, tree, numbers in zip(found, known, expected, strict=True):
        np.testing.assert_array_equal(ours, tree)
        np.testing.assert_allclose(ours, numbers)
