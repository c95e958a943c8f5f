"""Parsing is total: any text gives a result, quickly, and the result covers the text."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenuto_grammar.chunks import KEYWORDS, split, split_again
from tenuto_grammar.format import format
from tenuto_grammar.lexer import tokenize
from tenuto_grammar.parse import DEEPEST, Module, parse, parse_chunk
from tenuto_grammar.problems import ProblemKind
from tenuto_grammar.syntax import Import, Node, children, same

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*(ROOT / "examples").glob("*.ten"), *(ROOT / "analysis/tenuto_analysis/std").glob("*.ten")])
CHUNKS = [c.text for path in SOURCES for c in split(path.read_text(encoding="utf-8")) if c.keyword is not None]


def is_sound(text: str) -> Module:
    """Parse, and check what holds for any text: the chunks are the text, spans lie in theirs, no node is too deep."""
    module = parse(text)
    assert "".join(chunk.text for chunk in module.chunks) == text
    start = 0
    for chunk, parsed in zip(module.chunks, module.parsed, strict=True):
        assert chunk.start == start
        start += len(chunk.text)
        for problem in parsed.problems:
            assert 0 <= problem.span.start <= problem.span.end <= len(chunk.text)
            assert problem.message and not problem.message.endswith(".")
        if parsed.declaration is not None:
            assert chunk.keyword in KEYWORDS
            nodes_are_sound(parsed.declaration, len(chunk.text))
    return module


def nodes_are_sound(root: Node, length: int) -> None:
    waiting: list[tuple[Node, int]] = [(root, 1)]
    while waiting:
        node, depth = waiting.pop()
        assert 0 <= node.span.start <= node.span.end <= length, node
        assert depth <= DEEPEST + 5, "a definition, its block, a statement and its block may lie above the deepest node"
        waiting.extend((child, depth + 1) for child in children(node))


def prefixes_and_deletions(chunk: str, choice: random.Random, share: float) -> None:
    for end in range(len(chunk)):
        if choice.random() < share:
            is_sound(chunk[:end])
    for start, end in tokenize(chunk).spans:
        if choice.random() < share:
            is_sound(chunk[:start] + chunk[end:])


def test_prefixes_and_deletions() -> None:
    choice = random.Random(1)
    for chunk in choice.sample(CHUNKS, 40):
        prefixes_and_deletions(chunk, choice, 0.1)


@pytest.mark.heavy
@pytest.mark.parametrize("index", range(40))
def test_every_prefix_and_every_deletion(index: int) -> None:
    choice = random.Random(index)
    for chunk in CHUNKS[index::40]:
        prefixes_and_deletions(chunk, choice, 1.0)


PIECES = (
    "fn f() = 1\n",
    "fn",
    "import a { b }\n",
    "\n",
    "\r",
    "\r\n",
    "# c\n",
    "#! d\n",
    "  # e\n",
    " ",
    "let x = 1\n",
    "}\n",
    "\ufeff",
)


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PIECES), min_size=20, max_size=60), st.data())
def test_a_text_is_cut_again_as_from_the_start(pieces: list[str], data: st.DataObject) -> None:
    text = "".join(pieces)
    chunks = split(text)
    for _ in range(5):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 30)))
        text = text[:start] + "".join(data.draw(st.lists(st.sampled_from(PIECES), max_size=4))) + text[end:]
        chunks = split_again(chunks, text)
        assert chunks == split(text)


@given(st.text())
def test_any_text(text: str) -> None:
    is_sound(text)


@given(st.binary(), st.sampled_from(["surrogateescape", "replace"]))
def test_any_bytes(content: bytes, errors: str) -> None:
    is_sound(content.decode("utf-8", errors))


WORDS = [*KEYWORDS, "let", "return", "if", "else", "for", "in", "x", "f", "1", "2.5", '"s"', "#c\n", "\n", "\n  ", "'"]
MARKS = [*"(){}[],:=.+-*/@?", "..", "->", "|>", "==", "**", "\ufeff", "\r", "\r\n", "\0", "ö"]


@settings(deadline=None)
@given(st.lists(st.sampled_from([*WORDS, *MARKS]), max_size=40))
def test_any_tokens(words: list[str]) -> None:
    is_sound(" ".join(words))
    is_sound("fn f() {\n" + "".join(f"{word} " for word in words) + "\n}\n")


MILLION = 1_000_000
NASTY: dict[str, Callable[[], str]] = {
    "nothing": lambda: "",
    "10,000 brackets": lambda: "fn f() = " + "(" * 10_000 + "a" + ")" * 10_000,
    "10,000 open brackets": lambda: "fn f() = " + "(" * 10_000,
    "10,000 blocks": lambda: "fn f() {" + "if a {" * 10_000 + "}" * 10_000 + "}",
    "10,000 signs": lambda: "fn f() = " + "-" * 10_000 + "a",
    "5,000 terms": lambda: "fn f() = " + " + ".join("a" * 5_000),
    "5,000 fields": lambda: "fn f() = a" + ".a" * 5_000,
    "5,000 branches": lambda: "fn f() {" + "if a {} else " * 5_000 + "{}}",
    "5,000 types": lambda: "fn f(a: " + "(" * 5_000 + "a" + ", b)" * 5_000 + ") = 3",
    "a line of 1 MB": lambda: "fn f() = [" + "abc, " * (MILLION // 5) + "]",
    "a broken line of 1 MB": lambda: "fn f() = " + "abc + [1, " * (MILLION // 10),
    "bytes": lambda: random.Random(1).randbytes(MILLION).decode("latin-1"),
    "bytes that are no UTF-8": lambda: random.Random(1).randbytes(MILLION).decode("utf-8", "surrogateescape"),
    "zeros": lambda: "fn f() = 1" + "\0" * MILLION,
    "spaces": lambda: " " * MILLION + "fn f() = 1",
    "line ends": lambda: "\r" * MILLION + "fn f() = 1",
    "quotes": lambda: '"' * MILLION,
    "digits": lambda: "fn f() = " + "9" * MILLION,
    "digits and points": lambda: "fn f() = " + "1." * 100_000,
    "comments": lambda: "#\n" * 100_000 + "fn f() = 1",
    "100,000 lines": lambda: "fn f() = 1\n" * 100_000,
    "2,000 mistakes": lambda: "fn f( = 3 +\n" * 2_000,
    "20,000 mistakes in a body": lambda: "fn f() {\n" + "  let a = (3 +\n" * 20_000 + "}",
}


@pytest.mark.parametrize("name", NASTY)
def test_nasty_texts(name: str) -> None:
    text = NASTY[name]()
    before = time.process_time()
    parse(text)
    assert time.process_time() - before < 20


@pytest.mark.parametrize("name", [name for name in NASTY if name.startswith(("10,000", "5,000"))])
def test_deep_nesting_is_reported_and_cut(name: str) -> None:
    module = is_sound(NASTY[name]())
    (parsed,) = module.parsed
    assert len(parsed.problems) == 1
    if name != "10,000 open brackets":
        assert parsed.problems[0].kind is ProblemKind.TOO_DEEP
        assert parsed.declaration is not None


@pytest.mark.parametrize("text", ["(" * 95 + "a" + ")" * 95, " + ".join("a" * 150), "f(" * 60 + ")" * 60])
def test_what_is_not_too_deep_passes_through(text: str) -> None:
    declaration = f"fn f() = {text}\n"
    module = is_sound(declaration)
    assert not module.parsed[0].problems
    assert same(parse(format(declaration).text).parsed[0].declaration, module.parsed[0].declaration)


def test_chunks_are_parsed_as_in_the_file() -> None:
    for path in SOURCES:
        module = parse(path.read_text(encoding="utf-8"))
        for chunk, parsed in zip(module.chunks, module.parsed, strict=True):
            alone = parse_chunk(chunk.text)
            assert same(alone.declaration, parsed.declaration)
            assert (alone.comments, alone.problems) == (parsed.comments, parsed.problems)
            if parsed.declaration is not None and not isinstance(parsed.declaration, Import):
                assert parsed.declaration.name.text == chunk.name


def test_a_line_end_is_a_line_end() -> None:
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        expected = [parsed.declaration for parsed in parse(text).parsed]
        for other in (text.replace("\n", "\r\n"), text.replace("\n", "\r")):
            assert same(tuple(expected), tuple(parsed.declaration for parsed in is_sound(other).parsed))
            assert format(other).text == format(text).text
