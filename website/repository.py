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

SECTIONS = {"": "Language", "std": "Standard library", "editor": "Editor"}  # By folders of the manual.
PROJECT = ("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")


def repository_pages() -> Iterator[Page]:
    origin = "grammar/tenuto_grammar/tenuto.lark"
    yield Page("grammar.md", origin, f"{GRAMMAR}\n`tenuto.lark`:\n\n```text\n{read(origin)}```\n")
    yield from _manual()
    yield Page("commands/index.md", "docs/commands", _commands())
    for origin in PROJECT:
        yield Page(f"project/{origin.lower()}", origin, read(origin))


def _manual() -> Iterator[Page]:
    index = MANUAL
    for folder, section in SECTIONS.items():
        index += f"\n## {section}\n\n"
        for path in sorted((ROOT / "tests" / "spec" / folder).glob("*.md")):
            origin = path.relative_to(ROOT).as_posix()
            name = origin.removeprefix("tests/spec/")
            text = read(origin)
            title = text.partition("\n")[0].removeprefix("# ")
            index += f"- [{title}]({name})\n"
            yield Page(f"manual/{name}", origin, text, section)
    yield Page("manual/index.md", "tests/spec", index)


def _commands() -> str:
    rows = [f"| [`tenuto {name}`]({name}.md) | {command.summary} |\n" for name, command in COMMANDS.items()]
    return COMMAND_LIST + "".join(rows)
