"""What a file names and an editor can open: the modules that it imports, the data and the weights that it loads."""

from __future__ import annotations

from typing import NamedTuple

from tenuto_analysis import modules
from tenuto_analysis.check import loading
from tenuto_analysis.database import Database
from tenuto_analysis.insight import questions
from tenuto_analysis.insight.questions import Declared
from tenuto_analysis.weights import Checkpoint
from tenuto_grammar import syntax
from tenuto_grammar.text import Span
from tenuto_server.workspace import Workspace


class Link(NamedTuple):
    """A stretch of a file that names another file."""

    span: Span
    target: str


def links(workspace: Workspace, file: str) -> tuple[Link, ...]:
    """In order; a module only where there is one, data whether or not it is there yet."""
    workspace.load(file)
    found = (_link(workspace.database, file, item) for item in questions.declarations(workspace.database, file))
    return tuple(link for link in found if link is not None)


def _link(db: Database, file: str, item: Declared) -> Link | None:
    match item.node:
        case syntax.Import(path=path):
            target = next((found.file for found in modules.imports(db, file) if found.key == item.key), None)
            known = target is not None and modules.file_text(db, target) is not None
            return Link(path.span.shifted(item.start), target) if target is not None and known else None
        case syntax.Const() as node:
            loaded = modules.loaded_path(node)
            return _data(file, loaded.span.shifted(item.start), loaded.value) if loaded is not None else None
        case syntax.Deploy():
            weights = loading.setting_of(db, file, item.key)
            if isinstance(weights, Checkpoint):
                return _data(file, weights.span.shifted(item.start), weights.file)
            return None
        case _:
            return None


def _data(file: str, quoted: Span, path: str) -> Link:
    """The link under what stands between the quotes."""
    return Link(Span(quoted.start + 1, quoted.end - 1), modules.data_file(file, path))
