"""Modules of MLIR as IREE compiles and runs them: the same numbers as our evaluator gives, at all sizes.

What IREE does not compile, or compiles wrongly, stands in tables; an entry fails its test once IREE has learned it.
Functions of many cases are compiled together, because starting a compiler takes longer than most of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

import tenuto
from tenuto_analysis import modules
from tenuto_analysis.database import Database
from tenuto_analysis.graph import Graph
from tenuto_analysis.targets.demand import demand_of_function
from tenuto_analysis.targets.legality import obstacles
from tenuto_analysis.targets.profile import read
from tenuto_backend.build import program, typed_graph
from tenuto_backend.evaluate import run as evaluated
from tenuto_backend.iree.compiler import NotCompiled
from tenuto_backend.mlir.emit import emit
from tenuto_backend.mlir.operations import Function, Module
from tenuto_backend.mlir.pretty import pretty
from tenuto_backend.mlir.printing import text
from tenuto_backend.mlir.save import save
from tenuto_backend.reference.values import Array
from tests.in_iree import Loaded, as_expected, canonical, compiled, loaded, verify
from tests.models import fetched
from tests.one_node import BINDINGS, Case, Given, agree, database, expected, one_node, random_array
from tests.test_mlir import small
from tests.test_models import EXAMPLES, SMALL, drawn_inputs, graph_of, small_deploy
from tests.test_onnx_rules import FAMILIES
from tests.test_targets_onnxruntime import well_typed

pytestmark = pytest.mark.heavy

DATA = Path(__file__).parent / "data"
BATCH = 48


# ----------------------------------------------------------------------------------------------------------- primitives

NO_LIBRARY = "undefined symbol"
"""IREE links no library of mathematics, and knows these functions for f32 alone."""

PROFILE = read("cpu.x86_64")

NOT_COMPILED: Mapping[tuple[str, str], str] = {
    **{(op, "f64"): NO_LIBRARY for op in PROFILE.lacks["f64"]},
    **{(op, "f8e4m3"): "failed to legalize" for op in PROFILE.lacks["f8e4m3"]},
    ("erf", "f64"): "failed to legalize operation 'math.erf'",
    ("cast", "f8e5m2"): "failed to legalize",
}
"""What IREE 3.13 does not compile for a processor, by primitive and dtype, with what it says.

It is what the profile lacks, and a dtype that it does not have.
"""

ALL = [case for cases in FAMILIES.values() for case in cases]
RUNS = [(case, dtype) for cases in FAMILIES.values() for case in cases for dtype in case.dtypes]
COMPILED = [(case, dtype) for case, dtype in RUNS if (case.op, dtype) not in NOT_COMPILED]
BATCHES = [COMPILED[at : at + BATCH] for at in range(0, len(COMPILED), BATCH)]


def function_of(graph: Graph, name: str) -> Function:
    (found,) = emit(database(), graph).functions
    found.name = name
    return found


def together(functions: Sequence[Function]) -> str:
    return text(Module("cases", (), tuple(functions)))


def test_every_case_is_a_module_that_mlir_accepts() -> None:
    functions = [function_of(one_node(case, dtype)[0], f"case{at}") for at, (case, dtype) in enumerate(RUNS)]
    verify(together(functions))


@pytest.mark.parametrize("number", range(len(BATCHES)))
def test_primitives_mean_what_the_reference_means(number: int) -> None:
    graphs = [one_node(case, dtype) for case, dtype in BATCHES[number]]
    run = loaded(compiled(together([function_of(graph, f"case{at}") for at, (graph, _) in enumerate(graphs)])))
    chance = np.random.default_rng(number)
    wrong = []
    for at, (graph, given) in enumerate(graphs):
        case, dtype = BATCHES[number][at]
        for binding in BINDINGS:
            try:
                same(run, f"case{at}", graph, inputs_of(chance, graph, given, binding))
            except AssertionError as error:
                wrong.append(f"{case.op} {dtype} at {dict(binding)}: {error}")
    assert not wrong, "\n".join(wrong)


def inputs_of(
    chance: np.random.Generator, graph: Graph, given: Sequence[Given], binding: Mapping[str, int]
) -> list[Array]:
    return [random_array(chance, ssa.type, binding, item) for ssa, item in zip(graph.entry.inputs, given, strict=True)]


def same(run: Loaded, name: str, graph: Graph, inputs: Sequence[Array]) -> None:
    with np.errstate(all="ignore"):
        wanted = expected(graph, inputs)
    agree(wanted, as_expected(run(name, inputs), wanted))


@pytest.mark.parametrize(("op", "dtype"), NOT_COMPILED)
def test_what_is_not_compiled_is_still_not_compiled(op: str, dtype: str) -> None:
    found = [case for case in ALL if case.op == op]
    case = next(case for case in found if dtype in case.dtypes or (dtype != "f8e5m2" and well_typed(case, dtype)))
    with pytest.raises(NotCompiled, match=NOT_COMPILED[op, dtype]):
        compiled(together([function_of(one_node(case, dtype)[0], "case")]))


@pytest.mark.parametrize("dtype", ["f64", "bf16", "f8e4m3"])
def test_what_the_profile_has_is_compiled(dtype: str) -> None:
    """The first case of each operator that `std` declares for the dtype, and that the profile does not lack."""
    cases: dict[str, Case] = {}
    for case in ALL:
        if well_typed(case, dtype) and case.op not in PROFILE.lacks.get(dtype, ()):
            cases.setdefault(case.op, case)
    drawn = (one_node(case, dtype)[0] for case in cases.values())
    db = database()
    graphs = [graph for graph in drawn if not any(obstacles(PROFILE, demand_of_function(db, graph.entry), None))]
    assert len(graphs) > 80
    for at in range(0, len(graphs), BATCH):
        batch = graphs[at : at + BATCH]
        assert compiled(together([function_of(graph, f"case{number}") for number, graph in enumerate(batch)]))


@pytest.mark.parametrize("dtype", ["f8e4m3"])
def test_every_number_is_cast_to_eight_bits_as_the_reference_does(dtype: str) -> None:
    """IREE 3.13 makes 0 of what rounds up to the smallest normal number, where it is not told so."""
    case = next(case for case in FAMILIES["elementwise"] if case.results == [f"{dtype}[M, N]"])
    graph, _ = one_node(case, "f32")
    run = loaded(compiled(together([function_of(graph, "case")])))
    steps = np.linspace(-448.0, 448.0, 40_000, dtype=np.float32)
    small = np.linspace(-0.02, 0.02, 40_000, dtype=np.float32)
    same(run, "case", graph, [np.concatenate([steps, small]).reshape(200, 400)])


# ------------------------------------------------------------------------------------- sizes and numbers at the edge

EMPTY = ({"A": 1, "B": 0, "K": 1, "M": 1, "N": 1, "S": 6}, {"A": 1, "B": 1, "K": 0, "M": 1, "N": 3, "S": 0})
ONE = {"A": 1, "B": 1, "K": 1, "M": 1, "N": 1, "S": 6}
AT_ALL_SIZES = {
    *("add", "maximum", "where", "less", "logical_not", "cast", "round", "matmul", "einsum", "sum", "mean", "max"),
    *("any", "all", "cumulative_sum", "transpose", "permute", "rearrange", "concat", "stack", "split"),
    *("tile", "expand", "unsqueeze", "flip", "arange", "nonzero", "true_positions", "compress"),
}
EDGES = [
    (case, dtype)
    for case, dtype in COMPILED
    if case.op in AT_ALL_SIZES and dtype == ("bool" if case.dtypes == ("bool",) else "f32") and dtype in case.dtypes
]


def test_no_element_and_one_element_are_sizes_like_others() -> None:
    graphs = [one_node(case, dtype) for case, dtype in EDGES]
    run = loaded(compiled(together([function_of(graph, f"case{at}") for at, (graph, _) in enumerate(graphs)])))
    chance = np.random.default_rng(0)
    wrong = []
    for at, (graph, given) in enumerate(graphs):
        for binding in (ONE, *EMPTY):
            try:
                same(run, f"case{at}", graph, inputs_of(chance, graph, given, binding))
            except (AssertionError, RuntimeError) as error:
                wrong.append(f"{EDGES[at][0].op} {EDGES[at][0].results} {binding}: {error}")
    assert not wrong, "\n".join(wrong)


SPECIAL = np.array([[np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 20.0, -20.0]], np.float32)
OF_SPECIAL = [
    case for case in FAMILIES["elementwise"] if "f32" in case.dtypes and [*case.inputs] == ["x"] and case.op != "cast"
]


def test_nan_and_infinities_are_what_they_are_elsewhere() -> None:
    cases = {case.op: case for case in OF_SPECIAL}
    graphs = {op: one_node(case, "f32")[0] for op, case in cases.items()}
    run = loaded(compiled(together([function_of(graph, op) for op, graph in graphs.items()])))
    wrong = []
    for op, graph in graphs.items():
        try:
            same(run, op, graph, [SPECIAL])
        except AssertionError as error:
            wrong.append(f"{op}: {error}")
    assert not wrong, "\n".join(wrong)


# ------------------------------------------------------------------------------------------------------------- examples


def test_every_deploy_of_the_examples_is_a_module_that_mlir_accepts() -> None:
    count = 0
    for path in sorted(EXAMPLES.glob("*.ten")):
        db = Database()
        db.set(modules.root, str(path), str(EXAMPLES))
        db.set(modules.file_text, str(path), path.read_text(encoding="utf-8"))
        for deploy in modules.deploys(db, str(path)):
            verify(text(emit(db, typed_graph(db, str(path), deploy))))
            count += 1
    assert count > 25


def test_the_form_for_reading_is_the_same_module() -> None:
    """MLIR reads both, and prints them alike."""
    modules_ = [small(example)[1] for example in SMALL]
    modules_ += [emit(database(), one_node(case, dtype)[0]) for case, dtype in RUNS if dtype == case.dtypes[0]]
    for module in modules_:
        assert canonical(pretty(module)) == canonical(text(module))


@pytest.mark.parametrize("example", SMALL)
def test_a_small_deploy_gives_the_same_numbers_at_two_choices_of_its_sizes(example: str, tmp_path: Path) -> None:
    for found, wanted in of_example(example, tmp_path):
        agree(wanted, found, 10.0)


def of_example(example: str, folder: Path) -> Sequence[tuple[Sequence[Array], Sequence[Array]]]:
    """What IREE computes and what our evaluator does, from one module."""
    deploy = small_deploy(example)
    db, bare = graph_of(example, deploy)
    made = program(db, bare.file, deploy, str(EXAMPLES))
    module = emit(db, made.graph)
    saved = save(module, made.graph, made.weights, folder / f"{deploy}.mlir")
    run = loaded(compiled(saved.model.read_text(encoding="utf-8")), saved.data)
    found = []
    for inputs in drawn_inputs(made.graph, SMALL[example]):
        wanted = evaluated(made.graph, inputs, made.weights)
        found.append((as_expected(run(module.functions[-1].name, inputs), wanted), wanted))
    return found


def test_a_loop_that_carries_several_tensors_and_collects_is_still_compiled_wrongly() -> None:
    """IREE 3.13 puts what such a loop carries into one buffer, and then takes all of it for the same place.

    Once this is right, `mlir/packing.py` is not needed any more.
    """
    source = (DATA / "loop_of_several.mlir").read_text(encoding="utf-8")
    verify(source)
    first, second = np.arange(4, dtype=np.float32), np.arange(4, dtype=np.float32) + 10
    a, b, rows = loaded(compiled(source))("carried", [np.asarray(3), first, second])
    np.testing.assert_array_equal(a, first + 3)
    np.testing.assert_array_equal(rows, [first + 1, first + 2, first + 3])
    assert not np.array_equal(b, second + 6)


PUBLISHED = {
    ("minilm", "embed"): ({"B": 1, "S": 7}, {"B": 3, "S": 16}),
    ("gpt2", "generate"): ({"B": 1, "S": 5, "P": 0}, {"B": 2, "S": 1, "P": 9}),
    ("efficientnet_lite0", "classify"): ({"B": 1}, {"B": 2}),
}
"""Deploys of published sizes, with two choices of their sizes."""

CHECKPOINT = {"minilm": "all-MiniLM-L6-v2.safetensors", "efficientnet_lite0": "efficientnet-lite0.pth"}


@pytest.mark.parametrize(("example", "name"), PUBLISHED)
def test_a_published_model_gives_the_numbers_of_onnxruntime_and_of_the_reference(
    example: str, name: str, tmp_path: Path
) -> None:
    if example in CHECKPOINT:
        fetched(CHECKPOINT[example])
    deploy = tenuto.load(EXAMPLES / f"{example}.ten").deploy(name)
    binary = deploy.to_vmfb(tmp_path / f"{name}.vmfb")
    for sizes in PUBLISHED[example, name]:
        inputs = deploy.draw(0, **sizes)
        found = [*binary.run(**inputs).values()]
        for wanted in (deploy.run(**inputs), deploy.evaluate(**inputs)):
            for ours, theirs in zip(found, wanted.values(), strict=True):
                largest = max(1.0, float(np.abs(theirs).max(initial=0.0)))
                np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * largest)


def test_a_path_of_any_letters_is_a_location(tmp_path: Path) -> None:
    path = tmp_path / 'mod\u00e8le "1".ten'
    path.write_text(
        "model M(x: f32[N]) -> f32[N] = x + 1.0\n\ndeploy m = M { weights: init(seed = 0) }\n", encoding="utf-8"
    )
    artifact = tenuto.load(path).deploy("m").to_mlir()
    verify(artifact.text)
    (found,) = loaded(compiled(artifact.text))("M", [np.ones(3, np.float32)])
    np.testing.assert_array_equal(found, [2.0, 2.0, 2.0])
