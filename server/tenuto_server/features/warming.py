"""What an editor will ask of a file soon: types, calls and facts of each declaration, inferred while nobody waits."""

from __future__ import annotations

from tenuto_analysis import modules
from tenuto_analysis.insight import questions
from tenuto_server.workspace import Workspace


def warm(workspace: Workspace, file: str) -> None:
    """Looks at what the last edit changed; what is known already costs nothing."""
    workspace.load(file)
    for key, keyword in modules.keys(workspace.database, file):
        if keyword:
            questions.surveyed(workspace.database, file, key)
