"""`tenuto explain-value`: why a value has its dtype, in each deploy that makes it."""

from __future__ import annotations

import argparse
import json
import os
import re
from collections.abc import Iterator

from tenuto.cli.misuse import Misuse
from tenuto.cli.sources import shown
from tenuto.cli.target import Opened, open_file, open_target, show_findings, without_deploy
from tenuto_analysis.diagnostics.base import Place
from tenuto_analysis.insight.questions import declaration_at
from tenuto_analysis.modules import starts
from tenuto_analysis.precision.reasons import Explained, Reason, explained
from tenuto_grammar.text import Position, Span

_PLACE = re.compile(r"(?P<file>.+):(?P<line>\d+):(?P<column>\d+)")


def run(arguments: list[str]) -> int:
    read = _options(arguments)
    path, position = _place(read.place)
    elsewhere = read.deploy is not None and ":" in read.deploy
    opened = open_target(read.deploy) if elsewhere else open_file(path)
    if opened.reports:
        return show_findings(opened, opened.reports, read.color, "not explained")
    if read.deploy is not None and not elsewhere:
        if read.deploy not in opened.deploys:
            raise Misuse(without_deploy(path, read.deploy, opened.deploys))
        opened = opened._replace(deploys=(read.deploy,))
    found = _explained(opened, os.path.abspath(path), position)
    if not found:
        raise Misuse(f"{read.place} is no value that a deploy of `{opened.source.shown}` makes")
    if read.format == "json":
        print(json.dumps([_plain(opened, item) for item in found], indent=2))
    else:
        print("\n\n".join("\n".join(_text(opened, item)) for item in found))
    return 0


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tenuto explain-value",
        description="Say which dtype the value at a place has in each deploy of the file that makes it, and why.",
        epilog="Exit code: 0 explained, 1 findings, 2 misuse.",
    )
    parser.add_argument("place", metavar="FILE:LINE:COLUMN", help="lines and columns are counted from 1")
    parser.add_argument("--deploy", metavar="[FILE:]NAME", help="in this deploy alone; it may be of another file")
    parser.add_argument("--format", choices=["text", "json"], default="text", help="default: text")
    parser.add_argument("--color", choices=["auto", "always", "never"], default="auto", help="default: auto")
    return parser.parse_args(arguments)


def _place(text: str) -> tuple[str, Position]:
    found = _PLACE.fullmatch(text)
    if found is None or not int(found["line"]) or not int(found["column"]):
        raise Misuse(f"`{text}` is no place: write FILE:LINE:COLUMN, such as model.ten:12:7")
    return found["file"], Position(int(found["line"]) - 1, int(found["column"]) - 1)


def _explained(opened: Opened, file: str, position: Position) -> tuple[Explained, ...]:
    """Raises `Misuse` where there is no such file."""
    if file != opened.source.file:
        open_file(file)
        opened.workspace.load(file)
    db = opened.workspace.database
    offset = opened.workspace.lines(file).offset(position)
    inside = declaration_at(db, file, offset)
    if inside is None:
        return ()
    at = offset - inside.start
    deploys = [(opened.source.file, deploy) for deploy in opened.deploys]
    return explained(db, Place(file, inside.key, Span(at, at)), deploys)


def _text(opened: Opened, found: Explained) -> Iterator[str]:
    name = f"`{found.name}`" if found.name else "the value"
    yield f"{found.deploy}: {name} of `{found.function}` is {found.type}"
    for reason in found.reasons:
        where = _where(opened, reason)
        yield f"  {reason.text}{f' ({where})' if where else ''}"


def _plain(opened: Opened, found: Explained) -> dict[str, object]:
    return {
        "deploy": found.deploy,
        "function": found.function,
        "name": found.name or None,
        "type": found.type,
        "reasons": [{"text": reason.text, "place": _where(opened, reason)} for reason in found.reasons],
    }


def _where(opened: Opened, reason: Reason) -> str | None:
    place = reason.place
    if place is None:
        return None
    start = starts(opened.workspace.database, place.file)[place.declaration]
    line, column = opened.workspace.lines(place.file).position(place.span.start + start)
    return f"{shown(place.file)}:{line + 1}:{column + 1}"
