"""What the definition at a place becomes, as ONNX's own text. Loaded on demand: it needs the packages of an extra."""

from __future__ import annotations

from tenuto_backend.build import Stopped, deploys_of, typed_graph
from tenuto_backend.onnx.emit import emit
from tenuto_backend.onnx.options import OnnxError, Options
from tenuto_backend.onnx.text import definition_text, model_text
from tenuto_server.features.shown import NotShown, Shown, has_errors
from tenuto_server.features.symbols import document_symbols
from tenuto_server.workspace import Workspace

DEFINITIONS = ("fn", "model")


def lowered(workspace: Workspace, file: str, offset: int) -> Shown | NotShown:
    """A deploy as a whole model; a definition as it stands in the first deploy of the file that uses it.

    A definition is written once for each choice of its static arguments, as the model has it.
    """
    workspace.load(file)
    symbols = document_symbols(workspace, file)
    here = next((item for item in symbols if item.span.start <= offset <= item.span.end), None)
    if here is None or here.kind.value not in (*DEFINITIONS, "deploy"):
        return NotShown("the cursor stands in no model, function or deploy")
    if has_errors(workspace, file):
        return NotShown(f"`{here.name}` can be lowered once its file, and what that imports, has no error")
    whole = here.kind.value == "deploy"
    for deploy in (here.name,) if whole else deploys_of(workspace.database, file):
        try:
            text = _lowered(workspace, file, deploy, None if whole else here.name)
        except (Stopped, OnnxError) as error:
            return NotShown(f"`{deploy}` cannot be lowered: {error}")
        if text:
            return Shown(text)
    return NotShown(f"no deploy of this file has `{here.name}` as a function, so that its sizes are not known")


def _lowered(workspace: Workspace, file: str, deploy: str, definition: str | None) -> str:
    """The text of a deploy, or of a definition in it; empty where the model has no such function."""
    graph = typed_graph(workspace.database, file, deploy)
    emitted = emit(workspace.database, graph, Options(ledger=False))
    if definition is None:
        return model_text(emitted)
    return definition_text(graph, emitted, file, definition)
