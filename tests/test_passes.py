"""Each pass does its work on a graph made for it, and no pass changes a bit of what any graph computes.

The examples run on the inputs of `data/examples.npz`.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenuto_analysis.diagnostics.base import Place
from tenuto_analysis.dims import ONE, Dim, Leaf, Symbol, literal, of
from tenuto_analysis.dtypes import SCALARS, Kind
from tenuto_analysis.graph import (
    Apply,
    Argument,
    Block,
    Call,
    Function,
    Graph,
    If,
    Literal,
    Node,
    Size,
    Ssa,
    Weight,
    walk,
)
from tenuto_analysis.types import DTypeValue, Float, ListValue, Tensor
from tenuto_analysis.verify import verify
from tenuto_backend.evaluate import run
from tenuto_backend.passes import PASSES, optimised
from tenuto_backend.passes.common_subexpressions import share_common_subexpressions
from tenuto_backend.passes.constant_folding import exact, goes_at_once
from tenuto_backend.passes.dead_code import drop_dead_code
from tenuto_backend.reference.dtypes import DTYPES
from tenuto_backend.reference.values import Array
from tenuto_grammar.text import Span
from tests.test_elaborate import CONTROL, case_graph, graph_of, weights_of
from tests.test_examples_torch import ARRAYS, CASES, KEY_HEADS

ROWS = of(Symbol("B", "f"))
PLACE = Place("made.ten", "f", Span(0, 1))


def tensor(dtype: str, *shape: Dim, name: str = "") -> Ssa:
    return Ssa(Tensor(SCALARS[dtype], shape), name)


def apply(op: str, result: Ssa, place: Place = PLACE, **arguments: Argument) -> Apply:
    return Apply(op, arguments, (result,), place)


def number(value: bool | int | float, dtype: str = "f32") -> Literal:
    return Literal(value, tensor(dtype), PLACE)


def cast(x: Ssa, dtype: str) -> Apply:
    result = Ssa(Tensor(SCALARS[dtype], x.type.shape))
    return apply("cast", result, U=DTypeValue(SCALARS[dtype]), x=x)


def function(
    inputs: Sequence[Ssa],
    nodes: Sequence[Node],
    results: Sequence[Ssa],
    name: str = "f",
    weights: tuple[Weight, ...] = (),
) -> Function:
    names = tuple(f"{i}" for i in range(len(results)))
    body = Block(list(nodes), tuple(results))
    return Function(name, "made.ten", name, None, (), tuple(inputs), weights=weights, body=body, output_names=names)


def graph(*functions: Function) -> Graph:
    return verify(Graph("made", "made.ten", functions, ()))


def ops(graph: Graph) -> list[str]:
    return [node.op if isinstance(node, Apply) else type(node).__name__ for node in walk(graph.entry.body)]


def dump(item: object, names: dict[int, int]) -> object:
    """A graph as text and numbers, values by the order in which they first stand: equal where nothing has changed."""
    if isinstance(item, Ssa):
        return names.setdefault(id(item), len(names)), item.name, str(item.type)
    if isinstance(item, Graph | Function | Block | Weight | Node):
        return type(item).__name__, [dump(getattr(item, key), names) for key in item.__struct_fields__]
    if isinstance(item, tuple | list):
        return [dump(part, names) for part in item]
    if isinstance(item, dict):
        return [(str(key), dump(part, names)) for key, part in item.items()]
    return repr(item)


def assert_bits(ours: Sequence[Array], theirs: Sequence[Array]) -> None:
    for mine, other in zip(ours, theirs, strict=True):
        assert (mine.dtype, mine.shape, mine.tobytes()) == (other.dtype, other.shape, other.tobytes())


def assert_nothing_changes(graph: Graph, inputs: Sequence[Array], weights: dict[str, Array]) -> None:
    """Each pass alone, and all after one another, leave the results, the signature and the given graph as they are."""
    before, results = dump(graph, {}), run(graph, inputs, weights)
    for change in (*PASSES, optimised):
        changed = verify(change(graph))
        assert_bits(run(changed, inputs, weights), results)
        assert changed.entry.inputs == graph.entry.inputs
        assert [w.path for w in changed.entry.weights] == [w.path for w in graph.entry.weights]
        assert len(changed.entry.results) == len(graph.entry.results)
    assert dump(graph, {}) == before


# ------------------------------------------------------------------------------------------- everything, by numbers


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_the_examples_compute_the_same_bits(case: dict[str, Any]) -> None:
    inputs = [ARRAYS[key] for key in case["inputs"]]
    if case["example"] in KEY_HEADS:
        inputs += [np.zeros((2, KEY_HEADS[case["example"]], 0, 8), np.float32)] * 4
    graph = case_graph(case)
    assert_nothing_changes(graph, inputs, weights_of(graph))


@pytest.mark.parametrize("keep", [False, True])
def test_loops_and_branches_compute_the_same_bits(keep: bool) -> None:
    graph = graph_of(CONTROL, "small")
    x = np.asarray([[1, -0.0, 3], [4, 5, 6]], np.float32)
    gain = {w.path: np.asarray([1, 2, 3], np.float32) for w in graph.entry.weights}
    # The size of a weight stays a symbol of the deploy, which its weights tell.
    assert_nothing_changes(graph, [x, np.asarray(keep)], gain)


# --------------------------------------------------------------------------------------------------------- dead code


def test_nodes_that_nobody_reads_go_and_inputs_and_weights_stay() -> None:
    x, unread, weight = tensor("f32", ROWS, name="x"), tensor("f32", ROWS, name="y"), tensor("f32", ONE, name="w")
    one, two, kept = (tensor("f32", ROWS) for _ in range(3))
    nodes: list[Node] = [apply("exp", one, x=x), apply("log", two, x=one), apply("negate", kept, x=x)]
    made = graph(function([x, unread], nodes, [kept], weights=(Weight("w", weight, None),)))
    small = verify(drop_dead_code(made))
    assert ops(small) == ["negate"]
    assert small.entry.inputs == (x, unread)
    assert [w.path for w in small.entry.weights] == ["w"]
    assert ops(made) == ["exp", "log", "negate"]


def test_functions_that_nobody_calls_go() -> None:
    def identity(name: str) -> Function:
        x, y = tensor("f32", ROWS, name="x"), tensor("f32", ROWS)
        return function([x], [apply("exp", y, x=x)], [y], name)

    called, unread, uncalled = identity("called"), identity("unread"), identity("uncalled")
    x, y, z = (tensor("f32", ROWS, name=name) for name in "xyz")
    sizes: dict[Leaf, Dim] = {Symbol("B", "f"): ROWS}
    nodes: list[Node] = [
        Call(called, {"x": x}, (x,), (), sizes, (y,), "", PLACE),
        Call(unread, {"x": x}, (x,), (), sizes, (z,), "", PLACE),
    ]
    small = drop_dead_code(graph(called, unread, uncalled, function([x], nodes, [y], "main")))
    assert [f.name for f in verify(small).functions] == ["called", "main"]


def test_dead_code_in_a_branch_goes_and_what_the_branch_reads_from_outside_stays() -> None:
    x, keep, result = tensor("f32", ROWS, name="x"), tensor("bool", name="keep"), tensor("f32", ROWS)
    outside, inside, unread = (tensor("f32", ROWS) for _ in range(3))
    then = Block([apply("log", unread, x=x), apply("negate", inside, x=outside)], (inside,))
    nodes: list[Node] = [apply("exp", outside, x=x), If(keep, then, Block([], (x,)), (result,), PLACE)]
    assert ops(drop_dead_code(graph(function([x, keep], nodes, [result])))) == ["exp", "If", "negate"]


def test_a_node_stays_whose_shape_tells_a_size_that_is_read() -> None:
    found = of(Symbol("K", "f"))
    x, places, count = tensor("f32", ROWS, name="x"), tensor("i64", found, ONE), tensor("i64")
    nodes: list[Node] = [apply("nonzero", places, x=x), Size(found, count, PLACE)]
    made = graph(function([x], nodes, [count]))
    assert ops(drop_dead_code(made)) == ["nonzero", "Size"]
    assert run(optimised(made), [np.asarray([0, 2, 3], np.float32)], {})[0] == 2


# --------------------------------------------------------------------------------------------- common subexpressions


def test_what_is_computed_twice_is_computed_once() -> None:
    later = Place("made.ten", "f", Span(7, 9))
    x, first, second, result = (tensor("f32", ROWS, name=name) for name in ("x", "", "named", ""))
    nodes: list[Node] = [
        apply("exp", first, x=x),
        apply("exp", second, later, x=x),
        apply("add", result, a=first, b=second),
    ]
    small = verify(share_common_subexpressions(graph(function([x], nodes, [result, second]))))
    assert ops(small) == ["exp", "add"]
    shared = small.entry.body.nodes[0]
    assert shared.origin == PLACE
    assert shared.results[0].name == "named"
    assert small.entry.results[1] is shared.results[0]
    assert first.name == ""


def test_a_block_shares_with_what_stands_before_it_and_not_with_another_block() -> None:
    x, keep, result = tensor("f32", ROWS, name="x"), tensor("bool", name="keep"), tensor("f32", ROWS)
    outside, again, left, right = (tensor("f32", ROWS) for _ in range(4))
    then = Block([apply("exp", again, x=x), apply("log", left, x=again)], (left,))
    otherwise = Block([apply("log", right, x=outside)], (right,))
    nodes: list[Node] = [apply("exp", outside, x=x), If(keep, then, otherwise, (result,), PLACE)]
    small = verify(share_common_subexpressions(graph(function([x, keep], nodes, [result]))))
    assert ops(small) == ["exp", "If", "log", "log"]


def test_what_only_looks_alike_stays_apart() -> None:
    x = tensor("f32", ROWS, name="x")
    plus, minus, one, yes = number(0.0), number(-0.0), number(1, "i32"), number(True, "bool")
    rows = [apply("sum", tensor("f32"), x=x, axis=ListValue((Float(zero),))) for zero in (0.0, -0.0)]
    finds = [apply("nonzero", tensor("i64", of(Symbol(name, "f")), ONE), x=x) for name in ("K", "L")]
    nodes: list[Node] = [plus, minus, one, yes, *rows, *finds]
    results = [ssa for node in nodes for ssa in node.results]
    assert len(ops(share_common_subexpressions(graph(function([x], nodes, results))))) == len(nodes)


def test_two_calls_of_a_function_with_the_same_operands_and_weights_are_one() -> None:
    inner, out = tensor("f32", ROWS, name="x"), tensor("f32", ROWS)
    called = function([inner], [apply("exp", out, x=inner)], [out], "called")
    x, y, z, result = (tensor("f32", ROWS, name=name) for name in ("x", "y", "z", ""))
    sizes: dict[Leaf, Dim] = {Symbol("B", "f"): ROWS}
    nodes: list[Node] = [
        *(Call(called, {"x": x}, (x,), (), sizes, (r,), "", PLACE) for r in (y, z)),
        apply("add", result, a=y, b=z),
    ]
    assert ops(share_common_subexpressions(graph(called, function([x], nodes, [result], "main")))) == ["Call", "add"]


# --------------------------------------------------------------------------------------------------- constant folding


def test_arithmetic_on_literals_is_a_literal() -> None:
    x, result = tensor("f32", ROWS, name="x"), tensor("f32", ROWS)
    six, four, root, ratio = number(6.0), number(4.0), tensor("f32"), tensor("f32", name="ratio")
    nodes: list[Node] = [
        *(six, four, apply("sqrt", root, x=four.result), apply("divide", ratio, a=six.result, b=root)),
        apply("multiply", result, a=x, b=ratio),
    ]
    small = optimised(graph(function([x], nodes, [result])))
    assert ops(small) == ["Literal", "multiply"]
    (folded, _) = small.entry.body.nodes
    assert isinstance(folded, Literal)
    assert (folded.value, folded.result.name) == (3.0, "ratio")


def test_a_literal_is_what_the_dtype_can_hold() -> None:
    third, ten, result = number(1.0, "bf16"), number(3.0, "bf16"), tensor("bf16")
    made = graph(function([], [third, ten, apply("divide", result, a=third.result, b=ten.result)], [result]))
    small = optimised(made)
    assert ops(small) == ["Literal"]
    assert_bits(run(small, [], {}), run(made, [], {}))


def test_a_size_that_is_a_number_is_a_literal() -> None:
    count, result = tensor("i64"), tensor("f32")
    cast_it = apply("cast", result, U=DTypeValue(SCALARS["f32"]), x=count)
    small = optimised(graph(function([], [Size(literal(12), count, PLACE), cast_it], [result])))
    (folded,) = small.entry.body.nodes
    assert isinstance(folded, Literal)
    assert folded.value == 12.0


EVERY_SORT = [0.0, -0.0, 1.5, -2.0, float("inf"), float("-inf"), float("nan"), 1e-45]
UNCHANGED = [("multiply", 1.0), ("divide", 1.0), ("subtract", 0.0), ("add", -0.0)]
CHANGED = [("multiply", -1.0), ("divide", 2.0), ("subtract", -0.0), ("add", 0.0), ("multiply", 0.0)]


@pytest.mark.parametrize(("op", "value", "left"), [*((*row, 0) for row in UNCHANGED), *((*row, 2) for row in CHANGED)])
def test_what_changes_no_bit_of_any_float_goes_and_nothing_else(op: str, value: float, left: int) -> None:
    x, by, result = tensor("f32", ROWS, name="x"), number(value), tensor("f32", ROWS, name="y")
    made = graph(function([x], [by, apply(op, result, a=x, b=by.result)], [result]))
    small = optimised(made)
    assert len(ops(small)) == left
    given = [np.asarray(EVERY_SORT, np.float32)]
    assert_bits(run(small, given, {}), run(made, given, {}))


def test_zero_plus_an_integer_is_the_integer() -> None:
    x, zero, result = tensor("i32", ROWS, name="x"), number(0, "i32"), tensor("i32", ROWS)
    small = optimised(graph(function([x], [zero, apply("add", result, a=zero.result, b=x)], [result])))
    assert ops(small) == []
    assert small.entry.results == (x,)


def test_casts_that_lose_nothing_are_one_or_none() -> None:
    x = tensor("bf16", ROWS, name="x")
    wide = cast(x, "f32")
    back, wider, whole = cast(wide.results[0], "bf16"), cast(wide.results[0], "f64"), cast(wide.results[0], "i32")
    nodes: list[Node] = [wide, back, wider, whole]
    small = optimised(graph(function([x], nodes, [node.results[0] for node in nodes[1:]])))
    assert small.entry.results[0] is x
    # From bf16 to i32 what NaN becomes would be another's choice: both casts stay.
    assert [str(node.results[0].type.dtype) for node in small.entry.body.nodes] == ["f32", "f64", "i32"]
    narrow = cast(tensor("f32", ROWS, name="x"), "f16")
    (start,) = (a for a in narrow.arguments.values() if isinstance(a, Ssa))
    back = cast(narrow.results[0], "f32")
    assert len(ops(optimised(graph(function([start], [narrow, back], [back.results[0]]))))) == 2


def every_value(dtype: str) -> Array:
    """All values of a dtype of up to 16 bits; of a wider one, those at the edges of what others hold."""
    kind, bits = SCALARS[dtype].kind, SCALARS[dtype].bits
    wanted = DTYPES[dtype]
    if kind is Kind.BOOL:
        return np.asarray([False, True])
    if kind is Kind.FLOAT and bits <= 16 and dtype != "f4e2m1":
        return np.arange(2**bits).astype(f"u{bits // 8}").view(wanted)
    if kind is Kind.FLOAT:
        some = [*EVERY_SORT, 65504, 65519, 65520, 3.3e38, 1e300, 1 + 2**-8, 1 + 2**-11, 1 + 3 * 2**-12, 2**-24, 2**-25]
        with np.errstate(all="ignore"):
            return np.asarray([*some, 2**24 + 1, 2**53 + 1, -(2.0**31), 2.0**63], np.float64).astype(wanted)
    low, high = (0, 2**bits - 1) if kind is Kind.UNSIGNED else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    edges = {sign * (2**power + by) for power in range(bits + 1) for sign in (-1, 1) for by in (-1, 0, 1)}
    return np.asarray([n for n in edges if low <= n <= high], "u8" if low == 0 else "i8").astype(wanted)


NUMBERS = [name for name in DTYPES if name != "f8e8m0"]


@pytest.mark.parametrize("start", NUMBERS)
def test_casts_are_joined_only_where_no_value_tells_the_difference(start: str) -> None:
    values, joined = every_value(start), 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for middle in NUMBERS:
            through = converted(values, middle)
            if exact(SCALARS[start], SCALARS[middle]):
                assert_same_numbers(converted(through, start), values)
            for end in NUMBERS:
                if goes_at_once(SCALARS[start], SCALARS[middle], SCALARS[end]):
                    joined += 1
                    assert_same_numbers(converted(through, end), converted(values, end))
    assert joined


def converted(values: Array, dtype: str) -> Array:
    """A cast; between integers of less than a byte NumPy needs one on the way that holds both."""
    tiny = {DTYPES[name] for name in ("i4", "i2", "u4", "u2")}
    return (values.astype(np.int64) if {values.dtype, DTYPES[dtype]} <= tiny else values).astype(DTYPES[dtype])


def assert_same_numbers(ours: Array, theirs: Array) -> None:
    """The same bits, but for which of the many NaNs one is."""
    assert ours.dtype == theirs.dtype
    floating = ours.dtype in (DTYPES[name] for name in DTYPES if SCALARS[name].kind is Kind.FLOAT)
    nan = np.isnan(ours.astype(np.float64)) if floating else np.zeros(ours.shape, bool)
    if floating:
        np.testing.assert_array_equal(np.isnan(theirs.astype(np.float64)), nan)
    assert ours[~nan].tobytes() == theirs[~nan].tobytes()


# ---------------------------------------------------------------------------------------------------- any small graph

UNARY = ("exp", "negate", "sqrt", "abs")
BINARY = ("add", "subtract", "multiply", "divide", "maximum")
Step = tuple[int, int, int]


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99)), max_size=12))
def test_any_small_graph_computes_the_same_bits(steps: list[Step]) -> None:
    x, scalar = tensor("f32", ROWS, name="x"), tensor("f32", name="s")
    values, nodes = [x, scalar], list[Node]()
    for choice, left, right in steps:
        a, b = values[left % len(values)], values[right % len(values)]
        node: Node
        if choice % 3 == 0:
            node = number([0.0, -0.0, 1.0, 2.0, float("inf")][choice % 5])
        elif choice % 3 == 1:
            node = apply(UNARY[choice % len(UNARY)], Ssa(a.type), x=a)
        else:
            shape = a.type.shape or b.type.shape
            node = apply(BINARY[choice % len(BINARY)], Ssa(Tensor(SCALARS["f32"], shape)), a=a, b=b)
        nodes.append(node)
        values.append(node.results[0])
    made = graph(function([x, scalar], nodes, values[-3:]))
    given = [np.asarray(EVERY_SORT, np.float32), np.asarray(-0.0, np.float32)]
    small = optimised(made)
    for ours, theirs in zip(run(small, given, {}), run(made, given, {}), strict=True):
        assert_same_numbers(np.atleast_1d(ours), np.atleast_1d(theirs))
    assert ops(optimised(small)) == ops(small)
    assert len(ops(small)) <= len(nodes)
