"""Mistakes are found where they are, each once, and leave the rest of the file as it was."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from tenuto_grammar import lr
from tenuto_grammar.chunks import Chunk, split
from tenuto_grammar.lexer import END, tokenize
from tenuto_grammar.parse import DEEPEST, parse, parse_chunk
from tenuto_grammar.problems import SyntaxProblem
from tenuto_grammar.syntax import Attribute, Block, Broken, Call, Definition, Missing, Name, Node, children, same
from tenuto_grammar.tables import tables
from tenuto_grammar.text import Span
from tenuto_grammar.tree import MAKERS, too_deep

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*(ROOT / "examples").glob("*.ten"), *(ROOT / "analysis/tenuto_analysis/std").glob("*.ten")])
REPLACEMENTS = (",", ")", "(", "=", "let", "3", "name", "]", ":", "+", "}", "return", ".")
BRACKETS = "()[]{}"

Found = TypeVar("Found", bound=Node)


@dataclass(frozen=True)
class Fault:
    text: str
    offset: int


def fits(text: str) -> bool:
    """Whether the text of one declaration is without a syntax error, by the tables alone."""
    machine = lr.machine(tables(), MAKERS, DEEPEST, too_deep)
    tokens = tokenize(text)
    return not tokens.problems and lr.advance(machine, tokens, lr.begin(machine), 0) == lr.ACCEPTED


def spoiled(chunk: str, choice: random.Random) -> Fault | None:
    """The chunk with one token left out, written twice or replaced; None where that is no error."""
    tokens = tokenize(chunk)
    position = choice.randrange(2, len(tokens.kinds))
    if tokens.kinds[position] == END:
        return None
    start, end = tokens.spans[position]
    token = chunk[start:end]
    kind = choice.choice(("delete", "double", "replace", "bracket"))
    if kind == "bracket" and token not in BRACKETS:
        return None
    new = {"delete": "", "bracket": "", "double": f"{token} {token}", "replace": choice.choice(REPLACEMENTS)}[kind]
    text = chunk[:start] + new + chunk[end:]
    if len(split(text)) != 1 or fits(text):
        return None
    return Fault(text, start)


def file_with_faults(seed: int, faults: int) -> tuple[str, list[int]]:
    """About 1,000 lines, with faults in lines that are not neighbours; the offsets of the faults."""
    choice = random.Random(seed)
    chunks = [
        c.text for path in SOURCES for c in split(path.read_text(encoding="utf-8")) if c.keyword and "\n" in c.text
    ]
    choice.shuffle(chunks)
    chosen: list[str] = []
    while sum(text.count("\n") for text in chosen) < 1000:
        chosen.append(chunks[len(chosen) % len(chunks)])
    at: dict[int, int] = {}
    while len(at) < faults:
        index = choice.randrange(len(chosen))
        fault = None if index in at else spoiled(chosen[index], choice)
        if fault is not None:
            chosen[index] = fault.text
            at[index] = fault.offset
    starts = [0]
    for text in chosen:
        starts.append(starts[-1] + len(text))
    return "".join(chosen), sorted(starts[index] + offset for index, offset in at.items())


def lines(text: str, span: Span) -> range:
    """The lines of a span and those next to it: what an author sees at a glance."""
    return range(text.count("\n", 0, span.start) - 1, text.count("\n", 0, span.end) + 2)


def problems(text: str) -> Iterator[tuple[Chunk, SyntaxProblem]]:
    module = parse(text)
    for chunk, parsed in zip(module.chunks, module.parsed, strict=True):
        for problem in parsed.problems:
            yield chunk, problem


def quality(seeds: range, faults: int) -> tuple[float, float]:
    """The share of faults that are found where they are, and reports beyond one a fault."""
    found = reports = 0
    for seed in seeds:
        text, offsets = file_with_faults(seed, faults)
        reported = list(problems(text))
        places = [
            {
                line
                for span in (problem.span, *(edit.span for edit in problem.edits))
                for line in lines(text, span.shifted(chunk.start))
            }
            for chunk, problem in reported
        ]
        found += sum(any(text.count("\n", 0, offset) in place for place in places) for offset in offsets)
        reports += len(reported)
    total = faults * len(seeds)
    return found / total, max(0, reports - found) / total


@pytest.mark.parametrize(("faults", "recall"), [(5, 0.95), (20, 0.85)])
def test_faults_are_found_and_little_else(faults: int, recall: float) -> None:
    found, spurious = quality(range(12), faults)
    print(f"{faults} faults in 1,000 lines: recall {found:.3f}, spurious {spurious:.3f} a fault")
    assert found >= recall
    assert spurious <= 0.2


def declaration(text: str) -> Definition:
    found = parse_chunk(text).declaration
    assert isinstance(found, Definition)
    return found


def messages(text: str) -> list[str]:
    return [problem.message for _, problem in problems(text)]


def nodes(root: Node, kind: type[Found]) -> list[Found]:
    return [node for node in [root, *below(root)] if isinstance(node, kind)]


def below(root: Node) -> Iterator[Node]:
    for child in children(root):
        yield child
        yield from below(child)


@pytest.mark.parametrize("rest", ["", "\n  let y = 1", "\n  h = 1", "\n  return x", "\n  if x { }"])
class TestHalfALine:
    """The line that is being typed gives a tree, and the line below it is read as ever."""

    def read(self, line: str, rest: str) -> Definition:
        found = declaration(f"fn f(x: T) {{\n  let z = 2\n  {line}{rest}\n}}\n")
        assert isinstance(found.body, Block)
        assert len(found.body.statements) == 2 + bool(rest)
        assert not nodes(found, Broken)
        return found

    def test_a_point(self, rest: str) -> None:
        (attribute,) = nodes(self.read("let a = x.", rest), Attribute)
        assert attribute.name.text == ""
        assert isinstance(attribute.base, Name)

    def test_a_point_alone(self, rest: str) -> None:
        (attribute,) = nodes(self.read("x.", rest), Attribute)
        assert attribute.name.text == ""

    def test_no_value(self, rest: str) -> None:
        if rest.startswith("\n  h"):
            return  # `let a = h = 1`: nothing tells the name from a value
        assert nodes(self.read("let a =", rest), Missing)

    def test_an_open_call(self, rest: str) -> None:
        if rest.startswith("\n  h"):
            return  # `foo(x, h = 1`: a named argument as well
        (call,) = nodes(self.read("let a = foo(x, ", rest), Call)
        assert len(call.arguments) >= 1

    def test_a_name(self, rest: str) -> None:
        found = self.read("wei", rest)
        assert "wei" in [name.text for name in nodes(found, Name)]

    def test_an_operator(self, rest: str) -> None:
        if rest.startswith("\n  h"):
            return  # `x + h = 1`
        assert nodes(self.read("let a = x + ", rest), Missing)


BETWEEN = "fn before() = 1\n\n{}\n\nfn after(x: T) {{\n  let a = 1\n  return a\n}}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fn f() = a if c else b", "a choice is written `if condition then a else b`"),
        ("fn f() {\n  h = a if c else b\n}", "a choice is written `if condition then a else b`"),
        ("fn f() = 5. + x", "a digit follows the point: `5.0`"),
        ("fn f() = .5", "a digit precedes the point: `0.5`"),
        ("fn f() {\n  (a, b) = g(x)\n}", "a tuple is taken apart by `let (a, b) = ...`"),
        ("fn f() {\n  x += 1\n}", "`+=` is written out: `x = x + ...`"),
        ("fn f() {\n  return lambda x: 3\n}", "there are no anonymous functions"),
        ("fn f() {\n  if a = 1 { }\n}", "`==` compares; `=` gives a name to a value"),
        ("fn f() {\n  if a { } elif b { }\n}", "`elif` is written `else if`"),
        ("fn f() = a || b", "`|` is written `or`"),
        ("fn f() = a && b", "`&&` is written `and`"),
        ("fn f() = !a", "`!` is written `not`"),
        ("fn f() = a is none", "`is` is written `==`"),
        ("fn f() = g(**kwargs)", "`**kwargs` cannot stand here"),
        ("fn f() {\n  pass\n}", "there is no `pass`"),
        ("fn f(n: int) -> T target cpu where n > 1 = n", "`target` stands after `where`"),
        ("fn f(n: int) -> T {\n  let a = n target cpu precision bf16\n}", "`target` stands after `precision`"),
        ("fn f() {\n  g(x)\n}", "`g` begins no statement"),
        ("fn f() {\n  a: T = x\n}", "a new value begins with `let`: `let a: ...`"),
        ("fn f() = 'text'", 'strings are written in double quotes: `"..."`'),
        ("fn f() {\n  let a = 1;\n}", "a statement needs no `;`"),
        ('fn f() = "text', "this string is not closed"),
        ("fn f() = größe", "`größe` is not a name: names are made of the letters a to z, digits and `_`"),
        ("import a from b", "names are imported by `import path { a, b }`"),
        ("def f(x):\n  return x", "`def` begins no declaration"),
        ("class Net:\n  x = 1", "`class` begins no declaration"),
        ("fn f(a: T[N) = a", "expected `]` after `N`, to close `T[`"),
        ("fn f() {\n  for i in xs\n    let a = i\n  }\n  return 1\n}", "expected `{` after `xs`"),
        ("fn f() {\n  for i in xs {\n    let a = i\n  let b = 1\n  return 1\n}", "this `{` is not closed"),
        ("fn f() {\n  let a = 1\n  }\n  return 1\n}", "this `}` closes nothing"),
    ],
)
def test_a_mistake_is_said_once_in_its_words_and_spares_its_neighbours(text: str, said: str) -> None:
    whole = BETWEEN.format(text)
    assert messages(whole) == [said]
    module = parse(whole)
    names = [d.name.text for p in module.parsed if isinstance(d := p.declaration, Definition)]
    assert {"before", "after"} <= set(names)
    for index in (0, -1):
        clean = parse(BETWEEN.format("fn f() = 1"))
        assert same(module.parsed[index].declaration, clean.parsed[index].declaration)


def test_a_colon_for_a_block() -> None:
    assert messages("fn f(x: T) -> T:\n  return x\n") == [
        "a block stands in braces: `{ ... }`",
        "this `{` is not closed",
    ]


@pytest.mark.parametrize("text", ["fn f() = a && b", "fn f() = 5. + x", "fn f() = 'text'", "fn f() {\n  x += 1\n}"])
def test_the_edits_set_it_right(text: str) -> None:
    parsed = parse_chunk(text)
    edits = sorted((edit for problem in parsed.problems for edit in problem.edits), reverse=True, key=lambda e: e.span)
    for edit in edits:
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    assert not parse_chunk(text).problems
