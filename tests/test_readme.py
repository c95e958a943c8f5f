"""What the documentation shows is what happens: the README's program and its picture, the tour, the links."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.command import Command
from tests.markdown import UNNAMED, Program, programs
from tests.picture import PICTURE, draw
from tests.voice import formatted, keep_or_fail, reports

ROOT = Path(__file__).parent.parent
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")), ROOT / "examples" / "README.md"]
TOUR = sorted((ROOT / "docs" / "tour").glob("*.ten"))


def page_name(path: Path) -> str:
    return path.name


def test_the_programs_of_the_readme_are_clean_and_laid_out() -> None:
    found = programs((ROOT / "README.md").read_text(encoding="utf-8"))
    assert found
    for text in found:
        program = Program(UNNAMED, {UNNAMED: text})
        assert reports(program) == ()
        assert formatted(program) == text


def test_the_picture_is_true(pytestconfig: pytest.Config) -> None:
    keep_or_fail(PICTURE, PICTURE.read_text(encoding="utf-8"), draw(), pytestconfig)


@pytest.mark.parametrize("program", TOUR, ids=page_name)
def test_every_program_of_the_tour_has_its_mistake(program: Path, tenuto: Command) -> None:
    document = json.loads(tenuto("check", str(program), "--format", "json").out)
    assert len(document["findings"]) == 1
    assert document["findings"][0]["help"], "the tour shows what to do"


def test_the_tour_is_laid_out(tenuto: Command) -> None:
    assert tenuto("fmt", "--check", *map(str, TOUR)).code == 0


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert link.startswith("https://") or (page.parent / link).exists(), link
