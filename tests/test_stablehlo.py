"""Modules of StableHLO, without a compiler: text, structure, refusals, files. `test_stablehlo_xla.py` runs them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping

import pytest
from safetensors import safe_open

import tenuto
from tenuto_analysis import modules
from tenuto_analysis.database import Database
from tenuto_analysis.graph import Graph
from tenuto_analysis.modules import offered, prelude
from tenuto_backend.bound import bound, chosen, open_sizes
from tenuto_backend.build import Stopped, typed_graph
from tenuto_backend.instances import names_of
from tenuto_backend.mlir.operations import Module, Ranked, Scalar, count
from tenuto_backend.mlir.printing import text
from tenuto_backend.stablehlo.emit import emit
from tenuto_backend.stablehlo.rules import REFUSED, RULES
from tenuto_grammar import syntax
from tests.command import Command
from tests.one_node import BINDINGS, Case, database, one_node
from tests.test_bound import DECIDED_BY_NUMBERS
from tests.test_mlir import all_of
from tests.test_models import EXAMPLES, SMALL, graph_of, small_deploy
from tests.test_onnx_rules import FAMILIES

SOURCE = """model Scale[D](x: f32[B, D]) -> f32[B, D] {
  param gain: f32[D] = normal(std = 1.0)
  param half: bf16[D] = normal(std = 1.0)
  return x * gain + (half as f32)
}

model Twice[D](x: f32[B, D] within -1.0 .. 1.0) -> f32[B, D] {
  sub one = Scale[D]
  sub other = Scale[D]
  return one(other(x))
}

deploy twice = Twice[4] { weights: init(seed = 0), dims: { B: 1 .. 8 } }
"""


COLLECTS = """model Halved(x: f32[4]) -> f32[?K, 4] {
  var h = x
  while sum(abs(h)) > 1.0 {
    collect rows = h
    h = h / 2.0
  }
  return rows
}

deploy halved = Halved { weights: init(seed = 0) }
"""


@pytest.fixture
def workspace(tenuto: Command) -> Command:
    tenuto.write({"tenuto.toml": "", "model.ten": SOURCE})
    return tenuto


def with_numbers(graph: Graph, binding: Mapping[str, int]) -> Graph:
    return bound(graph, {leaf: binding[str(leaf)] for leaf in open_sizes(graph)})


def of_case(case: Case, dtype: str, binding: Mapping[str, int] = BINDINGS[0]) -> Graph:
    graph, _ = one_node(case, dtype)
    graph.entry.output_names = tuple(ssa.name for ssa in graph.entry.results)
    return with_numbers(graph, binding)


def small(example: str) -> tuple[Graph, Module]:
    db, graph = graph_of(example, small_deploy(example))
    fixed = with_numbers(graph, SMALL[example][0])
    return fixed, emit(db, fixed)


def of_source(source: str, deploy: str, **sizes: int) -> Module:
    db = Database()
    db.set(modules.file_text, "/models/model.ten", source)
    graph = typed_graph(db, "/models/model.ten", deploy)
    return emit(db, bound(graph, chosen(graph, sizes)))


# ---------------------------------------------------------------------------------------------------------------- rules


def test_every_primitive_has_a_rule_or_is_refused() -> None:
    primitives = {
        name
        for name, target in prelude().items()
        if offered(Database(), target.file).get(name) == syntax.Keyword.OP.value
    }
    assert set(RULES) | set(REFUSED) == primitives | {"slice", "select", "dequantize"}
    assert not set(RULES) & set(REFUSED)
    assert len(REFUSED) <= 5


@pytest.mark.parametrize("op", REFUSED)
def test_what_is_refused_is_refused_by_name(op: str) -> None:
    case = next(case for cases in FAMILIES.values() for case in cases if case.op == op)
    with pytest.raises(Stopped, match=f"`{op}` has no form in StableHLO: how many elements it gives"):
        emit(database(), of_case(case, case.dtypes[0]))


def test_every_case_is_written_in_operations_of_stablehlo_with_known_sizes() -> None:
    for case in (case for cases in FAMILIES.values() for case in cases if case.op not in REFUSED):
        for dtype in case.dtypes:
            module = emit(database(), of_case(case, dtype))
            for operation in all_of(module.functions[0].body):
                assert operation.name.startswith("stablehlo.") or operation.name == "func.return"
                for value in operation.results:
                    assert isinstance(value.type, Ranked)
                    assert None not in value.type.sizes


def test_the_types_of_a_product_say_what_its_sums_are_kept_in() -> None:
    case = next(case for case in FAMILIES["linear"] if case.op == "matmul" and "f16" in case.dtypes)
    module = emit(database(), of_case(case, "f16"))
    (product,) = [op for op in all_of(module.functions[0].body) if op.name == "stablehlo.dot_general"]
    kinds = [value.type.element for value in (*product.operands, *product.results) if isinstance(value.type, Ranked)]
    assert kinds == [Scalar("f16"), Scalar("f16"), Scalar("f32")]


def test_a_primitive_without_a_rule_is_a_finding_at_the_source(
    workspace: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(RULES, dict)
    monkeypatch.delitem(RULES, "multiply")
    refused = workspace("build", "model.ten:twice", "--emit", "stablehlo", "--dim", "B=2", "-o", "out")
    assert refused.code == 1
    assert "`multiply` has no lowering to StableHLO yet" in refused.out
    assert "model.ten:4:10" in refused.out
    assert not (workspace.folder / "out").exists()


def test_an_open_size_is_named(workspace: Command) -> None:
    refused = workspace("build", "model.ten:twice", "--emit", "stablehlo", "-o", "out")
    assert refused.code == 1
    assert "`B` is open: write `dims: { B: 8 }` in the deploy, or build with `--dim B=8`" in refused.out
    assert "model.ten:13:1" in refused.out
    assert not (workspace.folder / "out").exists()
    with pytest.raises(tenuto.ProgramError, match="`B` is open"):
        tenuto.load(workspace.folder / "model.ten").deploy("twice").to_stablehlo()


def test_a_loop_that_collects_until_a_test_fails_is_refused() -> None:
    db = Database()
    db.set(modules.file_text, "/models/model.ten", COLLECTS)
    graph = typed_graph(db, "/models/model.ten", "halved")
    with pytest.raises(Stopped, match="how often this loop runs is known only at run time"):
        emit(db, graph)


# ------------------------------------------------------------------------------------------------------------ structure


@pytest.mark.parametrize("example", [name for name in SMALL if name not in DECIDED_BY_NUMBERS])
def test_every_function_is_a_definition_and_every_operation_names_its_line(example: str) -> None:
    graph, module = small(example)
    called = names_of(graph.functions[:-1], {"main"})
    names = [*(called[function] for function in graph.functions[:-1]), "main"]
    assert [function.name for function in module.functions] == names
    assert [function.public for function in module.functions] == [False] * (len(names) - 1) + [True]
    assert [note.text for function in module.functions for note in function.notes] == [f.name for f in graph.functions]
    lines = {path.name: path.read_text(encoding="utf-8").splitlines() for path in EXAMPLES.glob("*.ten")} | {
        f"std/{path.name}": path.read_text(encoding="utf-8").splitlines() for path in modules.STD.glob("*.ten")
    }
    operations = [operation for function in module.functions for operation in all_of(function.body)]
    assert len(operations) == count(module)
    for operation in operations:
        place = operation.location
        assert place is not None, operation.name
        assert lines[place.file][place.line - 1][place.column - 1 :].strip()


def test_the_interface_stands_on_the_arguments_of_main() -> None:
    module = of_source(SOURCE, "twice", B=2)
    assert [function.name for function in module.functions] == ["Scale", "main"]
    head = next(line for line in text(module).splitlines() if "@main(" in line)
    assert re.findall(r'%\S+: (\S+) {(tenuto\.\w+) = "([^"]*)"}', head) == [
        ("tensor<2x4xf32>", "tenuto.input", "x: f32[2, 4] within -1.0 .. 1.0"),
        ("tensor<4xf32>", "tenuto.weight", "other.gain"),
        ("tensor<4xbf16>", "tenuto.weight", "other.half"),
        ("tensor<4xf32>", "tenuto.weight", "one.gain"),
        ("tensor<4xbf16>", "tenuto.weight", "one.half"),
    ]
    assert '-> (tensor<2x4xf32> {tenuto.output = "result: f32[2, 4]"})' in head
    assert head.endswith('attributes {tenuto.definition = "Twice"} {')


def test_a_definition_called_main_keeps_a_name_of_its_own() -> None:
    source = (
        "model main(x: f32[N]) -> f32[N] = x + 1.0\n\n"
        "model Outer(x: f32[N]) -> f32[N] {\n  sub inner = main\n  return inner(x)\n}\n\n"
        "deploy outer = Outer { weights: init(seed = 0), dims: { N: 4 } }\n"
    )
    module = of_source(source, "outer")
    assert [function.name for function in module.functions] == ["main_2", "main"]
    assert [function.notes[0].text for function in module.functions] == ["main", "Outer"]


def test_sizes_that_the_deploy_itself_fixes_are_numbers_in_what_it_calls() -> None:
    module = of_source(SOURCE.replace("B: 1 .. 8", "B: 3"), "twice")
    assert all(
        value.type == Ranked(Scalar("f32"), (3, 4))
        for function in module.functions
        for value in function.body.arguments[:1]
    )
    assert [function.name for function in module.functions] == ["Scale", "main"]


def test_a_loop_and_a_branch_are_one_operation_each() -> None:
    _, module = small("lstm_tagger")
    names = [operation.name for function in module.functions for operation in all_of(function.body)]
    assert "stablehlo.while" in names


# ---------------------------------------------------------------------------------------------------------------- files


def test_the_command_and_python_write_the_same(workspace: Command) -> None:
    built = workspace("build", "model.ten:twice", "--emit", "stablehlo", "--dim", "B=2", "-o", "out")
    assert built.code == 0
    assert built.out.splitlines()[1].split()[-2:] == ["out/twice.stablehlo.mlir", "out/twice.safetensors"]
    deploy = tenuto.load(workspace.folder / "model.ten").deploy("twice")
    artifact = deploy.to_stablehlo(workspace.folder / "py/twice.stablehlo.mlir", dims={"B": 2})
    assert artifact.functions == ("Scale", "main")
    assert artifact.text == workspace.read("out/twice.stablehlo.mlir") == workspace.read("py/twice.stablehlo.mlir")
    with safe_open(workspace.folder / "out/twice.safetensors", "numpy") as weights:
        assert set(weights.keys()) == set(artifact.weights)
    deploy.to_onnx(workspace.folder / "py/other.onnx")
    both = [(workspace.folder / f"py/{name}.safetensors").read_bytes() for name in ("twice", "other")]
    assert both[0] == both[1]


def test_a_name_that_is_no_module_is_refused(workspace: Command) -> None:
    deploy = tenuto.load(workspace.folder / "model.ten").deploy("twice")
    with pytest.raises(ValueError, match=r"the name of a module of StableHLO ends in \.stablehlo\.mlir"):
        deploy.to_stablehlo("twice.mlir", dims={"B": 1})


def test_the_portable_form_without_its_package_says_what_installs_it(workspace: Command) -> None:
    program = (
        "import sys; sys.modules['jaxlib'] = None; from tenuto.cli.main import run; "
        "code = run(['build', 'model.ten:twice', '--emit', 'stablehlo', '--dim', 'B=2', *sys.argv[1:]]); sys.exit(code)"
    )

    def built(*options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", program, *options],
            cwd=workspace.folder,
            capture_output=True,
            text=True,
            check=False,
        )

    assert built().returncode == 0
    ran = built("--portable", "-o", "out")
    assert ran.returncode == 2
    assert "this needs the package `jaxlib`: run `pip install 'tenuto[xla]'`" in ran.stderr
    assert not (workspace.folder / "out").exists()


def test_the_portable_form_is_only_of_stablehlo(workspace: Command) -> None:
    refused = workspace("build", "model.ten:twice", "--portable")
    assert refused.code == 2
    assert "--portable is an option of StableHLO: say --emit stablehlo" in refused.err
