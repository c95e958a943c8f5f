"""What the standard library promises on its declarations, against the sources of truth.

Each declaration is documented, each primitive is complete, and the operators of ONNX that lowerings name exist in
ONNX's own schemas, with those attributes and that number of inputs.
"""

from __future__ import annotations

import re
from pathlib import Path

import onnx
import pytest
from onnx import defs

from tenuto_analysis import model
from tenuto_analysis.database import Database
from tenuto_analysis.modules import STD
from tenuto_grammar import syntax
from tenuto_grammar.format import format
from tenuto_grammar.parse import parse

FILES = sorted(STD.glob("*.ten"))
DEFINITIONS = [
    (path, parsed.declaration)
    for path in FILES
    for parsed in parse(path.read_text(encoding="utf-8")).parsed
    if isinstance(parsed.declaration, syntax.Definition)
]
OPSET = 26  # The newest that onnxruntime 1.31 loads.
MLIR_FAMILIES = {
    *(f"arith.{name}" for name in ("add", "sub", "mul", "div", "max", "min", "cmp", "select")),
    *(f"arith.{name}" for name in ("andi", "ori", "xori", "shli", "shrui")),
    *(f"math.{name}" for name in ("exp", "exp2", "expm1", "log", "log2", "log1p", "sqrt", "rsqrt", "abs")),
    *(f"math.{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "asin", "acos", "atan", "atan2")),
    *(f"math.{name}" for name in ("asinh", "acosh", "atanh", "erf", "floor", "ceil", "roundeven", "trunc", "isnan")),
    "tensor.insert_slice",
    "tensor.pad",
}
LOWERED = [(path, definition, lowering) for path, definition in DEFINITIONS for lowering in definition.clauses.lower]


def label(value: object) -> str:
    match value:
        case Path():
            return value.stem
        case syntax.Definition():
            return value.name.text
        case syntax.Lowering():
            return value.backend.text
        case _:
            return str(value)


@pytest.mark.parametrize("path", FILES, ids=label)
def test_each_file_says_what_it_is_for_is_formatted_and_checks(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert parse(text).doc is not None
    assert format(text).text == text
    assert model.findings(Database(), str(path)) == ()


def test_the_guide_names_every_file() -> None:
    guide = (Path(__file__).parent.parent / "docs" / "std.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`(\w+\.ten)`", guide)) == {path.name for path in FILES}


@pytest.mark.parametrize(("path", "definition"), DEFINITIONS, ids=label)
def test_each_declaration_is_documented(path: Path, definition: syntax.Definition) -> None:
    assert definition.doc is not None
    assert definition.doc.rstrip().endswith((".", "`."))
    assert definition.doc.count("`") % 2 == 0
    assert definition.result is not None


def test_no_two_families_share_a_name() -> None:
    shared = [definition.name.text for path, definition in DEFINITIONS if path.stem != "nn"]
    assert sorted(shared) == sorted(set(shared))


@pytest.mark.parametrize(("path", "definition"), DEFINITIONS, ids=label)
def test_a_primitive_has_a_class_and_a_lowering_for_each_back_end(path: Path, definition: syntax.Definition) -> None:
    clauses = definition.clauses
    if definition.keyword is syntax.Keyword.OP:
        assert definition.body is None
        assert clauses.precision_class is not None
        assert [lowering.backend.text for lowering in clauses.lower] == ["onnx", "mlir"]
    else:
        assert definition.body is not None
    assert clauses.precision_class is None or clauses.precision_class.text in ("any", "product", "wide")


@pytest.mark.parametrize(("path", "definition", "lowering"), LOWERED, ids=label)
def test_what_a_lowering_says_exists(path: Path, definition: syntax.Definition, lowering: syntax.Lowering) -> None:
    if lowering.operator is None:
        return
    if lowering.backend.text == "mlir":
        assert lowering.operator.value in MLIR_FAMILIES
        return
    assert lowering.backend.text == "onnx"
    schema = defs.get_schema(lowering.operator.value, OPSET)
    attributes = {argument.name.text for argument in lowering.arguments if argument.name is not None}
    assert attributes <= set(schema.attributes)
    assert {name for name, attribute in schema.attributes.items() if attribute.required} <= attributes
    inputs = onnx_inputs(definition, lowering)
    assert schema.min_input <= inputs <= schema.max_input


@pytest.mark.parametrize(("path", "definition", "lowering"), LOWERED, ids=label)
def test_a_lowering_speaks_of_the_signature_alone(
    path: Path, definition: syntax.Definition, lowering: syntax.Lowering
) -> None:
    known = {parameter.name.text for parameter in definition.parameters}
    known |= {generic.name.text for generic in definition.generics}
    assert names_below(lowering) <= known


@pytest.mark.parametrize(("path", "definition"), DEFINITIONS, ids=label)
def test_the_onnx_operators_that_a_documentation_names_exist(path: Path, definition: syntax.Definition) -> None:
    assert definition.doc is not None
    said = re.findall(r"ONNX\s`(\w+)`", definition.doc)
    for operator in said:
        assert defs.has(operator)
    promised = [
        lowering.operator.value
        for lowering in definition.clauses.lower
        if lowering.backend.text == "onnx" and lowering.operator is not None
    ]
    assert said == promised or (said and not promised)


def onnx_inputs(definition: syntax.Definition, lowering: syntax.Lowering) -> int:
    positional = [argument for argument in lowering.arguments if argument.name is None]
    if positional:
        return len(positional)
    return sum(1 for parameter in definition.parameters if is_tensor(parameter.type, definition))


def is_tensor(type_: syntax.Type, definition: syntax.Definition) -> bool:
    """Whether a parameter of this type is an input of the operator: a tensor or a list of them."""
    match type_.base:
        case syntax.TensorType(path=path, dims=dims) if dims is not None:
            dtypes = {generic.name.text for generic in definition.generics if not generic.pack}
            return path.text in dtypes | {"bool", "float", "f32", "i64"} or path.text == "list"
        case _:
            return False


def names_below(node: syntax.Node) -> set[str]:
    found = {node.text} if isinstance(node, syntax.Name) else set()
    return found.union(*(names_below(child) for child in syntax.children(node)))


def test_onnx_is_the_release_that_the_runtime_loads() -> None:
    assert onnx.defs.onnx_opset_version() >= OPSET
