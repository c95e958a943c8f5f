"""What the definition at a place becomes, as the text of ONNX or of MLIR; it needs the packages of an extra."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tenuto_analysis import modules
from tenuto_analysis.diagnostics.base import Place
from tenuto_analysis.graph import Function, Graph, walk
from tenuto_backend.build import Stopped, typed_graph
from tenuto_backend.mlir import emit as mlir
from tenuto_backend.mlir import operations
from tenuto_backend.mlir.pretty import pretty, pretty_function
from tenuto_backend.onnx.emit import emit
from tenuto_backend.onnx.options import OnnxError, Options
from tenuto_backend.onnx.provenance import Places
from tenuto_backend.onnx.text import definition_text, model_text, signature
from tenuto_grammar import syntax
from tenuto_grammar.text import Encoding, LineIndex, Span
from tenuto_server.features.deploy_of import Declaration, meant
from tenuto_server.features.shown import NotShown, Origin, Shown, Wanted, has_errors
from tenuto_server.mending import applied
from tenuto_server.reports import Edit
from tenuto_server.workspace import Workspace

_PLACE = re.compile(r"(?:#|//) (\S.*?:\d+:\d+)(?:  |$)")
_ALONE = "tenuto_alone"  # The name of a deploy that is made up for a definition.


def lowered(workspace: Workspace, wanted: Wanted) -> Shown | NotShown:
    """A deploy as a whole model; a definition as it stands in the first deploy that uses it and can be built.

    Behind each node, or operation, stands the line that it comes from.

    A definition is written once for each choice of its static arguments, as the model has it. One that no deploy uses
    is built alone, for all sizes, where it has no generics.
    """
    found = meant(workspace.database, wanted.file, wanted.offset or 0, wanted.files)
    node = modules.declaration(workspace.database, *found.declaration) if found is not None else None
    if found is None or not isinstance(node, syntax.Definition | syntax.Deploy):
        return NotShown("the cursor stands in no model, function or deploy")
    if not found.deploys and isinstance(node, syntax.Definition):
        return _alone(workspace, wanted, found.declaration, node)
    why: NotShown | None = None
    for deploy in found.deploys:
        answer = _in_deploy(workspace, wanted, deploy, found.declaration)
        if isinstance(answer, Shown):
            return answer
        why = why or answer
    return why or NotShown("there is no deploy")


def _alone(workspace: Workspace, wanted: Wanted, place: Declaration, node: syntax.Definition) -> Shown | NotShown:
    file, key = place
    if any(generic.default is None and not generic.pack for generic in node.generics):
        return NotShown(f"no deploy uses `{key}`, so that its generics have no values")
    if has_errors(workspace, file):
        return NotShown(f"`{key}` can be lowered once its file, and what that imports, has no error")
    text = workspace.text(file)
    deploy = Edit(len(text), len(text), f"\n\ndeploy {_ALONE} = {key} {{}}\n")
    with workspace.trying(file, applied(text, [deploy])):
        return _built(workspace, wanted, (file, _ALONE), place)


def _in_deploy(workspace: Workspace, wanted: Wanted, deploy: Declaration, place: Declaration) -> Shown | NotShown:
    if has_errors(workspace, deploy[0]):
        return NotShown(f"`{place[1]}` can be lowered once its file, and what that imports, has no error")
    return _built(workspace, wanted, deploy, place)


def _built(workspace: Workspace, wanted: Wanted, deploy: Declaration, place: Declaration) -> Shown | NotShown:
    """The text of a deploy, or of a definition in it."""
    name = place[1] if deploy[1] == _ALONE else deploy[1]
    whole = deploy == place
    try:
        graph = typed_graph(workspace.database, *deploy)
        text = FORMS[wanted.form](workspace, graph, None if whole else place)
    except (Stopped, OnnxError) as error:
        return NotShown(f"`{name}` cannot be lowered: {error}")
    if not text:
        return NotShown(f"`{place[1]}` is no function in `{name}`: it became an operator, or nothing needs it")
    return Shown(text, tuple(_origins(workspace, graph, text, wanted.encoding)))


def _onnx(workspace: Workspace, graph: Graph, place: Declaration | None) -> str:
    emitted = emit(workspace.database, graph, Options(ledger=False))
    return model_text(emitted) if place is None else definition_text(graph, emitted, *place)


def _mlir(workspace: Workspace, graph: Graph, place: Declaration | None) -> str:
    module = mlir.emit(workspace.database, graph)
    if place is None:
        return pretty(module)
    functions = zip(graph.functions, module.functions, strict=True)
    texts = [_headed(function, made) for function, made in functions if (function.file, function.key) == place]
    return "\n".join(texts)


def _headed(function: Function, made: operations.Function) -> str:
    """A function below its typed signature."""
    return f"// {signature(function)}\n" + "".join(f"{line[2:]}\n" for line in pretty_function(made))


FORMS = {"onnx": _onnx, "mlir": _mlir}
"""From a graph to the text of all of it, or of what one definition became in it."""


def _origins(workspace: Workspace, graph: Graph, text: str, encoding: Encoding) -> Iterator[Origin]:
    """The lines of a text that say, in a comment, where they come from."""
    db = workspace.database
    places = Places(db)
    origins = {places.text(node.origin): node.origin for f in graph.functions for node in walk(f.body)}
    for function in graph.functions:
        start = Place(function.file, function.key, Span(0, 0))
        origins.setdefault(places.text(start), start)
    lines: dict[str, LineIndex] = {}
    for at, line in enumerate(text.split("\n")):
        told = _PLACE.search(line)
        origin = origins.get(told[1]) if told is not None else None
        if origin is not None:
            index = lines.get(origin.file)
            if index is None:
                index = lines[origin.file] = LineIndex(modules.file_text(db, origin.file) or "")
            start_of = modules.starts(db, origin.file).get(origin.declaration, 0)
            position = index.position(start_of + origin.span.start, encoding)
            yield Origin(at, origin.file, position.line, position.column)
