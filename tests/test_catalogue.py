"""Every rule is a class with a page of its name; every page tells the truth about a program that breaks the rule and
one that keeps it.
"""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from tenuto_analysis import diagnostics
from tenuto_analysis.diagnostics.base import Diagnostic
from tenuto_analysis.diagnostics.deploys import CannotBuild
from tenuto_analysis.diagnostics.ranges import UnknownRange
from tenuto_server.texts import INVALID_UTF8
from tests.markdown import UNNAMED, Program, programs, rerun_document, weights
from tests.voice import VOICE, keep_or_fail, reports

PAGES = Path(inspect.getfile(Diagnostic)).parent / "explain"
RULES = [diagnostic.rule for diagnostic in diagnostics.CATALOGUE]

# What a check of a program does not show: it is about bytes, found before there is a text, about building, or it is
# told only where somebody asks for it.
WITHOUT_EXAMPLE = {INVALID_UTF8, CannotBuild.rule, UnknownRange.rule}

# Python has a `SyntaxError` of its own.
CALLED_OTHERWISE = {"SyntaxProblem": "SyntaxError"}


def rule_of(diagnostic: type[Diagnostic]) -> str:
    return diagnostic.rule


@pytest.mark.parametrize("diagnostic", diagnostics.CATALOGUE, ids=rule_of)
def test_a_diagnostic_is_named_like_its_class_and_says_what_it_is(diagnostic: type[Diagnostic]) -> None:
    name = CALLED_OTHERWISE.get(diagnostic.__name__, diagnostic.__name__)
    assert diagnostic.rule.replace("-", "") == name.lower()
    assert diagnostic.__doc__ and not diagnostic.__doc__.startswith(f"{diagnostic.__name__}("), "say what it means"


def test_rules_are_unique_and_each_has_a_page() -> None:
    assert sorted(RULES) == sorted(set(RULES))
    assert sorted(page.stem for page in PAGES.glob("*.md")) == sorted({*RULES, INVALID_UTF8})


@pytest.mark.parametrize("page", sorted(PAGES.glob("*.md")), ids=lambda page: page.stem)
def test_a_page_is_true(page: Path, pytestconfig: pytest.Config) -> None:
    document = page.read_text(encoding="utf-8")
    assert document.startswith(f"# {page.stem}\n\n")
    keep_or_fail(page, document, rerun_document(document, VOICE), pytestconfig)
    if page.stem in WITHOUT_EXAMPLE:
        return
    beside = weights(document)
    found = [
        {item.rule for item in reports(Program(UNNAMED, {UNNAMED: text, **beside}))} for text in programs(document)
    ]
    assert any(page.stem in rules for rules in found), "show a program that breaks the rule"
    assert any(not rules for rules in found), "show a program that keeps it"
