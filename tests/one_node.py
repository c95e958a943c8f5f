"""Graphs of one node, made by hand, and the ways to run an ONNX model: what the tests of its lowerings share."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import onnx
from msgspec import Struct, field
from onnx import inliner, shape_inference
from onnx.reference import ReferenceEvaluator

from tenuto_analysis import modules
from tenuto_analysis.database import Database
from tenuto_analysis.diagnostics.base import Place
from tenuto_analysis.dims import Dim, Leaf, Truth, evaluate, literal, of
from tenuto_analysis.dtypes import SCALARS
from tenuto_analysis.graph import Apply, Argument, Block, Function, Graph, Ssa
from tenuto_analysis.types import Bool, DTypeValue, Float, Int, ListValue, NoneValue, RecordValue, Str, Tensor, Value
from tenuto_backend import evaluate as graphs
from tenuto_backend.onnx.emit import emit
from tenuto_backend.onnx.options import Options
from tenuto_backend.onnx.save import with_weights
from tenuto_backend.reference.dtypes import DTYPES
from tenuto_backend.reference.values import Array
from tenuto_grammar.text import Span
from tests.dim_source import dim, symbol

FILE = "/models/one.ten"
ORIGIN = Place(FILE, "main", Span(0, 4))

LEAVES = {name: symbol(name) for name in "ABCDHKLMNSW"}
SYMBOLS = {name: of(leaf) for name, leaf in LEAVES.items()}

BINDINGS: Sequence[Mapping[str, int]] = (
    {"A": 3, "B": 2, "C": 4, "D": 5, "H": 8, "K": 3, "L": 9, "M": 4, "N": 5, "S": 6, "W": 7},
    {"A": 1, "B": 1, "C": 8, "D": 2, "H": 11, "K": 2, "L": 12, "M": 7, "N": 4, "S": 12, "W": 9},
)
"""Two sizes for each symbol; `S` is a multiple of 6."""


class Given(Struct, frozen=True):
    """A tensor that a case passes: its type, and the numbers that its elements lie between."""

    type: str
    low: float | None = None
    high: float | None = None


Passed = Given | str | tuple[str, ...]
Static = bool | int | float | str | Dim | None | Value | Sequence["Static"]


class Case(Struct, frozen=True):
    """One node: `inputs` are tensors (or tuples of them) by parameter, `statics` the rest; `T` is each of `dtypes`.

    Inputs `beside` are not passed: sizes are read off them.
    """

    op: str
    inputs: Mapping[str, Passed]
    results: Sequence[str]
    statics: Mapping[str, Static] = field(default_factory=dict)
    dtypes: Sequence[str] = ("f32",)
    beside: Sequence[str] = ()


def tensor(text: str, dtype: str = "f32") -> Tensor:
    """`T[B, S // 2, 4]` as a type."""
    match = re.fullmatch(r"(\w+)\[(.*)\]", text)
    assert match is not None, text
    name = dtype if match[1] == "T" else match[1]
    items = re.split(r",\s*(?![^(]*\))", match[2]) if match[2] else []
    return Tensor(SCALARS[name], tuple(map(dim, items)))


def static(value: Static) -> Value:
    match value:
        case bool():
            return Bool(Truth(value))
        case int():
            return Int(literal(value))
        case float():
            return Float(value)
        case str():
            return Str(value)
        case Dim():
            return Int(value)
        case None:
            return NoneValue()
        case list() | tuple():
            return ListValue(tuple(map(static, value)))
        case _:
            return cast(Value, value)


def sizes(**named: Static) -> RecordValue:
    return RecordValue("sizes", "", tuple((name, static(value)) for name, value in named.items()))


def dtype_value(name: str) -> DTypeValue:
    return DTypeValue(SCALARS[name])


def database() -> Database:
    db = Database()
    db.set(modules.file_text, FILE, "fn main(x: f32[N]) -> f32[N] = x\n")
    return db


def function(name: str, inputs: Sequence[Ssa], body: Block, **more: Any) -> Function:
    return Function(name, FILE, "main", None, (), tuple(inputs), body=body, **more)


def one_node(case: Case, dtype: str) -> tuple[Graph, list[Given]]:
    """The graph of a case, and what its inputs are, in order."""
    inputs: list[Ssa] = []
    given: list[Given] = []
    arguments: dict[str, Argument] = {key: item for key, item in case.statics.items() if isinstance(item, DTypeValue)}
    for name, passed in case.inputs.items():
        several = passed if isinstance(passed, tuple) else (passed,)
        found = []
        for at, item in enumerate(several):
            what = item if isinstance(item, Given) else Given(item)
            found.append(Ssa(tensor(what.type, dtype), f"{name}{at}" if isinstance(passed, tuple) else name))
            given.append(what)
        inputs += found
        arguments[name] = tuple(found) if isinstance(passed, tuple) else found[0]
    arguments.update((name, static(value)) for name, value in case.statics.items())
    inputs += [Ssa(tensor(text), f"beside{at}") for at, text in enumerate(case.beside)]
    given += map(Given, case.beside)
    results = tuple(Ssa(tensor(text, dtype), f"y{at}") for at, text in enumerate(case.results))
    block = Block([Apply(case.op, arguments, results, ORIGIN)], results)
    return Graph("one", FILE, (function("main", inputs, block),), ()), given


def random_array(chance: np.random.Generator, type_: Tensor, binding: Mapping[str, int], given: Given) -> Array:
    named: dict[Leaf, int] = {LEAVES[name]: value for name, value in binding.items()}
    shape = [evaluate(dim, named) or 0 for dim in type_.shape if isinstance(dim, Dim)]
    dtype = DTYPES[str(type_.dtype)]
    if dtype == np.bool_:
        return np.asarray(chance.random(shape) < 0.6)
    low, high = given.low, given.high
    if np.issubdtype(dtype, np.integer):
        first = 0 if str(type_.dtype).startswith("u") else -6
        return chance.integers(int(first if low is None else low), int(9 if high is None else high) + 1, shape).astype(
            dtype
        )
    return chance.uniform(-2.0 if low is None else low, 2.0 if high is None else high, shape).astype(dtype)


# -------------------------------------------------------------------------------------------------------------- running


class Session(Protocol):
    def run(self, names: None, feeds: Mapping[str, Array]) -> Sequence[Array]: ...


def built(graph: Graph, options: Options, weights: Mapping[str, Array] | None = None) -> onnx.ModelProto:
    """The model of a graph, which the checker and strict shape inference accept."""
    model = with_weights(emit(database(), graph, options), weights or {})
    accept(model)
    return model


def accept(model: onnx.ModelProto) -> None:
    onnx.checker.check_model(model, full_check=True)
    shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)


def in_onnxruntime(model: onnx.ModelProto | Path) -> Session:
    runtime: Any = importlib.import_module("onnxruntime")
    settings = runtime.SessionOptions()
    settings.log_severity_level = 3
    source = str(model) if isinstance(model, Path) else model.SerializeToString()
    return cast(Session, runtime.InferenceSession(source, settings, ["CPUExecutionProvider"]))


def in_reference(model: onnx.ModelProto) -> Session:
    """onnx's own evaluator; it takes some operators apart only where it knows the types of what they get."""
    flat = inliner.inline_local_functions(model)
    return cast(Session, ReferenceEvaluator(shape_inference.infer_shapes(flat)))


RUNNERS: Mapping[str, Callable[[onnx.ModelProto], Session]] = {"onnxruntime": in_onnxruntime, "onnx": in_reference}


def feeds_of(model: onnx.ModelProto, inputs: Sequence[Array]) -> dict[str, Array]:
    return dict(zip((info.name for info in model.graph.input), inputs, strict=True))


def expected(graph: Graph, inputs: Sequence[Array], weights: Mapping[str, Array] | None = None) -> Sequence[Array]:
    return graphs.run(graph, inputs, weights or {})


TOLERANCE: Mapping[str, float] = {"float64": 1e-9, "float32": 3e-6, "float16": 4e-3, "bfloat16": 4e-2}
"""How far results may lie apart, absolutely and relatively; integers and truth values are equal."""


def agree(ours: Sequence[Array], theirs: Sequence[Array], factor: float = 1.0) -> None:
    assert len(ours) == len(theirs)
    for our, their in zip(ours, map(np.asarray, theirs), strict=True):
        assert our.shape == their.shape
        assert our.dtype == their.dtype
        tolerance = TOLERANCE.get(our.dtype.name)
        if tolerance is None:
            assert np.array_equal(our, their)
        else:
            wide, other = our.astype(np.float64), their.astype(np.float64)
            np.testing.assert_allclose(other, wide, rtol=factor * tolerance, atol=factor * tolerance)
