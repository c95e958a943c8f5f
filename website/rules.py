"""A page for each rule of `tenuto check`, the one that `tenuto explain` prints, and the list of all by family."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import ModuleType

from tenuto.cli.explain import summary
from tenuto_analysis.diagnostics import CATALOGUE, FAMILIES
from tenuto_analysis.diagnostics.base import Diagnostic
from website.page import Page, read

FOLDER = "analysis/tenuto_analysis/diagnostics/explain"

INTRODUCTION = """# Rules

Everything that `tenuto check` and an editor can say of a program, by family. `tenuto explain RULE` prints the same
pages. An *error* stops a build, a *warning* does not; [settings](../../../../docs/settings.md) choose among the rules,
and [a comment](../../../../docs/language.md#silencing-a-lint) silences a warning in one place.
"""


def rule_pages() -> Iterator[Page]:
    yield Page("rules/index.md", FOLDER, _index())
    for family in FAMILIES:
        for rule in rules_of(family):
            severity = rule.severity.value
            page = read(f"{FOLDER}/{rule.rule}.md").replace("\n", f"\n\n`{severity}`{{ .severity .{severity} }}\n", 1)
            yield Page(f"rules/{rule.rule}.md", f"{FOLDER}/{rule.rule}.md", page, family_title(family))


def rules_of(family: ModuleType) -> list[type[Diagnostic]]:
    return sorted((item for item in CATALOGUE if item.__module__ == family.__name__), key=lambda item: item.rule)


def family_title(family: ModuleType) -> str:
    return family.__name__.rpartition(".")[2].capitalize()


def _index() -> str:
    parts = [INTRODUCTION]
    for family in FAMILIES:
        parts.append(f"## {family_title(family)}\n\n{inspect.getdoc(family)}\n\n| rule | | |\n| --- | --- | --- |")
        parts += [
            f"| [`{rule.rule}`]({rule.rule}.md) | {rule.severity.value} | {summary(rule.rule)} |"
            for rule in rules_of(family)
        ]
        parts.append("")
    return "\n".join(parts)
