"""Parameters and operations of the examples are those that PyTorch counts in the public implementations.

`data/flops.json` has what `torch.utils.flop_counter` counted in the runs of `record_examples.py`, on the same inputs.
It counts products alone, a multiplication with its addition as two. Where it counts something else, the test says what.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tenuto_analysis.cost.measure import measured
from tenuto_analysis.dims import Dim
from tenuto_analysis.normal_form import single_atom
from tests.record_examples import COUNTS
from tests.test_elaborate import case_graph
from tests.test_examples_torch import ARRAYS, CASES

COUNTED: Mapping[str, Mapping[str, int]] = json.loads(COUNTS.read_text(encoding="utf-8"))

# Operations that we count and PyTorch does not.
MORE = {
    # Of its 4 experts it counts nothing: their products are one grouped operator, which it does not know. An expert
    # has three products of 32 x 48, in each of 2 layers. Which of 14 tokens it gets only a run knows: we count all.
    "moe": 2 * 4 * 14 * 3 * 2 * 32 * 48,
    # It counts none of what its LSTM computes, for which it has kernels of their own: for each of 21 tokens, in two
    # directions, four gates of 6 units, from 8 inputs and then from 12, and from the 6 units before.
    "lstm_tagger": 21 * 2 * 2 * 4 * 6 * ((8 + 6) + (12 + 6)),
}


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_parameters_and_products_are_those_that_pytorch_counts(case: dict[str, Any]) -> None:
    graph = case_graph(case)
    found = measured(graph, sizes(case))
    assert found.work is not None
    counted = COUNTED[case["example"]]
    assert found.work.products == counted["flops"] + MORE.get(case["example"], 0)
    # What a normalisation has recorded is a weight for us, as it stands in the checkpoint, and a buffer for PyTorch.
    assert found.cost.parameters.constant == counted["parameters"] + counted["statistics"]


def test_every_recorded_example_was_counted() -> None:
    assert set(COUNTED) == set(CASES)


def sizes(case: dict[str, Any]) -> dict[str, int]:
    """The sizes of the recorded inputs; a cache is empty."""
    found = {"P": 0}
    for value, key in zip(case_graph(case).entry.inputs, case["inputs"], strict=False):
        for item, size in zip(value.type.shape, ARRAYS[key].shape, strict=True):
            atom = single_atom(item) if isinstance(item, Dim) else None
            if atom is not None:
                found[str(atom)] = size
    return found
