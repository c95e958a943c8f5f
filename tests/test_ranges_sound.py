"""Ranges hold: random programs run on inputs inside of what they declare, and every value is watched."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from os import cpu_count

import pytest

from tenuto_analysis.database import Database
from tests.generate.watched import Outcome, Verdict, accepted, judge

BLOCK = 250


def verdicts(seeds: range) -> list[Verdict]:
    db = Database()
    return [judge(db, seed) for seed in seeds]


def wrong(found: list[Verdict]) -> list[str]:
    return [item.report for item in found if item.outcome in (Outcome.OUTSIDE, Outcome.UNFLAGGED, Outcome.REFUSED)]


def assert_telling(found: list[Verdict]) -> None:
    """Neither all programs may be right nor all wrong, and what is right is seldom accused."""
    counts = Counter(item.outcome for item in found)
    assert counts[Outcome.FLAGGED] >= 0.15 * len(found), counts
    assert counts[Outcome.FINITE] >= 0.4 * len(found), counts
    assert counts[Outcome.CAREFUL] <= 0.2 * len(found), counts


def test_the_programs_are_right() -> None:
    db = Database()
    assert all(accepted(db, seed) for seed in range(40))


def test_every_value_lies_in_its_range_and_no_nan_is_unflagged() -> None:
    found = verdicts(range(300))
    assert not wrong(found), "\n\n".join(wrong(found)[:3])
    assert_telling(found)


@pytest.mark.heavy
def test_no_value_of_ten_thousand_programs_leaves_its_range() -> None:
    parts = [range(first, first + BLOCK) for first in range(0, 10_000, BLOCK)]
    with ProcessPoolExecutor(cpu_count()) as pool:
        found = [verdict for part in pool.map(verdicts, parts) for verdict in part]
    assert not wrong(found), "\n\n".join(wrong(found)[:5])
    assert_telling(found)
