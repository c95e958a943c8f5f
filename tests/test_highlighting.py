"""The files that colour Tenuto are those that the table gives, and they colour what the parser reads."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from lark import Lark
from lark.exceptions import LarkError
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename

from tenuto_grammar.tables import GRAMMAR, tables
from tenuto_server.highlighting import textmate, vim
from tenuto_server.highlighting.pygments import TenutoLexer
from tenuto_server.highlighting.rules import SIGNS, WORDS, Category
from tests import nvim
from tests.highlighting.tokens import expected
from tests.test_syntax_grammar import sources
from tests.voice import keep_or_fail

ROOT = Path(__file__).parent.parent
HERE = Path(__file__).parent / "highlighting"

WRITTEN = {
    "editors/vscode/syntaxes/tenuto.tmLanguage.json": textmate.grammar,
    "editors/vscode/syntaxes/tenuto.markdown.tmLanguage.json": textmate.markdown,
    "editors/neovim/syntax/tenuto.vim": vim.syntax,
}

SYNTAXES = ROOT / "editors/vscode/syntaxes"
FILES = sorted([*(ROOT / "examples").glob("*.ten"), *(ROOT / "analysis/tenuto_analysis/std").glob("*.ten")])

# A line, a column, and what is called so from there on.
Run = tuple[int, int, str]


@pytest.mark.parametrize("name", WRITTEN)
def test_a_file_is_what_the_table_gives(name: str, pytestconfig: pytest.Config) -> None:
    path = ROOT / name
    keep_or_fail(path, path.read_text(encoding="utf-8"), WRITTEN[name](), pytestconfig)


def test_every_word_and_sign_of_the_grammar_has_a_category() -> None:
    spellings = {spelling for spelling in tables().spellings if spelling}
    assert {spelling for spelling in spellings if spelling.isalpha()} == set(WORDS)
    assert {spelling for spelling in spellings if not spelling.isalpha()} == set(SIGNS)


@pytest.fixture(scope="module")
def parser() -> Lark:
    return Lark(GRAMMAR.read_text(encoding="utf-8"), parser="lalr", start="module", keep_all_tokens=True)


def naming(runs: Iterable[Run]) -> Callable[[int, int], str]:
    """What stands at a line and a column is called."""
    ordered = sorted(runs)
    places = [(line, column) for line, column, _ in ordered]
    return lambda line, column: ordered[bisect_right(places, (line, column)) - 1][2]


def mistakes(parser: Lark, text: str, runs: Iterable[Run], called: Callable[[Category], str]) -> Iterator[str]:
    """What is not called as the grammar's token should be."""
    name_at = naming(runs)
    for token in expected(parser, text):
        line = text.count("\n", 0, token.start)
        column = token.start - (text.rfind("\n", 0, token.start) + 1)
        first, *others = (name_at(line, column + offset) for offset in range(token.end - token.start))
        whole, inside = set(map(called, token.whole)), set(map(called, token.inside))
        if first not in whole or not inside >= set(others):
            yield f"{line + 1}: {text[token.start : token.end]!r} is {first} with {set(others)}, not {whole}"


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def told() -> tuple[str, list[tuple[int, int, int, str]]]:
    """The program that VS Code's tool reads, and what it expects: a line, its columns, and the innermost scope."""
    lines: list[str] = []
    places: list[tuple[int, int, int, str]] = []
    for line in read(HERE / "language.ten").split("\n"):
        found = re.match(r"#\s*(?:(\^+)|<(-+)) (?:\S+ )*?([\w.-]+)\.tenuto(?: - .*)?$", line)
        if found is None:
            lines.append(line)
        else:
            start, end = found.span(1) if found[1] else (0, len(found[2]))
            places.append((len(lines) - 1, start, end, found[3]))
    return "\n".join(lines), places


def misnamed(runs: Iterable[Run], called: Callable[[Category], str]) -> list[str]:
    """Where a tool does not agree with what `language.ten` expects of VS Code."""
    text, places = told()
    assert len(places) > 80
    categories = {category.value.scope: category for category in Category}
    name_at = naming(runs)
    return [
        f"{line + 1}: {text.splitlines()[line][start:end]!r} is {name}, not {called(categories[scope])}"
        for line, start, end, scope in places
        for name in {name_at(line, column) for column in range(start, end)}
        if name != called(categories[scope])
    ]


# ------------------------------------------------------------------------------------------------------------ Pygments


def pygments_runs(text: str) -> list[Run]:
    runs: list[Run] = []
    for start, token, _ in TenutoLexer().get_tokens_unprocessed(text):
        line = text.count("\n", 0, start)
        name = ".".join(token).removeprefix("Literal.")
        runs.append((line, start - (text.rfind("\n", 0, start) + 1), name))
    return runs


def pygments_name(category: Category) -> str:
    return category.value.token


def test_pygments_colours_what_the_parser_reads(parser: Lark) -> None:
    read = 0
    for name, text in sources():
        with suppress(LarkError):  # a program with a mistake in its syntax
            assert not list(mistakes(parser, text, pygments_runs(text), pygments_name)), name
            read += 1
    assert read > 500


def test_pygments_agrees_with_vs_code() -> None:
    assert not misnamed(pygments_runs(told()[0]), pygments_name)


@pytest.mark.parametrize(
    "text", ["", "\ufefffn f", 'let x = "', "é ∀ \u2028 '$'", "model M[D(x: f32[", "#", "\r\n\x0b"]
)
def test_pygments_colours_any_text(text: str) -> None:
    assert "".join(part for _, _, part in TenutoLexer().get_tokens_unprocessed(text)) == text


def test_pygments_finds_the_lexer() -> None:
    assert isinstance(get_lexer_by_name("tenuto"), TenutoLexer)
    assert isinstance(get_lexer_for_filename("minilm.ten"), TenutoLexer)


# ----------------------------------------------------------------------------------------------------------------- Vim


def test_vim_colours_what_the_parser_reads(parser: Lark, tmp_path: Path) -> None:
    program = tmp_path / "language.ten"
    program.write_text(told()[0], encoding="utf-8")
    (tmp_path / "files.txt").write_text("\n".join(map(str, [*FILES, program])), encoding="utf-8")
    found: dict[str, list[Run]] = json.loads(nvim.run(HERE / "vim_items.lua", tmp_path))
    assert not misnamed(found.pop(str(program)), vim.item)
    assert set(found) == set(map(str, FILES))
    for file, runs in found.items():
        text = read(Path(file))
        lines = [line.encode() for line in text.split("\n")]
        in_characters = [(line, len(lines[line][:column].decode()), name) for line, column, name in runs]
        assert not list(mistakes(parser, text, in_characters, vim.item)), file


# ------------------------------------------------------------------------------------------------------------ TextMate


@pytest.fixture(scope="module")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Node's packages with VS Code's own engine, and the tool that tests grammars with it."""
    folder = tmp_path_factory.mktemp("node")
    npm = shutil.which("npm")
    assert npm is not None, "npm is not installed"
    install = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), "vscode-tmgrammar-test@0.1.3"]
    subprocess.run(install, check=True, capture_output=True, timeout=240)
    return folder / "node_modules"


def node(*command: str | Path, folder: Path, stdin: str = "") -> str:
    ran = subprocess.run(
        ["node", *map(str, command)],
        cwd=folder,
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=240,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.heavy
def test_textmate_colours_what_the_parser_reads(parser: Lark, node_modules: Path) -> None:
    files = "\n".join(map(str, FILES))
    found = json.loads(
        node(HERE / "textmate.mjs", node_modules, SYNTAXES / "tenuto.tmLanguage.json", folder=ROOT, stdin=files)
    )
    assert set(found) == set(map(str, FILES))
    for file, runs in found.items():
        assert not list(mistakes(parser, read(Path(file)), runs, textmate.scope)), file


@pytest.mark.heavy
def test_the_tool_of_vs_code_passes(node_modules: Path, tmp_path: Path) -> None:
    for path in (*HERE.iterdir(), *SYNTAXES.iterdir()):
        if path.suffix in (".json", ".md", ".ten"):
            shutil.copy(path, tmp_path)
    markdown = {"scopeName": "text.html.markdown", "patterns": []}
    (tmp_path / "markdown.tmLanguage.json").write_text(json.dumps(markdown), encoding="utf-8")
    tool = node_modules / "vscode-tmgrammar-test" / "dist" / "unit.js"
    said = node(tool, "--config", "package.json", "fence.md", "language.ten", folder=tmp_path)
    assert said.count("run successfuly") == 2, said  # as the tool spells it
