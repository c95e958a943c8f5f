"""What an editor shows beside a program and offers while it is typed: on whole programs, and on half-typed ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from pathlib import Path

import pytest

from tenuto_analysis import modules
from tenuto_analysis.check import queries
from tenuto_analysis.dtypes import SCALARS
from tenuto_analysis.elaborate.checkpoints import wanted_weights
from tenuto_analysis.insight.entities import EntityKind
from tenuto_analysis.insight.survey import survey
from tenuto_analysis.insight.weight_count import count_of
from tenuto_analysis.types import Reference
from tenuto_grammar.tables import tables
from tenuto_grammar.text import Span
from tenuto_server.features.completion import completions
from tenuto_server.features.hover import hover
from tenuto_server.features.inlay_hints import inlay_hints
from tenuto_server.features.semantic_tokens import semantic_tokens, tokens_of
from tenuto_server.features.signature_help import signature_help
from tenuto_server.features.warming import warm
from tenuto_server.features.words import KEYWORDS, explained
from tenuto_server.reports import Edit
from tenuto_server.texts import Decoded
from tenuto_server.workspace import Workspace
from tests.features.memory import applied
from tests.markdown import programs

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.ten"))
LIBRARY = sorted(modules.STD.glob("*.ten"))
FILE = "/w/main.ten"


def workspace(text: str) -> Workspace:
    """A workspace of one file."""
    return Workspace(
        lambda file: Decoded(text, None) if file == FILE else None, lambda file: "/w", lambda path, root: None
    )


# What a feature is asked at an offset of a file.
AT_A_PLACE: tuple[Callable[[Workspace, str, int], object], ...] = (hover, completions, signature_help)


def cut(text: str) -> Iterator[str]:
    """Texts as they are while somebody types: without their ends, and with holes."""
    for part in range(1, 7):
        end = len(text) * part // 7
        yield text[:end]
        yield text[: end - 3] + text[end + 40 :]


@pytest.mark.parametrize("path", [*EXAMPLES[::3], *LIBRARY[::6]], ids=lambda path: path.stem)
def test_every_place_is_answered(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    whole = workspace(text)
    for offset in range(0, len(text) + 1, 61):
        for feature in AT_A_PLACE:
            feature(whole, FILE, offset)


@pytest.mark.parametrize("path", [EXAMPLES[1], EXAMPLES[-4]], ids=lambda path: path.stem)
def test_half_typed_programs_are_answered(path: Path) -> None:
    for text in cut(path.read_text(encoding="utf-8")):
        broken = workspace(text)
        for offset in range(len(text), max(len(text) - 300, 0), -17):
            for feature in AT_A_PLACE:
                feature(broken, FILE, offset)


# --------------------------------------------------------------------------------------------------------------- hovers


def test_every_word_of_the_language_is_explained() -> None:
    words = {spelling for spelling in tables().spellings if spelling and spelling.isalpha()}
    assert words - KEYWORDS.keys() - {"rule"} == set()


def test_every_dtype_is_explained() -> None:
    assert all(explained(EntityKind.DTYPE, name) for name in (*SCALARS, "float"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_weights_are_counted_as_a_build_counts_them(path: Path) -> None:
    own = workspace(path.read_text(encoding="utf-8"))
    own.load(FILE)
    for name, keyword in modules.offered(own.database, FILE).items():
        wanted = wanted_weights(own.database, FILE, name) if keyword == "deploy" else None
        model = queries.body(own.database, FILE, name).result
        if wanted is not None and isinstance(model, Reference):
            sizes = [[int(str(size)) for size in type_.shape] for _, type_ in wanted]
            count = count_of(own.database, model)
            assert count is not None
            assert count.constant == sum(map(prod, sizes))


def test_a_hover_finds_all_inferred_that_was_warmed() -> None:
    text = EXAMPLES[0].read_text(encoding="utf-8")
    own = workspace(text)
    warm(own, FILE)
    done = len(own.database.executed)
    for offset in range(0, len(text), 97):
        hover(own, FILE, offset)
    assert survey not in {call[0] for call in own.database.executed[done:] if call[1][0] == FILE}


# ---------------------------------------------------------------------------------------------------------------- hints


def taken_over(text: str) -> str:
    """A text with each hint written into it that can be."""
    whole = Span(0, len(text))
    hints = [hint for hint in inlay_hints(workspace(text), FILE, whole) if hint.insert is not None]
    return applied(text, [Edit(hint.at, hint.at, hint.insert or "") for hint in hints])


PROGRAMS = [
    pytest.param(text, id=f"{path.stem}-{index}")
    for path in sorted((Path(__file__).parent / "spec").glob("*.md"))
    for index, text in enumerate(programs(path.read_text(encoding="utf-8")))
    if taken_over(text) != text
]


@pytest.mark.parametrize(
    "text", [*(pytest.param(path.read_text("utf-8"), id=path.stem) for path in EXAMPLES), *PROGRAMS]
)
def test_hints_that_are_taken_over_change_no_finding(text: str) -> None:
    after = taken_over(text)
    found = [(report.rule, report.severity) for report in workspace(text).reports(FILE)]
    assert [(report.rule, report.severity) for report in workspace(after).reports(FILE)] == found


def test_hints_of_a_stretch_are_those_of_the_file_there() -> None:
    text = EXAMPLES[0].read_text(encoding="utf-8")
    own = workspace(text)
    every = [*inlay_hints(own, FILE, Span(0, len(text)))]
    for start in range(0, len(text), 400):
        stretch = Span(start, start + 400)
        assert [*inlay_hints(own, FILE, stretch)] == [hint for hint in every if start <= hint.at <= start + 400]


# --------------------------------------------------------------------------------------------------------------- tokens


@pytest.mark.parametrize("path", [*EXAMPLES, *LIBRARY], ids=lambda path: path.stem)
def test_tokens_stand_in_order_on_their_lines(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    end = 0
    for token in semantic_tokens(workspace(text), FILE):
        assert end <= token.span.start < token.span.end
        assert "\n" not in text[slice(*token.span)]
        end = token.span.end


def test_an_edit_looks_at_one_declaration_again() -> None:
    text = EXAMPLES[-3].read_text(encoding="utf-8")
    texts = {FILE: text}
    own = Workspace(lambda file: Decoded(texts[file], None), lambda file: "/w", lambda path, root: None)
    before = [*semantic_tokens(own, FILE)]
    texts[FILE] = text.replace("\n  return", "\n  # Told.\n  return", 1)
    own.refresh(FILE)
    done = len(own.database.executed)
    assert len([*semantic_tokens(own, FILE)]) == len(before) + 1
    again = [call for call in own.database.executed[done:] if call[0] is tokens_of]
    assert len(again) == 1
