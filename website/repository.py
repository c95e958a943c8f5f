"""Pages made of whole files: the manual that runs, the grammar, the project's own; and the list of commands."""

from __future__ import annotations

from collections.abc import Iterator

from tenuto.cli.main import COMMANDS
from website.page import ROOT, Page, read

MANUAL = """# The manual

Each rule of the language with programs that keep it and programs that break it: what the checker says stands below the
line in question. Every page is a test, so that what it shows is what happens. [The reference](../../docs/language.md)
says the same in one go.
"""

COMMAND_LIST = """# Commands

Each command tells its options with `--help`. It exits with 0 where all went well, with 1 where something was found and
with 2 where it was called wrongly.

| command | |
| --- | --- |
"""

GRAMMAR = """# The grammar

The one definition of the syntax, in the notation of Lark, from which the parser is made. [The
reference](../../docs/language.md) says what it means.
"""

PROJECT = ("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")


def repository_pages() -> Iterator[Page]:
    origin = "grammar/tenuto_grammar/tenuto.lark"
    yield Page("grammar.md", origin, f"{GRAMMAR}\n`tenuto.lark`:\n\n```text\n{read(origin)}```\n")
    yield from _manual()
    yield Page("commands/index.md", "docs/commands", _commands())
    for origin in PROJECT:
        yield Page(f"project/{origin.lower()}", origin, read(origin))


def _manual() -> Iterator[Page]:
    origins = [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "tests" / "spec").rglob("*.md"))]
    titles = {origin: read(origin).partition("\n")[0].removeprefix("# ") for origin in origins}
    index = MANUAL
    for origin in origins:
        name = origin.removeprefix("tests/spec/")
        section = "Standard library" if name.startswith("std/") else "Language"
        if f"## {section}" not in index:
            index += f"\n## {section}\n\n"
        index += f"- [{titles[origin]}]({name})\n"
        yield Page(f"manual/{name}", origin, read(origin), section)
    yield Page("manual/index.md", "tests/spec", index)


def _commands() -> str:
    rows = [f"| [`tenuto {name}`]({name}.md) | {command.summary} |\n" for name, command in COMMANDS.items()]
    return COMMAND_LIST + "".join(rows)
