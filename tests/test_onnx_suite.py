"""ONNX's own node tests: each operator that Tenuto covers agrees in all its cases, and the table of them is true.

A case is a program in Tenuto (see `onnx_suite`). It is checked and elaborated; what it gives as a graph, from its
syntax tree, and as ONNX in onnx's evaluator and in onnxruntime, is what the suite expects, within the suite's own
tolerances (1e-3 relative and 1e-7 absolute where the case says no other; integers and truth values are equal).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.onnx_suite.cases import cases, operators
from tests.onnx_suite.outcome import Outcome, outcomes
from tests.onnx_suite.table import REASONS, TABLE
from tests.voice import keep_or_fail

PAGE = Path(__file__).parent.parent / "docs" / "onnx-operators.md"
MISSING_KERNELS = ("Could not find an implementation", "NumPy has no such dtype")
"""Why onnxruntime may leave a valid model aside."""

ENOUGH = 120


def test_every_operator_of_the_suite_is_said_or_has_a_reason() -> None:
    assert set(TABLE) | set(REASONS) == set(operators())
    assert not set(TABLE) & set(REASONS)
    assert sum(map(len, cases().values())) == 1678
    assert len(operators()) == 196


@pytest.mark.parametrize("operator", sorted(TABLE))
def test_all_cases_of_an_operator_agree(operator: str) -> None:
    found = outcomes(operator)
    assert {outcome.case: outcome.differs for outcome in found if outcome.differs} == {}
    assert any(not outcome.reason for outcome in found)
    assert all(any(known in outcome.unloaded for known in MISSING_KERNELS) for outcome in found if outcome.unloaded)


def test_the_page_says_what_is_covered(request: pytest.FixtureRequest) -> None:
    old = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    keep_or_fail(PAGE, old, page(), request.config)


def page() -> str:
    rows = list(map(row, operators()))
    covered = [operator for operator in operators() if operator in TABLE]
    agreed = sum(len(agreeing(operator)) for operator in covered)
    assert len(covered) >= ENOUGH
    head = (
        "# ONNX's operators in Tenuto\n\n"
        "Each case of ONNX's node suite (onnx 1.21) that Tenuto's types can express, written as a program and run in\n"
        "four ways: as a typed graph, from the syntax tree, and as ONNX in onnx's evaluator and in onnxruntime. This\n"
        "page is written by `tests/test_onnx_suite.py`.\n\n"
        f"{len(covered)} of {len(rows)} operators are covered, {agreed} of "
        f"{sum(map(len, cases().values()))} cases agree; the others are not said, for the reasons given.\n\n"
        "| operator | covered by | cases | reason where not |\n| --- | --- | --- | --- |\n"
    )
    return head + "".join(rows)


def row(operator: str) -> str:
    if operator in REASONS:
        return f"| {operator} | - | 0/{len(cases().get(operator, ()))} | {REASONS[operator]} |\n"
    found = outcomes(operator)
    said = agreeing(operator)
    uses = sorted(frozenset().union(*(outcome.uses for outcome in said)))
    words = ", ".join(f"`{name}`" for name in uses) or "the language itself"
    return f"| {operator} | {words} | {len(said)}/{len(found)} | {'; '.join(reasons(operator))} |\n"


def agreeing(operator: str) -> list[Outcome]:
    return [outcome for outcome in outcomes(operator) if not outcome.reason and not outcome.differs]


def reasons(operator: str) -> Iterator[str]:
    """Each reason once, with the number of cases that it stands for."""
    found = [outcome.reason for outcome in outcomes(operator) if outcome.reason]
    for reason in sorted(set(found)):
        yield f"{reason} ({found.count(reason)})"
