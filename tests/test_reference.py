"""The reference evaluator: each primitive has its meaning, and the library keeps what it declares."""

from __future__ import annotations

import random
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from tenuto_backend.reference import dtypes, interpret
from tenuto_backend.reference.interpret import invoke, start
from tenuto_backend.reference.primitives import PRIMITIVES
from tenuto_backend.reference.program import program, standard
from tenuto_backend.reference.values import Array, Undetermined, Value, WrongByExecution
from tenuto_grammar import syntax
from tests.generate.inputs import deployed_dims, random_inputs

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.ten"))

DEFINITIONS = [
    pytest.param(path, name, definition, id=f"{path}.{name}")
    for path, file in standard().items()
    for name, definition in file.declarations.items()
    if isinstance(definition, syntax.Definition)
]


def run(text: str, *inputs: Value, name: str = "main") -> Value:
    """What the definition `main` of `text` gives."""
    going = start(program({"file": text}))
    return invoke(going, interpret.definition(going, "file", name), inputs)


def tensor(*sizes: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=sizes).astype(np.float32)


def test_a_number_is_a_shape_of_one_axis_where_a_variable_grows() -> None:
    text = """
fn main(x: f32[N]) -> f32[N] {
  var s = x
  for i in range(3) {
    var h: f32[(i + 1) * N] = zeros((i + 1) * N) as f32
    h = h + (ones(shape[(i + 1) * N]) as f32)
    s = s + sum(h)
  }
  return s
}
"""
    np.testing.assert_array_equal(run(text, np.zeros(2, np.float32)), [12, 12])


# ------------------------------------------------------------------------------------------------------ the library


def test_every_primitive_of_the_library_has_a_meaning_and_no_other_name_has() -> None:
    declared = {
        name
        for file in standard().values()
        for name, definition in file.declarations.items()
        if isinstance(definition, syntax.Definition) and definition.keyword is syntax.Keyword.OP
    }
    # `dequantize` is written by a pass, and by no program.
    assert declared | {"dequantize"} == set(PRIMITIVES)


# Definitions that take patterns, lists of tensors that must agree, or models; there are tests of their own below.
NOT_AT_RANDOM = {"einsum", "rearrange", "reduce", "concat", "stack", "Residual"}


@pytest.mark.parametrize(("path", "name", "definition"), DEFINITIONS)
def test_a_definition_of_the_library_gives_what_it_declares(
    path: str, name: str, definition: syntax.Definition
) -> None:
    if name in NOT_AT_RANDOM:
        return
    chance = random.Random(f"{path}.{name}")
    tried = 0
    for seed in range(10):
        going = start(program({}), seed)
        found = random_inputs(going, interpret.definition(going, path, name), chance)
        if found is None:
            continue
        chosen, values = found
        generics = {generic.name.text for generic in definition.generics} & chosen.keys()
        target = interpret.definition(going, path, name, {generic: chosen[generic] for generic in generics})
        try:
            invoke(going, target, values)
        except Undetermined:
            continue
        tried += 1
    assert tried > 0


# --------------------------------------------------------------------------------------------------------- primitives


@pytest.mark.parametrize(
    ("stride", "padding", "dilation", "groups"), [(1, 0, 1, 1), (2, 1, 1, 1), (1, 2, 2, 2), (3, 0, 2, 4)]
)
def test_convolution_is_the_sum_over_its_windows(stride: int, padding: int, dilation: int, groups: int) -> None:
    x, weight, bias = tensor(2, 4, 7, 9), tensor(8, 4 // groups, 3, 2, seed=1), tensor(8, seed=2)
    found = PRIMITIVES["conv2d"](x, weight, bias, stride, padding, dilation, groups)
    framed = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    assert isinstance(found, np.ndarray)
    for batch, channel, row, column in product(*map(range, found.shape)):
        first = channel // (8 // groups) * (4 // groups)
        expected = float(bias[channel])
        for inner, down, right in product(range(4 // groups), range(3), range(2)):
            at = row * stride + down * dilation, column * stride + right * dilation
            expected += float(framed[batch, first + inner, at[0], at[1]] * weight[channel, inner, down, right])
        assert found[batch, channel, row, column] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("stride", "padding", "dilation", "groups"), [(1, 0, 1, 1), (2, 1, 1, 1), (1, 2, 2, 2), (3, 1, 2, 2)]
)
def test_transposed_convolution_is_the_adjoint_of_convolution(
    stride: int, padding: int, dilation: int, groups: int
) -> None:
    x, weight = tensor(2, 4, 8, 11), tensor(6, 4 // groups, 3, 2, seed=1)
    y = PRIMITIVES["conv2d"](x, weight, None, stride, padding, dilation, groups)
    assert isinstance(y, np.ndarray)
    z = tensor(*y.shape, seed=2)
    back = PRIMITIVES["conv_transpose2d"](z, weight, None, stride, padding, 0, dilation, groups)
    assert isinstance(back, np.ndarray)
    covered = x[:, :, : back.shape[2], : back.shape[3]]
    rest = x.copy()
    rest[:, :, : back.shape[2], : back.shape[3]] = 0
    unseen = PRIMITIVES["conv2d"](rest, weight, None, stride, padding, dilation, groups)
    assert np.sum((y - np.asarray(unseen)) * z) == pytest.approx(np.sum(covered * back), abs=1e-2)


def test_pooling_takes_the_largest_or_the_mean_of_each_window() -> None:
    x = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
    assert np.array_equal(PRIMITIVES["max_pool2d"](x, 2, 2), [[[[5, 7], [13, 15]]]])
    assert np.array_equal(PRIMITIVES["avg_pool2d"](x, 2, 2), [[[[2.5, 4.5], [10.5, 12.5]]]])
    assert np.array_equal(PRIMITIVES["max_pool2d"](-x - 1, 3, 2, 1), [[[[-1, -2], [-5, -6]]]])
    assert np.allclose(PRIMITIVES["avg_pool2d"](x, 3, 3, 1), [[[[10 / 9, 18 / 9], [42 / 9, 50 / 9]]]])
    assert np.allclose(PRIMITIVES["avg_pool2d"](x, 3, 3, 1, False), [[[[2.5, 4.5], [10.5, 12.5]]]])


def test_patterns_rearrange_reduce_and_sum() -> None:
    x = tensor(2, 3, 8)
    split = run('fn main(x: f32[B, S, D]) where D % 4 == 0 = rearrange(x, "b s (h d) -> b h s d", h = 4)', x)
    assert np.array_equal(np.asarray(split), x.reshape(2, 3, 4, 2).transpose(0, 2, 1, 3))
    reduced = run('fn main(x: f32[B, S, D]) where D % 2 == 0 = reduce(x, "b s (d r) -> d b", max, r = 2)', x)
    assert np.array_equal(np.asarray(reduced), x.reshape(2, 3, 4, 2).max(axis=(1, 3)).T)
    summed = run(
        'fn main(x: f32[B, S, D], y: f32[B, T, D]) = einsum("b s d, b t d -> b s t", x, y)', x, tensor(2, 5, 8)
    )
    assert np.allclose(np.asarray(summed), x @ tensor(2, 5, 8).transpose(0, 2, 1), atol=1e-5)
    assert np.asarray(run('fn main(x: f32[N, N]) = einsum("i i -> ", x)', np.eye(4, dtype=np.float32))) == 4
    merged = run('fn main(x: f32[A, B, C]) = rearrange(x, "... c -> c ...")', x)
    assert np.array_equal(np.asarray(merged), x.transpose(2, 0, 1))


def test_lists_of_tensors_are_joined() -> None:
    a, b = tensor(2, 3), tensor(2, 5)
    joined = run("fn main(a: f32[B, M], b: f32[B, N]) -> f32[B, M + N] = concat(a, b, axis = 1)", a, b)
    assert np.array_equal(np.asarray(joined), np.concatenate([a, b], 1))
    stacked = run("fn main(a: f32[..S]) -> f32[..S, 2] = stack(a, a, axis = -1)", a)
    assert np.array_equal(np.asarray(stacked), np.stack([a, a], -1))


def test_elements_are_chosen_and_placed_by_index() -> None:
    x = np.array([[3, 1, 2], [6, 6, 5]], dtype=np.int32)
    index = np.array([[2, 0], [1, 1]])
    assert np.array_equal(PRIMITIVES["take"](x, index, 1), x[:, index])
    assert np.array_equal(PRIMITIVES["gather"](x, index, 1), [[2, 3], [6, 6]])
    assert np.array_equal(PRIMITIVES["scatter_add"](x, index, np.ones_like(index, np.int32), 1), [[4, 1, 3], [6, 8, 5]])
    values, places = PRIMITIVES["top_k"](x, 2)
    assert np.array_equal(values, [[3, 2], [6, 6]]) and np.array_equal(places, [[0, 2], [0, 1]])
    assert np.array_equal(PRIMITIVES["index_add"](x, np.array([1, 1]), x, 0), [[3, 1, 2], [15, 13, 12]])
    assert np.array_equal(PRIMITIVES["nonzero"](np.array([[0, 4], [5, 0]])), [[0, 1], [1, 0]])
    assert np.array_equal(PRIMITIVES["update_slice"](x, x[:, :2], np.array(1), 1), [[3, 3, 1], [6, 6, 6]])


def test_sums_run_and_division_rounds_down() -> None:
    x = np.array([1, 2, 3])
    assert np.array_equal(PRIMITIVES["cumulative_sum"](x, 0, False, False), [1, 3, 6])
    assert np.array_equal(PRIMITIVES["cumulative_sum"](x, 0, True, False), [0, 1, 3])
    assert np.array_equal(PRIMITIVES["cumulative_sum"](x, 0, False, True), [6, 5, 3])
    assert np.array_equal(PRIMITIVES["floor_divide"](np.array(-7), np.array(2)), -4)
    assert np.array_equal(PRIMITIVES["modulo"](np.array(-7), np.array(2)), 1)
    assert np.array_equal(np.squeeze(PRIMITIVES["resize_nearest"](x.reshape(1, 1, 1, 3), 1, 6)), [1, 1, 2, 2, 3, 3])


# ------------------------------------------------------------------------------------------------------- definitions


RESIDUAL = """
import std.nn { Linear, Residual }
model main(x: float[B, D]) -> float[B, D] where D >= 1 {
  sub block = Residual[D, Linear[D, D]]
  return block(x)
}
"""

LOOPS = """
fn main(x: float[B, S, D]) -> (float[S, B, D], float[B, D])
  where D >= 1
{
  var h = x[:, 0]
  for t in range(S) {
    h = h + x[:, t]
    collect sums = h
  }
  var n = 0
  while n < 3 {
    n = n + 1
  }
  return (sums, h * n)
}
"""


def test_models_over_models_and_loops_run() -> None:
    x = tensor(2, 3)
    assert np.asarray(run(RESIDUAL, x)).shape == (2, 3)
    sums, last = np.ones((2, 4, 3), np.float32).cumsum(1).transpose(1, 0, 2) + 1, 5
    found = run(LOOPS, np.ones((2, 4, 3), np.float32))
    assert isinstance(found, tuple)
    assert np.array_equal(np.asarray(found[0]), sums) and np.all(np.asarray(found[1]) == 3 * last)


BLOCKS = """
type Square[N] = f32[N, N]

const factor = 3

fn scaled(x: Square[N], by: int = factor) -> Square[N] = x * by
"""

FILES = """
import blocks { scaled as times, Square }
import blocks as b

fn main(x: Square[N]) -> (Square[N], f32[N, N]) = (times(x), b.scaled(x, by = b.factor + 1))
"""

TYPES = """
model Wrap[In: type, M: model(In) -> In](x: In) -> In {
  sub inner = M
  return inner(x)
}

model Twice(x: f32[..S]) -> f32[..S] = x * 2.0

record Pair[N] {
  left: f32[N],
  right: f32[N],
}

fn sum_of(pair: Pair[N]) -> f32[N] = pair.left + pair.right

model main(x: f32[3]) -> f32[3] {
  sub wrap = Wrap[f32[3], Twice]
  let sizes: (dim, dim) = (1, 2)
  assert sizes.0 + sizes.1 == 3
  return sum_of(Pair(left = wrap(x), right = x))
}
"""

BRANCHES = """
fn main(x: f32[N]) -> (f32[N], f32[2], f32[2]) {
  assume N >= 2, "two are needed"
  var h = x
  for (i, scale) in zip(range(3), [1.0, 2.0, 3.0]) {
    if i == 0 {
      collect kept = x[i] * scale
    } else if i == 1 {
      h = -h
    } else {
      collect kept = x[i - 1] * scale
    }
  }
  if sum(h) > 0.0 {
    h = h * 0.0
  }
  return (h, stack(kept), stack([kept[-1], x[0]]))
}
"""


def test_names_come_from_other_files() -> None:
    going = start(program({"file": FILES, "blocks": BLOCKS}))
    found = invoke(going, interpret.definition(going, "file", "main"), [np.ones((2, 2), np.float32)])
    assert isinstance(found, tuple)
    assert np.array_equal(np.asarray(found), [np.full((2, 2), 3), np.full((2, 2), 4)])


def test_types_models_and_records_are_arguments() -> None:
    assert np.array_equal(np.asarray(run(TYPES, np.ones(3, np.float32))), [3] * 3)


def test_a_loop_over_a_tensor_takes_its_rows() -> None:
    body = "var h = zeros[f32](shape[]) for row in x { h = h + sum(row) collect sums = h } return sums"
    found = run(f"fn main(x: f32[N, D]) {{ {body} }}", np.ones((3, 2), np.float32))
    assert np.array_equal(np.asarray(found), [2, 4, 6])


def test_branches_and_loops_collect() -> None:
    found = run(BRANCHES, np.array([1.0, -4.0, 1.0], np.float32))
    assert isinstance(found, tuple)
    assert [np.asarray(part).tolist() for part in found] == [[0, 0, 0], [1, -12], [-12, 1]]
    with pytest.raises(Undetermined):
        run(BRANCHES, np.ones(1, np.float32))


@pytest.mark.parametrize(
    ("text", "inputs"),
    [
        ("fn main(x: f32[A]) = x.length", [(3,)]),
        ("fn main(x: f32[A]) = (x, x).2", [(3,)]),
        ("fn main(x: f32[A]) = [x][1]", [(3,)]),
        ("fn main(x: f32[A]) = relu(x, y = x)", [(3,)]),
        ("fn main(x: f32[A]) = reshape(x, shape[2, 2])", [(3,)]),
        ("fn main(x: f32[A]) = not x", [(3,)]),
        ("fn main(x: f32[A]) = if x then x else x", [(3,)]),
        ("fn main(x: f32[A]) { h = x return x }", [(3,)]),
        ("fn main(x: f32[A]) { let (a, b) = (x, x, x) return a }", [(3,)]),
        ("fn main(x: f32[A, B]) { var h = x for t in range(A) { h = concat(h, x) } return h }", [(3, 2)]),
        ("fn main(x: f32[A]) { param w: f32[A] = zeros return x + w }", [(3,)]),
        ("model main(x: f32[A]) { param w: f32[A - 4] = zeros return x + w }", [(3,)]),
        ("fn main(x: f32[A]) = softmax(x, axis = 1)", [(3,)]),
        ("fn main(x: f32[A]) = zeros[i64]((2, -3))", [(3,)]),
        ("fn main(x: f32[A]) = bitwise_and(x, x)", [(3,)]),
        ('fn main(x: f32[A, B]) = rearrange(x, "a b -> b")', [(3, 2)]),
        ('fn main(x: f32[A, B]) = rearrange(x, "a (b c) -> a b c")', [(3, 2)]),
        ('fn main(x: f32[A, B]) = einsum("a b, b c -> a c", x, x)', [(3, 2)]),
        ('fn main(x: f32[A, B]) = einsum("a b -> c", x)', [(3, 2)]),
        ("fn main(a: f32[M, K], b: f32[K, N]) -> f32[M, N] = a @ b", [(2, 3), (4, 5)]),
        ("fn main(a: f32[M, K], b: f32[K, N]) -> f32[N, M] = a @ b", [(2, 3), (3, 5)]),
        ("fn main(x: f32[N]) -> f32[10] where N == 10 = x", [(9,)]),
        ("fn main(x: f32[N]) -> f32[N] { assert N % 2 == 0 return x }", [(9,)]),
        ("fn main(x: f32[N]) -> f64[N] = x", [(9,)]),
        ("fn main(x: f32[N]) -> i64[N] = (x as i64) + 0.5", [(9,)]),
        ("fn main(x: f32[N]) = x + (x as f64)", [(9,)]),
        ("fn main(x: f32[N]) = take(x, arange(N) + 1)", [(9,)]),
        ("fn main(x: f32[N]) = reshape(x, (2, -1))", [(9,)]),
        ("fn main(x: f32[N]) = x[3]", [(3,)]),
        ('fn main(x: f32[A, B]) = rearrange(x, "a (b c) -> a b c", b = 4)', [(3, 6)]),
        ("fn main(x: f32[A, B]) = sum(x, axis = 2)", [(3, 6)]),
        ("fn main(x: f32[A, B]) = concat(x, transpose(x))", [(3, 6)]),
        ("fn main(x: f32[A]) = unknown(x)", [(3,)]),
        ("fn main(x: f32[A]) = relu(x, x)", [(3,)]),
    ],
)
def test_a_broken_rule_is_told(text: str, inputs: list[tuple[int, ...]]) -> None:
    with pytest.raises(WrongByExecution):
        run(text, *[tensor(*sizes) for sizes in inputs])


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_small_configuration_of_each_example_runs(path: Path) -> None:
    whole = program({path.stem: path.read_text(encoding="utf-8")})
    deploys = [
        declaration
        for declaration in whole.files[path.stem].declarations.values()
        if isinstance(declaration, syntax.Deploy)
        and (len(whole.files[path.stem].declarations) < 5 or "small" in declaration.name.text)
    ]
    assert deploys
    for deploy in deploys:
        going = start(whole)
        target = interpret.deployed(going, path.stem, deploy.name.text)
        found = random_inputs(going, target, random.Random(0), deployed_dims(deploy))
        assert found is not None
        invoke(going, target, found[1])


def test_integers_of_less_than_a_byte_are_cast_into_each_other() -> None:
    small = np.asarray([1, 2, 3]).astype(dtypes.DTYPES["i4"])
    for name in ("i2", "u4", "u2", "i8", "f32"):
        found = PRIMITIVES["cast"](x=small, dtype=dtypes.DTYPES[name])
        assert isinstance(found, np.ndarray)
        assert found.dtype == dtypes.DTYPES[name]
    assert np.asarray(PRIMITIVES["cast"](x=small, dtype=dtypes.DTYPES["u4"])).astype(int).tolist() == [1, 2, 3]


def test_a_sum_of_products_of_short_integers_is_wide() -> None:
    short = np.full((2, 2), 100, np.int8)
    found = PRIMITIVES["einsum"](pattern="i k, k j -> i j", parts=[short, short])
    assert isinstance(found, np.ndarray)
    assert found.dtype == np.int32
    assert found.tolist() == [[20000, 20000], [20000, 20000]]
