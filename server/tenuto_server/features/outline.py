"""The declarations of a file, for an outline and for folding."""

from __future__ import annotations

from typing import NamedTuple

from tenuto_analysis import modules
from tenuto_grammar.syntax import Import
from tenuto_server.workspace import Workspace


class Declared(NamedTuple):
    """A declaration: its keyword, its name, where it stands, and where its name does."""

    keyword: str
    name: str
    start: int
    end: int
    name_start: int
    name_end: int


def outline(workspace: Workspace, file: str) -> tuple[Declared, ...]:
    """What a file declares, in order; an import declares nothing."""
    found: list[Declared] = []
    starts = modules.starts(workspace.database, file)
    for key, keyword in modules.keys(workspace.database, file):
        node = modules.declaration(workspace.database, file, key)
        if node is None or isinstance(node, Import) or not node.name.text:
            continue
        span, name = node.span.shifted(starts[key]), node.name.span.shifted(starts[key])
        found.append(Declared(keyword, node.name.text, span.start, span.end, name.start, name.end))
    return tuple(found)
