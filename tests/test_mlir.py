"""Modules of MLIR, without a compiler: their text, structure, locations and files. `test_mlir_iree.py` runs them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from math import prod
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open

import tenuto
from tenuto_analysis import modules
from tenuto_analysis.database import Database
from tenuto_analysis.dims import Dim, literal
from tenuto_analysis.graph import Call, Graph, walk
from tenuto_analysis.modules import offered, prelude
from tenuto_backend.build import typed_graph
from tenuto_backend.instances import names_of
from tenuto_backend.mlir.emit import emit
from tenuto_backend.mlir.layout import groups_of
from tenuto_backend.mlir.operations import (
    INDEX,
    Function,
    Global,
    Integer,
    Location,
    Module,
    Number,
    Operation,
    Ranked,
    Region,
    Scalar,
    Value,
    count,
)
from tenuto_backend.mlir.printing import text
from tenuto_backend.mlir.rules import RULES
from tenuto_backend.stablehlo.rules import REFUSED
from tenuto_grammar import syntax
from tests.command import TENUTO, Command
from tests.one_node import SYMBOLS, database, one_node
from tests.test_models import EXAMPLES, SMALL, graph_of, small_deploy
from tests.test_onnx_rules import FAMILIES

REFUSED_BY = {"tenuto_backend.stablehlo.rules": REFUSED}

SOURCE = """model Scale[D](x: f32[B, D], y: f32[B, D]?) -> f32[B, D] {
  param gain: f32[D] = normal(std = 1.0)
  param half: bf16[D] = normal(std = 1.0)
  let scaled = x * gain
  return scaled + (half as f32)
}

model Twice[D](x: f32[B, D] within -1.0 .. 1.0) -> f32[B, D] {
  sub one = Scale[D]
  sub other = Scale[D]
  return one(other(x, none), none)
}

deploy twice = Twice[4] { weights: init(seed = 0), dims: { B: 1 .. 8 } }
"""


@pytest.fixture
def workspace(tenuto: Command) -> Command:
    tenuto.write({"tenuto.toml": "", "model.ten": SOURCE})
    return tenuto


def small(example: str) -> tuple[Graph, Module]:
    db, graph = graph_of(example, small_deploy(example))
    return graph, emit(db, graph)


def of_source(source: str, deploy: str) -> tuple[Graph, Module]:
    db = Database()
    db.set(modules.file_text, "/models/model.ten", source)
    graph = typed_graph(db, "/models/model.ten", deploy)
    return graph, emit(db, graph)


def all_of(region: Region) -> Iterator[Operation]:
    for operation in region.operations:
        yield operation
        for inner in operation.regions:
            yield from all_of(inner)


# ---------------------------------------------------------------------------------------------------------------- rules


def test_every_primitive_has_a_rule() -> None:
    primitives = {
        name
        for name, target in prelude().items()
        if offered(Database(), target.file).get(name) == syntax.Keyword.OP.value
    }
    assert set(RULES) == primitives | {"slice", "select", "dequantize"}


def test_a_declaration_says_which_operations_its_primitive_becomes() -> None:
    """`mlir "arith.add"` is `arith.addf` or `arith.addi` by the dtype; `mlir rule` may be anything."""
    db = database()
    checked = set()
    for case in (case for cases in FAMILIES.values() for case in cases if case.op in prelude()):
        definition = modules.declaration(db, prelude()[case.op].file, case.op)
        assert isinstance(definition, syntax.Definition)
        (clause,) = (found for found in definition.clauses.lower if found.backend.text == "mlir")
        if clause.operator is None:
            continue
        for dtype in case.dtypes:
            module = emit(db, one_node(case, dtype)[0])
            operations = {operation.name for function in module.functions for operation in all_of(function.body)}
            assert any(name.startswith(clause.operator.value) for name in operations), (case.op, dtype)
            checked.add(case.op)
    assert len(checked) > 30


SEVERAL = "order"
"""The one file of rules that serves several families."""


@pytest.mark.parametrize("package", ["tenuto_backend.mlir.rules", "tenuto_backend.stablehlo.rules"])
def test_the_rule_of_a_primitive_stands_in_the_file_of_its_family(package: str) -> None:
    db = database()
    stands: dict[str, set[str]] = {}
    for name in {path.stem for path in modules.STD.glob("*.ten")} | {SEVERAL}:
        if find_spec(f"{package}.{name}") is not None:
            stands[name] = set(import_module(f"{package}.{name}").RULES)
    checked = 0
    for name, target in prelude().items():
        definition = modules.declaration(db, target.file, name)
        clauses = definition.clauses.lower if isinstance(definition, syntax.Definition) else ()
        if any(clause.backend.text == "mlir" for clause in clauses) and name not in REFUSED_BY.get(package, ()):
            assert name in stands.get(Path(target.file).stem, set()) | stands[SEVERAL], name
            checked += 1
    assert checked > 100


def test_every_operation_that_a_declaration_names_has_a_case() -> None:
    db = database()
    cases = {case.op for several in FAMILIES.values() for case in several}
    named = set()
    for name, target in prelude().items():
        definition = modules.declaration(db, target.file, name)
        if isinstance(definition, syntax.Definition):
            found = [clause for clause in definition.clauses.lower if clause.backend.text == "mlir"]
            named |= {name for clause in found if clause.operator is not None}
            if definition.keyword is syntax.Keyword.OP:
                assert len(found) == 1, name
    assert named <= cases
    assert len(named) > 50


def test_a_primitive_without_a_rule_is_a_finding_at_the_source(
    workspace: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(RULES, dict)
    monkeypatch.delitem(RULES, "multiply")
    refused = workspace("build", "model.ten:twice", "--emit", "mlir", "-o", "out")
    assert refused.code == 1
    assert "error[cannot-build]" in refused.out
    assert "`multiply` has no lowering to MLIR yet" in refused.out
    assert "model.ten:4:16" in refused.out
    assert not (workspace.folder / "out").exists()
    deploy = tenuto.load(workspace.folder / "model.ten").deploy("twice")
    with pytest.raises(tenuto.ProgramError, match="`multiply` has no lowering to MLIR yet"):
        deploy.to_mlir()


# ------------------------------------------------------------------------------------------------------------ structure


@pytest.mark.parametrize("example", SMALL)
def test_every_function_is_the_definition_that_is_used(example: str) -> None:
    graph, module = small(example)
    names = names_of(graph.functions)
    used = {node.function for function in graph.functions for node in walk(function.body) if isinstance(node, Call)}
    assert {*used, graph.entry} == set(graph.functions)
    assert [function.name for function in module.functions] == [names[function] for function in graph.functions]
    found = re.findall(r"^  func\.func (private )?@(\w+)\(", text(module), re.MULTILINE)
    assert found == [("private " if f is not graph.entry else "", names[f]) for f in graph.functions]


def test_a_definition_is_one_function_however_often_it_is_used() -> None:
    _, module = of_source(SOURCE, "twice")
    assert [function.name for function in module.functions] == ["Scale", "Twice"]
    assert text(module).count('"func.call"') == 2


def test_instances_are_told_apart_by_what_differs() -> None:
    _, module = small("mlp")
    assert len({function.name for function in module.functions}) == len(module.functions)
    assert {"Linear_16_8", "Linear_8_10"} <= {function.name for function in module.functions}


def test_weights_are_parameters_that_the_file_beside_the_module_holds(workspace: Command) -> None:
    assert workspace("build", "model.ten:twice", "--emit", "mlir").code == 0
    found = re.findall(
        r'^  util\.global private @([\w.]+) = #flow\.parameter\.named<"model"::"([^"]+)"> : tensor<(\w+)x(\w+)>$',
        workspace.read("twice.mlir"),
        re.MULTILINE,
    )
    assert sorted((name, size, kind) for name, _, size, kind in found) == [
        ("one.gain", "4", "f32"),
        ("one.half", "4", "bf16"),
        ("other.gain", "4", "f32"),
        ("other.half", "4", "bf16"),
    ]
    assert all(name == path for name, path, _, _ in found)
    with safe_open(workspace.folder / "twice.safetensors", "numpy") as weights:
        assert set(weights.keys()) == {path for _, path, _, _ in found}
        kinds = {"F32": "f32", "BF16": "bf16"}
        for _, path, size, kind in found:
            held = weights.get_slice(path)
            assert (held.get_shape(), kinds[held.get_dtype()]) == ([int(size)], kind)


@pytest.mark.parametrize("example", SMALL)
def test_every_operation_names_its_line_of_the_source(example: str) -> None:
    _, module = small(example)
    lines = {path.name: path.read_text(encoding="utf-8").splitlines() for path in EXAMPLES.glob("*.ten")} | {
        f"std/{path.name}": path.read_text(encoding="utf-8").splitlines() for path in modules.STD.glob("*.ten")
    }
    operations = [operation for function in module.functions for operation in all_of(function.body)]
    assert len(operations) == count(module)
    for operation in operations:
        place = operation.location
        assert place is not None, operation.name
        assert lines[place.file][place.line - 1][place.column - 1 :].strip()
        assert place.definition
    written = text(module)
    assert written.count(" loc(#loc") == len(operations) + len(module.functions)
    assert {int(n) for n in re.findall(r"loc\(#loc(\d+)\)", written)} == {
        int(n) for n in re.findall(r"^#loc(\d+) = ", written, re.MULTILINE)
    }


def test_a_location_tells_the_expression_and_its_definition() -> None:
    _, module = of_source(SOURCE, "twice")
    (product,) = [op for op in all_of(module.functions[0].body) if op.name == "arith.mulf"]
    assert product.location == Location("model.ten", 4, 16, "Scale")
    number = re.findall(r'"arith\.mulf"\(.* loc\(#loc(\d+)\)', text(module))[0]
    assert f'#loc{number} = loc(fused<{{definition = "Scale"}}>["model.ten":4:16])' in text(module)


def test_the_typed_interface_is_what_a_binary_keeps() -> None:
    _, module = of_source(SOURCE, "twice")
    assert module.functions[-1].reflection == (
        ("tenuto.deploy", "twice"),
        ("tenuto.input.0", "x: f32[B, 4] within -1.0 .. 1.0"),
        ("tenuto.output.0", "result: f32[B, 4]"),
        ("tenuto.size.0", "B"),
        ("tenuto.bound.0", "B >= 1"),
        ("tenuto.bound.1", "B <= 8"),
        # Two parts, each with a product and a sum of B x 4 numbers; what a part moves beside is its bf16 weight.
        ("tenuto.flops", "16*B"),
        ("tenuto.product_flops", "0"),
        ("tenuto.bytes_read", "64*B + 80"),
        ("tenuto.bytes_written", "64*B + 32"),
        ("tenuto.activation_bytes", "48*B + 16"),
        ("tenuto.weight_bytes", "48"),
    )
    assert all(not function.reflection for function in module.functions[:-1])
    head = next(line for line in text(module).splitlines() if "@Twice(" in line)
    assert (
        'attributes {iree.reflection = {tenuto.deploy = "twice", tenuto.input.0 = "x: f32[B, 4] within -1.0 .. 1.0", '
        'tenuto.output.0 = "result: f32[B, 4]", ' in head
    )


@pytest.mark.parametrize("example", SMALL)
def test_the_interface_names_all_that_a_model_takes_and_gives(example: str) -> None:
    graph, module = small(example)
    entry = module.functions[-1]
    kinds = [key.rpartition(".")[0] for key, _ in entry.reflection]
    assert kinds.count("tenuto.input") == len(entry.body.arguments)
    assert kinds.count("tenuto.output") == len(entry.results) == len(graph.entry.results)


# ------------------------------------------------------------------------------------------------------------- the text


def test_the_text_is_what_it_is() -> None:
    """All that the printer writes, once."""
    place = Location('a "b" \u00e9.ten', 2, 3, "main")
    number = Ranked(Scalar("f32"), (None, 2))
    x, y, z = Value(number, "x"), Value(INDEX, "0 size"), Value(number, "x")
    inner = Value(Scalar("f32"))
    region = Region((inner,), [Operation("inner.yield", [inner], [], (), (), place)])
    body = Region(
        (x,),
        [
            Operation("arith.constant", [], [y], (("value", Integer(3, INDEX)),), (), None),
            Operation("outer.op", [x, y], [z], (("scale", Number(0.5, Scalar("f16"))),), (region,), place),
        ],
    )
    weight = Global("a b", number, "a b")
    module = Module("one", (weight,), (Function("main", True, body, (number,), (("key", "f32[B]"),)),))
    assert text(module) == (
        "module @one {\n"
        '  util.global private @"a b" = #flow.parameter.named<"model"::"a b"> : tensor<?x2xf32>\n'
        "  func.func @main(%x: tensor<?x2xf32>) -> (tensor<?x2xf32>) "
        'attributes {iree.reflection = {key = "f32[B]"}} {\n'
        '    %1 = "arith.constant"() <{value = 3 : index}> : () -> index\n'
        '    %x_2 = "outer.op"(%x, %1) <{scale = 5.00000000000000000e-01 : f16}> ({\n'
        "     ^bb0(%3: f32):\n"
        '      "inner.yield"(%3) : (f32) -> () loc(#loc1)\n'
        "    }) : (tensor<?x2xf32>, index) -> tensor<?x2xf32> loc(#loc1)\n"
        "  }\n"
        "}\n"
        '#loc1 = loc(fused<{definition = "main"}>["a \\22b\\22 \\C3\\A9.ten":2:3])\n'
    )


@pytest.mark.parametrize(
    ("value", "kind", "written"),
    [
        (1.0, "f32", "1.00000000000000000e+00 : f32"),
        (0.1, "bf16", "1.00097656250000000e-01 : bf16"),
        (1e6, "f16", "0x7C00 : f16"),
        (float("-inf"), "f32", "0xFF800000 : f32"),
        (float("inf"), "bf16", "0x7F80 : bf16"),
        (float("nan"), "f64", "0x7FF8000000000000 : f64"),
    ],
)
def test_a_number_is_rounded_to_its_type_and_exact(value: float, kind: str, written: str) -> None:
    result = Value(Scalar(kind))
    constant = Operation("arith.constant", [], [result], (("value", Number(value, Scalar(kind))),), (), None)
    module = Module("one", (), (Function("main", True, Region((), [constant]), ()),))
    assert f"<{{value = {written}}}>" in text(module)


def test_the_same_source_gives_the_same_bytes_in_every_process(workspace: Command) -> None:
    for example in ("gpt2", "lstm_tagger"):
        target = f"{EXAMPLES / example}.ten:{small_deploy(example)}"
        for seed in ("1", "2"):
            subprocess.run(
                [*TENUTO, "build", target, "--emit", "mlir", "--quiet", "-o", seed],
                cwd=workspace.folder,
                env={**os.environ, "PYTHONHASHSEED": seed},
                check=True,
            )
        name = f"{small_deploy(example)}.mlir"
        assert workspace.read(f"1/{name}") == workspace.read(f"2/{name}")


# ---------------------------------------------------------------------------------------------------------------- files


def test_one_file_of_weights_serves_both_artifacts(tmp_path: Path) -> None:
    deploy = tenuto.load(EXAMPLES / "minilm.ten").deploy("small_encoder")
    deploy.to_onnx(tmp_path / "a.onnx")
    deploy.to_mlir(tmp_path / "b.mlir")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_the_command_and_python_write_the_same(workspace: Command) -> None:
    built = workspace("build", "model.ten:twice", "--emit", "mlir", "-o", "out")
    assert built.code == 0
    head, row = built.out.splitlines()
    assert head.split() == ["deploy", "functions", "operations", "parameters", "weights", "seconds", "files"]
    cells = row.split()
    assert cells[:2] + cells[3:6] == ["twice", "2", "16", "48", "B"]
    assert cells[-2:] == ["out/twice.mlir", "out/twice.safetensors"]
    artifact = tenuto.load(workspace.folder / "model.ten").deploy("twice").to_mlir(workspace.folder / "py/twice.mlir")
    assert artifact.path == workspace.folder / "py/twice.mlir"
    assert artifact.functions == ("Scale", "Twice")
    assert artifact.text == workspace.read("out/twice.mlir") == workspace.read("py/twice.mlir")
    assert artifact.text.startswith("// Written by tenuto.\nmodule @twice {\n")
    for name in ("twice.mlir", "twice.safetensors"):
        assert (workspace.folder / "out" / name).read_bytes() == (workspace.folder / "py" / name).read_bytes()
    graph, module = of_source(SOURCE, "twice")
    assert int(cells[2]) == count(module) > len(graph.functions)


def test_a_model_without_weights_is_one_file(workspace: Command) -> None:
    workspace.write(
        {"plain.ten": "model M(x: f32[N]) -> f32[N] = x + 1.0\n\ndeploy m = M { weights: init(seed = 0) }\n"}
    )
    assert workspace("build", "plain.ten:m", "--emit", "mlir", "-o", "out").code == 0
    assert [path.name for path in (workspace.folder / "out").iterdir()] == ["m.mlir"]


def test_a_folded_normalisation_is_gone(tmp_path: Path) -> None:
    deploy = tenuto.load(EXAMPLES / "resnet50.ten").deploy(small_deploy("resnet50"))
    plain, folded = deploy.to_mlir(), deploy.to_mlir(tmp_path / "f.mlir", fold_batch_norm=True)
    assert any("BatchNorm" in name for name in plain.functions)
    assert not any("BatchNorm" in name for name in folded.functions)
    with safe_open(tmp_path / "f.safetensors", "numpy") as weights:
        assert set(weights.keys()) == set(re.findall(r'"model"::"([^"]+)"', folded.text))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--profile", "portable"), "--profile is an option of ONNX models"),
        (("--opset", "22"), "--opset is an option of ONNX models"),
        (("--inline",), "--inline is an option of ONNX models"),
        (("--no-ledger",), "--no-ledger is an option of ONNX models"),
    ],
)
def test_what_only_an_onnx_model_has_is_misuse(workspace: Command, options: Sequence[str], said: str) -> None:
    refused = workspace("build", "model.ten:twice", "--emit", "mlir", "-o", "out", *options)
    assert refused.code == 2
    assert f"{said}: leave it out with --emit mlir" in refused.err
    assert not (workspace.folder / "out").exists()


def test_an_artifact_of_another_kind_is_misuse(workspace: Command) -> None:
    refused = workspace("build", "model.ten:twice", "--emit", "spirv")
    assert refused.code == 2
    assert "--emit spirv is not there yet: this version emits onnx, mlir" in refused.err


@pytest.mark.parametrize("name", ["twice.mlir", "twice.safetensors"])
def test_a_file_of_others_is_not_replaced(workspace: Command, name: str) -> None:
    workspace.write({name: "module {}"})
    refused = workspace("build", "model.ten:twice", "--emit", "mlir")
    assert refused.code == 1
    assert "is not Tenuto's" in refused.err
    assert workspace.read(name) == "module {}"
    assert not {"twice.mlir", "twice.safetensors"} - {name} & {path.name for path in workspace.folder.iterdir()}
    with pytest.raises(tenuto.ArtifactError, match="is not Tenuto's"):
        tenuto.load(workspace.folder / "model.ten").deploy("twice").to_mlir("twice.mlir")


def test_a_name_that_is_no_module_is_refused(workspace: Command) -> None:
    with pytest.raises(ValueError, match=r"the name of a module of MLIR ends in \.mlir"):
        tenuto.load(workspace.folder / "model.ten").deploy("twice").to_mlir("twice.onnx")


def test_an_mlir_module_needs_no_compiler(workspace: Command) -> None:
    program = (
        "import sys; sys.modules['iree'] = sys.modules['onnxruntime'] = None; "
        "from tenuto.cli.main import run; sys.exit(run(sys.argv[1:]))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, "build", "model.ten:twice", "--emit", "mlir"],
        cwd=workspace.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr


# ------------------------------------------------------------------------------------------------------------- reshapes

FACTORS: Sequence[Dim] = [*map(literal, (1, 2, 3, 5)), *(SYMBOLS[name] for name in "ABKMN")]


@st.composite
def partitions(draw: st.DrawFn) -> tuple[list[Dim], list[Dim]]:
    """Two shapes of the same elements: the same factors in order, put together in two ways."""
    factors = draw(st.lists(st.sampled_from(FACTORS), min_size=1, max_size=6))
    sides = []
    for _ in range(2):
        side = [literal(1)]
        for factor in factors:
            if draw(st.booleans()):
                side[-1] = side[-1] * factor
            else:
                side.append(factor)
        sides.append(side)
    return sides[0], sides[1]


@given(partitions())
def test_a_reshape_merges_what_it_must_and_no_more(sides: tuple[list[Dim], list[Dim]]) -> None:
    left, right = sides
    groups = groups_of(left, right)
    assert [at for group, _ in groups for at in group] == [*range(len(left))]
    assert [at for _, group in groups for at in group] == [*range(len(right))]
    for one, other in groups:
        assert one
        assert other
        assert product(left[at] for at in one) == product(right[at] for at in other)
    assert len(groups) >= len((cuts(left) & cuts(right)) - {literal(1)})


def product(dims: Iterator[Dim]) -> Dim:
    return prod(dims, start=literal(1))


def cuts(side: Sequence[Dim]) -> set[Dim]:
    """How many elements stand before each border between axes: where both shapes have one, a group may end."""
    return {product(iter(side[:at])) for at in range(1, len(side) + 1)}


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("B 12", "B 3 4", [([0], [0]), ([1], [1, 2])]),
        ("B M N", "B M*N", [([0], [0]), ([1, 2], [1])]),
        ("B M", "M B", [([0, 1], [0, 1])]),
        ("M", "1 M 1", [([0], [0, 1, 2])]),
        ("1 M 1", "M", [([0, 1, 2], [0])]),
        ("6 M", "2 3*M", [([0, 1], [0, 1])]),
        ("", "1 1", []),
        ("1 1", "", []),
    ],
)
def test_how_axes_are_grouped(left: str, right: str, expected: Sequence[object]) -> None:
    def dims(written: str) -> list[Dim]:
        return [
            product(SYMBOLS[part] if part.isalpha() else literal(int(part)) for part in item.split("*"))
            for item in written.split()
        ]

    assert groups_of(dims(left), dims(right)) == expected
