"""`tenuto lsp`: a client, a session, and which message goes where."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from io import BufferedReader, BufferedWriter, FileIO
from threading import Thread
from typing import Any, BinaryIO

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from tenuto import __version__
from tenuto_grammar.text import Position
from tenuto_server.documents import Change
from tenuto_server.preferences import preferences
from tenuto_server.protocol import changing, commands, completing, navigation, reading, renaming
from tenuto_server.protocol.client import client_of, folders_of
from tenuto_server.protocol.completing import Completer
from tenuto_server.protocol.diagnostics import Puller, Pusher
from tenuto_server.protocol.feature import Context, Feature, Refused, Waiting
from tenuto_server.protocol.rpc import Number, Rpc
from tenuto_server.protocol.session import SETTINGS_FILES, Answer, Outdated, Session
from tenuto_server.protocol.tokens import SemanticTokens
from tenuto_server.protocol.transport import Reader, Writer
from tenuto_server.protocol.uris import file_of

# Every request that is answered from the program, by what it is for. Diagnostics have a memory: `diagnostics.py`.
FEATURES = (
    *navigation.FEATURES,
    *renaming.FEATURES,
    *reading.FEATURES,
    *completing.FEATURES,
    *changing.FEATURES,
    *commands.FEATURES,
)

SWITCH = 0.0005  # seconds after which the worker lets the event loop run; an answer takes a few milliseconds in all
HEARTBEAT = 1.0  # seconds between looks at whether the client's process lives
GRACE = 2.0  # seconds for an orderly end after it died

InFlight = Answer | asyncio.Task[Any]


class Server:
    """Serves one client; `features` are those of the table, in tests also others."""

    def __init__(
        self, writer: Writer, loop: asyncio.AbstractEventLoop, features: tuple[Feature, ...] = FEATURES
    ) -> None:
        self.done: asyncio.Future[int] = loop.create_future()
        self._loop = loop
        self._pygls = LanguageServer(
            "tenuto", __version__, types.TextDocumentSyncKind.Incremental, protocol_cls=Rpc, max_workers=1
        )
        rpc = self._pygls.protocol
        assert isinstance(rpc, Rpc)
        self.rpc = rpc
        self.rpc.sink = writer
        self.rpc.handlers = self
        self._session = Session(loop, self._send, self._complain, self.failed)
        self._puller = Puller(self._session, partial(self._send, types.WORKSPACE_DIAGNOSTIC_REFRESH, None))
        self._pusher = Pusher(self._session, self._pygls.text_document_publish_diagnostics)
        self._in_flight: dict[Number, InFlight] = {}
        self._by_token: dict[types.ProgressToken, InFlight] = {}
        self._register((*features, *self._puller.features(), *Completer().features(), *SemanticTokens().features()))

    # ----------------------------------------------------------------------------------------------------------- tables

    def _register(self, features: tuple[Feature, ...]) -> None:
        """Says what this server answers, to pygls for the capabilities and to `Rpc` for the messages."""
        answered: dict[str, Callable[[Number, Any], None]] = {
            feature.method: partial(self._answer, feature) for feature in features
        }
        answered[types.WORKSPACE_DIAGNOSTIC] = self._workspace_diagnostic
        answered[types.SHUTDOWN] = self._shutdown
        answered["tenuto/text"] = self._text
        self.requests: Mapping[str, Callable[[Number, Any], None]] = answered
        self.notifications: Mapping[str, Callable[[Any], None]] = {
            types.TEXT_DOCUMENT_DID_OPEN: self._did_open,
            types.TEXT_DOCUMENT_DID_CHANGE: self._did_change,
            types.TEXT_DOCUMENT_DID_CLOSE: self._did_close,
            types.WORKSPACE_DID_CHANGE_WATCHED_FILES: self._did_change_watched_files,
            types.WORKSPACE_DID_CREATE_FILES: self._did_create_files,
            types.WORKSPACE_DID_RENAME_FILES: self._did_rename_files,
            types.WORKSPACE_DID_DELETE_FILES: self._did_delete_files,
            types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS: self._did_change_workspace_folders,
            types.WORKSPACE_DID_CHANGE_CONFIGURATION: self._did_change_configuration,
            types.CANCEL_REQUEST: self._cancel,
            types.WINDOW_WORK_DONE_PROGRESS_CANCEL: self._cancel_progress,
        }
        for feature in features:
            self._pygls.feature(feature.method, feature.options)(_elsewhere)
        self._pygls.feature(types.WORKSPACE_DIAGNOSTIC)(_elsewhere)
        for method in renaming.MOVED:
            self._pygls.feature(method, renaming.MOVES)(_elsewhere)
        for command in commands.COMMANDS:
            self._pygls.command(command.name)(_elsewhere)
        # pygls marks what it registers, and a method cannot be marked.
        self._pygls.feature(types.INITIALIZE)(lambda params: self._initialize(params))
        self._pygls.feature(types.INITIALIZED)(lambda params: self._initialized())

    # ---------------------------------------------------------------------------------------------------- start and end

    def _initialize(self, params: types.InitializeParams) -> None:
        session = self._session
        session.client = client_of(params, self.rpc.workspace.position_encoding)
        session.folders = folders_of(params)
        self._session.preferences, problem = preferences(_section(params.initialization_options))
        if problem is not None:
            self._complain(problem)
        session.learned = self._refresh
        if not session.client.pulls_diagnostics:
            session.changed = self._pusher.changed
        elif types.WORKSPACE_DIAGNOSTIC_REFRESH in session.client.refreshes:
            session.changed = self._puller.changed
        if params.process_id is not None:
            Thread(target=self._outlive, args=(params.process_id,), name="heartbeat", daemon=True).start()

    def _initialized(self) -> None:
        if self._session.client.watches_files:
            globs = ["**/*.ten", *(f"**/{name}" for name in SETTINGS_FILES)]
            options = types.DidChangeWatchedFilesRegistrationOptions([types.FileSystemWatcher(glob) for glob in globs])
            registration = types.Registration("files", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
            self._send(types.CLIENT_REGISTER_CAPABILITY, types.RegistrationParams([registration]))
        self._ask_configuration()

    def _shutdown(self, number: Number, params: None) -> None:
        for waiting in [*self._in_flight.values()]:
            waiting.cancel()
        self.rpc.shut_down()
        self.rpc.reply(number, types.SHUTDOWN, None)

    def exit(self, code: int) -> None:
        """Ends the server with this code."""
        if not self.done.done():
            self.done.set_result(code)

    def close(self) -> None:
        """Lets go of all threads."""
        self._session.stop()

    def _outlive(self, process: int) -> None:
        """Ends the server soon after its client's process."""
        while _lives(process):
            time.sleep(HEARTBEAT)
        self._loop.call_soon_threadsafe(self.exit, 1)
        time.sleep(GRACE)
        os._exit(1)  # Something holds the process up, and nobody is left to see it.

    # --------------------------------------------------------------------------------------------------------- requests

    def _answer(self, feature: Feature, number: Number, params: Any) -> None:
        document = getattr(params, "text_document", None)
        file = file_of(document.uri) if document is not None else None
        answer = self._session.ask(feature.urgency, partial(_handled, feature, params), file)
        self._track(number, feature.method, answer, feature.asks_again)

    def _workspace_diagnostic(self, number: Number, params: types.WorkspaceDiagnosticParams) -> None:
        task = self._loop.create_task(self._puller.workspace(params, self._progress))
        self._name(task, params.work_done_token)
        self._track(number, types.WORKSPACE_DIAGNOSTIC, task)

    def _name(self, task: asyncio.Task[Any], token: types.ProgressToken | None) -> None:
        """The client may cancel a task by the token of its progress."""
        if token is not None:
            self._by_token[token] = task
            task.add_done_callback(lambda _: self._by_token.pop(token, None))

    def _wait(self, number: Number, method: str, waiting: Waiting) -> None:
        """The answer comes from elsewhere."""
        task = self._loop.create_task(_worked_out(waiting))
        self._name(task, waiting.token)
        self._track(number, method, task)

    def _track(self, number: Number, method: str, answer: InFlight, asks_again: bool = False) -> None:
        self._in_flight[number] = answer
        answer.add_done_callback(partial(self._reply, number, method, asks_again))

    def _reply(self, number: Number, method: str, asks_again: bool, answer: InFlight) -> None:
        self._in_flight.pop(number, None)
        if answer.cancelled():
            self.rpc.refuse(number, types.LSPErrorCodes.RequestCancelled, "cancelled")
            return
        match answer.exception():
            case None:
                match answer.result():
                    case Waiting() as waiting:
                        self._wait(number, method, waiting)
                    case result:
                        self.rpc.reply(number, method, result)
            case Outdated() if asks_again:
                data = types.DiagnosticServerCancellationData(retrigger_request=True)
                self.rpc.refuse(number, types.LSPErrorCodes.ServerCancelled, "the document has changed", data)
            case Outdated():
                self.rpc.refuse(number, types.LSPErrorCodes.ContentModified, "the document has changed")
            case Refused() as refused:
                self.rpc.refuse(number, types.LSPErrorCodes.RequestFailed, str(refused))
            case error:
                self.failed(error)
                reason = f"a mistake in Tenuto: {type(error).__name__}: {error}"
                self.rpc.refuse(number, types.ErrorCodes.InternalError, reason)

    def _text(self, number: Number, params: Any) -> None:
        """What the server takes the text of an open document to be, for tests: null where it is not open."""
        document = self._session.documents.get(file_of(str(getattr(params, "uri", ""))))
        self.rpc.reply(number, "tenuto/text", document.text if document is not None else None)

    # ---------------------------------------------------------------------------------------------------- notifications

    def _did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        document = params.text_document
        self._session.open(document.uri, document.version, document.text)

    def _did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        changes = [_change(change) for change in params.content_changes]
        self._session.edit(params.text_document.uri, params.text_document.version, changes)

    def _did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        self._session.close(params.text_document.uri)
        self._pusher.closed(params.text_document.uri)

    def _did_change_watched_files(self, params: types.DidChangeWatchedFilesParams) -> None:
        self._files_changed(change.uri for change in params.changes)

    def _did_create_files(self, params: types.CreateFilesParams) -> None:
        self._files_changed(item.uri for item in params.files)

    def _did_rename_files(self, params: types.RenameFilesParams) -> None:
        self._files_changed(uri for item in params.files for uri in (item.old_uri, item.new_uri))

    def _did_delete_files(self, params: types.DeleteFilesParams) -> None:
        self._files_changed(item.uri for item in params.files)

    def _files_changed(self, uris: Iterable[str]) -> None:
        self._session.files_changed([*uris])
        self._refresh()

    def _did_change_workspace_folders(self, params: types.DidChangeWorkspaceFoldersParams) -> None:
        removed = {file_of(folder.uri) for folder in params.event.removed}
        added = [file_of(folder.uri) for folder in params.event.added]
        kept = [folder for folder in self._session.folders if folder not in removed]
        self._session.folders = tuple(dict.fromkeys((*kept, *added)))
        self._refresh()

    def _did_change_configuration(self, params: types.DidChangeConfigurationParams) -> None:
        if self._session.client.gives_configuration:
            self._ask_configuration()
        else:
            self._choose(_section(params.settings))

    def _cancel(self, params: types.CancelParams) -> None:
        waiting = self._in_flight.get(params.id)
        if waiting is not None:
            waiting.cancel()

    def _cancel_progress(self, params: types.WorkDoneProgressCancelParams) -> None:
        task = self._by_token.get(params.token)
        if task is not None:
            task.cancel()

    # ---------------------------------------------------------------------------------------------------- to the client

    def _send(self, method: str, params: object) -> None:
        """A notification, or a request whose answer nobody waits for."""
        if types.METHOD_TO_TYPES[method][1] is None:
            self.rpc.notify(method, params)
        else:
            self.rpc.send_request(method, params)

    def _refresh(self) -> None:
        """Has the client ask anew for what it shows."""
        for method in self._session.client.refreshes:
            self._send(method, None)

    def _progress(self, token: types.ProgressToken, value: object) -> None:
        self.rpc.notify(types.PROGRESS, types.ProgressParams(token, value))

    def _ask_configuration(self) -> None:
        if self._session.client.gives_configuration:
            params = types.ConfigurationParams([types.ConfigurationItem(section="tenuto")])
            asked = self.rpc.send_request(types.WORKSPACE_CONFIGURATION, params)
            asked.add_done_callback(self._configured)

    def _configured(self, asked: Any) -> None:
        if not asked.cancelled() and asked.exception() is None and asked.result():
            self._choose(asked.result()[0])

    def _choose(self, section: object) -> None:
        before = self._session.preferences
        self._session.preferences, problem = preferences(section)
        if problem is not None:
            self._complain(problem)
        if self._session.preferences != before:
            self._refresh()

    def _complain(self, message: str) -> None:
        self._pygls.window_show_message(types.ShowMessageParams(types.MessageType.Error, message))

    def failed(self, error: BaseException) -> None:
        """Tells the client's log of a mistake of ours."""
        text = "".join(traceback.format_exception(error))
        self._pygls.window_log_message(types.LogMessageParams(types.MessageType.Error, text))


def serve(port: int | None = None) -> int:
    """Serves over standard input and output, or the first client of a port of this machine, until the client leaves.

    Returns the exit code of the protocol.
    """
    sys.setswitchinterval(SWITCH)
    if port is None:
        source, sink = BufferedReader(FileIO(0, "rb", closefd=False)), BufferedWriter(FileIO(1, "wb", closefd=False))
        sys.stdout = sys.stderr  # Whatever is printed is no message.
        return asyncio.run(converse(source, sink))
    with socket.create_server(("127.0.0.1", port)) as listening:
        print(f"tenuto: listening on 127.0.0.1:{listening.getsockname()[1]}", file=sys.stderr, flush=True)
        connection, _ = listening.accept()
    with connection:
        return asyncio.run(converse(connection.makefile("rb"), connection.makefile("wb")))


async def converse(source: BinaryIO, sink: BinaryIO, features: tuple[Feature, ...] = FEATURES) -> int:
    """Serves the client at the other end of two streams."""
    loop = asyncio.get_running_loop()
    server = Server(Writer(sink), loop, features)

    def in_loop(call: Callable[..., None], *arguments: object) -> None:
        with suppress(RuntimeError):  # The loop has ended, and nobody is left to hear it.
            loop.call_soon_threadsafe(call, *arguments)

    def post(call: Callable[..., None], *arguments: object) -> None:
        with suppress(RuntimeError):  # The loop may be closed by now.
            loop.call_soon_threadsafe(call, *arguments)

    Reader(source, partial(post, server.rpc.receive), partial(post, server.exit, 1)).start()
    try:
        return await server.done
    finally:
        server.close()


async def _worked_out(waiting: Waiting) -> object:
    return waiting.answer(await asyncio.wrap_future(waiting.work))


def _handled(feature: Feature, params: Any, context: Context) -> object:
    return feature.handler(context, params)


def _change(change: types.TextDocumentContentChangeEvent) -> Change:
    if isinstance(change, types.TextDocumentContentChangeWholeDocument):
        return Change(None, None, change.text)
    start, end = change.range.start, change.range.end
    return Change(Position(start.line, start.character), Position(end.line, end.character), change.text)


def _section(settings: object) -> object:
    """The section `tenuto` of settings that may hold it, or be it."""
    if isinstance(settings, Mapping):
        return settings.get("tenuto", settings)
    return None


def _lives(process: int) -> bool:
    if os.name == "nt":
        return True  # The end of the input tells there.
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _elsewhere(params: Any) -> None:
    """Stands for a method that `Rpc` hands to the server's own table."""
    raise AssertionError("pygls was to be told of this method only")
