"""What stands above a model and a deploy: its parameters, what it gives and how often it is used; what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tenuto_analysis import model, modules
from tenuto_analysis.check import queries
from tenuto_analysis.cost.measure import measured_deploy
from tenuto_analysis.database import Database
from tenuto_analysis.insight import questions
from tenuto_analysis.insight.entities import Entity, EntityKind, Role
from tenuto_analysis.insight.weight_count import count_of, weight_count
from tenuto_analysis.types import UNKNOWN, Reference
from tenuto_grammar import syntax
from tenuto_grammar.text import Span
from tenuto_server.features.costs import costs_in_short
from tenuto_server.workspace import Workspace

_LONGEST_COUNT = 60  # Characters of a formula; what a longer one is, a deploy tells.


class Lens(NamedTuple):
    """A declaration with a lens above it; `span` is that of its name in the file."""

    span: Span
    name: str
    is_deploy: bool


def lenses(workspace: Workspace, file: str) -> Iterator[Lens]:
    """The models and deploys of a file, in order."""
    workspace.load(file)
    for declared in questions.declarations(workspace.database, file):
        match declared.node:
            case syntax.Deploy(name=name) if name.text:
                yield Lens(name.span.shifted(declared.start), declared.key, True)
            case syntax.Definition(keyword=syntax.Keyword.MODEL, name=name) if name.text:
                yield Lens(name.span.shifted(declared.start), declared.key, False)
            case _:
                pass


def told(workspace: Workspace, file: str, name: str) -> str | None:
    """The words of a lens; None where the declaration is gone or nothing is known of it."""
    workspace.load(file)
    db = workspace.database
    match modules.declaration(db, file, name):
        case syntax.Deploy():
            return _deploy(db, file, name)
        case syntax.Definition() as node:
            parts = (*_model(db, file, name), _used(workspace, file, node))
            return " · ".join(part for part in parts if part is not None) or None
        case _:
            return None


def _used(workspace: Workspace, file: str, node: syntax.Definition) -> str | None:
    """How often a model is named beside its declaration, in the files that are known."""
    entity = Entity(EntityKind.MODEL, node.name.text, file, node.name.text, node.name.span)
    found = questions.references(workspace.database, workspace.loaded(), entity)
    count = sum(1 for mention in found if mention.role is not Role.DEFINITION)
    return f"{count} references" if count > 1 else "1 reference" if count else None


def _model(db: Database, file: str, name: str) -> tuple[str | None, ...]:
    result = model.result_type(db, file, name)
    return _count(db, file, name), f"gives {result}" if result != UNKNOWN else None


def _count(db: Database, file: str, name: str) -> str | None:
    count = weight_count(db, file, name)
    if count is None:
        return None
    if count.constant is not None:
        return f"{count.constant:,} parameters" if count.constant else "no parameters"
    text = f"({count})" if str(count).startswith("if ") else str(count)
    return f"{text} parameters" if len(text) <= _LONGEST_COUNT else _by_deploy(db, file, name)


def _by_deploy(db: Database, file: str, name: str) -> str | None:
    """The number for the first deploy of a model in its file, where the formula is too long to be read."""
    for key, keyword in modules.offered(db, file).items():
        built = queries.body(db, file, key).result if keyword == "deploy" else None
        if isinstance(built, Reference) and (built.file, built.name) == (file, name):
            count = count_of(db, built)
            if count is not None and count.constant is not None:
                return f"{count.constant:,} parameters in {key}"
    return None


def _deploy(db: Database, file: str, name: str) -> str | None:
    found = measured_deploy(db, file, name)
    return " · ".join(costs_in_short(db, file, found)) if found is not None else None
