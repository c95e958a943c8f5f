"""Whole sessions, as four editors begin them: what each says of itself is recorded in tests/data/clients.

Between them they count in UTF-8, UTF-16 and UTF-32, and want findings pushed (Eglot, Helix) or ask for them (VS Code,
Neovim).
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from lsprotocol import converters, types
from pygls.protocol import default_converter
from pytest_lsp import ClientServerConfig, LanguageClient

from tenuto_grammar.text import Encoding, code_units
from tests.client import PATIENCE
from tests.command import FAULTY, TENUTO

RECORDED = Path(__file__).parent / "data" / "clients"
LINE = 'fn f(s: str = "é😀", x: f32[N]) -> f32[N] = x + y\n'
REFRESHES = (
    types.WORKSPACE_DIAGNOSTIC_REFRESH,
    types.WORKSPACE_INLAY_HINT_REFRESH,
    types.WORKSPACE_CODE_LENS_REFRESH,
    types.WORKSPACE_SEMANTIC_TOKENS_REFRESH,
)


class Listener(LanguageClient):
    """A client that keeps what the server says on its own."""

    def __init__(self) -> None:
        super().__init__(converter_factory=default_converter)
        self.published: dict[tuple[str, int | None], list[types.Diagnostic]] = {}
        self.watched: list[str] = []
        self.refreshed: list[str] = []
        self.offered = types.ServerCapabilities()
        for method in REFRESHES:
            self.feature(method)(lambda params, method=method: self.refreshed.append(method))
        self.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(lambda params: self._publish(params))
        self.feature(types.CLIENT_REGISTER_CAPABILITY)(lambda params: self._register(params))
        self.feature(types.WORKSPACE_CONFIGURATION)(lambda params: [{"inlayHints": {"types": False}}])

    def _publish(self, params: types.PublishDiagnosticsParams) -> None:
        self.published[params.uri, params.version] = list(params.diagnostics)

    def _register(self, params: types.RegistrationParams) -> None:
        self.watched += [registration.method for registration in params.registrations]


class Editor(NamedTuple):
    """What an editor does."""

    name: str
    encoding: Encoding
    pulls: bool

    def column(self, text: str) -> int:
        """How it counts the columns of a text."""
        return sum(code_units(character, self.encoding) for character in text)


EDITORS = (
    Editor("vscode", Encoding.UTF16, True),
    Editor("neovim", Encoding.UTF8, True),
    Editor("eglot", Encoding.UTF32, False),
    Editor("helix", Encoding.UTF8, False),
)


@pytest.fixture(params=EDITORS, ids=lambda editor: editor.name)
def editor(request: pytest.FixtureRequest) -> Editor:
    found: Editor = request.param
    return found


@pytest.fixture
async def client(editor: Editor, tmp_path: Path) -> AsyncIterator[Listener]:
    started = await ClientServerConfig([*TENUTO, "lsp"], client_factory=Listener, server_env={**os.environ}).start()
    assert isinstance(started, Listener)
    recorded = (RECORDED / f"{editor.name}.json").read_text(encoding="utf-8").replace("FOLDER", tmp_path.as_posix())
    params = converters.get_converter().structure(json.loads(recorded), types.InitializeParams)
    started.offered = (await started.initialize_session(params)).capabilities
    yield started
    await started.shutdown_session()
    stop: Callable[[], Awaitable[None]] = started.stop  # It has no types of its own.
    await stop()


async def findings(client: Listener, editor: Editor, uri: str, version: int) -> list[types.Diagnostic]:
    """What is found in a version of a document, as the editor comes to hear it."""
    if editor.pulls:
        params = types.DocumentDiagnosticParams(types.TextDocumentIdentifier(uri))
        report = await client.text_document_diagnostic_async(params)
        assert isinstance(report, types.RelatedFullDocumentDiagnosticReport)
        assert not client.published
        return list(report.items)
    async with asyncio.timeout(PATIENCE):
        while (uri, version) not in client.published:
            await asyncio.sleep(0.01)
    return client.published[uri, version]


async def test_a_session(client: Listener, editor: Editor, tmp_path: Path) -> None:
    assert client.offered.position_encoding == editor.encoding.value
    uri = (tmp_path / "a.ten").as_uri()
    named = types.TextDocumentIdentifier(uri)
    document = types.TextDocumentItem(uri, "tenuto", 1, LINE)
    client.text_document_did_open(types.DidOpenTextDocumentParams(document))
    (where,) = [item.range for item in await findings(client, editor, uri, 1) if item.code == "unknown-name"]
    column = editor.column(LINE[: LINE.index("y\n")])
    assert where == types.Range(types.Position(0, column), types.Position(0, column + 1))

    # The name is put right, behind characters of several units, and a line is added below.
    below = types.Position(1, 0)
    changes = [
        types.TextDocumentContentChangePartial(where, "x"),
        types.TextDocumentContentChangePartial(types.Range(below, below), "fn   g(x: f32[N]) -> f32[N] = x\n"),
    ]
    changed = types.VersionedTextDocumentIdentifier(2, uri)
    client.text_document_did_change(types.DidChangeTextDocumentParams(changed, changes))
    assert "unknown-name" not in [item.code for item in await findings(client, editor, uri, 2)]
    symbols = await client.text_document_document_symbol_async(types.DocumentSymbolParams(named))
    # An editor that knows no trees of symbols gets what stands in them too, each with what it stands in.
    outer = [symbol.name for symbol in symbols or () if getattr(symbol, "container_name", None) is None]
    assert outer == ["f", "g"]
    layout = types.DocumentFormattingParams(named, types.FormattingOptions(tab_size=2, insert_spaces=True))
    (edit,) = await client.text_document_formatting_async(layout) or ()
    assert edit.new_text == "\nfn"

    assert client.watched == ([types.WORKSPACE_DID_CHANGE_WATCHED_FILES] if editor.name != "neovim" else [])


async def test_the_findings_of_a_workspace(client: Listener, editor: Editor, tmp_path: Path) -> None:
    (tmp_path / "a.ten").write_text(FAULTY, encoding="utf-8")
    # The recorded Neovim edits a file without a project, and names no folder.
    report = await client.workspace_diagnostic_async(types.WorkspaceDiagnosticParams([]))
    full = [item for item in report.items if isinstance(item, types.WorkspaceFullDocumentDiagnosticReport)]
    found = [(item.uri, len(item.items)) for item in full]
    assert found == ([] if editor.name == "neovim" else [((tmp_path / "a.ten").as_uri(), 1)])
