"""Commands that a client has executed: views of a program, pages of rules, builds and runs.

What takes long runs in a process of its own, with progress that the user can cancel; its answer is a `Waiting`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any
from uuid import uuid4

import msgspec
from lsprotocol import types

from tenuto_server import children
from tenuto_server.children import Finished
from tenuto_server.features.explain import explained
from tenuto_server.features.shown import NotShown, Origin, Shown, Wanted
from tenuto_server.protocol.changing import APPLY
from tenuto_server.protocol.feature import Command, Context, Feature, Page, Refused, Waiting
from tenuto_server.protocol.uris import file_of
from tenuto_server.worker import Urgency


def execute(context: Context, params: types.ExecuteCommandParams) -> object:
    for command in COMMANDS:
        if command.name == params.command:
            return command.handler(context, list(params.arguments or ()), params.work_done_token)
    raise Refused(f"there is no command `{params.command}`")


# ------------------------------------------------------------------------------------------------------ the commands


def show_graph(context: Context, arguments: list[Any], token: types.ProgressToken | None) -> Waiting:
    """`[uri, name of a deploy]`, or `[uri, position]`: a page of HTML."""
    return _view(context, "graph", "Drawing", arguments, token)


def show_lowered(context: Context, arguments: list[Any], token: types.ProgressToken | None) -> Waiting:
    """`[uri, position]`: the ONNX of the definition, as text.

    `[uri, position, form]`, where the form is `onnx` or `mlir`: `{ text, origins: [{ line, uri, position }] }`, whose
    origins tell of lines of the text where they come from.
    """
    match arguments:
        case [uri, position, str(form)] if form in LOWERED:
            return _view(context, "lowered", "Lowering", [uri, position], token, form)
        case [_, _, form]:
            raise Refused(f"a definition is lowered to {' or '.join(LOWERED)}, not to {form!r}")
        case _:
            return _view(context, "lowered", "Lowering", arguments, token)


def explain_rule(context: Context, arguments: list[Any], token: types.ProgressToken | None) -> str:
    """`[rule]`: its page, as Markdown."""
    if len(arguments) != 1 or not isinstance(arguments[0], str):
        raise Refused("`tenuto.explainRule` takes the name of a rule")
    page, problem = explained(arguments[0])
    if page is None:
        raise Refused(problem)
    return page


def build(context: Context, arguments: list[Any], token: types.ProgressToken | None) -> Waiting:
    """`[uri, name of a deploy]`: what `tenuto build` says; it works on the disk."""
    return _task(context, "build", "Building", arguments, token)


def run(context: Context, arguments: list[Any], token: types.ProgressToken | None) -> Waiting:
    """`[uri, name of a deploy]`: what `tenuto run` says of inputs that it draws."""
    return _task(context, "run", "Running", arguments, token)


def apply_edit(context: Context, arguments: list[Any], token: types.ProgressToken | None) -> None:
    """`[uri, version, edits]`, as an action was told to a client that knows commands alone."""
    match arguments:
        case [str(uri), int() | None as version, list(plain)]:
            pass
        case _:
            raise Refused(f"`{APPLY}` is for the actions of the server")
    if version != context.version(file_of(uri)):
        raise Refused("the document has changed")
    edits = [_plain_edit(item) for item in plain]
    params = types.ApplyWorkspaceEditParams(types.WorkspaceEdit(changes={uri: edits}))
    context.notify(types.WORKSPACE_APPLY_EDIT, params)


LOWERED = ("onnx", "mlir")
"""The forms in which a definition is shown."""

COMMANDS = (
    Command("tenuto.showGraph", show_graph),
    Command("tenuto.showLowered", show_lowered),
    Command("tenuto.explainRule", explain_rule),
    Command("tenuto.server.build", build),
    Command("tenuto.server.run", run),
    Command(APPLY, apply_edit),
)


# ----------------------------------------------------------------------------------------------------------------- work


def _view(
    context: Context,
    view: str,
    title: str,
    arguments: list[Any],
    token: types.ProgressToken | None,
    form: str | None = None,
) -> Waiting:
    """A view of the program as the editor has it; with its origins where a form is asked for."""
    deploy: str | None = None
    offset: int | None = None
    match arguments:
        case [str(uri), str(deploy)]:
            page = _page(context, uri)
        case [str(uri), {"line": int(line), "character": int(character)}] if line >= 0 and character >= 0:
            page = _page(context, uri)
            offset = page.offset(types.Position(line, character))
        case _:
            raise Refused(f"`{view}` takes a document, and a place in it or the name of a deploy")
    loaded = (*context.workspace.load(page.file), *context.workspace.loaded())
    files = {
        file: _in_utf8(context.workspace.text(file)) for file in loaded if file.endswith(".ten") or file == page.file
    }
    wanted = Wanted(view, page.file, files, deploy, offset, form or "onnx", context.client.encoding)
    found = children.views(msgspec.json.encode(wanted))
    return _waiting(
        context,
        f"{title} {deploy or ''}".strip(),
        found,
        _shown if form is None else partial(_with_origins, context),
        token,
    )


def _shown(finished: Finished) -> str:
    return _answer(finished).text


def _with_origins(context: Context, finished: Finished) -> dict[str, object]:
    """A text, and where its lines come from, at the client's places."""
    shown = _answer(finished)
    return {"text": shown.text, "origins": [_origin(context, origin) for origin in shown.origins]}


def _origin(context: Context, origin: Origin) -> dict[str, object]:
    return {
        "line": origin.at,
        "uri": context.uri(origin.file),
        "position": {"line": origin.line, "character": origin.column},
    }


def _answer(finished: Finished) -> Shown:
    if finished.code != 0:
        raise Refused(f"this could not be shown: {_last_line(finished)}")
    answer: Shown | NotShown = msgspec.json.decode(finished.output, type=Shown | NotShown)
    match answer:
        case Shown():
            return answer
        case NotShown(reason=reason):
            raise Refused(reason)


def _task(
    context: Context, command: str, title: str, arguments: list[Any], token: types.ProgressToken | None
) -> Waiting:
    """A command of the command line, in the folder of the workspace."""
    match arguments:
        case [str(uri), str(deploy)] if deploy.isidentifier():
            page = _page(context, uri)
        case _:
            raise Refused(f"`{command}` takes a document and the name of a deploy")
    if not _is_saved(page):
        raise Refused(f"`{os.path.basename(page.file)}` is not saved: `tenuto {command}` reads the disk")
    folder = context.settings(page.file).root or os.path.dirname(page.file)
    found = children.tenuto([command, f"{page.file}:{deploy}", "--color", "never"], folder)
    return _waiting(context, f"{title} {deploy}", found, _said, token)


def _said(finished: Finished) -> str:
    if finished.code != 0:
        raise Refused(f"{finished.errors}{finished.output.decode('utf-8', errors='replace')}".strip())
    return f"{finished.output.decode('utf-8', errors='replace')}{finished.errors}"


def _waiting(
    context: Context,
    title: str,
    found: Future[Finished],
    answer: Callable[[Finished], object],
    token: types.ProgressToken | None,
) -> Waiting:
    """Tells the progress of a process: by the client's token, else by one that it is asked to make."""
    window = context.client.capabilities.window
    if token is None and window is not None and window.work_done_progress:
        token = f"tenuto-{uuid4()}"
        context.notify(types.WINDOW_WORK_DONE_PROGRESS_CREATE, types.WorkDoneProgressCreateParams(token))
    if token is not None:
        begin = types.WorkDoneProgressBegin(title, cancellable=True)
        context.notify(types.PROGRESS, types.ProgressParams(token, begin))
        end = types.ProgressParams(token, types.WorkDoneProgressEnd())
        found.add_done_callback(lambda _: context.notify(types.PROGRESS, end))
    return Waiting(found, answer, token)


def _in_utf8(text: str) -> str:
    """A text with nothing in it that no encoding can say, as halves of characters are, and as long as before."""
    return text.encode("utf-8", errors="replace").decode("utf-8")


def _page(context: Context, uri: str) -> Page:
    page = context.page(uri)
    if not page.text:
        raise Refused(f"there is no text in `{uri}`")
    return page


def _is_saved(page: Page) -> bool:
    try:
        with open(page.file, encoding="utf-8-sig", newline="") as opened:
            return opened.read() == page.text
    except (OSError, ValueError):
        return False


def _plain_edit(item: object) -> types.TextEdit:
    match item:
        case [int(line), int(start), int(last), int(end), str(text)] if min(line, start, last, end) >= 0:
            return types.TextEdit(types.Range(types.Position(line, start), types.Position(last, end)), text)
        case _:
            raise Refused(f"`{APPLY}` is for the actions of the server")


def _last_line(finished: Finished) -> str:
    lines = finished.errors.strip().splitlines()
    return lines[-1] if lines else f"it ended with {finished.code}"


FEATURES = (Feature(types.WORKSPACE_EXECUTE_COMMAND, execute, urgency=Urgency.SOON),)
