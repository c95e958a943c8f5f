"""The formatter's promises: idempotent, the same meaning, every comment once, and how each construct looks."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenuto_grammar.chunks import split
from tenuto_grammar.documents import WIDTH
from tenuto_grammar.format import format
from tenuto_grammar.lexer import tokenize
from tenuto_grammar.parse import Module, parse
from tenuto_grammar.syntax import same

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*(ROOT / "examples").glob("*.ten"), *(ROOT / "analysis/tenuto_analysis/std").glob("*.ten")])
TEXTS = {path.name: path.read_text(encoding="utf-8") for path in SOURCES}


def meaning(module: Module) -> tuple[object, ...]:
    return tuple(parsed.declaration for parsed in module.parsed if parsed.declaration is not None)


def comments(module: Module) -> list[str]:
    return [comment.text.rstrip() for parsed in module.parsed for comment in parsed.comments]


def keeps_its_promises(text: str) -> None:
    before = parse(text)
    formatted = format(text)
    after = parse(formatted.text)
    assert formatted.problems == ()
    assert not [problem for parsed in after.parsed for problem in parsed.problems], formatted.text
    assert same(meaning(before), meaning(after)), formatted.text
    assert comments(before) == comments(after), formatted.text
    assert format(formatted.text).text == formatted.text
    assert not re.search(r"[ \t]$|\n\n\n|\r", formatted.text, re.MULTILINE)
    for line in formatted.text.split("\n"):
        assert len(line) <= WIDTH or "#" in line or '"' in line, line


@pytest.mark.parametrize("name", TEXTS)
def test_the_corpus(name: str) -> None:
    keeps_its_promises(TEXTS[name])


def with_comments(text: str, choice: random.Random, many: int) -> str:
    """Comments put between any tokens of a declaration, on their own lines and behind others."""
    spans = tokenize(text).spans
    pieces = list(text)
    for number in range(many):
        _, at = choice.choice(spans[1:-1])
        ends = choice.choice(("\n", "\n\n", "\n    "))
        begins = choice.choice((" ", "", "\n", "\n\n  ", "\r\n"))
        pieces[at - 1] += f"{begins}# {number}{ends}"
    return "".join(pieces)


def chunks_with_comments(seed: int) -> str:
    choice = random.Random(seed)
    chunk = choice.choice([c.text for text in TEXTS.values() for c in split(text) if c.keyword])
    return with_comments(chunk, choice, choice.randrange(1, 6))


@pytest.mark.parametrize("block", range(3))
def test_comments_between_any_tokens(block: int) -> None:
    for seed in range(100 * block, 100 * block + 100):
        keeps_its_promises(chunks_with_comments(seed))


@pytest.mark.heavy
@pytest.mark.parametrize("block", range(3, 100))
def test_many_comments_between_any_tokens(block: int) -> None:
    for seed in range(100 * block, 100 * block + 100):
        keeps_its_promises(chunks_with_comments(seed))


# Programs of every construct, written so that the tokens alone matter: whatever the white space, the layout is one.

NAMES = st.sampled_from(["x", "weight", "c", "hidden_states", "a_rather_long_name_for_a_value", "B"])


def expressions() -> st.SearchStrategy[str]:
    atoms = st.one_of(NAMES, st.sampled_from(["1", "2.5", "true", "none", "inf", "()"]))

    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        many = st.lists(inner, min_size=1, max_size=4).map(", ".join)
        return st.one_of(
            st.tuples(inner, st.sampled_from(["+", "-", "*", "//", "@", "and", "or", "==", "<=", "|> f"]), inner).map(
                lambda parts: f"({parts[0]}) {parts[1]} ({parts[2]})"
            ),
            st.tuples(inner, inner, inner).map(lambda parts: "({}) + ({}) * -({})".format(*parts)),
            many.map(lambda items: f"f({items})"),
            many.map(lambda items: f"x[{items}, 1:, none, ...]"),
            many.map(lambda items: f"[{items},]"),
            many.map(lambda items: f"g(name = {items})" if "," not in items else f"(1, {items})"),
            inner.map(lambda item: f"-({item})**2"),
            inner.map(lambda item: f"not ({item})"),
            inner.map(lambda item: f"({item}) as f32"),
            inner.map(lambda item: f"(if {item} then 1 else x.field.0)"),
            inner.map(lambda item: f"[y for (y, _) in {item}]"),
            inner.map(lambda item: f"{{ a: {item}, b: 1 .. 2 }}"),
        )

    return st.recursive(atoms, larger, max_leaves=12)


def statements() -> st.SearchStrategy[str]:
    simple = st.one_of(
        expressions().map(lambda value: f"let (a, b): f32[N, ..S]? = {value} precision f32"),
        expressions().map(lambda value: f"h, k = {value}"),
        expressions().map(lambda value: f"assert {value}"),
        expressions().map(lambda value: f"return {value}"),
        expressions().map(lambda value: f"collect h = {value}"),
    )
    return st.recursive(
        simple,
        lambda inner: st.tuples(expressions(), inner, inner).map(
            lambda parts: f"if {parts[0]} {{ {parts[1]} }} else if b {{ {parts[2]} }} else {{ for i in xs {{ }} }}"
        ),
        max_leaves=4,
    )


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(statements(), max_size=3), expressions(), st.sampled_from([" ", "\n", "  \r\n", "\t"]))
def test_generated_programs(body: list[str], constraint: str, space: str) -> None:
    head = f"model M[N, ..S, c: C = d](x: f32[N, ..S] within 0 .. 1?) -> (i8, T) where {constraint}"
    text = f"{head} {{ {' '.join(body)} }}"
    keeps_its_promises(text)
    assert format(text.replace(" ", f"{space} ")).text == format(text).text


LOOKS = {
    "what fits stands on a line": (
        "fn   double[ T:floating,..S ]( x:T[ ..S ] )->T[..S]=x+x",
        "fn double[T: floating, ..S](x: T[..S]) -> T[..S] = x + x\n",
    ),
    "clauses that do not fit stand on lines of their own": (
        "model SelfAttention[c: BertConfig](x: float[B, S, c.hidden], mask: bool[B, S]) -> float[B, S, c.hidden] "
        "where c.hidden % c.heads == 0 precision mixed { return x }",
        "model SelfAttention[c: BertConfig](x: float[B, S, c.hidden], mask: bool[B, S]) -> float[B, S, c.hidden]\n"
        "  where c.hidden % c.heads == 0\n"
        "  precision mixed\n"
        "{\n"
        "  return x\n"
        "}\n",
    ),
    "records and deploys are always broken": (
        "record R{a:dim,b:int=3}\ndeploy d=M[r]{precision:f16,dims:{B:1 .. 64}}",
        "record R {\n  a: dim,\n  b: int = 3,\n}\n\ndeploy d = M[r] {\n  precision: f16,\n  dims: { B: 1 .. 64 },\n}\n",
    ),
    "one empty line stays in a body": (
        "fn f() {\n\n  let a = 1\n\n\n  # why\n  return a\n\n}",
        "fn f() {\n  let a = 1\n\n  # why\n  return a\n}\n",
    ),
    "imports stay together, other declarations stand apart": (
        "#! About.\nimport a { b }\nimport c as d\nfn f() = 1\nfn g() = 2",
        "#! About.\nimport a { b }\nimport c as d\n\nfn f() = 1\n\nfn g() = 2\n",
    ),
    "lines end with LF": ("fn f() = 1\r\n\r\nfn g() = 2\r\n", "fn f() = 1\n\nfn g() = 2\n"),
    "a number of an element is no float": ("fn f() = t . 0 . 1", "fn f() = t.0.1\n"),
    "nothing is nothing": ("\n\n", ""),
}


@pytest.mark.parametrize("name", LOOKS)
def test_looks(name: str) -> None:
    text, expected = LOOKS[name]
    assert format(text).text == expected
    assert format(expected).text == expected


def test_a_declaration_with_a_mistake_stays_as_it_is() -> None:
    formatted = format("fn f( = x\n\nfn   g() = 1\n")
    assert formatted.text == "fn f( = x\n\nfn g() = 1\n"
    assert [problem.span.start for problem in formatted.problems] == [6]
