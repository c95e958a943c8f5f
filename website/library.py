"""A page for each file of the standard library: its definitions with type, words, ONNX's names and source."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from functools import cache

from tenuto.cli.explain import first_sentence
from tenuto_analysis.model import head
from tenuto_analysis.modules import EXPLICIT_STD, std_modules
from tenuto_grammar.parse import parse
from tenuto_grammar.syntax import Definition
from website.page import Page, read

FOLDER = "analysis/tenuto_analysis/std"
FORMATS = {"onnx": "ONNX", "mlir": "MLIR"}

INTRODUCTION = """# Operators and layers

Every name of the standard library, by the file that declares it; [its page](../../../docs/std.md) says how it is laid
out. `tenuto explain NAME` prints the same in a terminal.
"""


def library_pages() -> Iterator[Page]:
    yield Page("library/index.md", FOLDER, _index())
    for module in std_modules():
        yield Page(f"library/std.{module}.md", f"{FOLDER}/{module}.ten", _page(module))


@cache
def pages_of_names() -> Mapping[str, str]:
    """For each name of the standard library its page, with the place in it."""
    return {
        node.name.text: f"library/std.{module}.md#{node.name.text}"
        for module in std_modules()
        for node, _ in definitions(module)
    }


def definitions(module: str) -> Iterator[tuple[Definition, str]]:
    """The definitions of a file of `std`, each with the text that its spans are relative to."""
    whole = parse(read(f"{FOLDER}/{module}.ten"))
    for chunk, parsed in zip(whole.chunks, whole.parsed, strict=True):
        if isinstance(parsed.declaration, Definition):
            yield parsed.declaration, chunk.text


def _about(module: str) -> str:
    """The documentation of a file of `std`."""
    return parse(read(f"{FOLDER}/{module}.ten")).doc or ""


def _index() -> str:
    parts = [INTRODUCTION]
    for module in std_modules():
        about = _about(module).partition("\n\n")[0]
        parts.append(f"## [std.{module}]({module}.ten) {{ #{module} }}\n\n{about}\n\n| name | | |\n| --- | --- | --- |")
        for node, _ in definitions(module):
            name = node.name.text
            parts.append(
                f"| [`{name}`]({module}.ten#{name}) | {node.keyword.value} | {first_sentence(node.doc or '')} |"
            )
        parts.append("")
    return "\n".join(parts)


def _page(module: str) -> str:
    imported = f"Import what you use: `import std.{module} {{ ... }}`."
    scope = imported if module in EXPLICIT_STD else "In scope everywhere, without an import."
    entries = [_entry(node, text) for node, text in definitions(module)]
    return "\n".join([f"# std.{module}\n\n{_about(module)}\n\n{scope}\n", *entries])


def _entry(node: Definition, text: str) -> str:
    name = node.name.text
    facts = [f"{FORMATS[form]}: {_lowered(node, form)}" for form in FORMATS]
    if node.clauses.precision_class is not None:
        facts.append(f"precision class: `{node.clauses.precision_class.text}`")
    told = "\n".join(f"- {fact}" for fact in facts)
    return f"## `{name}` {{ #{name} }}\n\n{_declared(node, text)}\n\n{node.doc or ''}\n\n{told}\n"


def _declared(node: Definition, text: str) -> str:
    """A definition without its body, and with it behind a tab; an `op` has none."""
    type_ = f"```tenuto\n{head(node, text)}\n```"
    if node.body is None:
        return type_
    whole = f"```tenuto\n{text[node.span.start : node.span.end]}\n```"
    return f'=== "Type"\n\n{textwrap.indent(type_, "    ")}\n\n=== "Body"\n\n{textwrap.indent(whole, "    ")}'


def _lowered(node: Definition, form: str) -> str:
    """What a definition becomes in an artifact."""
    lowering = next((item for item in node.clauses.lower if item.backend.text == form), None)
    if lowering is None:
        return "a function, made of its body"
    return (
        f"`{lowering.operator.value}`" if lowering.operator is not None else "nodes that a rule of the back end chooses"
    )
