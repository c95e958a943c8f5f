"""The tables are the grammar's, and our loop gives the trees that Lark gives."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lark import Lark, Token, Tree

from tenuto_grammar import lr, tables
from tenuto_grammar.chunks import split
from tenuto_grammar.lexer import tokenize
from tenuto_grammar.tree import MAKERS
from tests.markdown import FENCE

ROOT = Path(__file__).parent.parent
GRAMMAR = tables.GRAMMAR.read_text(encoding="utf-8")


def sources() -> Iterator[tuple[str, str]]:
    """Every text in Tenuto that the project has: files, and the programs in Markdown."""
    for folder in ("examples", "analysis/tenuto_analysis/std"):
        for path in sorted((ROOT / folder).rglob("*.ten")):
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
    for folder in ("tests/spec", "docs", "analysis/tenuto_analysis/diagnostics/explain"):
        for path in sorted((ROOT / folder).rglob("*.md")):
            for match in FENCE.finditer(path.read_text(encoding="utf-8")):
                if match["tag"] == "tenuto":
                    body = re.sub(r"^[ ]*\^.*\n", "", match["body"], flags=re.MULTILINE).replace("$0", "")
                    yield f"{path.relative_to(ROOT)}:{match.start()}", body


@pytest.fixture(scope="module")
def lark() -> Lark:
    return Lark(GRAMMAR, parser="lalr", start="module")


Shape = tuple[object, ...] | str | None


def shape_of_lark(tree: object) -> Shape:
    match tree:
        case Tree(data=data, children=children):
            return (str(data), *map(shape_of_lark, children))
        case Token():
            return str(tree)
        case _:
            assert tree is None
            return None


def generic(name: str) -> lr.Make:
    def make(_: object, *children: Shape) -> Shape:
        return (name, *children)

    return make


@pytest.fixture(scope="module")
def machine() -> lr.Machine:
    """Our loop with makers that build the tree that Lark's own would."""
    built = tables.tables()
    makers = {rule.name: generic(rule.name) for rule in built.rules}
    return lr.machine(built, makers, 10_000, lambda value: value)


def shape_of_ours(machine: lr.Machine, text: str) -> Shape | None:
    """The tree of a file, or None where it has a mistake."""
    declarations: list[object] = []
    for chunk in split(text):
        tokens = tokenize(chunk.text)
        if tokens.kinds == [0]:
            continue
        stack = lr.begin(machine)
        if tokens.problems or lr.advance(machine, tokens, stack, 0) != lr.ACCEPTED:
            return None
        declarations.append(stack.values[-1])
    return ("module", *declarations)


def test_our_trees_are_larks(lark: Lark, machine: lr.Machine) -> None:
    compared = 0
    for name, text in sources():
        ours = shape_of_ours(machine, text)
        if ours is not None:
            assert ours == shape_of_lark(lark.parse(text.replace("\ufeff", ""))), name
            compared += 1
    assert compared >= len(list((ROOT / "examples").glob("*.ten")))


def test_whole_examples_and_std_have_no_mistake(machine: lr.Machine) -> None:
    for name, text in sources():
        if name.endswith(".ten"):
            assert shape_of_ours(machine, text) is not None, name


def test_tables_are_the_grammars() -> None:
    assert tables.tables() == tables.build(GRAMMAR)


def test_tables_survive_the_file(tmp_path: Path) -> None:
    path = tmp_path / "tables.bin"
    built = tables.tables()
    tables.write(built, GRAMMAR, path)
    assert tables.read(path, GRAMMAR) == built
    assert tables.read(path, GRAMMAR + "// another one\n") is None
    assert [entry.name for entry in tmp_path.iterdir()] == ["tables.bin"]


@pytest.mark.parametrize("damage", [b"", b"\x00", b"nonsense", b"i\x05\x00\x00\x00", None])
def test_a_damaged_file_is_not_used(tmp_path: Path, damage: bytes | None) -> None:
    path = tmp_path / "tables.bin"
    tables.write(tables.tables(), GRAMMAR, path)
    path.write_bytes(path.read_bytes()[:5000] if damage is None else damage)
    assert tables.read(path, GRAMMAR) is None
    assert tables.read(tmp_path / "absent", GRAMMAR) is None


def test_every_rule_has_a_maker() -> None:
    made = {rule.name for rule in tables.tables().rules if rule.kind in (tables.NODE, tables.LEAF)}
    assert made == set(MAKERS)


def test_parsing_does_not_load_lark() -> None:
    code = "import sys; from tenuto_grammar.parse import parse; parse('fn f() = 1'); sys.exit('lark' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
