"""What the server knows while it serves one client.

Two threads share it. The event loop's thread owns the documents, the folders and what the client said of itself; it
applies edits and answers. The worker's thread owns the workspace and the settings of the project; it computes. Values
go from one to the other, never access: a document is immutable, and a change of the inputs is handed to the worker,
which makes it when nothing computes.
"""

from __future__ import annotations

import os
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from functools import partial

from tenuto_server.documents import Change, Document, edited, opened
from tenuto_server.extremes import KnownExtremes
from tenuto_server.features.warming import warm
from tenuto_server.kept import cache_folder
from tenuto_server.preferences import Preferences
from tenuto_server.profiles import targets_of
from tenuto_server.protocol.client import NOBODY, Client
from tenuto_server.protocol.feature import Context
from tenuto_server.protocol.uris import file_of, uri_of
from tenuto_server.settings import Settings, SettingsError, SettingsFinder
from tenuto_server.texts import Decoded, decode
from tenuto_server.worker import Job, Urgency, Worker
from tenuto_server.workspace import Workspace

SETTINGS_FILES = ("tenuto.toml", "pyproject.toml")

TIDY = 256  # edits after which the database forgets what is old
OLD = 1000  # revisions; an edit makes three or four

Answer = Future[object]


class Outdated(Exception):
    """The document that a request was about has changed since."""


class Session:
    """`notify` sends a message to the client, `complain` tells the user of a mistake in settings, and `failed` reports
    a bug of ours; all are called in the event loop's thread."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        notify: Callable[[str, object], None],
        complain: Callable[[str], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        self.documents: dict[str, Document] = {}
        self.folders: tuple[str, ...] = ()
        self.client: Client = NOBODY
        self.preferences = Preferences()
        self.changed: Callable[[str | None], None] = lambda file: None  # Told of each change, and of which file.
        self.learned: Callable[[], None] = lambda: None  # Told where something is known that no edit has brought.
        self._edits = 0
        self._loop = loop
        self._notify = notify
        self._complain = complain
        self.failed = failed
        self._asked: dict[Answer, tuple[Job, str | None]] = {}
        self._settings = SettingsFinder()
        self._told: set[str] = set()
        self._extremes = KnownExtremes(cache_folder())
        self._workspace = Workspace(
            self._read,
            lambda file: self.settings(file).root,
            targets=self._targets,
            extremes=self._extremes.of,
            strict=lambda file: self.settings(file).strict_ranges,
        )
        self._worker = Worker(self._workspace.database, partial(self._in_loop, failed))

    # --------------------------------------------------------------------------------------- in the event loop's thread

    def open(self, uri: str, version: int, text: str) -> None:
        """The editor's text of a file counts from now on, whatever the disk says."""
        self._put(file_of(uri), opened(uri, version, text))

    def edit(self, uri: str, version: int, changes: list[Change]) -> None:
        """Changes a document; one that is not open is none of ours."""
        file = file_of(uri)
        document = self.documents.get(file)
        if document is not None:
            self._put(file, edited(document, version, changes, self.client.encoding))

    def close(self, uri: str) -> None:
        """The disk's text of a file counts again."""
        file = file_of(uri)
        if self.documents.pop(file, None) is not None:
            self._outdate(file)
            self._worker.change(partial(self._refresh, [file]))
            self.changed(file)

    def files_changed(self, uris: Iterable[str]) -> None:
        """Files, or whole folders, changed on the disk."""
        files = [file_of(uri) for uri in uris]
        settings = any(os.path.basename(file) in SETTINGS_FILES for file in files)
        self._worker.change(self._reload_settings if settings else partial(self._refresh, files))
        self.changed(None)

    def ask(self, urgency: Urgency, compute: Callable[[Context], object], file: str | None = None) -> Answer:
        """Has something computed; to cancel the answer stops that.

        Where it is about a file whose document changes meanwhile, the answer is `Outdated`.
        """
        answer: Answer = Future()
        job = Job(urgency, lambda: compute(self._context()), partial(self._in_loop, _settle, answer))
        self._asked[answer] = (job, file)
        answer.add_done_callback(self._answered)
        self._worker.submit(job)
        return answer

    def later(self, seconds: float, call: Callable[[], None]) -> TimerHandle:
        """Has something called after a while."""
        return self._loop.call_later(seconds, call)

    def version(self, file: str) -> int | None:
        """The version of an open document; either thread may ask."""
        document = self.documents.get(file)
        return document.version if document is not None else None

    def uri(self, file: str) -> str:
        """What the client calls a file; either thread may ask."""
        document = self.documents.get(file)
        return document.uri if document is not None else uri_of(file)

    def stop(self) -> None:
        self._worker.stop()

    def _put(self, file: str, document: Document) -> None:
        self.documents[file] = document
        self._outdate(file)
        self._worker.change(partial(self._refresh, [file]))
        self.changed(file)
        self.ask(Urgency.IDLE, lambda context: warm(context.workspace, file), file)
        self.ask(Urgency.IDLE, lambda context: self._measure(file), file).add_done_callback(self._measured)
        self._edits += 1
        if self._edits % TIDY == 0:
            self.ask(Urgency.IDLE, lambda context: context.workspace.database.forget_unused(OLD))

    def _measured(self, answer: Answer) -> None:
        if not answer.cancelled() and answer.exception() is None and answer.result():
            self.changed(None)
            self.learned()

    def _outdate(self, file: str) -> None:
        for answer, (_, about) in [*self._asked.items()]:
            if about == file and not answer.done():
                answer.set_exception(Outdated())

    def _answered(self, answer: Answer) -> None:
        job, _ = self._asked.pop(answer)
        self._worker.withdraw(job)

    # ------------------------------------------------------------------------------------------- in the worker's thread

    def settings(self, file: str) -> Settings:
        """The settings of a file; those of nobody, with one message to the user, where they cannot be read."""
        try:
            return self._settings.of(file)
        except SettingsError as error:
            self._complain_once(str(error))
            return Settings("")

    def _targets(self, file: str) -> Mapping[str, object]:
        """The profiles of a file's project; none, with one message to the user, where one of them cannot be used."""
        try:
            return targets_of(self.settings(file))
        except SettingsError as error:
            self._complain_once(str(error))
            return {}

    def _measure(self, file: str) -> bool:
        """Reads the extremes of the weights that a file deploys; whether that brought any."""
        self._workspace.load(file)
        found = [
            self._extremes.read(path, self._workspace.root(file), self._workspace.database.stop_if_cancelled)
            for path in self._workspace.unmeasured(file)
        ]
        return any(found)

    def _complain_once(self, message: str) -> None:
        if message not in self._told:
            self._told.add(message)
            self._in_loop(self._complain, message)

    def _context(self) -> Context:
        notify = partial(self._in_loop, self._notify)
        return Context(
            self._workspace,
            self.client,
            self.preferences,
            self.folders,
            self.settings,
            self.uri,
            self.version,
            tuple(self.documents),
            notify,
        )

    def _refresh(self, files: list[str]) -> None:
        for file in files:
            inside = os.path.join(file, "")
            for loaded in self._workspace.loaded():
                if loaded == file or loaded.startswith(inside):
                    self._workspace.refresh(loaded)

    def _reload_settings(self) -> None:
        self._settings = SettingsFinder()
        self._told.clear()
        for loaded in self._workspace.loaded():
            self._workspace.refresh(loaded)

    def _read(self, file: str) -> Decoded | None:
        document = self.documents.get(file)
        if document is not None:
            return Decoded(document.text, None)
        try:
            with open(file, "rb") as content:
                return decode(file, content.read())
        except (OSError, ValueError):
            return None

    def _in_loop(self, call: Callable[..., None], *arguments: object) -> None:
        self._loop.call_soon_threadsafe(call, *arguments)


def _settle(answer: Answer, result: object, error: BaseException | None) -> None:
    if answer.done():
        return
    if error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(result)
