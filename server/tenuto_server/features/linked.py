"""What an editor changes together while somebody types: the mentions of a name that only its declaration can see."""

from __future__ import annotations

from tenuto_analysis.insight import questions
from tenuto_analysis.insight.entities import EntityKind
from tenuto_grammar.text import Span
from tenuto_server.workspace import Workspace

WORD = r"[A-Za-z_][A-Za-z0-9_]*"

_LINKED = frozenset({EntityKind.AXIS, EntityKind.LOCAL, EntityKind.VARIABLE, EntityKind.INDEX})


def linked(workspace: Workspace, file: str, offset: int) -> tuple[Span, ...]:
    """The axes of a pattern literal with their named sizes, a local name with its uses; else nothing."""
    workspace.load(file)
    mention = questions.mention_at(workspace.database, file, offset)
    if mention is None or mention.entity.kind not in _LINKED:
        return ()
    return tuple(item.span for item in questions.references(workspace.database, (file,), mention.entity))
