"""Guides that are tests: a reader who follows one from top to bottom sees what it shows.

A line "`name.ten`:" before a block makes that file, or changes it, where the block is a `diff`. A block `console` holds
commands of Tenuto, and `python name.py`, with what they print.
"""

from __future__ import annotations

import io
import re
import runpy
import shlex
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

from tests.command import Command
from tests.markdown import without_carets

GUIDES = ["artifacts.md", "ci.md", "install.md", "pytorch.md", "settings.md", "tutorial.md"]
BLOCK = re.compile(r"(?:^`(?P<name>[\w./-]+)`:\n\n)?^```(?P<tag>\w+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


def followed(document: str, tenuto: Command) -> str:
    """The document with what its commands print now, in the folder of `tenuto`."""

    def follow(block: re.Match[str]) -> str:
        if block["name"]:
            path = tenuto.folder / block["name"]
            old = path.read_text(encoding="utf-8") if path.exists() else ""
            tenuto.write({block["name"]: written(block, old)})
        elif block["tag"] == "tenuto":
            raise AssertionError(f"a program without a name is not run:\n{block['body']}")
        elif block["tag"] == "console":
            return f"```console\n{shown(block['body'], tenuto)}```"
        return block[0]

    return BLOCK.sub(follow, document)


def files(document: str) -> dict[str, str]:
    """The files that a reader has at the end."""
    made: dict[str, str] = {}
    for block in BLOCK.finditer(document):
        if block["name"]:
            made[block["name"]] = written(block, made.get(block["name"], ""))
    return made


def written(block: re.Match[str], old: str) -> str:
    if block["tag"] != "diff":
        return without_carets(block["body"])
    lines = block["body"].splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if not line.startswith("+"))
    after = "".join(line[1:] for line in lines if not line.startswith("-"))
    assert old.count(before) == 1, f"not once in {block['name']}:\n{before}"
    return old.replace(before, after)


def shown(block: str, tenuto: Command) -> str:
    """The commands of a block, each with what it prints."""
    parts: list[str] = []
    for command in re.findall(r"^\$ (.*)$", block, re.MULTILINE):
        program, *arguments = shlex.split(command)
        printed = PROGRAMS[program](arguments, tenuto).rstrip("\n")
        parts.append(f"$ {command}\n{printed}\n" if printed else f"$ {command}\n")
    return "\n".join(parts)


def _tenuto(arguments: list[str], tenuto: Command) -> str:
    result = tenuto(*arguments)
    return result.out + result.err


def _python(arguments: list[str], tenuto: Command) -> str:
    (program,) = arguments
    with redirect_stdout(io.StringIO()) as printed:
        runpy.run_path(str(Path(tenuto.folder, program)))
    return printed.getvalue()


PROGRAMS: dict[str, Callable[[list[str], Command], str]] = {"tenuto": _tenuto, "python": _python}


def timeless(text: str) -> str:
    """A text in which nothing takes any time."""
    return re.sub(r"\b\d+\.\d+(?= s\b|  \S+\.(?:onnx|mlir))", "0.0", text)
