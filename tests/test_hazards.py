"""The hazards of tests/hazards: runs on adversarial inputs go wrong where the programs are marked, and in no twin.

What the check says of them is in those files, which are tests too; here it is held against the runs, in all dtypes, and
its fixes are tried.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import count
from pathlib import Path

import pytest

from tenuto_analysis import modules
from tenuto_analysis.diagnostics import CATALOGUE
from tenuto_analysis.diagnostics.ranges import RangeProblem
from tenuto_server.reports import Report
from tenuto_server.texts import Decoded
from tenuto_server.workspace import Workspace
from tests.adversary import Oracle
from tests.corpus import BUILT_IN, FOLDER, Pair, pairs, pairs_of

EXECUTED = [pair for pair in pairs() if not pair.name.startswith(f"{BUILT_IN}:")]
RUN = [next(pairs_of(path)) for path in sorted(FOLDER.glob("*.md")) if path.stem != BUILT_IN]
"""One of each kind: those that are run with every change."""
IN_DTYPES = [(pair, dtype) for pair in EXECUTED for dtype in pair.verdicts]
TEXTS: dict[str, str] = {}
WORKSPACE = Workspace(lambda file: Decoded(TEXTS[file], None) if file in TEXTS else None, lambda file: "/hazards")
NUMBERS = count(1)

UNMENDED = (
    *("accumulator: A quantised layer that is too wide", "cancellation: A counter that stops"),
    *("cancellation: A weight that never moves", "cancellation: An average that never forgets"),
    *("accumulator: The brightness of an image", "accumulator: The length of a document"),
    *("infinities: The margin of a beam search", "infinities: A loss that a mask shall drop"),
    *("infinities: The ratio of two distances", "masked-rows: The pointer of a decoder"),
    *("masked-rows: Pooling by attention", "overflow: The squared error of a regression"),
    "overflow: A hidden state that doubles",
)
"""What only who knows what is meant can mend: another dtype for the result, another formula."""


def checked(text: str) -> tuple[str, tuple[Report, ...]]:
    """A program as a file, and what is found in it."""
    file = f"/hazards/{next(NUMBERS)}.ten"
    TEXTS[file] = text
    return file, WORKSPACE.reports(file)


def found(text: str, severity: str) -> list[str]:
    """The operators at which the check finds something of a severity."""
    _, reports = checked(text)
    return [*dict.fromkeys(text[item.start : item.end] for item in reports if item.severity == severity)]


def gone_wrong(text: str) -> list[str]:
    """The operators at which some run of a program's deploy goes wrong, in the order of the text."""
    file, _ = checked(text)
    deploy = re.search(r"^deploy (\w+)", text, re.MULTILINE)
    assert deploy is not None
    oracle = Oracle(WORKSPACE.database, file, deploy[1])
    oracle.search()
    starts = modules.starts(WORKSPACE.database, file)
    spans = sorted(place.span.shifted(starts[place.declaration]) for place in oracle.places)
    return [*dict.fromkeys(text[span.start : span.end] for span in spans)]


def verdict(text: str) -> str:
    """What the check says of a program: where it is proved to go wrong, and where it may."""
    told = (("proved", found(text, "error")), ("possible", found(text, "warning")))
    said = (f"{word} at {', '.join(f'`{place}`' for place in places)}" for word, places in told if places)
    return "; ".join(said) or "none"


@pytest.mark.parametrize("pair", RUN, ids=lambda pair: pair.name)
def test_a_hazard_happens_where_it_is_marked_and_never_in_the_twin(pair: Pair) -> None:
    happens(pair)


@pytest.mark.heavy
@pytest.mark.parametrize("pair", [pair for pair in EXECUTED if pair not in RUN], ids=lambda pair: pair.name)
def test_every_hazard_happens_where_it_is_marked_and_never_in_the_twin(pair: Pair) -> None:
    happens(pair)


def happens(pair: Pair) -> None:
    happened = gone_wrong(pair.buggy)
    assert happened
    assert set(happened) <= set(pair.marked)
    assert gone_wrong(pair.twin) == []


@pytest.mark.parametrize("pair", EXECUTED, ids=lambda pair: pair.name)
def test_a_hazard_is_found_where_it_is_marked_and_never_in_the_twin(pair: Pair) -> None:
    assert set(found(pair.buggy, "error")) == set(pair.marked)
    assert verdict(pair.twin) == "none"


@pytest.mark.parametrize(("pair", "dtype"), IN_DTYPES, ids=lambda item: item if isinstance(item, str) else item.name)
def test_the_verdict_in_a_dtype_is_the_one_that_is_told(pair: Pair, dtype: str) -> None:
    buggy, twin = pair.in_dtype(dtype)
    assert verdict(buggy) == pair.verdicts[dtype]
    assert verdict(twin) == "none"


@pytest.mark.heavy
@pytest.mark.parametrize(("pair", "dtype"), IN_DTYPES, ids=lambda item: item if isinstance(item, str) else item.name)
def test_the_verdict_in_a_dtype_is_what_runs_confirm(pair: Pair, dtype: str) -> None:
    buggy, twin = pair.in_dtype(dtype)
    happened = gone_wrong(buggy)
    assert bool(happened) == ("proved" in pair.verdicts[dtype])
    assert all(f"`{place}`" in pair.verdicts[dtype] for place in happened)
    assert gone_wrong(twin) == []


def mended(text: str) -> list[str]:
    """What is left to be found once the first fix of each finding is applied, one after another."""
    for _ in range(3):
        _, reports = checked(text)
        left = [report for report in reports if report.fixes]
        if not left:
            return [report.rule for report in reports]
        for edit in sorted(left[0].fixes[0].edits, key=lambda edit: -edit.start):
            text = text[: edit.start] + edit.text + text[edit.end :]
    return [report.rule for report in checked(text)[1]]


@pytest.mark.parametrize("pair", [pair for pair in EXECUTED if pair.name not in UNMENDED], ids=lambda pair: pair.name)
def test_the_first_fix_mends_a_hazard(pair: Pair) -> None:
    assert mended(pair.buggy) in ([], ["unmet-requirement"])


EXAMPLES = Path(__file__).parent.parent / "examples"
OF_RANGES = frozenset(item.rule for item in CATALOGUE if issubclass(item, RangeProblem))


@pytest.mark.heavy
@pytest.mark.parametrize("policy", ["f32", "bf16", "f16", "mixed"])
def test_no_example_is_accused_under_any_policy(policy: str) -> None:
    texts: dict[str, str] = {}
    for path in EXAMPLES.glob("*.ten"):
        if path.stem == "blog":  # Its types ask for one policy.
            continue
        text = re.sub(r"^  precision: [^\n]*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        texts[str(path)] = re.sub(r"(\n  weights: )", rf"\n  precision: {policy},\1", text)
    workspace = Workspace(
        lambda file: Decoded(texts[file], None) if file in texts else None, lambda file: str(EXAMPLES)
    )
    found = [report for file in texts for report in workspace.reports(file)]
    assert not [(report.rule, report.message) for report in found if report.severity == "error"]
    assert not [report for report in found if report.rule in OF_RANGES]


def test_the_corpus_is_large_and_in_all_dtypes() -> None:
    """At least three programs of each kind; each dtype has programs that go wrong in it, and others that do not."""
    numbers: Mapping[str, int] = {path.stem: len([*pairs_of(path)]) for path in FOLDER.glob("*.md")}
    assert min(numbers.values()) >= 3, numbers
    assert len(numbers) >= 15
    for dtype in ("f32", "bf16", "f16", "f8e4m3"):
        verdicts = [pair.verdicts[dtype] for pair in EXECUTED if dtype in pair.verdicts]
        assert sum(verdict != "none" for verdict in verdicts) >= 20
        assert dtype in ("f16", "f8e4m3") or sum(verdict == "none" for verdict in verdicts) >= 10
