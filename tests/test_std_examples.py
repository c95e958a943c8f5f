"""The examples in the standard library's documentation are true.

"`sum(x, axis = 1)` of `f32[B, S]` is `f32[B]`" becomes a definition that must check; where the arguments are written
out ("`roll(x, 1, axis = 0)` of `[1, 2, 3]` is `[3, 1, 2]`") the reference evaluator runs it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pytest

from tenuto_analysis import model, modules
from tenuto_analysis.database import Database
from tenuto_backend.reference.dtypes import DTYPES
from tenuto_backend.reference.interpret import definition, invoke, start
from tenuto_backend.reference.program import prelude, program, standard
from tenuto_grammar import syntax

EXAMPLE = re.compile(
    r"`(?P<call>[^`]+)` of (?P<arguments>`[^`]+`(?:(?:, | and )`[^`]+`)*)"
    r"(?: under `(?P<facts>[^`]+)`)? is `(?P<result>[^`]+)`"
)


class Example(NamedTuple):
    """What a documentation claims of a call; arguments and result are types, or values where they begin with `[`."""

    owner: str
    call: str
    arguments: tuple[str, ...]
    facts: str | None
    result: str


def examples() -> Iterator[Example]:
    for file in standard().values():
        for name, declaration in file.declarations.items():
            for match in EXAMPLE.finditer(" ".join((declaration.doc or "").split())):
                arguments = tuple(re.findall(r"`([^`]+)`", match["arguments"]))
                yield Example(name, match["call"], arguments, match["facts"], match["result"])


TYPED = [example for example in examples() if not example.result.startswith("[")]
VALUED = [example for example in examples() if example.result.startswith("[")]


def owner(example: Example) -> str:
    return example.owner


def free_names(call: str) -> list[str]:
    """The arguments that a call leaves open, in order: `x` and `y` of `add(x, y)`."""
    without_strings = re.sub(r'"[^"]*"', "", call)
    words = re.findall(r"(?<![\w.])[a-z]\w*\b(?!\s*(?:=[^=]|\())", without_strings)
    return [word for word in dict.fromkeys(words) if word not in {*prelude(), *DTYPES, "none", "true", "false"}]


@pytest.mark.parametrize("example", TYPED, ids=owner)
def test_an_example_checks(example: Example) -> None:
    names = free_names(example.call)
    assert len(names) == len(example.arguments)
    parameters = ", ".join(f"{name}: {type_}" for name, type_ in zip(names, example.arguments, strict=True))
    sizes = sorted(set(re.findall(r"\b[A-Z]\w*", parameters)))
    generics = f"[{', '.join(sizes)}]" if sizes else ""
    facts = f" where {example.facts}" if example.facts else ""
    text = f"fn example{generics}({parameters}) -> {example.result}{facts} = {example.call}\n"
    database = Database()
    database.set(modules.file_text, "/example.ten", text)
    assert [finding.message for finding in model.findings(database, "/example.ten")] == []


@pytest.mark.parametrize("example", VALUED, ids=owner)
def test_an_example_computes(example: Example) -> None:
    names = free_names(example.call)
    values = [np.asarray(numbers(text)) for text in example.arguments]
    parameters = ", ".join(
        f"{name}: i64[{', '.join(map(str, value.shape))}]" for name, value in zip(names, values, strict=True)
    )
    run = start(program({"main": f"fn example({parameters}) = {example.call}\n"}))
    found = invoke(run, definition(run, "main", "example"), values)
    assert isinstance(found, np.ndarray)
    assert found.tolist() == numbers(example.result)


def numbers(text: str) -> list[object]:
    """The nested lists of integers that a text writes."""
    found: list[list[object]] = [[]]
    for token in re.findall(r"\[|\]|-?\d+", text):
        if token == "[":
            found.append([])
        elif token == "]":
            finished = found.pop()
            found[-1].append(finished)
        else:
            found[-1].append(int(token))
    (whole,) = found[0]
    assert isinstance(whole, list)
    return whole


def test_there_are_examples_of_both_kinds() -> None:
    assert len(TYPED) > 30
    assert len(VALUED) > 5
    assert all(isinstance(declared.declaration, syntax.Definition) for declared in prelude().values())
