"""Random programs mean one thing: as syntax tree, as graph before and after the passes, and as ONNX."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from os import cpu_count

import pytest

from tenuto_analysis.database import Database
from tests.generate.lowered import compared

BLOCK = 200


def runs(seeds: range, peer: bool = False) -> list[int]:
    db = Database()
    return [compared(db, seed, peer) for seed in seeds]


def assert_many(found: list[int]) -> None:
    """A test of refused programs would hold nothing."""
    assert sum(count >= 2 for count in found) >= 0.8 * len(found)


def test_random_programs_mean_one_thing_however_they_are_run() -> None:
    assert_many(runs(range(300)))


def test_random_programs_mean_the_same_in_the_evaluator_of_onnx() -> None:
    assert_many(runs(range(300, 340), peer=True))


@pytest.mark.heavy
@pytest.mark.parametrize("first", range(1_000, 6_000, 1_000))
def test_thousands_of_random_programs_mean_one_thing_however_they_are_run(first: int) -> None:
    parts = [range(start, start + BLOCK) for start in range(first, first + 1_000, BLOCK)]
    with ProcessPoolExecutor(cpu_count()) as pool:
        assert_many([count for part in pool.map(partial(runs, peer=first == 1_000), parts) for count in part])
