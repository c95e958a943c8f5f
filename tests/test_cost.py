"""What a graph costs, against counts derived by hand (and by torch: `test_cost_torch.py`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenuto_analysis import modules
from tenuto_analysis.cost.bytes import bytes_of, elements
from tenuto_analysis.cost.flops import FLOPS
from tenuto_analysis.cost.liveness import Step, peak, peak_formulas, timeline
from tenuto_analysis.cost.measure import measured
from tenuto_analysis.cost.work import Counter, Numbers, Work, at, over_steps
from tenuto_analysis.dims import ONE, Dim, Leaf, Symbol, evaluate, literal, of
from tenuto_analysis.dtypes import SCALARS, Quantised
from tenuto_analysis.graph import Graph
from tenuto_analysis.types import Tensor
from tests.test_elaborate import graph_of
from tests.test_examples_torch import EXAMPLES

N = of(Symbol("N"))
WRITTEN_BY_THE_LANGUAGE = {"slice", "select", "dequantize"}


def work_of_program(text: str, deploy: str = "d") -> Work:
    return Counter().function(graph_of(text, deploy).entry)


def one(definition: str, dims: str = "B: 2", generic: str = "") -> Work:
    """The work of a model `M` with this signature and body."""
    return work_of_program(
        f"model M{definition}\ndeploy d = M{generic} {{ weights: init(seed = 0), dims: {{ {dims} }} }}\n"
    )


def sizes(graph: Graph, **values: int) -> Mapping[Leaf, int]:
    return {symbol: values[str(symbol)] for symbol in graph.entry.symbols}


# --------------------------------------------------------------------------------------------------------------- FLOPs


def test_every_primitive_has_a_count() -> None:
    texts = "\n".join(path.read_text(encoding="utf-8") for path in Path(modules.STD).glob("*.ten"))
    assert set(FLOPS) == set(re.findall(r"^op (\w+)", texts, re.MULTILINE)) | WRITTEN_BY_THE_LANGUAGE


@pytest.mark.parametrize(
    ("definition", "products", "others"),
    [
        ("(x: f32[B, 5], y: f32[5, 7]) -> f32[B, 7] { return x @ y }", 2 * 2 * 5 * 7, 0),
        ("(x: f32[B, 5]) -> f32[B, 5] { return exp(x) + x * x }", 0, 3 * 10),
        ("(x: f32[B, 5]) -> f32[B] { return sum(x, axis = 1) }", 0, 2 * 4),
        ("(x: f32[B, 5]) -> f32[B] { return mean(x, axis = 1) }", 0, 2 * 5),
        ("(x: f32[B, 5]) -> f32[5, B] { return transpose(x) }", 0, 0),
        (
            '(x: f32[B, 3, 4], y: f32[B, 4, 5]) -> f32[B, 3, 5] { return einsum("b i k, b k j -> b i j", x, y) }',
            2 * 2 * 3 * 4 * 5,
            0,
        ),
        # Two products of three operands, over every axis.
        (
            '(x: f32[B, 3], y: f32[3, 4], z: f32[4]) -> f32[B] { return einsum("b i, i j, j -> b", x, y, z) }',
            2 * 2 * 2 * 3 * 4,
            0,
        ),
        ('(x: f32[B, 3]) -> f32[B] { return einsum("b i -> b", x) }', 0, 2 * 2),
        (
            "(x: f32[B, 4, 8, 8], w: f32[6, 2, 3, 3], b: f32[6]) -> f32[B, 6, 8, 8] "
            "{ return conv2d(x, w, b, padding = 1, groups = 2) }",
            2 * (2 * 6 * 8 * 8) * (2 * 3 * 3),
            2 * 6 * 8 * 8,
        ),
        (
            "(x: f32[B, 4, 8, 8], w: f32[4, 6, 2, 2]) -> f32[B, 6, 16, 16] "
            "{ return conv_transpose2d(x, w, stride = 2) }",
            2 * (2 * 4 * 8 * 8) * (6 * 2 * 2),
            0,
        ),
        ("(x: f32[B, 1, 8, 8]) -> f32[B, 1, 4, 4] { return max_pool2d(x, 2) }", 0, 2 * 16 * 4),
        ("(x: f32[B, 5], y: i64[B, 5] within 0 .. 4) -> f32[B, 5] { return gather(x, y) }", 0, 0),
    ],
)
def test_operations_of_primitives(definition: str, products: int, others: int) -> None:
    found = one(definition)
    assert (found.products.constant, found.others.constant) == (products, others)


def test_operations_of_the_sentence_encoder_are_those_of_its_layers() -> None:
    """Four projections, two products of attention, two of the feed-forward net; in each of six layers."""
    graph = graph_of((EXAMPLES / "minilm.ten").read_text(encoding="utf-8"), "embed")
    rows, length = (of(symbol) for symbol in graph.entry.symbols)
    tokens = rows * length
    layer = 4 * 2 * tokens * 384 * 384 + 2 * 2 * tokens * length * 384 + 2 * 2 * tokens * 384 * 1536
    assert Counter().function(graph.entry).products == 6 * layer


# How many pixels of an image there are for one of a part's result, or of a transposed convolution's operand.
UNET = {"encoder1": 1, "encoder2": 4, "encoder3": 16, "encoder4": 64, "bottleneck": 256, "conv": 1} | {
    f"{kind}{level}": 4 ** (level - (kind == "decoder")) for kind in ("decoder", "upconv") for level in (1, 2, 3, 4)
}


@pytest.mark.parametrize(("example", "deploy"), [("mlp", "digits"), ("blog", "my_module"), ("unet", "segment")])
def test_each_weight_of_a_product_is_multiplied_once_for_each_row_or_pixel(example: str, deploy: str) -> None:
    graph = graph_of((EXAMPLES / f"{example}.ten").read_text(encoding="utf-8"), deploy)
    found = measured(graph, {"B": 2, "H": 32, "W": 64})
    wanted = 0
    for weight in graph.entry.weights:
        count = elements(weight.value.type).constant
        assert count is not None
        match len(weight.value.type.shape):
            case 2:
                wanted += 2 * count * (1 if example == "blog" else 2)
            case 4:
                wanted += 2 * count * 2 * 32 * 64 // UNET[weight.path.split(".")[0]]
            case _:
                pass
    assert found.work is not None
    assert found.work.products == wanted > 0


LOOP = """
model M(x: f32[N, 2], y: f32[2, 4], w: f32[4, 4]) -> f32[2, 4] {
  var z = y
  for i in range(N) {
    z = z @ w
  }
  return z
}
deploy d = M { weights: init(seed = 0), dims: { N: 1 .. 9 } }
"""


def test_a_loop_costs_its_length_times_its_body() -> None:
    graph = graph_of(LOOP, "d")
    found = Counter().function(graph.entry)
    assert at(found, sizes(graph, N=7)) == Numbers(7 * 2 * 2 * 4 * 4, 0, 7 * 4 * (8 + 16), 7 * 4 * 8)


def test_a_branch_costs_the_larger_of_its_sides() -> None:
    found = one("(x: f32[4, 4], t: bool[]) -> f32[4, 4] { return if t then x @ x else x + x }", dims="")
    assert (found.products.constant, found.others.constant) == (2 * 4 * 4 * 4, 16)


@given(st.integers(0, 90), st.lists(st.integers(0, 5), min_size=3, max_size=3))
def test_a_sum_over_the_steps_of_a_loop(length: int, factors: list[int]) -> None:
    step, other = Symbol("i"), Symbol("B")
    dim = factors[0] * of(step) * of(step) * of(other) + factors[1] * of(step) + factors[2] * of(other)
    values: dict[Leaf, int] = {other: 3, Symbol("N"): length}
    terms = [evaluate(dim, {**values, step: i}) for i in range(length)]
    wanted = sum(term for term in terms if term is not None)
    assert evaluate(over_steps(dim, step, N), values) == wanted
    assert evaluate(over_steps(dim, step, literal(length)), values) == wanted


# --------------------------------------------------------------------------------------------------------------- bytes


@pytest.mark.parametrize(
    ("dtype", "shape", "wanted"),
    [
        ("f32", (N, literal(3)), 12 * N),
        ("bool", (N,), N),
        ("f8e4m3", (N,), N),
        ("i4", (literal(3), literal(3)), literal(5)),
        ("u2", (literal(16),), literal(4)),
        ("f64", (), literal(8)),
    ],
)
def test_bytes_of_a_tensor(dtype: str, shape: tuple[Dim, ...], wanted: Dim) -> None:
    assert bytes_of(Tensor(SCALARS[dtype], shape)) is wanted


def test_bytes_of_a_quantised_tensor_are_those_of_its_numbers_and_scales() -> None:
    shape = (literal(6), literal(64))
    by_group = Quantised(SCALARS["i4"], None, 32, SCALARS["f16"])
    assert bytes_of(Tensor(by_group, shape)).constant == 6 * 64 // 2 + 6 * 2 * 2
    by_axis = Quantised(SCALARS["i8"], 0, None, None)
    assert bytes_of(Tensor(by_axis, shape)).constant == 6 * 64 + 6 * 4


def test_a_look_up_reads_as_much_as_it_gives() -> None:
    found = one("(table: f32[1000, 8], ids: i64[B, 3] within 0 .. 999) -> f32[B, 3, 8] { return table[ids] }")
    assert (found.read.constant, found.written.constant) == (4 * 48 + 8 * 6, 4 * 48)


def test_a_tensor_that_an_operator_takes_twice_is_read_once() -> None:
    found = one("(x: f32[B, 5]) -> f32[B, 5] { return x * x }")
    assert (found.read.constant, found.written.constant) == (40, 40)


# ------------------------------------------------------------------------------------------------------------- liveness


def live(steps: tuple[Step, ...]) -> list[tuple[str, int | None]]:
    return [(step.op, step.live.constant) for step in steps]


def test_a_value_lives_until_it_was_read_for_the_last_time() -> None:
    graph = graph_of(
        """
model M(x: f32[B, 4]) -> f32[B] {
  let a = exp(x)
  let b = a + x
  let c = reshape(b, shape[B, 2, 2])
  return sum(c * c, axis = [1, 2])
}
deploy d = M { weights: init(seed = 0), dims: { B: 1 } }
""",
        "d",
    )
    # `x` stays; `a` dies in the addition, b in the product; the view takes nothing.
    assert live(timeline(graph)) == [("start", 16), ("exp", 32), ("add", 48), ("multiply", 48), ("sum", 36)]


def test_a_call_holds_what_its_function_holds_beside_what_the_caller_keeps() -> None:
    graph = graph_of(
        """
fn twice(y: f32[B, 4]) -> f32[B, 4] = exp(y) * y
model M(x: f32[B, 4]) -> f32[B, 4] {
  let kept = exp(x)
  return twice(twice(x)) + kept
}
deploy d = M { weights: init(seed = 0), dims: { B: 1 .. 8 } }
""",
        "d",
    )
    steps = timeline(graph)
    rows = of(graph.entry.symbols[0])
    assert [step.live for step in steps] == [16 * rows * count for count in (1, 2, 3, 4, 4, 5, 4)]
    assert peak_formulas(steps) == (80 * rows,)
    most = peak(steps, sizes(graph, B=3))
    assert most is not None
    assert (most[0], most[1].op, len(most[1].calls)) == (240, "multiply", 1)
    assert peak(steps, {}) is None


def test_weights_are_no_activations() -> None:
    graph = graph_of(
        "import std.nn { Linear }\n"
        "model M(x: float[1, 4]) -> float[1, 5] { sub head = Linear[4, 5]\n  return head(x) }\n"
        "deploy d = M { weights: init(seed = 0) }\n",
        "d",
    )
    assert live(timeline(graph)) == [("start", 16), ("matmul", 36), ("add", 56)]


def test_of_a_loop_one_step_is_held_and_the_variable_twice() -> None:
    steps = timeline(graph_of(LOOP.replace("N: 1 .. 9", "N: 1"), "d"))
    assert [step.op for step in steps] == ["start", "loop", "matmul", "join"]
    assert [step.live.constant for step in steps] == [104, 136, 168, 136]


def test_a_branch_holds_one_side_at_a_time() -> None:
    text = (
        "model M(x: f32[1, 4], t: bool[]) -> f32[1, 4] { return if t then exp(exp(x)) else x + x }\n"
        "deploy d = M { weights: init(seed = 0) }\n"
    )
    assert live(timeline(graph_of(text, "d"))) == [
        ("start", 17),
        ("if", 17),
        ("exp", 33),
        ("exp", 49),
        ("add", 33),
        ("join", 33),
    ]


def test_what_another_step_always_exceeds_is_left_out() -> None:
    def step(dim: Dim) -> Step:
        return Step("exp", "", None, (), dim)

    squared = N * N
    assert peak_formulas([step(N), step(2 * N + ONE), step(squared), step(squared + N)]) == (2 * N + ONE, squared + N)
