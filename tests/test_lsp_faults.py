"""What a client should never do and what befalls its files: the protocol's answer each time, and the server lives."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client import PATIENCE, Client, Json
from tests.command import CLEAN, FAULTY

PULLS: dict[str, Json] = {"textDocument": {"diagnostic": {}}}
PUBLISHED = "textDocument/publishDiagnostics"
PARSE_ERROR, INVALID_REQUEST, UNKNOWN_METHOD, INVALID_PARAMS = -32700, -32600, -32601, -32602
NOT_INITIALIZED = -32002

MALFORMED: tuple[Json, ...] = (
    None,
    [],
    3,
    {},
    {"textDocument": None},
    {"textDocument": {"uri": 3}},
    {"textDocument": {"uri": "file:///a.ten"}, "range": {"start": {"line": "x", "character": 0}}},
    {"textDocument": {"uri": "file:///a.ten"}, "range": {"start": {"line": -1, "character": 0}, "end": {}}},
)
MESSAGES = (
    (b"{", PARSE_ERROR),
    (b"\xff\xfe", PARSE_ERROR),
    (b"[" * 100_000, PARSE_ERROR),
    (b"[]", INVALID_REQUEST),
    (b"null", INVALID_REQUEST),
    (b'{"id": 7, "method": "shutdown"}', INVALID_REQUEST),
    (b'{"jsonrpc": "2.0", "id": 7, "method": 3}', INVALID_REQUEST),
    (b'{"jsonrpc": "2.0", "id": {}, "method": "shutdown"}', INVALID_REQUEST),
    (b'{"jsonrpc": "2.0", "id": 7, "method": "no/such", "params": {}}', UNKNOWN_METHOD),
    (b'{"jsonrpc": "2.0", "id": 7, "method": "textDocument/formatting"}', INVALID_PARAMS),
)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with Client(tmp_path) as started:
        yield started


def code(answer: Json) -> Json:
    return answer["error"]["code"]


def codes(client: Client, name: str) -> list[str]:
    """The rules of the findings in a document."""
    answer = client.request("textDocument/diagnostic", client.document(name))
    return [item["code"] for item in answer["result"]["items"]]


def alive(client: Client) -> bool:
    """Whether the server still answers truly, and leaves as it should."""
    client.open("alive.ten", FAULTY)
    return client.text("alive.ten") == FAULTY and client.leave() == 0


def test_requests_at_the_wrong_time(client: Client) -> None:
    asked = client.document("a.ten")
    assert code(client.request("textDocument/formatting", asked)) == NOT_INITIALIZED
    assert code(client.request("shutdown", None)) == NOT_INITIALIZED
    client.notify("textDocument/didOpen", {"nonsense": True})
    assert code(client.request("initialize", {"capabilities": 3})) == INVALID_PARAMS
    client.initialize()
    assert code(client.request("initialize", {"processId": None, "capabilities": {}})) == INVALID_REQUEST
    assert client.request("shutdown", None)["result"] is None
    assert code(client.request("textDocument/formatting", asked)) == INVALID_REQUEST
    assert code(client.request("shutdown", None)) == INVALID_REQUEST
    client.open("a.ten", FAULTY)
    client.notify("exit", None)
    assert client.process.wait(PATIENCE) == 0


def test_malformed_parameters(client: Client) -> None:
    client.initialize()
    for params in MALFORMED:
        answers = [
            client.request(method, params)
            for method in ("textDocument/documentSymbol", "textDocument/diagnostic", "textDocument/formatting")
        ]
        assert all(code(answer) == INVALID_PARAMS for answer in answers if "error" in answer), params
        assert "error" in answers[-1], params
        for method in ("didOpen", "didChange", "didClose"):
            client.notify(f"textDocument/{method}", params)
        for method in ("didChangeWatchedFiles", "didChangeWorkspaceFolders", "didChangeConfiguration"):
            client.notify(f"workspace/{method}", params)
        client.notify("$/cancelRequest", params)
        client.notify("window/workDoneProgress/cancel", params)
    assert alive(client)


def test_malformed_messages(client: Client) -> None:
    client.initialize()
    for body, expected in MESSAGES:
        client.send_bytes(body)
        numbered = b'"id": 7' in body
        assert code(client.answer(7 if numbered else None)) == expected, body
    for silent in (
        {"jsonrpc": "2.0", "method": "no/such"},
        {"jsonrpc": "2.0", "id": 99, "result": 3},
        {"jsonrpc": "2.0", "id": "x", "error": {"code": 1, "message": ""}},
        {"jsonrpc": "2.0", "id": [], "result": 3},
        {"jsonrpc": "2.0"},
    ):
        client.send(silent)
    assert alive(client)


def test_unknown_headers_are_skipped(client: Client) -> None:
    assert client.process.stdin is not None
    client.process.stdin.write(b"\r\n\r\nX-Other: 3\r\nContent-Length: none\r\n\r\n")
    client.process.stdin.flush()
    client.initialize()
    assert alive(client)


def test_a_message_longer_than_any(client: Client) -> None:
    client.initialize()
    assert client.process.stdin is not None
    client.process.stdin.write(b"Content-Length: 1" + b"0" * 18 + b"\r\n\r\n{}")
    client.process.stdin.flush()
    assert client.process.wait(PATIENCE) == 1


def test_a_document_that_is_not_open_is_nothing_to_change(client: Client) -> None:
    client.initialize()
    client.change("never.ten", CLEAN)
    client.notify("textDocument/didClose", client.document("never.ten"))
    assert client.text("never.ten") is None
    client.open("a.ten", CLEAN)
    client.open("a.ten", FAULTY)
    assert client.text("a.ten") == FAULTY
    assert alive(client)


def test_a_file_that_is_nowhere_has_nothing(client: Client) -> None:
    client.initialize(PULLS)
    assert codes(client, "nowhere.ten") == []
    for uri in ("", "x", "file:", "file:///%00", "untitled:a", "http://[", "file://host/share/a.ten"):
        answer = client.request("textDocument/diagnostic", {"textDocument": {"uri": uri}})
        assert answer["result"]["items"] == []
    assert alive(client)


def test_a_megabyte_on_one_line(client: Client) -> None:
    client.initialize({**PULLS, "general": {"positionEncodings": ["utf-16"]}})
    text = f"# {'é😀' * 250_000}\n{CLEAN}"
    client.open("a.ten", text)
    there = {"line": 0, "character": 600_002}
    client.edit("a.ten", [{"range": {"start": there, "end": there}, "text": "X"}])
    assert client.text("a.ten") == f"{text[:400_002]}X{text[400_002:]}"
    assert codes(client, "a.ten") == []
    client.change("b.ten", f"fn f(x: f32[N]) -> f32[N] = {'x + ' * 250_000}x\n")
    client.open("b.ten", f"fn f(x: f32[N]) -> f32[N] = {'x + ' * 250_000}x\n")
    assert codes(client, "b.ten")
    assert alive(client)


def test_a_file_deleted_or_replaced_while_it_is_open(client: Client) -> None:
    library = client.folder / "library.ten"
    library.write_text("fn twice(x: f32[N]) -> f32[N] = x + x\n", encoding="utf-8")
    client.initialize(PULLS)
    client.open("library.ten", library.read_text(encoding="utf-8"))
    client.open("a.ten", "import library { twice }\n\nfn f(x: f32[N]) -> f32[N] = twice(x)\n")
    assert codes(client, "a.ten") == []
    changed = {"changes": [{"uri": client.uri("library.ten"), "type": 3}]}
    library.unlink()
    client.notify("workspace/didChangeWatchedFiles", changed)
    assert codes(client, "a.ten") == [], "the editor's text counts"
    library.mkdir()
    client.notify("workspace/didChangeWatchedFiles", changed)
    assert codes(client, "a.ten") == []
    client.notify("textDocument/didClose", client.document("library.ten"))
    assert codes(client, "a.ten") == ["unknown-module"], "a folder is no file"
    library.rmdir()
    library.write_bytes(b"\xff\xfe\x00")
    client.notify("workspace/didChangeWatchedFiles", changed)
    assert codes(client, "library.ten") == ["invalid-utf8"]
    assert alive(client)


def test_a_folder_that_vanishes_takes_its_files_along(client: Client) -> None:
    (client.folder / "blocks").mkdir()
    (client.folder / "tenuto.toml").touch()
    (client.folder / "blocks/library.ten").write_text("fn twice(x: f32[N]) -> f32[N] = x + x\n", encoding="utf-8")
    client.initialize(PULLS)
    client.open("a.ten", "import blocks.library { twice }\n\nfn f(x: f32[N]) -> f32[N] = twice(x)\n")
    assert codes(client, "a.ten") == []
    (client.folder / "blocks").rename(client.folder / "gone")
    client.notify("workspace/didChangeWatchedFiles", {"changes": [{"uri": client.uri("blocks"), "type": 3}]})
    assert codes(client, "a.ten") == ["unknown-module"]


def test_a_folder_that_cannot_be_read(client: Client) -> None:
    (client.folder / "a.ten").write_text(FAULTY, encoding="utf-8")
    closed = client.folder / "closed"
    # Nobody can read a folder that is a loop of links, not even root.
    closed.symlink_to(closed)
    client.initialize(
        PULLS,
        workspaceFolders=[
            {"uri": client.folder.as_uri(), "name": "open"},
            {"uri": closed.as_uri(), "name": "closed"},
            {"uri": client.uri("a.ten"), "name": "a file"},
        ],
    )
    answer = client.request("workspace/diagnostic", {"previousResultIds": []})
    assert [(item["uri"], len(item["items"])) for item in answer["result"]["items"]] == [(client.uri("a.ten"), 1)]
    assert codes(client, "closed/b.ten") == []
    assert alive(client)


def test_a_client_that_dies_takes_the_server_along(tmp_path: Path) -> None:
    """Its pipes stay open, in another process: only the number of the process tells."""
    with (
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as parent,
        Client(tmp_path) as client,
    ):
        client.initialize(processId=parent.pid)
        assert alive_without_leaving(client)
        parent.kill()
        parent.wait()
        assert client.process.wait(PATIENCE) == 1


def test_a_client_that_dies_while_the_server_computes(tmp_path: Path) -> None:
    with Client(tmp_path) as client:
        client.initialize()
        client.open("a.ten", FAULTY * 2_000)
        assert client.process.stdin is not None
        client.process.stdin.close()
        assert client.process.wait(PATIENCE) == 1


def alive_without_leaving(client: Client) -> bool:
    client.open("alive.ten", FAULTY)
    return bool(client.text("alive.ten") == FAULTY)
