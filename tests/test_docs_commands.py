"""The pages of the commands, and the README, are true: what they show was run, and the options are those of `--help`.

In a page a line "`name.ten`:" before a block names a file. A block `console` holds commands of Tenuto and what they
print; they run in a folder with the page's files, the examples and the tour. `pytest --update` keeps what is found.
"""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

from tenuto.cli.main import COMMANDS
from tests.command import Command
from tests.models import fetched, put
from tests.voice import keep_or_fail

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "commands"
PAGES = [ROOT / "README.md", *sorted(FOLDER.glob("*.md"))]

NAMED = re.compile(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CONSOLE = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
OPTIONS = re.compile(r"(?<=^## Options\n\n```\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MODEL = "all-MiniLM-L6-v2.safetensors"


def test_every_command_has_a_page() -> None:
    assert sorted(page.stem for page in FOLDER.glob("*.md")) == sorted(COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_shows_is_what_happens(page: Path, tenuto: Command, pytestconfig: pytest.Config) -> None:
    document = page.read_text(encoding="utf-8")
    furnish(tenuto, document)
    new = CONSOLE.sub(lambda block: shown(block[0], tenuto), document)
    if timeless(new) != timeless(document):
        keep_or_fail(page, document, new, pytestconfig)


def test_the_python_of_the_readme_runs(tenuto: Command) -> None:
    document = PAGES[0].read_text(encoding="utf-8")
    furnish(tenuto, document)
    (program,) = PYTHON.findall(document)
    names: dict[str, Any] = {}
    exec(program, names)
    assert names["vectors"].shape == (3, 384)


def furnish(tenuto: Command, document: str) -> None:
    """What a page finds in its folder."""
    tenuto.write(dict(NAMED.findall(document)))
    for folder in ("examples", "docs/tour"):
        shutil.copytree(ROOT / folder, tenuto.folder / folder, ignore=shutil.ignore_patterns("models"))
    if "minilm" in document:
        (tenuto.folder / "examples" / "models").mkdir()
        put(fetched(MODEL), tenuto.folder / "examples" / "models" / MODEL)


def shown(block: str, tenuto: Command) -> str:
    """The commands of a block, each with what it prints."""
    lines: list[str] = []
    for command in re.findall(r"^\$ tenuto (.*)$", block, re.MULTILINE):
        result = tenuto(*shlex.split(command))
        printed = (result.out + result.err).rstrip("\n")
        lines += [f"$ tenuto {command}", *([printed] if printed else []), ""]
    return "\n".join(lines)


def timeless(text: str) -> str:
    """A text in which nothing takes any time."""
    return re.sub(r"\b\d+\.\d+(?= s\b|  \S+\.(?:onnx|mlir))", "0.0", text)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_page_has_the_options_of_its_command(
    name: str, tenuto: Command, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    page = FOLDER / f"{name}.md"
    document = page.read_text(encoding="utf-8")
    (written,) = OPTIONS.findall(document)
    told = tenuto(name, "--help").out
    if plain(told) != plain(written):
        keep_or_fail(page, document, OPTIONS.sub(lambda _: told, document), pytestconfig)


def plain(text: str) -> str:
    """The help without what differs between versions of Python: how lines break, and how often a value is named."""
    return re.sub(r"(--?[\w-]+) (\S+), (--?[\w-]+) \2", r"\1, \3 \2", " ".join(text.split()))
