"""`tenuto check`: finds mistakes and shows them."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from typing import NamedTuple

from tenuto.cli.misuse import Misuse
from tenuto.cli.outcome import Outcome, summary
from tenuto.cli.run import Checker
from tenuto.cli.sources import Disk, Source, find_sources, read_standard_input
from tenuto.cli.terminal import wants_color
from tenuto_server.kept import cache_folder
from tenuto_server.reports import Report, chosen
from tenuto_server.settings import Settings, SettingsFinder, near, rule_names

# Each format is a module with `render(outcome, color) -> str`; a run loads the one that it needs.
FORMATS = {
    "text": "tenuto.cli.formats.text",
    "concise": "tenuto.cli.formats.concise",
    "json": "tenuto.cli.formats.json",
    "sarif": "tenuto.cli.formats.sarif",
    "github": "tenuto.cli.formats.github",
}
FORMATS_FOR_PEOPLE = ("text", "concise")


class Options(NamedTuple):
    """The command line, read."""

    paths: list[str]
    format: str
    color: str
    select: list[str]
    ignore: list[str]
    stdin_filename: str | None
    fix: bool
    watch: bool
    exit_zero: bool
    quiet: bool
    cache: bool
    graphs: bool
    strict_ranges: bool


def run(arguments: list[str]) -> int:
    options = _read_options(arguments)
    folder = cache_folder() if options.cache and options.paths != ["-"] else None
    checker = Checker(Disk(), SettingsFinder(), folder, options.graphs, options.strict_ranges)
    if options.watch:
        code: int = import_module("tenuto.cli.watch").watch(checker, options)
        return code
    return check_once(checker, options)


def check_once(checker: Checker, options: Options) -> int:
    """Checks the files that the options name, shows what was found, and returns the exit code."""
    if options.paths == ["-"]:
        sources = [read_standard_input(checker.disk, options.stdin_filename)]
    else:
        sources = find_sources(options.paths, checker.settings)
    outcome = look(checker, sources, options)
    if options.fix:
        outcome = import_module("tenuto.cli.fix").fix(checker, outcome, options)
    return show(outcome, options)


def look(checker: Checker, sources: list[Source], options: Options) -> Outcome:
    """What is found in the sources, as the settings and the options choose."""
    found = checker.check(sources)
    reports: list[Report] = []
    for source in sources:
        settings = _with_options(checker.settings.of(source.file), options)
        reports += chosen(found.get(source.file, ()), settings)
    return Outcome(checker.disk, sources, [source for source in sources if source.file not in found], reports)


def show(outcome: Outcome, options: Options) -> int:
    """Writes the findings to standard output and what else is to say to standard error; returns the exit code."""
    if outcome.reports or options.format not in FORMATS_FOR_PEOPLE:
        text: str = import_module(FORMATS[options.format]).render(outcome, wants_color(options.color))
        # With --fix, standard output belongs to the text that came from standard input.
        stream = sys.stderr if options.fix and options.paths == ["-"] else sys.stdout
        stream.write(text)
        stream.flush()
    for source in outcome.unreadable:
        print(f"tenuto: cannot read `{source.shown}`: {outcome.disk.obstacle(source.file)}", file=sys.stderr)
    if options.format in FORMATS_FOR_PEOPLE and not options.quiet:
        print(summary(outcome, options.fix), file=sys.stderr)
    if outcome.unreadable:
        return 2
    return 1 if outcome.reports and not options.exit_zero else 0


def _with_options(settings: Settings, options: Options) -> Settings:
    if options.select:
        settings = settings._replace(select=frozenset(options.select))
    return settings._replace(ignore=settings.ignore | frozenset(options.ignore))


def _read_options(arguments: list[str]) -> Options:
    parser = argparse.ArgumentParser(
        prog="tenuto check",
        description="Find mistakes in .ten files.",
        epilog="Exit code: 0 clean, 1 findings, 2 misuse.",
    )
    parser.add_argument("paths", nargs="*", default=["."], metavar="PATH", help="files or folders; - is standard input")
    parser.add_argument("--format", choices=[*FORMATS], default="text", help="how to tell them (default: text)")
    parser.add_argument("--color", choices=["auto", "always", "never"], default="auto", help="default: auto")
    parser.add_argument("--select", action="append", default=[], metavar="RULES", help="only these rules")
    parser.add_argument("--ignore", action="append", default=[], metavar="RULES", help="all but these rules")
    parser.add_argument("--stdin-filename", metavar="NAME", help="what to call standard input")
    parser.add_argument("--fix", action="store_true", help="mend what can be mended, then check again")
    parser.add_argument("--watch", action="store_true", help="check again whenever a file changes")
    parser.add_argument("--exit-zero", action="store_true", help="exit with 0 even where something is found")
    parser.add_argument("--quiet", "-q", action="store_true", help="no summary")
    parser.add_argument(
        "--no-graphs",
        dest="graphs",
        action="store_false",
        help="only what each declaration shows by itself: nothing of ranges and targets, which are those of a deploy",
    )
    parser.add_argument("--strict-ranges", action="store_true", help="tell where a range should be declared, too")
    parser.add_argument("--no-cache", dest="cache", action="store_false", help="neither read nor write the cache")
    read = parser.parse_args(arguments)
    if "-" in read.paths and (len(read.paths) > 1 or read.watch):
        raise Misuse("standard input (-) stands alone, without other paths and without --watch")
    if read.watch and read.fix:
        raise Misuse("--watch and --fix exclude each other")
    return Options(
        paths=read.paths,
        format=read.format,
        color=read.color,
        select=_rules("--select", read.select),
        ignore=_rules("--ignore", read.ignore),
        stdin_filename=read.stdin_filename,
        fix=read.fix,
        watch=read.watch,
        exit_zero=read.exit_zero,
        quiet=read.quiet,
        cache=read.cache,
        graphs=read.graphs,
        strict_ranges=read.strict_ranges,
    )


def _rules(option: str, values: list[str]) -> list[str]:
    """Rules from an option that may be repeated and may hold several, with commas."""
    rules = [rule.strip() for value in values for rule in value.split(",") if rule.strip()]
    names = rule_names() if rules else []
    for rule in rules:
        if rule not in names:
            raise Misuse(f"{option}: there is no rule `{rule}` (`tenuto explain` lists them){near(rule, names)}")
    return rules
