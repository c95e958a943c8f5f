"""A case's program, and the ways to run it: checked, as a graph, from the syntax tree, and as ONNX runs it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from tenuto_analysis import model, modules
from tenuto_analysis.database import Database
from tenuto_analysis.diagnostics.base import Severity
from tenuto_analysis.elaborate.deploys import elaborate
from tenuto_analysis.graph import Graph
from tenuto_analysis.verify import verify
from tenuto_backend import evaluate
from tenuto_backend.onnx.emit import emit
from tenuto_backend.onnx.options import Options
from tenuto_backend.onnx.save import with_weights
from tenuto_backend.reference import interpret, program
from tenuto_backend.reference.values import Array, Instance, Value
from tests.one_node import accept, in_onnxruntime, in_reference
from tests.onnx_suite.cases import Case
from tests.onnx_suite.saying import Said, type_of

FILE = "/workspace/suite.ten"


class Program:
    """What a case says, as text; `inputs` are the numbers of the node's inputs that it reads."""

    def __init__(self, case: Case, said: Said) -> None:
        found = {int(at) for at in re.findall(r"\bx(\d+)\b", said.body)}
        self.inputs = sorted(found)
        self.weights = said.weights
        parameters = ", ".join(
            f"x{at}: {type_of(case.given(at))}{f' within {said.within[at]}' if at in said.within else ''}"
            for at in self.inputs
        )
        params = "".join(f"  param {name}: {type_of(array)} = zeros\n" for name, array in said.weights.items())
        body = said.body if re.search(r"\breturn\b", said.body) else f"return {said.body}"
        self.text = (
            f"{said.above}model Case({parameters}) {{\n{params}  {body}\n}}\n\n"
            "deploy case = Case { weights: init(seed = 0) }\n"
        )

    def arrays(self, case: Case) -> list[Array]:
        return [np.array(case.given(at)) for at in self.inputs]


def graph_of(database: Database, text: str) -> Graph:
    """The graph of the deploy; a finding of the check is an error."""
    database.set(modules.file_text, FILE, text)
    errors = [f.message for f in model.quick_findings(database, FILE) if f.severity is Severity.ERROR]
    assert not errors, errors
    return verify(elaborate(database, FILE, "case"))


def as_graph(graph: Graph, arrays: Sequence[Array], weights: Mapping[str, Array]) -> list[Array]:
    return [np.asarray(result) for result in evaluate.run(graph, arrays, weights)]


def as_tree(text: str, arrays: Sequence[Array], weights: Mapping[str, Array]) -> list[Array]:
    run = interpret.start(program.program({"suite": text}))
    target = interpret.deployed(run, "suite", "case")
    if isinstance(target, Instance):
        target.weights.update(weights)
    return _flat(interpret.invoke(run, target, list(arrays)))


def _flat(value: Value) -> list[Array]:
    if isinstance(value, tuple | list):
        return [array for part in value for array in _flat(part)]
    return [np.asarray(value)]


def as_onnx(
    database: Database, graph: Graph, arrays: Sequence[Array], weights: Mapping[str, Array], options: Options
) -> dict[str, list[Array] | str]:
    """What each of ONNX's implementations gives; the reason where one does not load the model."""
    written = with_weights(emit(database, graph, options), weights)
    accept(written)
    feeds = dict(zip((info.name for info in written.graph.input), arrays, strict=True))
    found: dict[str, list[Array] | str] = {"onnx": list(map(np.asarray, in_reference(written).run(None, feeds)))}
    if any(tensor.dtype.isbuiltin != 1 for tensor in (*arrays, *found["onnx"])):
        found["onnxruntime"] = "NumPy has no such dtype of its own"
        return found
    try:
        session = in_onnxruntime(written)
    except Exception as error:
        found["onnxruntime"] = f"does not load: {error}"
    else:
        found["onnxruntime"] = list(map(np.asarray, session.run(None, feeds)))
    return found
