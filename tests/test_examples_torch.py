"""The examples compute what the public implementations of their architectures compute, from weights of the same names.

`data/examples.npz` holds the results of transformers, timm and PyTorch (see `record_examples.py`). A model has exactly
the weights that the public one has: one too many or one too few fails.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tenuto_backend.reference.interpret import deployed, invoke, start
from tenuto_backend.reference.program import program
from tenuto_backend.reference.values import Array, Instance, RecordValue, Run, Value
from tests.record_examples import RECORD, weight

EXAMPLES = Path(__file__).parent.parent / "examples"
with np.load(RECORD) as _record:
    ARRAYS: dict[str, Array] = dict(_record)
CASES: dict[str, dict[str, Any]] = {case["example"]: case for case in json.loads(str(ARRAYS.pop("index")))}
KEY_HEADS = {"gpt2": 4, "llama": 2}  # The two that have a cache; a head has 8 features.


def empty_cache(example: str, batch: int) -> list[Value]:
    """The cache of two layers that have read nothing."""
    nothing = np.zeros((batch, KEY_HEADS[example], 0, 8), np.float32)
    return [RecordValue("Past", {"keys": nothing, "values": nothing}) for _ in range(2)]


def weights(model: Instance, path: str = "") -> Iterator[tuple[Instance, str, str]]:
    """Each weight: its owner, its name there, its path."""
    for name in model.weights:
        yield model, name, path + name
    for name, part in model.parts.items():
        if isinstance(part, Instance):
            yield from weights(part, f"{path}{name}.")
        elif isinstance(part, list):
            for place, item in enumerate(part):
                if isinstance(item, Instance):
                    yield from weights(item, f"{path}{name}.{place}.")


def loaded(case: dict[str, Any], given: list[Value]) -> tuple[Run, Instance]:
    """The example's model with the weights of its names; they come to be in a first run, on the same inputs."""
    example = case["example"]
    run = start(program({example: (EXAMPLES / f"{example}.ten").read_text(encoding="utf-8")}))
    model = deployed(run, example, case["deploy"])
    assert isinstance(model, Instance)
    invoke(run, model, given)
    owned = list(weights(model))
    assert sorted(path for _, _, path in owned) == case["weights"]
    for owner, name, path in owned:
        owner.weights[name] = weight(path, owner.weights[name].shape)
    return run, model


def given_to(case: dict[str, Any]) -> list[Value]:
    example = case["example"]
    given: list[Value] = [ARRAYS[key] for key in case["inputs"]]
    return [*given, empty_cache(example, 2)] if example in KEY_HEADS else given


def assert_same(ours: Value, theirs: Array) -> None:
    assert isinstance(ours, np.ndarray)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=2e-5 * float(np.abs(theirs).max()))


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_an_example_computes_what_its_public_implementation_does(case: dict[str, Any]) -> None:
    given = given_to(case)
    run, model = loaded(case, given)
    result = invoke(run, model, given)
    results = list(result) if isinstance(result, tuple) else [result]
    if case["example"] in KEY_HEADS:
        results.pop()  # The grown cache: tested below by what it is good for.
    for ours, theirs in zip(results, case["results"], strict=True):
        assert_same(ours, ARRAYS[theirs])


@pytest.mark.parametrize("example", sorted(KEY_HEADS))
def test_reading_a_text_in_two_parts_gives_what_reading_it_at_once_does(example: str) -> None:
    case = CASES[example]
    run, model = loaded(case, given_to(case))
    ids = ARRAYS[case["inputs"][0]]
    first = invoke(run, model, [ids[:, :4], empty_cache(example, len(ids))])
    assert isinstance(first, tuple)
    second = invoke(run, model, [ids[:, 4:], first[1]])
    assert isinstance(second, tuple)
    parts = [part for part in (first[0], second[0]) if isinstance(part, np.ndarray)]
    assert_same(np.concatenate(parts, axis=1), ARRAYS[case["results"][0]])
