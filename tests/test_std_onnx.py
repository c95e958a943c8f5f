"""Each operator of ONNX that the standard library names means what the declaration means.

A `lower onnx "X"(...)` clause is turned into one node as `docs/std.md` says; ONNX's reference implementation runs it
and the result is compared with the body (or the primitive) as our own evaluator runs it. Not tested here: what is
lowered by a rule, and grouped transposed convolution, which ONNX's reference implementation refuses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

from tenuto_backend.reference import calls
from tenuto_backend.reference.expressions import evaluate
from tenuto_backend.reference.interpret import definition, invoke, start
from tenuto_backend.reference.program import prelude, program
from tenuto_backend.reference.values import Applied, Array, Frame, Shape, Value
from tenuto_grammar import syntax

OPSET = 26

_random = np.random.default_rng(7)


def normal(*shape: int) -> Array:
    return _random.normal(size=shape).astype(np.float32)


def between(low: float, high: float, *shape: int) -> Array:
    return _random.uniform(low, high, size=shape).astype(np.float32)


def integers(low: int, high: int, *shape: int) -> Array:
    return _random.integers(low, high, size=shape)


def truths(*shape: int) -> Array:
    return np.asarray(_random.uniform(size=shape) < 0.5)


def bits(*shape: int) -> Array:
    return _random.integers(0, 200, size=shape).astype(np.uint8)


Case = tuple[Sequence[Value], Mapping[str, Value]]


def case(*positional: Value, **named: Value) -> Case:
    return positional, named


MATRICES = case(normal(2, 3, 4), normal(3, 1))
REDUCTIONS = [
    case(between(0.5, 2.0, 2, 3, 4)),
    case(between(0.5, 2.0, 2, 3, 4), axis=1),
    case(between(0.5, 2.0, 2, 3, 4), axis=(0, -1), keepdims=True),
]
REDUCERS = ("sum", "mean", "max", "min", "prod", "logsumexp", "norm", "l1_norm", "log_sum", "sum_of_squares")
IMAGE, SIGNAL, VOLUME = normal(2, 4, 9, 8), normal(2, 4, 9), normal(2, 4, 5, 6, 7)

CASES: Mapping[str, Sequence[Case]] = {
    **{name: [MATRICES] for name in ("add", "subtract", "multiply", "divide", "maximum", "minimum")},
    **{name: [MATRICES] for name in ("equal", "less", "less_equal", "greater", "greater_equal")},
    **{name: [case(truths(2, 3), truths(3))] for name in ("logical_and", "logical_or", "logical_xor")},
    **{name: [case(bits(2, 3), bits(3))] for name in ("bitwise_and", "bitwise_or", "bitwise_xor")},
    **{name: [case(bits(2, 3), bits(3) % 8)] for name in ("shift_left", "shift_right")},
    **dict.fromkeys(REDUCERS, REDUCTIONS),
    "logical_not": [case(truths(3))],
    "bitwise_not": [case(bits(3))],
    "power": [case(between(0.5, 2.0, 2, 3), normal(3))],
    "acosh": [case(between(1.0, 9.0, 5))],
    "is_nan": [case(np.asarray([1.0, np.nan, np.inf], np.float32))],
    "is_inf": [case(np.asarray([1.0, np.nan, np.inf, -np.inf], np.float32))],
    "round": [case(np.asarray([-2.5, -1.5, -0.5, 0.5, 1.5, 2.4], np.float32))],
    "clamp": [case(normal(9), -0.5, 0.5)],
    "cast": [case(normal(9))],
    "where": [case(truths(2, 1), normal(2, 3), normal(3))],
    "arg_max": [case(normal(2, 3, 4)), case(normal(2, 3, 4), axis=0)],
    "arg_min": [case(normal(2, 3, 4)), case(normal(2, 3, 4), axis=1)],
    "cumulative_sum": [
        case(normal(2, 5)),
        case(normal(2, 5), axis=0, exclusive=True),
        case(normal(2, 5), exclusive=True, reverse=True),
    ],
    "cumulative_product": [
        case(normal(2, 5)),
        case(normal(2, 5, 3), axis=1, exclusive=True),
        case(normal(2, 5), axis=0, exclusive=True, reverse=True),
    ],
    "matmul": [case(normal(2, 3, 4), normal(4, 5)), case(normal(2, 1, 3, 4), normal(3, 4, 5))],
    "einsum": [case("b i k, b k j -> b i j", normal(2, 3, 4), normal(2, 4, 5))],
    "reshape": [case(normal(2, 3, 4), (6, 4)), case(normal(2, 3, 4), (2, -1))],
    "permute": [case(normal(2, 3, 4), (2, 0, 1))],
    "concat": [case(normal(2, 3), normal(2, 4), axis=1)],
    "split": [case(normal(2, 6), 3)],
    "tile": [case(normal(2, 3), (2, 1))],
    "expand": [case(normal(3, 1), (2, 3, 4))],
    "squeeze": [case(normal(2, 1, 3), 1)],
    "unsqueeze": [case(normal(2, 3), -1), case(normal(2, 3), 0)],
    "softmax": [case(normal(2, 3, 4)), case(normal(2, 3, 4), axis=1)],
    "log_softmax": [case(normal(2, 3, 4)), case(normal(2, 3, 4), axis=0)],
    "layer_norm": [case(normal(2, 3, 8), normal(8), normal(8)), case(normal(2, 8), normal(8), eps=0.1)],
    "rms_norm": [case(normal(2, 3, 8), normal(8))],
    "batch_norm": [case(normal(2, 3, 4, 5), normal(3), between(0.5, 2.0, 3), normal(3), normal(3))],
    "group_norm": [case(normal(2, 6, 4, 5), 3, normal(6), normal(6))],
    "instance_norm": [case(normal(2, 3, 4, 5), normal(3), normal(3), eps=0.01)],
    "conv1d": [
        case(SIGNAL, normal(6, 4, 3)),
        case(SIGNAL, normal(6, 2, 3), normal(6), stride=2, padding=1, dilation=2, groups=2),
    ],
    "conv2d": [
        case(IMAGE, normal(6, 4, 3, 2)),
        case(IMAGE, normal(6, 2, 3, 3), normal(6), stride=2, padding=1, dilation=2, groups=2),
    ],
    "conv3d": [
        case(VOLUME, normal(6, 4, 2, 3, 1)),
        case(VOLUME, normal(4, 1, 2, 2, 2), normal(4), stride=2, padding=1, groups=4),
    ],
    "conv_transpose1d": [
        case(SIGNAL, normal(4, 5, 2), stride=2),
        case(SIGNAL, normal(4, 3, 3), normal(3), stride=3, padding=1, output_padding=2, dilation=2),
    ],
    "conv_transpose2d": [
        case(IMAGE, normal(4, 5, 2, 2), stride=2),
        case(IMAGE, normal(4, 3, 3, 3), normal(3), stride=2, padding=1, output_padding=1),
    ],
    "max_pool1d": [case(SIGNAL, 2), case(SIGNAL, 3, stride=2, padding=1)],
    "max_pool2d": [case(IMAGE, 2), case(IMAGE, 3, stride=2, padding=1, dilation=2)],
    "max_pool3d": [case(VOLUME, 2), case(VOLUME, 3, stride=2, padding=1)],
    "avg_pool1d": [case(SIGNAL, 2), case(SIGNAL, 3, stride=2, padding=1)],
    "avg_pool2d": [case(IMAGE, 2), case(IMAGE, 3, stride=2, padding=1, count_padding=False)],
    "avg_pool3d": [case(VOLUME, 2), case(VOLUME, 3, stride=2, padding=1)],
    "take": [case(normal(5, 3), integers(-5, 5, 2, 4)), case(normal(2, 5, 3), integers(0, 5, 4), axis=1)],
    "gather": [case(normal(2, 5, 3), integers(0, 5, 2, 4, 3), axis=1)],
    "scatter": [case(normal(4, 3), np.asarray([[3, 0, 1], [1, 2, 0]]), normal(2, 3), axis=0)],
    "scatter_add": [case(normal(4, 3), integers(0, 4, 6, 3), normal(6, 3), axis=0)],
    "top_k": [case(normal(3, 7), 3), case(normal(3, 7), 2, largest=False)],
    "compress": [case(normal(4, 3), np.asarray([True, False, True, True]))],
    "pixel_shuffle": [case(normal(2, 12, 3, 4), 2)],
    "depth_to_space": [case(normal(2, 12, 3, 4), 2)],
    "space_to_depth": [case(normal(2, 3, 4, 6), 2)],
    **{name: [case(9), case(8, periodic=False)] for name in ("hann_window", "hamming_window", "blackman_window")},
    **{name: [case(normal(9)), case(normal(9), 0.3)] for name in ("thresholded_relu", "hard_shrink", "soft_shrink")},
}
DEFAULT = [case(between(-0.9, 0.9, 2, 3)), case(between(0.1, 0.9, 7))]
POSITIVE = [case(between(0.1, 9.0, 2, 3))]
NEEDS_POSITIVE = frozenset({"sqrt", "log", "reciprocal"})

LOWERED = {
    name: (declared.file, declared.declaration, lowering)
    for name, declared in prelude().items()
    if isinstance(declared.declaration, syntax.Definition)
    for lowering in declared.declaration.clauses.lower
    if lowering.backend.text == "onnx" and lowering.operator is not None
}


def cases(name: str) -> Sequence[Case]:
    return CASES.get(name, POSITIVE if name in NEEDS_POSITIVE else DEFAULT)


def test_every_case_belongs_to_a_lowering() -> None:
    assert set(CASES) | NEEDS_POSITIVE <= set(LOWERED)


@pytest.mark.parametrize("name", sorted(LOWERED))
def test_the_operator_means_what_the_declaration_means(name: str) -> None:
    file, declaration, lowering = LOWERED[name]
    run = start(program({}))
    target = definition(run, file, name)
    assert isinstance(target, Applied)
    for positional, named in cases(name):
        ours = results(invoke(run, target, positional, named))
        outside = Frame(run, file, declaration, {})
        place = outside.place(declaration.name.span)
        frame = calls.bind(outside, target, None, positional, named, place)
        theirs = run_node(frame, declaration, lowering, len(ours))
        for our, their in zip(ours, theirs, strict=True):
            assert our.shape == their.shape
            np.testing.assert_allclose(our, their, rtol=2e-5, atol=2e-5)


def results(value: Value) -> list[Array]:
    parts = value if isinstance(value, tuple | list) else [value]
    return [np.asarray(part) for part in parts]


def run_node(frame: Frame, declaration: syntax.Definition, lowering: syntax.Lowering, outputs: int) -> list[Array]:
    """The results of the one node that a lowering says, on the arguments that `frame` holds."""
    assert lowering.operator is not None
    written = [argument.value for argument in lowering.arguments if argument.name is None]
    values = [evaluate(frame, value) for value in written] if written else tensors(frame, declaration)
    inputs = [as_input(value, static_axes(declaration, index, written)) for index, value in enumerate(values)]
    names = ["" if value is None else f"i{index}" for index, value in enumerate(inputs)]
    feeds = {name: value for name, value in zip(names, inputs, strict=True) if value is not None}
    node = helper.make_node(lowering.operator.value, names, [f"o{index}" for index in range(outputs)])
    node.attribute.extend(
        helper.make_attribute(argument.name.text, as_attribute(evaluate(frame, argument.value)))
        for argument in lowering.arguments
        if argument.name is not None
    )
    graph = helper.make_graph(
        [node],
        "one",
        [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
            for name, value in feeds.items()
        ],
        [helper.make_value_info(name, onnx.TypeProto()) for name in node.output],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    return [np.asarray(value) for value in ReferenceEvaluator(model).run(None, feeds)]


def tensors(frame: Frame, declaration: syntax.Definition) -> list[Value]:
    """The tensor arguments in order; the elements of a list of tensors are inputs of their own."""
    found: list[Value] = []
    for parameter in declaration.parameters:
        value = frame.names[parameter.name.text]
        if isinstance(value, np.ndarray):
            found.append(value)
        elif isinstance(value, list) and all(isinstance(item, np.ndarray) for item in value):
            found.extend(value)
    return found


def static_axes(declaration: syntax.Definition, index: int, written: Sequence[syntax.Expression]) -> bool:
    """Whether an input is an argument of kind `axes`, which is a list for ONNX even where it is one axis."""
    if index >= len(written) or not isinstance(name := written[index], syntax.Name):
        return False
    parameter = next(parameter for parameter in declaration.parameters if parameter.name.text == name.text)
    return isinstance(parameter.type.base, syntax.TensorType) and parameter.type.base.path.text == "axes"


def as_input(value: Value, axes: bool) -> Array | None:
    match value:
        case None | np.ndarray():
            return value
        case int() if axes:
            return np.asarray([value], np.int64)
        case int():
            return np.asarray(value, np.int64)
        case Shape(sizes):
            return np.asarray(sizes, np.int64)
        case tuple() | list():
            return np.asarray(value, np.int64)
        case _:
            raise AssertionError(f"no input: {value!r}")


def as_attribute(value: Value) -> int | float | str | list[int]:
    match value:
        case bool() | int():
            return int(value)
        case float():
            return value
        case str():
            return equation(value) if "->" in value else value
        case np.dtype():
            return helper.np_dtype_to_tensor_dtype(value)
        case tuple() | list():
            return [item for item in value if isinstance(item, int)]
        case _:
            raise AssertionError(f"no attribute: {value!r}")


def equation(pattern: str) -> str:
    """A pattern of names as ONNX writes it, one letter an axis: `b i k, b k j -> b i j` as `bik,bkj->bij`."""
    return pattern.replace(" ", "")
