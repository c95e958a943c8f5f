"""The hazards of tests/hazards: runs on adversarial inputs go wrong where the programs are marked, and in no twin."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import count

import pytest

from tenuto_analysis import modules
from tenuto_analysis.database import Database
from tests.adversary import Oracle
from tests.corpus import BUILT_IN, FOLDER, Pair, pairs, pairs_of

EXECUTED = [pair for pair in pairs() if not pair.name.startswith(f"{BUILT_IN}:")]
OTHERS = [(pair, dtype) for pair in EXECUTED for dtype in pair.verdicts if dtype != pair.written()]
DATABASE = Database()
NUMBERS = count(1)


def gone_wrong(text: str) -> list[str]:
    """The operators at which some run of a program's deploy goes wrong, in the order of the text."""
    file = f"/hazards/{next(NUMBERS)}.ten"
    DATABASE.set(modules.root, file, "/hazards")
    DATABASE.set(modules.file_text, file, text)
    deploy = re.search(r"^deploy (\w+)", text, re.MULTILINE)
    assert deploy is not None
    oracle = Oracle(DATABASE, file, deploy[1])
    oracle.search()
    starts = modules.starts(DATABASE, file)
    spans = sorted(place.span.shifted(starts[place.declaration]) for place in oracle.places)
    return [text[span.start : span.end] for span in spans]


def told(found: list[str]) -> str:
    return "at " + ", ".join(f"`{text}`" for text in found) if found else "none"


@pytest.mark.parametrize("pair", EXECUTED, ids=lambda pair: pair.name)
def test_a_hazard_happens_where_it_is_marked_and_never_in_the_twin(pair: Pair) -> None:
    assert sorted(gone_wrong(pair.buggy)) == sorted(pair.marked)
    assert gone_wrong(pair.twin) == []


@pytest.mark.heavy
@pytest.mark.parametrize(("pair", "dtype"), OTHERS, ids=lambda item: item if isinstance(item, str) else item.name)
def test_a_hazard_happens_in_the_dtypes_that_are_told_and_never_in_the_twin(pair: Pair, dtype: str) -> None:
    buggy, twin = pair.in_dtype(dtype)
    assert told(gone_wrong(buggy)) == pair.verdicts[dtype].removeprefix("proved ")
    assert gone_wrong(twin) == []


def test_the_corpus_is_large_and_in_all_dtypes() -> None:
    """At least three programs of each kind; each dtype has programs that go wrong in it, and others that do not."""
    numbers: Mapping[str, int] = {path.stem: len([*pairs_of(path)]) for path in FOLDER.glob("*.md")}
    assert min(numbers.values()) >= 3, numbers
    assert len(numbers) >= 15
    for dtype in ("f32", "bf16", "f16", "f8e4m3"):
        verdicts = [pair.verdicts[dtype] for pair in EXECUTED if dtype in pair.verdicts]
        assert sum(verdict != "none" for verdict in verdicts) >= 20
        assert dtype in ("f16", "f8e4m3") or sum(verdict == "none" for verdict in verdicts) >= 10
