"""Where the name at a place is defined. A name of the library is defined in a file that its users can read."""

from __future__ import annotations

from tenuto_analysis import modules
from tenuto_analysis.insight import questions
from tenuto_analysis.insight.entities import EntityKind, Role
from tenuto_analysis.insight.questions import Mention, Place
from tenuto_server.workspace import Workspace


def definition(workspace: Workspace, file: str, offset: int) -> Place | None:
    """None where no name stands, or one that the language itself defines."""
    workspace.load(file)
    mention = questions.mention_at(workspace.database, file, offset)
    return questions.place_of(workspace.database, mention.entity) if mention is not None else None


def declaration(workspace: Workspace, file: str, offset: int) -> Place | None:
    """Where the file itself says what a name means: the import that brings it, else its definition."""
    workspace.load(file)
    mention = questions.mention_at(workspace.database, file, offset)
    if mention is None:
        return None
    imported = _import_of(workspace, mention)
    return imported or questions.place_of(workspace.database, mention.entity)


def _import_of(workspace: Workspace, mention: Mention) -> Place | None:
    if mention.entity.file == mention.file:
        return None
    text = workspace.text(mention.file)
    name = text[slice(*mention.span)]
    for key, keyword in modules.keys(workspace.database, mention.file):
        if keyword != "import":
            continue
        for item in questions.mentions_in(workspace.database, mention.file, key):
            same = text[slice(*item.span)] == name or (
                item.entity.kind is EntityKind.MODULE and item.role is Role.READ and name == _last(item.entity.name)
            )
            if item.entity == mention.entity and same:
                return Place(item.file, item.span)
    return None


def _last(path: str) -> str:
    return path.rsplit(".", 1)[-1]
