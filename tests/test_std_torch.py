"""The standard library computes what PyTorch computes, from weights under PyTorch's names.

`data/torch.npz` holds PyTorch's own results (see `record_torch.py`). A layer gets exactly the weights of PyTorch's
layer: one too many or one too few fails.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tenuto_backend.reference.interpret import definition, invoke, start
from tenuto_backend.reference.program import program
from tenuto_backend.reference.values import Array, Instance, Value
from tests.record_torch import RECORD

with np.load(RECORD) as _record:
    ARRAYS: dict[str, Array] = dict(_record)
CASES: list[dict[str, Any]] = json.loads(str(ARRAYS.pop("index")))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_result_is_pytorchs(case: dict[str, Any]) -> None:
    run = start(program({}))
    file = "std.nn" if case["name"][0].isupper() else "std"
    target = definition(run, file, case["name"], case["generics"])
    positional = [argument(value) for value in case["positional"]]
    named = {name: argument(value) for name, value in case["named"].items()}
    if isinstance(target, Instance):
        invoke(run, target, positional, named)  # The first run draws the weights that then are replaced.
        given = {name: ARRAYS[value["array"]] for name, value in case["weights"].items()}
        load(target, given, "")
        assert given == {}
    result = invoke(run, target, positional, named)
    results = result if isinstance(result, tuple) else (result,)
    for ours, theirs in zip(results, case["results"], strict=True):
        assert isinstance(ours, np.ndarray)
        expected = ARRAYS[theirs["array"]]
        assert ours.shape == expected.shape
        np.testing.assert_allclose(ours, expected, rtol=3e-5, atol=3e-5)


def argument(value: Any) -> Value:
    found: Value = ARRAYS[value["array"]] if isinstance(value, dict) else value
    return found


def load(model: Instance, given: dict[str, Array], path: str) -> None:
    """Replace every weight of `model` by the one of its name, which is taken out of `given`."""
    for name in model.weights:
        model.weights[name] = given.pop(path + name)
    for name, part in model.parts.items():
        if isinstance(part, Instance):
            load(part, given, f"{path}{name}.")
