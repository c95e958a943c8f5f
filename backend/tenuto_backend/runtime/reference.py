"""Runs without a runtime of ONNX: a deploy through its typed graph in NumPy, an artifact through onnx's own evaluator.

A deploy's graph is run, not its syntax tree: it is what the artifact is made of, its weights come by path from the same
file, and it holds every value against its type. The interpreter of syntax trees draws weights of its own; it is the
oracle of the tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import inliner, shape_inference
from onnx.reference import ReferenceEvaluator

from tenuto_analysis.database import Database
from tenuto_backend import evaluate
from tenuto_backend.build import Program
from tenuto_backend.reference.values import Array
from tenuto_backend.runtime.base import RunError, Runner
from tenuto_backend.weights.mapped import read


def of_program(database: Database, made: Program) -> Runner:
    weights = {path: read(array) for path, array in made.weights.items()}
    return lambda inputs: evaluate.run(made.graph, inputs, weights)


def of_model(path: Path) -> Runner:
    try:
        # It runs operators such as Gelu by their bodies, which it finds where functions are inlined and types known.
        model = inliner.inline_local_functions(onnx.load_model(str(path)))
        evaluator = ReferenceEvaluator(shape_inference.infer_shapes(model))
    except Exception as error:  # It raises what its parts raise.
        raise RunError(f"onnx's evaluator cannot load `{path}`: {error}") from error

    def run(inputs: Sequence[Array]) -> tuple[Array, ...]:
        try:
            found = evaluator.run(None, dict(zip(evaluator.input_names, inputs, strict=True)))
        except Exception as error:
            raise RunError(f"onnx's evaluator cannot run `{path}`: {error}") from error
        return tuple(map(np.asarray, found))

    return run
