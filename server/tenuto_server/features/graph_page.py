"""The picture of a deploy, as a page for a panel. Loaded on demand: it needs the packages of an extra."""

from __future__ import annotations

from tenuto_analysis import modules
from tenuto_analysis.diagnostics.base import Place
from tenuto_backend.build import Stopped, deploys_of, typed_graph
from tenuto_backend.picture.page import page
from tenuto_backend.picture.svg import Located
from tenuto_server.features.shown import NotShown, Shown, has_errors
from tenuto_server.workspace import Workspace


def graph_page(workspace: Workspace, file: str, deploy: str) -> Shown | NotShown:
    """The graph of a deploy as an HTML page, whose nodes tell where they come from."""
    if has_errors(workspace, file):
        return NotShown(f"`{deploy}` can be drawn once its file, and what that imports, has no error")
    if deploy not in deploys_of(workspace.database, file):
        return NotShown(f"there is no deploy `{deploy}` here")
    try:
        drawn = typed_graph(workspace.database, file, deploy)
    except Stopped as stopped:
        return NotShown(f"`{deploy}` cannot be drawn: {stopped.findings[0].message}")

    def locate(place: Place) -> Located:
        start = modules.starts(workspace.database, place.file).get(place.declaration, 0)
        return Located(place.file, start + place.span.start, start + place.span.end)

    return Shown(page(drawn, locate))
