"""The picture of a deploy, as a page for a panel. Loaded on demand: it needs the packages of an extra."""

from __future__ import annotations

from tenuto_analysis import modules
from tenuto_analysis.diagnostics.base import Place
from tenuto_backend.build import Stopped, typed_graph
from tenuto_backend.picture.page import page
from tenuto_backend.picture.svg import Located
from tenuto_server.features.deploy_of import Declaration, meant
from tenuto_server.features.shown import NotShown, Shown, Wanted, has_errors
from tenuto_server.workspace import Workspace


def graph_page(workspace: Workspace, wanted: Wanted) -> Shown | NotShown:
    """The graph of a deploy as an HTML page, whose nodes tell where they come from.

    The deploy is the one of the name, or the first that has to do with the place and can be drawn.
    """
    if wanted.deploy is not None:
        if wanted.deploy not in modules.deploys(workspace.database, wanted.file):
            return NotShown(f"there is no deploy `{wanted.deploy}` here")
        return _page(workspace, (wanted.file, wanted.deploy))
    found = meant(workspace.database, wanted.file, wanted.offset or 0, wanted.files)
    if found is None:
        return NotShown("there is no declaration here")
    if not found.deploys:
        return NotShown(f"no deploy uses `{found.declaration[1]}`, and a picture is one of a deploy")
    answers = [_page(workspace, found.deploys[0])]
    for deploy in found.deploys[1:]:
        if isinstance(answers[-1], Shown):
            break
        answers.append(_page(workspace, deploy))
    return answers[-1] if isinstance(answers[-1], Shown) else answers[0]


def _page(workspace: Workspace, deploy: Declaration) -> Shown | NotShown:
    file, name = deploy
    if has_errors(workspace, file):
        return NotShown(f"`{name}` can be drawn once its file, and what that imports, has no error")
    try:
        drawn = typed_graph(workspace.database, file, name)
    except Stopped as stopped:
        return NotShown(f"`{name}` cannot be drawn: {stopped.findings[0].message}")

    def locate(place: Place) -> Located:
        start = modules.starts(workspace.database, place.file).get(place.declaration, 0)
        return Located(place.file, start + place.span.start, start + place.span.end)

    return Shown(page(drawn, locate))
