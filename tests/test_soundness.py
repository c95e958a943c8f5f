"""What the checker accepts holds: random programs are run, and their real shapes are the inferred ones."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from os import cpu_count

import pytest

from tenuto_analysis import dims, types
from tenuto_analysis.database import Database
from tenuto_backend.reference.program import program
from tests.generate.soundness import Outcome, Verdict, case, disagreement, inferred_types, judge


def verdicts(seeds: range) -> list[Verdict]:
    db = Database()
    return [judge(db, seed) for seed in seeds]


def larger(value: types.Value) -> types.Value:
    """A type that is wrong by one in its first size."""
    match value:
        case types.Tensor(shape=(dims.Dim() as first, *rest)):
            return types.Tensor(value.dtype, (first + 1, *rest))
        case _:
            return value


def test_a_wrong_inference_is_noticed() -> None:
    db, noticed = Database(), 0
    for seed in range(0, 80, 2):
        if judge(db, seed).outcome is Outcome.ACCEPTED:
            text, _ = case(seed)
            wrong = {place: [larger(kind) for kind in kinds] for place, kinds in inferred_types(db).items()}
            noticed += bool(disagreement(program({"main": text}), wrong, seed))
    assert noticed >= 20


def assert_sound(found: list[Verdict]) -> None:
    wrong = [verdict.report for verdict in found if verdict.outcome is Outcome.UNSOUND]
    assert not wrong, "\n\n".join(wrong[:3])
    # Neither side of the test may be empty: most right programs are accepted, most perturbed ones are not.
    counts = Counter((verdict.perturbed, verdict.outcome) for verdict in found)
    assert counts[False, Outcome.ACCEPTED] >= 0.8 * sum(not verdict.perturbed for verdict in found)
    assert counts[True, Outcome.REFUSED] >= 0.5 * sum(verdict.perturbed for verdict in found)


def test_random_programs_that_are_accepted_have_the_inferred_shapes() -> None:
    assert_sound(verdicts(range(300)))


@pytest.mark.heavy
def test_ten_thousand_random_programs_that_are_accepted_have_the_inferred_shapes() -> None:
    parts = [range(first, first + 250) for first in range(300, 10_300, 250)]
    with ProcessPoolExecutor(cpu_count()) as pool:
        assert_sound([verdict for part in pool.map(verdicts, parts) for verdict in part])
