"""The examples: each checks without a finding, each names its sizes, and each seeded mistake is found where it is.

`seeded/NAME.toml` lists the mistakes of `examples/NAME.ten`: what is replaced and by what, and the one finding that
must follow: its rule, the text that it points `at` (on the `line` that contains this, where the text alone is
ambiguous) and the texts of the places that it names as the `origin`. The line of the mistake itself must be among the
places, unless the mistake is that something is not said.
"""

from __future__ import annotations

import re
import tomllib
from difflib import SequenceMatcher
from pathlib import Path
from typing import NamedTuple

import pytest

from tenuto_analysis import model, modules
from tenuto_analysis.database import Database
from tenuto_analysis.diagnostics.base import Finding
from tenuto_grammar.format import format
from tenuto_grammar.text import Span

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.ten"))
LEFT_OUT = "missing divisibility"  # Or another fact.
KINDS = {"wrong size", "wrong axis order", LEFT_OUT, "wrong dtype", "bad argument"}
WITHOUT_SMALL = {"blog"}  # A program about annotations, not about a checkpoint.


class Mistake(NamedTuple):
    example: str
    kind: str
    why: str
    replace: str
    by: str
    rule: str
    at: str
    line: str
    origin: tuple[str, ...]


def mistakes_of(example: str) -> list[Mistake]:
    """The seeded mistakes of an example."""
    table = tomllib.loads((ROOT / "tests" / "seeded" / f"{example}.toml").read_text(encoding="utf-8"))
    return [
        Mistake(**{"example": example, "line": "", **entry, "origin": tuple(entry.get("origin", ()))})
        for entry in table["mistake"]
    ]


def label(value: object) -> str:
    match value:
        case Path():
            return value.stem
        case Mistake():
            return f"{value.example}: {value.why}"
        case _:
            return str(value)


@pytest.fixture(scope="module")
def database() -> Database:
    """One database for all: `std` is checked once, and a mistake costs the check of one file."""
    return Database()


def found(database: Database, file: str, text: str) -> tuple[Finding, ...]:
    database.set(modules.root, file, str(ROOT / "examples"))
    database.set(modules.file_text, file, text)
    return tuple(model.findings(database, file))


def told(database: Database, finding: Finding) -> str:
    """A finding in one line: the rule, the text that it points at, the message."""
    return f"{finding.rule} at `{pointed(database, finding.file, finding.span)}`: {finding.message}"


def pointed(database: Database, file: str, span: Span) -> str:
    return (modules.file_text(database, file) or "")[span.start : span.end]


def line_of(text: str, offset: int) -> str:
    return text[text.rfind("\n", 0, offset) + 1 :].partition("\n")[0]


def lines_of(text: str, span: Span) -> range:
    return range(text.count("\n", 0, span.start), text.count("\n", 0, span.end) + 1)


def changed_lines(right: str, wrong: str) -> set[int]:
    """The lines of `wrong` that differ; those below them only move."""
    ours, theirs = right.splitlines(), wrong.splitlines()
    changes = SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes()
    return {line for tag, _, _, start, end in changes if tag != "equal" for line in range(start, end)}


@pytest.mark.parametrize("path", EXAMPLES, ids=label)
def test_an_example_checks_without_a_finding(path: Path, database: Database) -> None:
    findings = found(database, str(path), path.read_text(encoding="utf-8"))
    assert [told(database, finding) for finding in findings] == []


@pytest.mark.parametrize("path", EXAMPLES, ids=label)
def test_an_example_stands_in_the_canonical_layout(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert format(text).text == text


@pytest.mark.parametrize("path", [path for path in EXAMPLES if path.stem not in WITHOUT_SMALL], ids=label)
def test_an_example_has_a_published_and_a_small_configuration(path: Path, database: Database) -> None:
    text = path.read_text(encoding="utf-8")
    database.set(modules.file_text, str(path), text)
    constants = [name for name, keyword in modules.offered(database, str(path)).items() if keyword == "const"]
    assert "small" in constants and len(constants) >= 2
    for name in constants:
        assert f"[{name}] " in text or f"[{name}]\n" in text or f"`{name}`" in text, f"`{name}` is not told or deployed"


def test_the_list_of_examples_is_complete_and_says_what_they_say() -> None:
    listed = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(\w+\.ten)\]\(\1\) \|.*\| ([\d,]*) ?\|$", listed, re.MULTILINE)
    assert sorted(file for file, _ in rows) == [path.name for path in EXAMPLES]
    for file, parameters in rows:
        header = (ROOT / "examples" / file).read_text(encoding="utf-8").partition("import")[0].replace("\n#!", "")
        assert parameters in header, file


@pytest.mark.parametrize("example", [path.stem for path in EXAMPLES])
def test_an_example_has_seeded_mistakes(example: str) -> None:
    mistakes = mistakes_of(example)
    assert len(mistakes) >= 5
    assert {mistake.kind for mistake in mistakes} <= KINDS
    assert len({mistake.kind for mistake in mistakes}) >= 4
    assert len({mistake.why for mistake in mistakes}) == len(mistakes)


@pytest.mark.parametrize("mistake", [mistake for path in EXAMPLES for mistake in mistakes_of(path.stem)], ids=label)
def test_a_seeded_mistake_gives_one_finding_where_it_is(mistake: Mistake, database: Database) -> None:
    file = str(ROOT / "examples" / f"{mistake.example}.ten")
    text = Path(file).read_text(encoding="utf-8")
    assert text.count(mistake.replace) == 1
    wrong = text.replace(mistake.replace, mistake.by)
    findings = found(database, file, wrong)
    assert [(finding.rule, pointed(database, file, finding.span)) for finding in findings] == [
        (mistake.rule, mistake.at)
    ], "\n".join(told(database, finding) for finding in findings)
    (finding,) = findings
    assert mistake.line in line_of(wrong, finding.span.start)
    origins = [pointed(database, related.file, related.span) for related in finding.related]
    assert [origin for origin in mistake.origin if origin not in origins] == [], origins
    if mistake.kind != LEFT_OUT:
        places = [finding.span, *(related.span for related in finding.related if related.file == file)]
        assert changed_lines(text, wrong) & {line for place in places for line in lines_of(wrong, place)}
