"""Products of short floats whose sums are wider, and what the library makes of them, as onnxruntime runs them.

onnxruntime takes bf16 and 8-bit floats from no NumPy array: a graph here takes f32 and casts it itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnx
import pytest
from msgspec.structs import replace

from tenuto_analysis.dtypes import SCALARS
from tenuto_analysis.graph import Apply, Block, Call, Function, Graph, Node, Ssa, dims_of
from tenuto_analysis.types import Tensor
from tenuto_backend.onnx.emit import emit
from tenuto_backend.onnx.options import Options, Profile
from tenuto_backend.onnx.save import with_weights
from tests.one_node import (
    BINDINGS,
    FILE,
    ORIGIN,
    Case,
    accept,
    agree,
    built,
    dtype_value,
    expected,
    feeds_of,
    function,
    in_onnxruntime,
    one_node,
    random_array,
    tensor,
)
from tests.test_onnx_emit import PROGRAM, deployed
from tests.test_onnx_rules import MIXED

F32 = SCALARS["f32"]
FLOATS = ("f8e4m3", "f8e5m2", "f16", "bf16", "f64")


def cast(x: Ssa, to: str) -> Apply:
    return Apply("cast", {"U": dtype_value(to), "x": x}, (Ssa(Tensor(SCALARS[to], x.type.shape)),), ORIGIN)


def fed_with_f32(graph: Graph) -> Graph:
    """The graph, with inputs and results of f32 that it casts."""
    entry = graph.entry
    inputs = [Ssa(Tensor(F32, ssa.type.shape), ssa.name) for ssa in entry.inputs]
    before = [
        replace(cast(mine, str(old.type.dtype)), results=(old,)) for mine, old in zip(inputs, entry.inputs, strict=True)
    ]
    after = [cast(ssa, "f32") for ssa in entry.results]
    nodes = [*before, *entry.body.nodes, *after]
    body = Block(nodes, tuple(node.results[0] for node in after))
    return Graph("one", FILE, (*graph.functions[:-1], function("main", inputs, body)), ())


def same_in_onnxruntime(graph: Graph, model: onnx.ModelProto, factor: float = 1.0) -> None:
    chance = np.random.default_rng(3)
    session = in_onnxruntime(model)
    for binding in BINDINGS:
        inputs = [random_array(chance, ssa.type, binding, GIVEN) for ssa in graph.entry.inputs]
        agree(expected(graph, inputs), session.run(None, feeds_of(model, inputs)), factor)


GIVEN = one_node(Case("relu", {"x": "f32[N]"}, ["f32[N]"]), "f32")[1][0]


@pytest.mark.parametrize(
    ("case", "dtype"), [pytest.param(c, d, id=f"{c.op}-{at}-{d}") for at, c in enumerate(MIXED) for d in c.dtypes]
)
def test_onnxruntime_gives_the_numbers_of_the_type(case: Case, dtype: str) -> None:
    graph = fed_with_f32(one_node(case, dtype)[0])
    # A result of 16 bits may round the other way where sums were added in another order.
    narrow = any(text.startswith(("f16", "bf16")) for text in case.results)
    same_in_onnxruntime(graph, built(graph, Options()), 3000.0 if narrow else 1.0)


def test_a_sum_is_kept_in_its_own_dtype() -> None:
    """256 + 1 is 257 in f32 and 256 in bf16: the type says which."""
    a = np.concatenate([np.full((1, 1), 256.0), np.ones((1, 64))], 1).astype("float32")
    b = np.ones((65, 1), np.float32)
    for result, total in (("f32", 320.0), ("bf16", 320.0)):
        case = Case("matmul", {"a": "bf16[1, K]", "b": "bf16[K, 1]"}, [f"{result}[1, 1]"])
        graph = fed_with_f32(one_node(case, "f32")[0])
        assert expected(graph, [a, b])[0].item() == total
    a[0, 0] = 257.0
    for operand, total in (("bf16", 320.0), ("f16", 321.0)):
        case = Case("matmul", {"a": f"{operand}[1, K]", "b": f"{operand}[K, 1]"}, ["f32[1, 1]"])
        graph = fed_with_f32(one_node(case, "f32")[0])
        model = built(graph, Options())
        found = in_onnxruntime(model).run(None, feeds_of(model, [a, b]))
        assert expected(graph, [a, b])[0].item() == found[0].item() == total


# --------------------------------------------------------------------------------------------------------- dense layers


def dense_layer(operand: str, product: str, bias: str) -> Graph:
    x, kernel, offset = (
        Ssa(tensor(text), name)
        for text, name in ((f"{operand}[M, K]", "x"), (f"{operand}[N, K]", "kernel"), (f"{bias}[N]", "bias"))
    )
    turned, total, result = (Ssa(tensor(text)) for text in (f"{operand}[K, N]", f"{product}[M, N]", f"{bias}[M, N]"))
    nodes: list[Node] = [
        Apply("transpose", {"x": kernel}, (turned,), ORIGIN),
        Apply("matmul", {"a": x, "b": turned}, (total,), ORIGIN),
    ]
    if product != bias:
        nodes.append(cast(total, bias))
        total = nodes[-1].results[0]
    nodes.append(Apply("add", {"a": total, "b": offset}, (result,), ORIGIN))
    body = Block(nodes, (result,))
    return fed_with_f32(Graph("one", FILE, (function("main", [x, kernel, offset], body),), ()))


@pytest.mark.parametrize(
    ("operand", "product", "bias", "is_one"),
    [
        ("bf16", "f32", "f32", True),
        ("f8e4m3", "f32", "f32", True),
        ("f16", "f16", "f16", True),
        ("f8e4m3", "f16", "f16", False),  # Rounded to f16 before the bias is added.
        ("bf16", "f32", "f16", False),
    ],
)
def test_a_dense_layer_is_one_operator_where_the_bias_is_added_to_what_the_sum_is_kept_in(
    operand: str, product: str, bias: str, is_one: bool
) -> None:
    graph = dense_layer(operand, product, bias)
    model = built(graph, Options())
    assert ("Gemm" in {node.op_type for node in model.graph.node}) == is_one
    same_in_onnxruntime(graph, model, 1.0 if bias == "f32" else 3000.0)


# ------------------------------------------------------------------------------------------------------- library calls


def narrowed(graph: Graph, name: str, dtype: str, change: Callable[[list[Node]], list[Node]] = list) -> Graph:
    """A deploy of f32 whose function `name` takes and gives `dtype`; `change` makes its nodes between the casts."""
    made: dict[str, Function] = {}

    def short(ssa: Ssa) -> Ssa:
        return Ssa(Tensor(SCALARS[dtype], ssa.type.shape), ssa.name) if ssa.type.dtype == F32 else ssa

    for old in graph.functions:
        if old.name == name:
            inputs = [short(ssa) for ssa in old.inputs]
            before = [
                replace(cast(mine, "f32"), results=(ssa,))
                for mine, ssa in zip(inputs, old.inputs, strict=True)
                if mine is not ssa
            ]
            after = [cast(ssa, dtype) for ssa in old.results]
            nodes = [*before, *change(old.body.nodes), *after]
            body = Block(nodes, tuple(node.results[0] for node in after))
            made[name] = replace(old, inputs=tuple(inputs), body=body)
        else:
            made[old.name] = old
    entry = graph.entry
    nodes = []
    for node in entry.body.nodes:
        if not isinstance(node, Call):
            nodes.append(node)
            continue
        casts = {id(ssa): cast(ssa, dtype) for ssa in node.operands if ssa.type.dtype == F32}
        found = {key: item.results[0] for key, item in casts.items()}
        results = tuple(short(ssa) for ssa in node.results)
        called = replace(
            node,
            function=made[node.function.name],
            operands=tuple(found.get(id(ssa), ssa) for ssa in node.operands),
            arguments={
                key: found.get(id(item), item) if isinstance(item, Ssa) else item
                for key, item in node.arguments.items()
            },
            results=results,
        )
        back = [replace(cast(mine, "f32"), results=(old,)) for mine, old in zip(results, node.results, strict=True)]
        nodes += [*casts.values(), called, *back]
    made[entry.name] = replace(entry, body=Block(nodes, entry.results))
    return replace(graph, functions=tuple(made.values()))


CALLS = (
    ("softmax", "softmax(x)", "Softmax"),
    ("layer_norm", "layer_norm(x, w, w)", "LayerNormalization"),
    ("gelu", "gelu(x)", "Gelu"),
    ("norm", "norm(x, axis = 1)", "ReduceL2"),
    ("masked_softmax", "masked_softmax(e, e > 0.3)", "Softmax"),
    ("attention", "attention(q, g, g)", "Softmax"),
)


def same(graph: Graph, model: onnx.ModelProto) -> None:
    accept(model)
    chance = np.random.default_rng(0)
    session = in_onnxruntime(model)
    sizes = {"B": 2, "N": 5, "H": 3, "W": 4, "S": 3, "L": 5}
    inputs: Sequence[np.ndarray] = [
        chance.uniform(-2, 2, [dim.constant or sizes[str(dim)] for dim in dims_of(ssa.type)]).astype(np.float32)
        for ssa in graph.entry.inputs
    ]
    agree(expected(graph, inputs), session.run(None, feeds_of(model, inputs)), 3000.0)


@pytest.mark.parametrize("dtype", ["bf16", "f16"])
@pytest.mark.parametrize(("name", "call", "operator"), CALLS)
def test_a_call_that_computes_in_one_dtype_is_its_operator_between_casts(
    name: str, call: str, operator: str, dtype: str
) -> None:
    db, plain = deployed(PROGRAM.replace("CALL", call))
    graph = narrowed(plain, name, dtype)
    model = with_weights(emit(db, graph, Options()), {})
    used = [node.op_type for node in model.graph.node]
    assert name not in used
    assert operator in used
    assert used.count("Cast") >= 2 + 2  # What the deploy casts, and what the operator stands between.
    same(graph, model)


@pytest.mark.parametrize("profile", Profile)
def test_a_call_that_computes_in_several_keeps_its_body(profile: Profile) -> None:
    """Scores of short queries and keys, a wide softmax: `Attention` would compute in one of them."""
    db, plain = deployed(PROGRAM.replace("CALL", "attention(q, g, g)"))

    def short_scores(nodes: list[Node]) -> list[Node]:
        changed: list[Node] = []
        for node in nodes:
            match node:
                case Apply(op="matmul", arguments={"a": Ssa() as a, "b": Ssa() as b}):
                    casts = [cast(a, "bf16"), cast(b, "bf16")]
                    one, other = (item.results[0] for item in casts)
                    changed += [*casts, replace(node, arguments={"a": one, "b": other})]
                case _:
                    changed.append(node)
        return changed

    graph = narrowed(plain, "attention", "bf16", short_scores)
    model = with_weights(emit(db, graph, Options(profile)), {})
    assert "attention" in {node.op_type for node in model.graph.node}
    same(graph, model)
