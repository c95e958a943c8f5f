"""What is lost where weights are stored in small numbers: in each of them, and in what a model gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from msgspec import Struct

from tenuto_backend import evaluate
from tenuto_backend.build import Program
from tenuto_backend.passes.scales import stored_in
from tenuto_backend.reference.values import Array
from tenuto_backend.weights.mapped import read
from tenuto_backend.weights.quantised import back, of_weight


class WeightLoss(Struct, frozen=True):
    """How far a stored weight is from the numbers that it is made of; `relative` is the length of the difference."""

    path: str
    type: str
    largest: float
    rms: float
    relative: float


class OutputLoss(Struct, frozen=True):
    """How far an output is from that of the same model with its weights as floats; `cosine` is 1 where they agree."""

    name: str
    cosine: float
    largest: float


def of_weights(made: Program) -> Iterator[WeightLoss]:
    """One for each weight that is stored quantised, in the order of the model."""
    for item in stored_in(made.graph):
        exact = read(made.floats[item.path]).astype(np.float64)
        difference = back(of_weight(made.floats, item), item.dtype).astype(np.float64) - exact
        length = float(np.linalg.norm(exact))
        yield WeightLoss(
            item.path,
            str(item.type),
            float(np.max(np.abs(difference), initial=0.0)),
            float(np.sqrt(np.mean(np.square(difference)))) if difference.size else 0.0,
            float(np.linalg.norm(difference)) / length if length else 0.0,
        )


def of_outputs(made: Program, exact: Program, inputs: Sequence[Array], names: Sequence[str]) -> Iterator[OutputLoss]:
    """One for each output of floats, on these inputs, by our evaluator."""
    found, wanted = (
        evaluate.run(item.graph, inputs, {path: read(array) for path, array in item.weights.items()})
        for item in (made, exact)
    )
    for name, ours, theirs in zip(names, found, wanted, strict=True):
        if theirs.dtype.kind in "biu":
            continue
        a, b = ours.astype(np.float64).reshape(-1), theirs.astype(np.float64).reshape(-1)
        lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
        cosine = float(a @ b) / lengths if lengths else 1.0
        yield OutputLoss(name, cosine, float(np.max(np.abs(a - b), initial=0.0)))
