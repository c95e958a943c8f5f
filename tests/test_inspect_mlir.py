"""`tenuto inspect` of modules of MLIR and StableHLO: what is read back, contradictions, modules of others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tenuto_backend.mlir import emit as linalg
from tenuto_backend.mlir.interface import interface
from tenuto_backend.mlir.operations import Module, count
from tenuto_backend.mlir.printing import text, type_text
from tenuto_backend.mlir.reading import UnreadableModule, read, typed
from tenuto_backend.stablehlo import emit as stablehlo
from tests.command import Command
from tests.test_bound import DECIDED_BY_NUMBERS
from tests.test_mlir import all_of
from tests.test_models import SMALL, graph_of, small_deploy
from tests.test_stablehlo import with_numbers

SOURCE = """model Scale[D](x: f32[B, D]) -> f32[B, D] {
  param gain: bf16[D] = normal(std = 1.0)
  return x * (gain as f32)
}

model Twice[D](x: f32[B, D] within -1.0 .. 1.0, n: i64[B]) -> (f32[B, D], i64[B]) {
  sub one = Scale[D]
  sub other = Scale[D]
  return (one(other(x)), n + 1)
}

deploy twice = Twice[4] { weights: init(seed = 0), dims: { B: 1 .. 8 } }
"""


@pytest.fixture
def workspace(tenuto: Command) -> Command:
    tenuto.write({"tenuto.toml": "", "model.ten": SOURCE})
    assert tenuto("build", "model.ten:twice", "--emit", "mlir", "-q").code == 0
    assert tenuto("build", "model.ten:twice", "--emit", "stablehlo", "--dim", "B=2", "-q").code == 0
    return tenuto


def modules(example: str) -> list[Module]:
    db, graph = graph_of(example, small_deploy(example))
    made = [linalg.emit(db, graph)]
    if example not in DECIDED_BY_NUMBERS:
        made.append(stablehlo.emit(db, with_numbers(graph, SMALL[example][0])))
    return made


@pytest.mark.parametrize("example", SMALL)
def test_what_is_printed_is_read_back(example: str, tmp_path: Path) -> None:
    for module in modules(example):
        path = tmp_path / "module.mlir"
        path.write_text(text(module), encoding="utf-8")
        found = read(path)
        assert found.name == module.name
        assert [(item.path, item.type) for item in found.globals] == [
            (item.path, type_text(item.type)) for item in module.globals
        ]
        assert [function.name for function in found.functions] == [function.name for function in module.functions]
        for ours, theirs in zip(found.functions, module.functions, strict=True):
            operations = [*all_of(theirs.body)]
            assert ours.public == theirs.public
            assert sorted(ours.operations.elements()) == sorted(operation.name for operation in operations)
            assert [port.type for port in ours.inputs] == [type_text(value.type) for value in theirs.body.arguments]
            assert [port.type for port in ours.outputs] == [type_text(type_) for type_ in theirs.results]
            assert ours.source is not None and theirs.location is not None
            assert (ours.source.file, ours.source.line) == (theirs.location.file, theirs.location.line)
            read_back = sorted(found.sources[number].line for number in ours.places if number is not None)
            assert read_back == sorted(op.location.line for op in operations if op.location is not None)
        shown = interface(found, path)
        assert not shown.problems
        assert (shown.operations, shown.placed) == (count(module), count(module))
        assert shown.signature.name == module.functions[-1].name


def test_a_module_is_told(workspace: Command) -> None:
    found = workspace("inspect", "twice.mlir", "--weights")
    assert found.code == 0
    costs = ("  flops", "  product_flops", "  bytes_", "  activation_bytes", "  weight_bytes")
    assert "".join(line for line in found.out.splitlines(True) if not line.startswith(costs)) == (
        "twice.mlir: MLIR (arith, flow, func, linalg, tensor, util), made by tenuto\n"
        "\n"
        "model twice(x: f32[B, 4] within -1.0 .. 1.0, n: i64[B]) -> (0: f32[B, 4], 1: i64[B])\n"
        "  where B >= 1, B <= 8\n"
        "\n"
        "15 operations in the model itself, `Twice`, model.ten:6:1\n"
        "1 function:\n"
        "  Scale(x: f32[?, 4]) -> f32[?, 4]\n"
        "    called 2 times, 11 operations, 1 weight, model.ten:1:1\n"
        "2 weights: 8 parameters in twice.safetensors\n"
        "  other.gain: bf16[4]\n"
        "  one.gain: bf16[4]\n"
        "places: 26 of 26 operations, in model.ten\n"
        "interface: as the types say\n"
    )
    found = workspace("inspect", "twice.stablehlo.mlir")
    assert found.code == 0
    head, _, model, definition, *_ = found.out.splitlines()
    assert head == "twice.stablehlo.mlir: StableHLO (func, stablehlo), made by tenuto"
    assert model == "model twice(x: f32[2, 4] within -1.0 .. 1.0, n: i64[2]) -> (0: f32[2, 4], 1: i64[2])"
    assert definition == "  definition: Twice"
    assert "2 weights: 8 parameters in twice.safetensors" in found.out


def test_everything_is_told_as_json(workspace: Command) -> None:
    found = json.loads(workspace("inspect", "twice.stablehlo.mlir", "--json").out)
    assert (found["model"], found["form"], found["parameters"]) == ("twice.stablehlo.mlir", "StableHLO", 8)
    assert [weight["path"] for weight in found["weights"]] == ["other.gain", "one.gain"]
    assert found["functions"][0]["name"] == "Scale"


@pytest.mark.parametrize("name", ["twice.mlir", "twice.stablehlo.mlir"])
def test_an_interface_that_is_not_that_of_the_types_is_told(workspace: Command, name: str) -> None:
    workspace.write({name: workspace.read(name).replace('"x: f32[', '"x: f16[')})
    found = workspace("inspect", name)
    assert found.code == 1
    assert "the module contradicts itself:" in found.out
    assert "it tells of `x: f16[" in found.out


def test_weights_that_the_file_beside_a_module_lacks_are_told(workspace: Command) -> None:
    workspace.write({"twice.mlir": workspace.read("twice.mlir").replace('"model"::"one.gain"', '"model"::"two.gain"')})
    found = workspace("inspect", "twice.mlir")
    assert found.code == 1
    assert "twice.safetensors has no `two.gain`" in found.out
    (workspace.folder / "twice.safetensors").unlink()
    found = workspace("inspect", "twice.mlir")
    assert found.code == 0
    assert "2 weights: 8 parameters, whose file is not beside it" in found.out


FOREIGN = {
    "empty": ("", 1),
    "prose": ("a model\n", 1),
    "pretty": (
        "module @m {\n  func.func @f(%x: tensor<4xf32>) -> (tensor<4xf32>) {\n"
        "    %0 = math.tanh %x : tensor<4xf32>\n    return %0 : tensor<4xf32>\n  }\n}\n",
        3,
    ),
    "without a name": ("module {\n}\n", 1),
    "generic functions": ('"builtin.module"() ({\n}) : () -> ()\n', 1),
    "another result": ("module @m {\n  func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {\n", 2),
    "cut off": ("module @m {\n  func.func @f(%x: tensor<4xf32>) -> (tensor<4xf32>) {\n", 3),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_module_of_others_is_refused(workspace: Command, kind: str) -> None:
    written, line = FOREIGN[kind]
    workspace.write({"other.mlir": written})
    refused = workspace("inspect", "other.mlir")
    assert refused.code == 2
    assert f"other.mlir:{line}: " in refused.err
    assert "Traceback" not in refused.err


def test_a_file_that_is_no_text_or_not_there_is_misuse(workspace: Command) -> None:
    (workspace.folder / "bytes.mlir").write_bytes(b"ML\xefR\xff\xff")
    assert "bytes.mlir is no text" in workspace("inspect", "bytes.mlir").err
    refused = workspace("inspect", "none.mlir")
    assert refused.code == 2
    assert "none.mlir cannot be read: No such file" in refused.err


def test_a_module_without_any_of_its_lines_is_read_or_refused(workspace: Command) -> None:
    for name in ("twice.mlir", "twice.stablehlo.mlir"):
        lines = workspace.read(name).splitlines()
        refused = 0
        for at in range(len(lines)):
            path = workspace.folder / "cut.mlir"
            path.write_text("\n".join([*lines[:at], *lines[at + 1 :]]), encoding="utf-8")
            try:
                interface(read(path), path)
            except UnreadableModule:
                refused += 1
        assert refused >= 4


def test_the_element_and_the_sizes_of_a_type() -> None:
    assert typed("tensor<?x384xf32>") == ("f32", ("?", "384"))
    assert typed("tensor<i1>") == ("i1", ())
    assert typed("tensor<2xcomplex<f32>>") == ("complex<f32>", ("2",))
    assert typed("tensor<2x0xf8E4M3FN>") == ("f8E4M3FN", ("2", "0"))
