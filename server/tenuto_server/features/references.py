"""Who else means what stands at a place: across files, and highlighted in one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tenuto_analysis.insight import questions
from tenuto_analysis.insight.entities import Role
from tenuto_analysis.insight.questions import Place
from tenuto_grammar.text import Span
from tenuto_server.workspace import Workspace


class Highlight(NamedTuple):
    """A mention in the file at hand; `writes` where it binds the name or gives it a new value."""

    span: Span
    writes: bool


def references(
    workspace: Workspace, files: Iterable[str], file: str, offset: int, with_definition: bool
) -> tuple[Place, ...]:
    """All mentions in files, in their order, and in the one that defines the name."""
    workspace.load(file)
    mention = questions.mention_at(workspace.database, file, offset)
    if mention is None:
        return ()
    entity = mention.entity
    searched = tuple(dict.fromkeys((file, *files, *([entity.file] if entity.file else ()))))
    workspace.load_all(searched)
    defined = questions.place_of(workspace.database, entity)
    found = (Place(item.file, item.span) for item in questions.references(workspace.database, searched, entity))
    return tuple(place for place in found if with_definition or place != defined)


def highlights(workspace: Workspace, file: str, offset: int) -> tuple[Highlight, ...]:
    workspace.load(file)
    mention = questions.mention_at(workspace.database, file, offset)
    if mention is None:
        return ()
    found = questions.references(workspace.database, (file,), mention.entity)
    return tuple(Highlight(item.span, item.role is not Role.READ) for item in found)
