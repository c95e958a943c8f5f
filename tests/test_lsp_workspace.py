"""A client and its workspace: findings of all files, folders that come and go, settings of the user, another way in."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client import PATIENCE, Connection, Json, served
from tests.command import CLEAN, FAULTY, TENUTO, clean_environment

PULLS: dict[str, Json] = {"textDocument": {"diagnostic": {}}}
REFRESHES: Json = {
    "configuration": True,
    "diagnostics": {"refreshSupport": True},
    "inlayHint": {"refreshSupport": True},
    "codeLens": {"refreshSupport": False},
}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Connection]:
    (tmp_path / "tenuto.toml").touch()
    with served(tmp_path) as made:
        yield made


def folder(client: Connection, name: str) -> Json:
    (client.folder / name).mkdir(exist_ok=True)
    return {"uri": client.uri(name), "name": name}


def write(client: Connection, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = client.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def ask(client: Connection, **params: Json) -> list[Json]:
    """The reports of a workspace, by name and kind and how many findings there are."""
    answer = client.request("workspace/diagnostic", {"previousResultIds": [], **params})["result"]["items"]
    return [brief(client, item) for item in answer]


def brief(client: Connection, item: Json) -> Json:
    name = item["uri"].removeprefix(client.folder.as_uri() + "/")
    return (name, item["kind"], len(item["items"]) if item["kind"] == "full" else None)


def test_an_unchanged_document_is_not_told_again(client: Connection) -> None:
    client.initialize(PULLS)
    client.open("a.ten", FAULTY)
    first = client.request("textDocument/diagnostic", client.document("a.ten"))["result"]
    known = {**client.document("a.ten"), "previousResultId": first["resultId"]}
    assert client.request("textDocument/diagnostic", known)["result"] == {
        "kind": "unchanged",
        "resultId": first["resultId"],
    }
    client.change("a.ten", CLEAN)
    second = client.request("textDocument/diagnostic", known)["result"]
    assert (second["kind"], second["items"]) == ("full", [])
    assert second["resultId"] != first["resultId"]


def test_the_findings_of_a_workspace_come_with_progress_and_in_parts(client: Connection) -> None:
    write(client, {f"deep/{number:02}.ten": FAULTY for number in range(20)})
    write(client, {"node_modules/no.ten": FAULTY, ".hidden/no.ten": FAULTY, "left/out.ten": FAULTY})
    write(client, {"tenuto.toml": "exclude = ['left/**']\n"})
    client.initialize(PULLS)
    client.open("deep/00.ten", CLEAN)
    assert ask(client, workDoneToken="w", partialResultToken="p") == []
    told: list[Json] = []
    steps: list[Json] = []
    while not steps or steps[-1]["kind"] != "end" or len(told) < 20:
        params = client.heard("$/progress")
        if params["token"] == "p":
            told += [brief(client, item) for item in params["value"]["items"]]
        else:
            steps.append(params["value"])
    expected = [(f"deep/{number:02}.ten", "full", 1 if number else 0) for number in range(20)]
    assert told == expected
    assert [step["kind"] for step in steps] == ["begin", *["report"] * 20, "end"]
    assert [step["percentage"] for step in steps[:-1]] == [*range(0, 101, 5)]


def test_only_news_of_a_workspace_is_told(client: Connection) -> None:
    write(client, {"a.ten": FAULTY, "b.ten": CLEAN})
    client.initialize(PULLS)
    answer = client.request("workspace/diagnostic", {"previousResultIds": []})["result"]["items"]
    known = [{"uri": item["uri"], "value": item["resultId"]} for item in answer]
    assert ask(client, previousResultIds=known) == [("a.ten", "unchanged", None), ("b.ten", "unchanged", None)]
    write(client, {"b.ten": FAULTY, "c.ten": CLEAN})
    (client.folder / "a.ten").unlink()
    changes = [{"uri": client.uri(name), "type": kind} for name, kind in (("a.ten", 3), ("b.ten", 2), ("c.ten", 1))]
    client.notify("workspace/didChangeWatchedFiles", {"changes": changes})
    expected = [("b.ten", "full", 1), ("c.ten", "full", 0), ("a.ten", "full", 0)]
    assert ask(client, previousResultIds=known) == expected, "of what is gone nothing is found any more"


def test_folders_come_and_go(client: Connection) -> None:
    write(client, {"one/a.ten": FAULTY, "two/b.ten": FAULTY, "three/c.ten": FAULTY})
    client.initialize(PULLS, workspaceFolders=[folder(client, "one"), folder(client, "two")])
    assert [name for name, *_ in ask(client)] == ["one/a.ten", "two/b.ten"]
    event = {"added": [folder(client, "three"), folder(client, "two")], "removed": [folder(client, "one")]}
    client.notify("workspace/didChangeWorkspaceFolders", {"event": event})
    assert [name for name, *_ in ask(client)] == ["two/b.ten", "three/c.ten"]


def test_each_folder_has_its_own_settings(client: Connection) -> None:
    uses = "import library { twice }\n\nfn f(x: f32[N]) -> f32[N] = twice(x)\n"
    library = "fn twice(x: f32[N]) -> f32[N] = x + x\n"
    write(client, {"one/tenuto.toml": "", "one/library.ten": library, "one/deep/a.ten": uses, "two/b.ten": uses})
    write(client, {"two/tenuto.toml": "ignore = ['unknown-module']"})
    client.initialize(PULLS, workspaceFolders=[folder(client, "one"), folder(client, "two")])
    assert [count for *_, count in ask(client)] == [0, 0, 0]
    (client.folder / "one/tenuto.toml").unlink()
    (client.folder / "tenuto.toml").unlink()
    client.notify("workspace/didChangeWatchedFiles", {"changes": [{"uri": client.uri("one/tenuto.toml"), "type": 3}]})
    found = {name: count for name, _, count in ask(client)}
    assert found == {"one/deep/a.ten": 1, "one/library.ten": 0, "two/b.ten": 0}, "its own folder is its root now"


def test_a_client_is_told_to_ask_anew(client: Connection) -> None:
    client.initialize({**PULLS, "workspace": {**REFRESHES, "configuration": False}})
    client.open("a.ten", "import library { twice }\n\nfn f(x: f32[N]) -> f32[N] = twice(x)\n")
    write(client, {"library.ten": "fn twice(x: f32[N]) -> f32[N] = x + x\n"})
    client.notify("workspace/didChangeWatchedFiles", {"changes": [{"uri": client.uri("library.ten"), "type": 1}]})
    assert client.request("textDocument/diagnostic", client.document("a.ten"))["result"]["items"] == []
    assert sorted(client.asked) == ["workspace/diagnostic/refresh", "workspace/inlayHint/refresh"]


def test_the_user_s_choices_are_asked_for_and_told(client: Connection) -> None:
    client.configuration = {"inlayHints": {"types": 3}}
    client.initialize({**PULLS, "workspace": REFRESHES})
    message = client.heard("window/showMessage")
    assert (message["type"], "inlayHints" in message["message"]) == (1, True)
    client.configuration = {"inlayHints": {"types": False}, "unknownToUs": 1}
    client.notify("workspace/didChangeConfiguration", {"settings": None})
    client.open("a.ten", "fn f(x: f32[N]) -> f32[N] {\n  let y = x + x\n  return y\n}\n")
    everything = {"start": {"line": 0, "character": 0}, "end": {"line": 4, "character": 0}}
    params = {**client.document("a.ten"), "range": everything}
    client.request("textDocument/diagnostic", client.document("a.ten"))
    assert client.request("textDocument/inlayHint", params)["result"] == []
    client.configuration = None
    client.notify("workspace/didChangeConfiguration", {"settings": None})
    while not client.request("textDocument/inlayHint", params)["result"]:
        pass  # The server asks for the choices, and works on until it has them.
    assert client.asked.count("workspace/configuration") == 3


def test_choices_that_come_with_the_start(client: Connection) -> None:
    client.initialize(PULLS, initializationOptions={"inlayHints": {"types": False}})
    client.open("a.ten", "fn f(x: f32[N]) -> f32[N] {\n  let y = x + x\n  return y\n}\n")
    everything = {"start": {"line": 0, "character": 0}, "end": {"line": 4, "character": 0}}
    params = {**client.document("a.ten"), "range": everything}
    assert client.request("textDocument/inlayHint", params)["result"] == []
    client.notify("workspace/didChangeConfiguration", {"settings": {"tenuto": {"inlayHints": {"types": True}}}})
    assert len(client.request("textDocument/inlayHint", params)["result"]) == 1


def test_a_port_of_this_machine(tmp_path: Path) -> None:
    command = [*TENUTO, "lsp", "--tcp", "0"]
    environment = clean_environment(tmp_path)
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        found = re.fullmatch(r"tenuto: listening on 127\.0\.0\.1:(\d+)\n", server.stderr.readline())
        assert found is not None
        with socket.create_connection(("127.0.0.1", int(found[1])), PATIENCE) as made:
            client = Connection(tmp_path, made.makefile("rb"), made.makefile("wb"))
            client.initialize(processId=os.getpid())
            client.open("a.ten", FAULTY)
            assert client.text("a.ten") == FAULTY
            assert client.request("shutdown", None)["result"] is None
            client.notify("exit", None)
            assert server.wait(PATIENCE) == 0


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [*TENUTO, "lsp", "--tcp", str(port)]
        ran = subprocess.run(command, env=clean_environment(tmp_path), capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stderr.startswith(f"tenuto: cannot serve on port {port}: ")
