"""The language server: a thin layer that passes what the editor asks to `features/`, and the answers back.

The client's documents are kept here as whole texts (the server asks for them whole), over the files on the disk. A
client that can ask for diagnostics is left to ask; to any other they are pushed whenever something changes.
"""

from __future__ import annotations

from typing import NamedTuple

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from tenuto import __version__
from tenuto_grammar.text import Encoding, LineIndex
from tenuto_server.convert import diagnostic, encoding_of, file_of, text_edit
from tenuto_server.features.diagnostics import diagnostics
from tenuto_server.features.formatting import formatting
from tenuto_server.settings import Settings, SettingsError, SettingsFinder
from tenuto_server.texts import Decoded, decode
from tenuto_server.workspace import Workspace

SETTINGS_FILES = ("tenuto.toml", "pyproject.toml")


class Document(NamedTuple):
    """A document that the editor has open."""

    uri: str
    version: int
    text: str


class Session:
    """What the server knows while it serves one client."""

    def __init__(self) -> None:
        self.server = LanguageServer("tenuto", __version__, types.TextDocumentSyncKind.Full)
        self.documents: dict[str, Document] = {}
        self.settings = SettingsFinder()
        self.workspace = Workspace(self._read, self._root)
        self.encoding = Encoding.UTF16
        self.pushes = True
        self.shut_down = False
        self._pushed: dict[str, list[types.Diagnostic]] = {}

    # ------------------------------------------------------------------------------------------------ documents

    def open(self, document: Document) -> None:
        """A document was opened or changed: its text is now this, whatever the disk says."""
        file = file_of(document.uri)
        self.documents[file] = document
        self.workspace.refresh(file)
        self.push()

    def close(self, uri: str) -> None:
        file = file_of(uri)
        self.documents.pop(file, None)
        self.workspace.refresh(file)
        if self._pushed.pop(file, None):
            self.server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))
        self.push()

    def files_changed(self, uris: list[str]) -> None:
        """Files changed on the disk."""
        for uri in uris:
            if uri.endswith(SETTINGS_FILES):
                self.settings = SettingsFinder()
                self.workspace = Workspace(self._read, self._root)
            else:
                self.workspace.refresh(file_of(uri))
        self.push()
        capabilities = self.server.client_capabilities.workspace
        if not self.pushes and capabilities and capabilities.diagnostics and capabilities.diagnostics.refresh_support:
            self.server.workspace_diagnostic_refresh(None)

    # ------------------------------------------------------------------------------------------------ answers

    def diagnostics(self, file: str) -> list[types.Diagnostic]:
        reports = diagnostics(self.workspace, file, self._settings(file))
        lines = LineIndex(self._text(file))
        return [
            diagnostic(report, lines, self.encoding, [LineIndex(self._text(place.file)) for place in report.related])
            for report in reports
        ]

    def push(self) -> None:
        """Tells the diagnostics of the open documents to a client that does not ask, where they are new."""
        if not self.pushes:
            return
        for file, document in self.documents.items():
            found = self.diagnostics(file)
            if self._pushed.get(file) != found:
                self._pushed[file] = found
                self.server.text_document_publish_diagnostics(
                    types.PublishDiagnosticsParams(document.uri, found, document.version)
                )

    def formatting(self, file: str) -> list[types.TextEdit]:
        text = self._text(file)
        edit = formatting(text)
        return [text_edit(edit, LineIndex(text), self.encoding)] if edit is not None else []

    # ------------------------------------------------------------------------------------------------ files

    def _text(self, file: str) -> str:
        decoded = self._read(file)
        return decoded.text if decoded is not None else ""

    def _read(self, file: str) -> Decoded | None:
        if file in self.documents:
            return Decoded(self.documents[file].text, None)
        try:
            with open(file, "rb") as opened:
                return decode(file, opened.read())
        except OSError:
            return None

    def _root(self, file: str) -> str:
        return self._settings(file).root

    def _settings(self, file: str) -> Settings:
        """The settings of a file; those of nobody, with a message to the user, where they cannot be read."""
        try:
            return self.settings.of(file)
        except SettingsError as error:
            self.server.window_show_message(types.ShowMessageParams(types.MessageType.Error, str(error)))
            return Settings("")


def serve() -> int:
    """Serves over standard input and output until the client leaves; returns the exit code of the protocol."""
    session = Session()
    server = session.server

    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        document = params.capabilities.text_document
        session.pushes = document is None or document.diagnostic is None
        session.encoding = encoding_of(server.workspace.position_encoding)

    @server.feature(types.INITIALIZED)
    def initialized(params: types.InitializedParams) -> None:
        capabilities = server.client_capabilities.workspace
        watched = capabilities.did_change_watched_files if capabilities is not None else None
        if watched is not None and watched.dynamic_registration:
            globs = ["**/*.ten", *(f"**/{name}" for name in SETTINGS_FILES)]
            options = types.DidChangeWatchedFilesRegistrationOptions([types.FileSystemWatcher(glob) for glob in globs])
            registration = types.Registration("files", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
            server.client_register_capability(types.RegistrationParams([registration]))

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def did_open(params: types.DidOpenTextDocumentParams) -> None:
        document = params.text_document
        session.open(Document(document.uri, document.version, document.text))

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def did_change(params: types.DidChangeTextDocumentParams) -> None:
        document = params.text_document
        for change in params.content_changes:
            session.open(Document(document.uri, document.version, change.text))

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def did_close(params: types.DidCloseTextDocumentParams) -> None:
        session.close(params.text_document.uri)

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def did_change_watched_files(params: types.DidChangeWatchedFilesParams) -> None:
        session.files_changed([change.uri for change in params.changes])

    @server.feature(
        types.TEXT_DOCUMENT_DIAGNOSTIC,
        types.DiagnosticOptions(inter_file_dependencies=True, workspace_diagnostics=False),
    )
    def diagnostic_pull(params: types.DocumentDiagnosticParams) -> types.RelatedFullDocumentDiagnosticReport:
        found = session.diagnostics(file_of(params.text_document.uri))
        return types.RelatedFullDocumentDiagnosticReport(found)

    @server.feature(types.TEXT_DOCUMENT_FORMATTING)
    def format_document(params: types.DocumentFormattingParams) -> list[types.TextEdit]:
        return session.formatting(file_of(params.text_document.uri))

    @server.feature(types.SHUTDOWN)
    def shutdown(params: None) -> None:
        session.shut_down = True

    server.start_io()
    return 0 if session.shut_down else 1
