"""Modules of StableHLO as XLA and IREE compile and run them: the same numbers as our evaluator gives."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tenuto
from tenuto_analysis import modules
from tenuto_analysis.database import Database
from tenuto_backend.bound import bound, chosen
from tenuto_backend.build import program
from tenuto_backend.evaluate import run as evaluated
from tenuto_backend.mlir.printing import text
from tenuto_backend.stablehlo.emit import emit
from tenuto_backend.stablehlo.portable import portable
from tenuto_backend.stablehlo.rules import REFUSED
from tests import in_xla
from tests.command import Command
from tests.in_iree import FLAGS, loaded
from tests.one_node import BINDINGS, agree, database, expected, one_node, random_array
from tests.test_bound import DECIDED_BY_NUMBERS
from tests.test_elaborate import CONTROL
from tests.test_elaborate import graph_of as elaborated
from tests.test_models import EXAMPLES, SMALL, drawn_inputs, graph_of, small_deploy
from tests.test_onnx_rules import FAMILIES
from tests.test_stablehlo import SOURCE, of_case, with_numbers

pytestmark = pytest.mark.heavy

ALWAYS = {"f32", "i64", "bool"}
RUNS = [
    (case, dtype)
    for cases in FAMILIES.values()
    for case in cases
    if case.op not in REFUSED
    for at, dtype in enumerate(case.dtypes)
]
CHOSEN = [
    (case, dtype, BINDINGS[at % 2])
    for at, (case, dtype) in enumerate(RUNS)
    if dtype in ALWAYS or case.dtypes == (dtype,) or at % 3 == 0
]
"""Of the other dtypes every third, as for IREE; each at one of the two choices of its sizes."""


@pytest.mark.parametrize("family", FAMILIES)
def test_primitives_mean_what_the_reference_means(family: str) -> None:
    chance = np.random.default_rng(0)
    wrong = []
    for case, dtype, binding in (run for run in CHOSEN if run[0] in FAMILIES[family]):
        graph, given = one_node(case, dtype)
        inputs = [random_array(chance, ssa.type, binding, g) for ssa, g in zip(graph.entry.inputs, given, strict=True)]
        with np.errstate(all="ignore"):
            wanted = expected(graph, inputs)
        try:
            agree(wanted, in_xla.run(text(emit(database(), of_case(case, dtype, binding))), inputs))
        except AssertionError as error:
            wrong.append(f"{case.op} {dtype} at {dict(binding)}: {error}")
    assert not wrong, "\n".join(wrong)


SPECIAL = np.array([[np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 20.0, -20.0, 1e30, -1e-30]], np.float32)


def test_nan_and_infinities_are_what_they_are_elsewhere() -> None:
    cases = {
        case.op: case
        for case in FAMILIES["elementwise"]
        if "f32" in case.dtypes and [*case.inputs] == ["x"] and case.op != "cast"
    }
    wrong = []
    for op, case in cases.items():
        binding = {**BINDINGS[0], "M": 1, "N": SPECIAL.size}
        inputs = [SPECIAL[:, :11] if op in ("sin", "cos", "tan") else SPECIAL]
        binding["N"] = inputs[0].size
        graph, _ = one_node(case, "f32")
        with np.errstate(all="ignore"):
            wanted = expected(graph, inputs)
        try:
            agree(wanted, in_xla.run(text(emit(database(), of_case(case, "f32", binding))), inputs))
        except AssertionError as error:
            wrong.append(f"{op}: {error}")
    assert not wrong, "\n".join(wrong)


EMPTY = {"A": 1, "B": 0, "C": 4, "D": 5, "H": 8, "K": 1, "L": 9, "M": 1, "N": 1, "S": 6, "W": 7}
AT_NO_ELEMENT = {
    *("add", "where", "less", "cast", "matmul", "einsum", "sum", "mean", "max", "any", "all", "transpose", "permute"),
    *("rearrange", "concat", "stack", "split", "tile", "expand", "unsqueeze", "flip"),
}


def test_no_element_is_a_size_like_others() -> None:
    wrong = []
    for case in (case for cases in FAMILIES.values() for case in cases if case.op in AT_NO_ELEMENT):
        dtype = "bool" if case.dtypes == ("bool",) else case.dtypes[0]
        graph, given = one_node(case, dtype)
        chance = np.random.default_rng(0)
        inputs = [random_array(chance, ssa.type, EMPTY, g) for ssa, g in zip(graph.entry.inputs, given, strict=True)]
        try:
            with np.errstate(all="ignore"):
                wanted = expected(graph, inputs)
            agree(wanted, in_xla.run(text(emit(database(), of_case(case, dtype, EMPTY))), inputs))
        except AssertionError as error:
            wrong.append(f"{case.op} {case.results}: {error}")
    assert not wrong, "\n".join(wrong)


def test_every_case_has_a_portable_form_of_the_oldest_version() -> None:
    versions = {portable(text(emit(database(), of_case(case, dtype)))).version for case, dtype in RUNS}
    assert versions == {"0.9.0"}


# ------------------------------------------------------------------------------------------------------------- examples


@pytest.mark.parametrize("example", [name for name in SMALL if name not in DECIDED_BY_NUMBERS])
def test_a_small_deploy_gives_the_same_numbers_at_two_choices_of_its_sizes(example: str) -> None:
    deploy = small_deploy(example)
    db, bare = graph_of(example, deploy)
    made = program(db, bare.file, deploy, str(EXAMPLES))
    weights = [made.weights[weight.path] for weight in made.graph.entry.weights]
    for binding, inputs in zip(SMALL[example], drawn_inputs(made.graph, SMALL[example]), strict=True):
        module = text(emit(db, bound(made.graph, chosen(made.graph, binding))))
        agree(evaluated(made.graph, inputs, made.weights), in_xla.run(module, [*inputs, *weights]), 10.0)


POLICIES = ("bf16", "f16", "mixed", "int8(weights = per_channel)", "int4(weights = per_channel)")
BLOCK = """import std.nn { LayerNorm, Linear }

model Block[D](x: float[B, S, D]) -> float[B, S, D] where D >= 1 {
  sub norm = LayerNorm[D]
  sub up = Linear[D, 2 * D]
  sub down = Linear[2 * D, D]
  return x + softmax(down(gelu(up(norm(x)))), axis = -1)
}

"""


@pytest.mark.parametrize("policy", POLICIES)
def test_what_a_policy_decides_is_computed_as_the_evaluator_does(policy: str, tmp_path: Path) -> None:
    source = tmp_path / "block.ten"
    settings = f"weights: init(seed = 0), precision: {policy}, dims: {{ B: 2, S: 5 }}"
    source.write_text(f"{BLOCK}deploy block = Block[16] {{ {settings} }}\n", encoding="utf-8")
    db = Database()
    db.set(modules.file_text, str(source), source.read_text(encoding="utf-8"))
    made = program(db, str(source), "block", str(tmp_path))
    inputs = [*tenuto.load(source).deploy("block").draw(0).values()]
    held = [made.weights[weight.path] for weight in made.graph.entry.weights]
    found = in_xla.run(text(emit(db, made.graph)), [*inputs, *held])
    agree(evaluated(made.graph, inputs, made.weights), found, 3.0)


@pytest.mark.parametrize("keep", [False, True])
def test_loops_and_branches_that_a_run_decides(keep: bool) -> None:
    graph = elaborated(CONTROL, "small")
    fixed = with_numbers(graph, {"B": 2, "D": 3})
    inputs = [np.arange(1, 7, dtype=np.float32).reshape(2, 3), np.asarray(keep)]
    weights = {"gain": np.array([1.0, 0.5, 2.0], np.float32)}
    agree(evaluated(graph, inputs, weights), in_xla.run(text(emit(database(), fixed)), [*inputs, weights["gain"]]))


def test_iree_compiles_the_portable_form() -> None:
    compiler: Any = import_module("iree.compiler")
    deploy = tenuto.load(EXAMPLES / "minilm.ten").deploy("small_encoder")
    artifact = deploy.to_stablehlo(dims={"B": 2, "S": 7})
    binary = compiler.compile_str(artifact.portable().content, input_type="stablehlo", extra_args=[*FLAGS])
    inputs = deploy.draw(0, B=2, S=7)
    weights = program_weights("minilm", "small_encoder")
    found = loaded(bytes(binary))("main", [*inputs.values(), *(weights[path] for path in artifact.weights)])
    agree([*deploy.evaluate(**inputs).values()], found, 10.0)


def program_weights(example: str, deploy: str) -> Any:
    db, bare = graph_of(example, deploy)
    return program(db, bare.file, deploy, str(EXAMPLES)).weights


# ---------------------------------------------------------------------------------------------------------------- files


def test_the_portable_form_is_written_beside_the_text(tenuto: Command) -> None:
    tenuto.write({"tenuto.toml": "", "model.ten": SOURCE})
    said = ("build", "model.ten:twice", "--emit", "stablehlo", "--dim", "B=2", "--portable")
    built = tenuto(*said)
    assert built.code == 0
    names = ["twice.stablehlo.mlir", "twice.mlirbc", "twice.safetensors"]
    assert built.out.splitlines()[1].split()[-3:] == names
    first = (tenuto.folder / "twice.mlirbc").read_bytes()
    assert first.startswith(b"ML\xefR")
    assert tenuto(*said).code == 0
    assert (tenuto.folder / "twice.mlirbc").read_bytes() == first
    (tenuto.folder / "twice.mlirbc").write_bytes(b"ML\xefR of others")
    refused = tenuto(*said)
    assert refused.code == 1
    assert "twice.mlirbc exists and is not Tenuto's" in refused.err
    assert (tenuto.folder / "twice.mlirbc").read_bytes() == b"ML\xefR of others"
