"""What is found in an open file, as its settings choose: in the end the same as `tenuto check` tells.

What takes the graphs of deploys is told as it was when they were last looked at, where the text is still the same.
"""

from __future__ import annotations

from tenuto_server.reports import Report, chosen
from tenuto_server.settings import Settings
from tenuto_server.workspace import Workspace


def diagnostics(workspace: Workspace, file: str, settings: Settings) -> tuple[Report, ...]:
    return chosen(workspace.known_reports(file), settings)
