"""The programs in the documentation say what is true: findings stand below their lines, as in the manual."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tenuto_grammar.format import format as format_text
from tests.guide import GUIDES
from tests.markdown import programs, rerun_document
from tests.voice import VOICE, keep_or_fail

DOCS = Path(__file__).parent.parent / "docs"
# The programs of the guides and of the commands' pages are files that commands read there.
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if page.name not in GUIDES and page.parent.name != "commands"]
GRAMMAR = DOCS.parent / "grammar" / "tenuto_grammar" / "tenuto.lark"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_programs_of_a_page_are_laid_out(page: Path) -> None:
    for text in programs(page.read_text(encoding="utf-8")):
        assert format_text(text).text == text


def test_the_reserved_words_are_those_of_the_grammar() -> None:
    (reserved,) = re.findall(r"^NAME: /\(\?!\(\?:([a-z|]+)\)", GRAMMAR.read_text(encoding="utf-8"), re.MULTILINE)
    (told,) = re.findall(r"are reserved: (.*?)\. All", (DOCS / "language.md").read_text(encoding="utf-8"), re.DOTALL)
    assert re.findall(r"`(\w+)`", told) == reserved.split("|")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_true(page: Path, pytestconfig: pytest.Config) -> None:
    document = page.read_text(encoding="utf-8")
    keep_or_fail(page, document, rerun_document(document, VOICE), pytestconfig)
