"""The cases of ONNX's node suite as data: the node, what goes in, what must come out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from msgspec import Struct
from onnx import helper, numpy_helper
from onnx.backend.test.loader import load_model_tests

from tenuto_backend.reference.dtypes import DTYPES
from tenuto_backend.reference.values import Array

NAMES = {dtype: name for name, dtype in DTYPES.items()}


class Case(Struct, frozen=True, eq=False):
    """`inputs` and `outputs` are those of the node, in its order; None where one is left out."""

    name: str
    operator: str
    attributes: Mapping[str, Any]
    inputs: Sequence[Array | None]
    outputs: Sequence[Array | None]
    rtol: float
    atol: float
    unknown: str = ""
    """Why the data is nothing that Tenuto's types hold: strings, sequences, optionals."""

    def attribute(self, name: str, default: Any = None) -> Any:
        return self.attributes.get(name, default)

    def given(self, index: int) -> Array:
        """An input that is there."""
        found = self.inputs[index]
        assert found is not None, f"{self.name} lacks input {index}"
        return found

    def has(self, index: int) -> bool:
        return index < len(self.inputs) and self.inputs[index] is not None

    def result(self, index: int = 0) -> Array:
        found = self.outputs[index]
        assert found is not None, f"{self.name} lacks output {index}"
        return found

    @property
    def dtype(self) -> str:
        """Of the first input."""
        return NAMES[self.given(0).dtype]

    @property
    def rank(self) -> int:
        return self.given(0).ndim

    @property
    def shape(self) -> tuple[int, ...]:
        return self.given(0).shape


OF_EXPANDED = re.compile(r"_expanded(_ver\d+|_function_\w+)?$")


@cache
def cases() -> Mapping[str, tuple[Case, ...]]:
    """All cases by the operator that they test; one whose node was taken apart is said as the whole node is."""
    tests = {test.name: test for test in load_model_tests(kind="node")}
    nodes = {name: _model(test).graph for name, test in tests.items()}
    found: dict[str, list[Case]] = {}
    for name, test in sorted(tests.items()):
        whole = name if len(nodes[name].node) == 1 else OF_EXPANDED.sub("", name)
        case = _case(test, nodes.get(whole, nodes[name]), nodes[name])
        found.setdefault(case.operator, []).append(case)
    return {operator: tuple(each) for operator, each in sorted(found.items())}


@cache
def operators() -> tuple[str, ...]:
    """Every operator that a node of the suite has, whole or taken apart."""
    models = (_model(test) for test in load_model_tests(kind="node"))
    return tuple(sorted({node.op_type for model in models for node in model.graph.node}))


def _model(test: Any) -> onnx.ModelProto:
    return onnx.load(Path(test.model_dir) / "model.onnx")


def _case(test: Any, whole: onnx.GraphProto, graph: onnx.GraphProto) -> Case:
    (node,) = whole.node
    folder = Path(test.model_dir) / "test_data_set_0"
    unknown = ""
    values: list[dict[str, Array]] = []
    for kind, infos in (("input", graph.input), ("output", graph.output)):
        held: dict[str, Array] = {}
        for at, info in enumerate(infos):
            refused = _refused(info.type)
            if refused:
                unknown = refused
            else:
                tensor = onnx.TensorProto()
                tensor.ParseFromString((folder / f"{kind}_{at}.pb").read_bytes())
                held[info.name] = numpy_helper.to_array(tensor)
        values.append(held)
    named = [
        dict(zip((i.name for i in infos), held.values(), strict=False))
        for infos, held in zip((whole.input, whole.output), values, strict=True)
    ]
    return Case(
        test.name,
        node.op_type,
        {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute},
        [named[0].get(name) for name in node.input],
        [named[1].get(name) for name in node.output],
        test.rtol,
        test.atol,
        unknown,
    )


def _refused(type_: onnx.TypeProto) -> str:
    kind = type_.WhichOneof("value")
    if kind != "tensor_type":
        return f"{str(kind).removesuffix('_type')} types"
    element = type_.tensor_type.elem_type
    if element == onnx.TensorProto.STRING:
        return "strings"
    if np.dtype(helper.tensor_dtype_to_np_dtype(element)) not in NAMES:
        return f"the dtype {onnx.TensorProto.DataType.Name(element).lower()}"
    return ""
