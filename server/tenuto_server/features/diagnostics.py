"""What is found in an open file, as its settings choose: the same as `tenuto check` tells."""

from __future__ import annotations

from tenuto_server.reports import Report, chosen
from tenuto_server.settings import Settings
from tenuto_server.workspace import Workspace


def diagnostics(workspace: Workspace, file: str, settings: Settings) -> tuple[Report, ...]:
    return chosen(workspace.reports(file), settings)
