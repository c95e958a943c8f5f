"""What ONNX itself says of its operators: from which opset on they are, and which element types they take."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from msgspec import Struct
from onnx import defs

from tenuto_analysis.dtypes import Scalar

_WORDS: Mapping[str, str] = {
    "float": "f32",
    "double": "f64",
    "float16": "f16",
    "bfloat16": "bf16",
    "float8e4m3fn": "f8e4m3",
    "float8e5m2": "f8e5m2",
    "float8e4m3fnuz": "f8e4m3fnuz",
    "float8e5m2fnuz": "f8e5m2fnuz",
    "float8e8m0": "f8e8m0",
    "float4e2m1": "f4e2m1",
    "complex64": "c64",
    "complex128": "c128",
    "bool": "bool",
    "string": "string",
} | {f"{long}int{bits}": f"{short}{bits}" for long, short in (("", "i"), ("u", "u")) for bits in (2, 4, 8, 16, 32, 64)}


class Schema(Struct, frozen=True):
    """The type variables of inputs and outputs (the last stands for all that follow), and what each may be."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    allowed: Mapping[str, frozenset[str]]

    def input(self, at: int) -> str:
        return self.inputs[min(at, len(self.inputs) - 1)]

    def output(self, at: int) -> str:
        return self.outputs[min(at, len(self.outputs) - 1)]

    def takes(self, variable: str, dtype: str) -> bool:
        return dtype in self.allowed.get(variable, frozenset({dtype}))


@cache
def schema(operator: str, opset: int) -> Schema | None:
    """The operator as it is in an opset; None where it is newer."""
    try:
        found = defs.get_schema(operator, opset)
    except defs.SchemaError:
        return None
    if found.deprecated:
        return None
    allowed = {
        constraint.type_param_str: frozenset(map(_name, constraint.allowed_type_strs))
        for constraint in found.type_constraints
    }
    written = {text for item in (*found.inputs, *found.outputs) if "(" in (text := item.type_str)}
    allowed.update({text: frozenset({_name(text)}) for text in written})
    return Schema(
        tuple(item.type_str for item in found.inputs), tuple(item.type_str for item in found.outputs), allowed
    )


def takes(operator: str, opset: int, dtype: Scalar) -> bool:
    """Whether an opset has an operator that takes tensors of `dtype` first."""
    found = schema(operator, opset)
    return found is not None and found.takes(found.input(0), dtype.name)


def _name(text: str) -> str:
    """`tensor(float16)` as `f16`; what is no tensor is no dtype."""
    inner = text.removeprefix("tensor(").removesuffix(")")
    return _WORDS.get(inner, "") if text.startswith("tensor(") else ""
