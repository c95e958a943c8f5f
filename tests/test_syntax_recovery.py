"""Mistakes are found where they are, each once, and leave the rest of the file as it was."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tenuto_grammar import lr
from tenuto_grammar.chunks import Chunk, split
from tenuto_grammar.lexer import END, tokenize
from tenuto_grammar.parse import DEEPEST, parse
from tenuto_grammar.problems import SyntaxProblem
from tenuto_grammar.tables import tables
from tenuto_grammar.text import Span
from tenuto_grammar.tree import MAKERS, too_deep

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*(ROOT / "examples").glob("*.ten"), *(ROOT / "analysis/tenuto_analysis/std").glob("*.ten")])
REPLACEMENTS = (",", ")", "(", "=", "let", "3", "name", "]", ":", "+", "}", "return", ".")
BRACKETS = "()[]{}"


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
