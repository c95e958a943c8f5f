"""`tenuto fmt`: lays files out in the one canonical way. A file with a mistake in its syntax is left as it is.

The formatter is imported only for a text that the cache does not know to be laid out.
"""

from __future__ import annotations

import argparse
import sys
from difflib import unified_diff
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from tenuto.cli.cache import LaidOut
from tenuto.cli.misuse import Misuse
from tenuto.cli.outcome import count
from tenuto.cli.sources import Disk, Source, find_sources, read_standard_input
from tenuto.cli.terminal import Painter, Style, harmless, wants_color
from tenuto.cli.writing import replace_file
from tenuto_server.kept import cache_folder
from tenuto_server.settings import SettingsFinder
from tenuto_server.texts import encode

if TYPE_CHECKING:
    from tenuto_grammar.format import Formatted


class Laid(NamedTuple):
    """A file before and after."""

    source: Source
    before: str
    after: str


class Refused(NamedTuple):
    """A file that cannot be laid out, and why."""

    source: Source
    why: str


def run(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="tenuto fmt",
        description="Lay out .ten files in the one canonical way.",
        epilog="Exit code: 0 done (with --check and --diff: nothing to do), 1 findings, 2 misuse.",
    )
    parser.add_argument("paths", nargs="*", default=["."], metavar="PATH", help="files or folders; - is standard input")
    parser.add_argument("--check", action="store_true", help="change nothing, name the files that would change")
    parser.add_argument("--diff", action="store_true", help="change nothing, show what would change")
    parser.add_argument("--stdin-filename", metavar="NAME", help="what to call standard input")
    parser.add_argument("--color", choices=["auto", "always", "never"], default="auto", help="default: auto")
    parser.add_argument("--quiet", "-q", action="store_true", help="no summary")
    parser.add_argument("--no-cache", dest="cache", action="store_false", help="neither read nor write the cache")
    read = parser.parse_args(arguments)
    if "-" in read.paths and len(read.paths) > 1:
        raise Misuse("standard input (-) stands alone, without other paths")

    disk = Disk()
    standard_input = read.paths == ["-"]
    if standard_input:
        sources = [read_standard_input(disk, read.stdin_filename)]
    else:
        sources = find_sources(read.paths, SettingsFinder())
    known = LaidOut(cache_folder() if read.cache and not standard_input else None)
    results = [_lay_out(source, disk, known) for source in sources]
    laid = [result for result in results if isinstance(result, Laid)]
    refused = [result for result in results if isinstance(result, Refused)]
    changed = [result for result in laid if result.after != result.before]

    if read.diff:
        for result in changed:
            sys.stdout.writelines(_diff(result, Painter(wants_color(read.color))))
    elif read.check:
        for result in changed:
            print(f"would lay out {harmless(result.source.shown)}")
    elif standard_input:
        sys.stdout.writelines(result.after for result in laid)
    else:
        for result in changed:
            _write(result, disk)
    sys.stdout.flush()
    known.save()

    for refusal in refused:
        print(f"tenuto: cannot lay out {harmless(refusal.source.shown)}: {refusal.why}", file=sys.stderr)
    if not read.quiet and not standard_input:
        verb = "would change" if read.check or read.diff else "changed"
        print(f"{count(len(changed), 'file')} {verb}, {len(laid) - len(changed)} as they should be", file=sys.stderr)
    if any(disk.obstacle(refusal.source.file) for refusal in refused):
        return 2
    return 1 if refused or (changed and (read.check or read.diff)) else 0


def _lay_out(source: Source, disk: Disk, known: LaidOut) -> Laid | Refused:
    content, decoded = disk.content(source.file), disk.decoded(source.file)
    if decoded is None or isinstance(content, OSError):
        return Refused(source, disk.obstacle(source.file) or "it cannot be read")
    if decoded.problem is not None:
        return Refused(source, decoded.problem.message)
    if content in known:
        return Laid(source, decoded.text, decoded.text)
    formatted: Formatted = import_module("tenuto_grammar.format").format(decoded.text)
    if formatted.problems:
        problem = formatted.problems[0]
        line, column = disk.lines(source.file).position(problem.span.start)
        return Refused(source, f"line {line + 1}, column {column + 1}: {problem.message}")
    if formatted.text == decoded.text:
        known.add(content)
    return Laid(source, decoded.text, formatted.text)


def _diff(result: Laid, paint: Painter) -> list[str]:
    before, after = (text.splitlines(keepends=True) for text in (result.before, result.after))
    name = harmless(result.source.shown)
    return [
        _painted(line if line.endswith("\n") else f"{line}\n\\ no newline at the end\n", paint)
        for line in unified_diff(before, after, name, name)
    ]


def _painted(line: str, paint: Painter) -> str:
    style = {"+": Style.ADDED, "-": Style.REMOVED, "@": Style.FRAME}.get(line[0])
    body = line.rstrip("\n")
    return f"{paint(style, body)}\n" if style is not None else f"{body}\n"


def _write(result: Laid, disk: Disk) -> None:
    old = disk.content(result.source.file)
    assert isinstance(old, bytes), "only what could be read is laid out"
    try:
        replace_file(result.source.file, encode(result.after, like=old))
    except OSError as error:
        raise Misuse(f"cannot write `{result.source.shown}`: {error.strerror}") from error
