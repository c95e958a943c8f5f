"""What the definition at a place becomes, as ONNX's own text. Loaded on demand: it needs the packages of an extra."""

from __future__ import annotations

from tenuto_analysis import modules
from tenuto_backend.build import Stopped, typed_graph
from tenuto_backend.onnx.emit import emit
from tenuto_backend.onnx.options import OnnxError, Options
from tenuto_backend.onnx.text import definition_text, model_text
from tenuto_grammar import syntax
from tenuto_server.features.deploy_of import Declaration, meant
from tenuto_server.features.shown import NotShown, Shown, Wanted, has_errors
from tenuto_server.mending import applied
from tenuto_server.reports import Edit
from tenuto_server.workspace import Workspace

_ALONE = "tenuto_alone"  # The name of a deploy that is made up for a definition.


def lowered(workspace: Workspace, wanted: Wanted) -> Shown | NotShown:
    """A deploy as a whole model; a definition as it stands in the first deploy that uses it and can be built.

    A definition is written once for each choice of its static arguments, as the model has it. One that no deploy uses
    is built alone, for all sizes, where it has no generics.
    """
    found = meant(workspace.database, wanted.file, wanted.offset or 0, wanted.files)
    node = modules.declaration(workspace.database, *found.declaration) if found is not None else None
    if found is None or not isinstance(node, syntax.Definition | syntax.Deploy):
        return NotShown("the cursor stands in no model, function or deploy")
    if not found.deploys and isinstance(node, syntax.Definition):
        return _alone(workspace, found.declaration, node)
    why: NotShown | None = None
    for deploy in found.deploys:
        answer = _in_deploy(workspace, deploy, found.declaration)
        if isinstance(answer, Shown):
            return answer
        why = why or answer
    return why or NotShown("there is no deploy")


def _alone(workspace: Workspace, place: Declaration, node: syntax.Definition) -> Shown | NotShown:
    file, key = place
    if any(generic.default is None and not generic.pack for generic in node.generics):
        return NotShown(f"no deploy uses `{key}`, so that its generics have no values")
    if has_errors(workspace, file):
        return NotShown(f"`{key}` can be lowered once its file, and what that imports, has no error")
    text = workspace.text(file)
    deploy = Edit(len(text), len(text), f"\n\ndeploy {_ALONE} = {key} {{}}\n")
    with workspace.trying(file, applied(text, [deploy])):
        return _built(workspace, (file, _ALONE), place)


def _in_deploy(workspace: Workspace, deploy: Declaration, place: Declaration) -> Shown | NotShown:
    if has_errors(workspace, deploy[0]):
        return NotShown(f"`{place[1]}` can be lowered once its file, and what that imports, has no error")
    return _built(workspace, deploy, place)


def _built(workspace: Workspace, deploy: Declaration, place: Declaration) -> Shown | NotShown:
    """The text of a deploy, or of a definition in it."""
    name = place[1] if deploy[1] == _ALONE else deploy[1]
    try:
        graph = typed_graph(workspace.database, *deploy)
        emitted = emit(workspace.database, graph, Options(ledger=False))
    except (Stopped, OnnxError) as error:
        return NotShown(f"`{name}` cannot be lowered: {error}")
    text = model_text(emitted) if deploy == place else definition_text(graph, emitted, *place)
    if not text:
        return NotShown(f"`{place[1]}` is no function in `{name}`: it became an operator, or nothing needs it")
    return Shown(text)
