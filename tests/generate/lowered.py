"""One random program, by every way there is to run it: the syntax tree, the graph, the graph after the passes, ONNX."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from onnx import ModelProto, checker

from tenuto_analysis import model, modules
from tenuto_analysis.database import Database
from tenuto_analysis.diagnostics.base import Severity
from tenuto_analysis.dims import Dim, Symbol, leaves
from tenuto_analysis.elaborate.deploys import elaborate
from tenuto_analysis.graph import Graph
from tenuto_analysis.verify import verify
from tenuto_backend import evaluate
from tenuto_backend.onnx.emit import emit
from tenuto_backend.onnx.options import Options, Profile
from tenuto_backend.onnx.save import with_weights
from tenuto_backend.passes import optimised
from tenuto_backend.reference import interpret
from tenuto_backend.reference.program import program
from tenuto_backend.reference.values import Array, Frame, Instance, Undetermined, Value, WrongByExecution
from tenuto_grammar import syntax
from tenuto_grammar.text import Span
from tests.generate.composed import COMPOSED
from tests.generate.inputs import random_inputs
from tests.generate.programs import generate
from tests.one_node import feeds_of, in_onnxruntime, in_reference

FILE = "/lowered/main.ten"
OPTIONS = tuple(Options(profile, recognise=recognise) for profile in Profile for recognise in (True, False))
BINDINGS = 2
TOLERANCE = 2e-5
NOT_OF_NOTHING = frozenset({"AveragePool", "Conv", "Einsum", "MatMul", "ReduceMean", "Split"})
"""What onnxruntime 1.31 does otherwise, or not at all, where a tensor has no elements: it may even end the process."""


class Run(Struct, frozen=True):
    """Inputs of the program, and what its syntax tree gives for them."""

    sizes: Mapping[str, Value]
    inputs: Sequence[Array]
    results: Sequence[Array]
    empty: bool


class Deployed(Struct, frozen=True):
    text: str
    graph: Graph
    weights: Mapping[str, Array]
    runs: Sequence[Run]


def compared(db: Database, seed: int, peer: bool = False) -> int:
    """On how many sizes all ways give what the syntax tree of a seed's program gives; `peer`: onnx's evaluator too."""
    found = deployed(db, seed)
    if found is None:
        return 0
    before, after = found.graph, verify(optimised(found.graph))
    for run in found.runs:
        told = f"seed {seed}, sizes {run.sizes}\n{found.text}"
        _agree(run, evaluate.run(before, run.inputs, found.weights), f"the graph: {told}")
        _agree(run, evaluate.run(after, run.inputs, found.weights), f"after the passes: {told}")
    for options in OPTIONS:
        _compare_onnx(db, after, options, found, f"{options.profile}, {options.recognise}: seed {seed}\n{found.text}")
    if peer:
        told = f"onnx's evaluator: seed {seed}\n{found.text}"
        written = with_weights(emit(db, after, OPTIONS[0]), found.weights)
        evaluator = in_reference(written)
        for run in found.runs:
            if not run.empty:
                _agree(
                    run,
                    evaluator.run(None, feeds_of(written, run.inputs)),
                    f"onnx's evaluator: seed {seed}\n{found.text}",
                )
    return len(found.runs)


def _compare_onnx(db: Database, graph: Graph, options: Options, found: Deployed, told: str) -> None:
    written = with_weights(emit(db, graph, options), found.weights)
    # Without the propagation of data: onnx 1.21 takes a vector of floats for sizes, and `v[:, none] - w` for wrong.
    checker.check_model(written, full_check=True)
    session = in_onnxruntime(written)
    for run in found.runs:
        if _beyond_onnxruntime(written, run):
            continue
        _agree(run, session.run(None, feeds_of(written, run.inputs)), f"onnxruntime, {told}\nsizes {run.sizes}")


def _beyond_onnxruntime(written: ModelProto, run: Run) -> bool:
    used = {node.op_type for nodes in (written.graph.node, *(f.node for f in written.functions)) for node in nodes}
    return run.empty and not used.isdisjoint(NOT_OF_NOTHING)


def _agree(run: Run, results: Sequence[Any], told: str) -> None:
    assert len(run.results) == len(results), told
    for ours, theirs in zip(run.results, map(np.asarray, results), strict=True):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape), told
        if np.issubdtype(ours.dtype, np.floating):
            finite = ours[np.isfinite(ours)]
            scale = max(1.0, float(np.max(np.abs(finite), initial=0.0)))
            np.testing.assert_allclose(theirs, ours, rtol=TOLERANCE, atol=TOLERANCE * scale, err_msg=told)
        else:
            np.testing.assert_array_equal(theirs, ours, err_msg=told)


# ------------------------------------------------------------------------------------------------------------- deploys


def deployed(db: Database, seed: int) -> Deployed | None:
    """The program of a seed with a deploy of its `main`; None where the checker refuses it, or nothing satisfies it."""
    return deploy_of(db, generate(seed, COMPOSED), seed)


def deploy_of(db: Database, text: str, seed: int) -> Deployed | None:
    text = re.sub(r"^fn main\b", "model main", text, flags=re.MULTILINE)
    chance = random.Random(f"{seed}.lowered")
    whole = program({"main": text})
    main = whole.files["main"].declarations["main"]
    assert isinstance(main, syntax.Definition)
    if not _accepted(db, text):
        return None
    seen: list[bool] = []

    def observe(_frame: Frame, _span: Span, value: Value) -> None:
        seen.append(isinstance(value, np.ndarray) and value.size == 0)

    going = interpret.start(whole, seed, observe)
    found = random_inputs(going, interpret.definition(going, "main", "main"), chance)
    if found is None:
        return None
    generics = {generic.name.text: found[0][generic.name.text] for generic in main.generics}
    fixed: dict[str, int] = {}
    body = text[modules.starts(db, FILE)["main"] :]
    deploy = _deploy(body, main, generics, fixed)
    assert _accepted(db, text + deploy), text + deploy
    graph = verify(elaborate(db, FILE, "made"))
    if names := sorted(_sizes_of_weights(graph)):
        # What a weight's size depends on, a deploy has to fix.
        if any(found[0][name] == 0 for name in names):
            return None  # onnxruntime rewrites the product with a weight of no numbers into what it then refuses.
        fixed = {name: int(str(found[0][name])) for name in names}
        deploy = _deploy(body, main, generics, fixed)
        assert _accepted(db, text + deploy), text + deploy
        graph = verify(elaborate(db, FILE, "made"))
    target = interpret.definition(going, "main", "main", generics)
    assert isinstance(target, Instance)
    runs = []
    for at in range(BINDINGS):
        if at:
            found = random_inputs(going, target, chance, {name: (size, size) for name, size in fixed.items()})
        if found is None:
            break
        seen.clear()
        try:
            result = interpret.invoke(going, target, found[1])
        except (WrongByExecution, Undetermined):
            return None
        runs.append(Run(found[0], list(_arrays(found[1])), list(_arrays(result)), any(seen)))
    weights = dict(_weights(target, ""))
    return Deployed(text + deploy, graph, weights, runs)


def _accepted(db: Database, text: str) -> bool:
    db.set(modules.file_text, FILE, text)
    return all(finding.severity is not Severity.ERROR for finding in model.findings(db, FILE))


def _deploy(body: str, main: syntax.Definition, generics: Mapping[str, Value], fixed: Mapping[str, int]) -> str:
    """A deploy of `main`, which has to repeat what `main` needs of its sizes."""
    facts = ", ".join(body[node.span.start : node.span.end] for node in main.clauses.where)
    divisors = dict.fromkeys(re.findall(r"(?:%|//) ([A-Z]\w*)", facts))
    facts = ", ".join([*(f"{name} >= 1" for name in divisors), *([facts] if facts else [])])
    for name, value in generics.items():
        facts = re.sub(rf"\b{name}\b", str(value), facts)
    given = ", ".join(f"{name} = {value}" for name, value in generics.items())
    applied = f"main[{given}]" if given else "main"
    where = f"\n  where {facts}" if facts else ""
    dims = f", dims: {{ {', '.join(f'{name}: {size}' for name, size in fixed.items())} }}" if fixed else ""
    return f"\ndeploy made = {applied}{where}\n{{ weights: init(seed = 0){dims} }}\n"


def _sizes_of_weights(graph: Graph) -> set[str]:
    found: set[str] = set()
    for weight in graph.entry.weights:
        for dim in weight.value.type.shape:
            assert isinstance(dim, Dim)
            found |= {leaf.name for leaf in leaves(dim) if isinstance(leaf, Symbol)}
    return found


def _weights(value: Value, path: str) -> Iterator[tuple[str, Array]]:
    match value:
        case Instance(weights=weights, parts=parts):
            for name, array in weights.items():
                yield f"{path}{name}", array
            for name, part in parts.items():
                yield from _weights(part, f"{path}{name}.")
        case list() | tuple():
            for at, part in enumerate(value):
                yield from _weights(part, f"{path}{at}.")
        case _:
            pass


def _arrays(value: Value) -> Iterator[Array]:
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from _arrays(part)
