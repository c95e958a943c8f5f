"""Where the name at a place is defined. A name of the library is defined in a file that its users can read."""

from __future__ import annotations

from tenuto_analysis.insight import questions
from tenuto_analysis.insight.questions import Place
from tenuto_server.workspace import Workspace


def definition(workspace: Workspace, file: str, offset: int) -> Place | None:
    """None where no name stands, or one that the language itself defines."""
    workspace.load(file)
    mention = questions.mention_at(workspace.database, file, offset)
    return questions.place_of(workspace.database, mention.entity) if mention is not None else None
