"""The language server over its pipes: diagnostics, told or asked for, formatting, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client import Client, Json
from tests.command import CLEAN, FAULTY, UNUSED, Command
from tests.markdown import programs

HOME = Path(__file__).parent
PAGES = HOME.parent / "analysis/tenuto_analysis/diagnostics/explain"
MESSY = "fn   double( x:f32[N] )->f32[N]=x+x\n"
PULLS = {"textDocument": {"diagnostic": {"relatedDocumentSupport": False}}}
PUBLISHED = "textDocument/publishDiagnostics"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with Client(tmp_path) as started:
        yield started


def place(line: int, start: int, end: int) -> Json:
    return {"start": {"line": line, "character": start}, "end": {"line": line, "character": end}}


def formatting_of(uri: str) -> Json:
    return {"textDocument": {"uri": uri}, "options": {"tabSize": 2, "insertSpaces": True}}


def test_what_the_server_offers(client: Client) -> None:
    result = client.initialize()
    capabilities = result["capabilities"]
    assert result["serverInfo"]["name"] == "tenuto"
    assert capabilities["positionEncoding"] == "utf-16"
    assert capabilities["textDocumentSync"]["change"] == 2
    assert capabilities["documentFormattingProvider"]
    assert capabilities["diagnosticProvider"] == {
        "interFileDependencies": True,
        "workspaceDiagnostics": True,
        "identifier": "tenuto",
    }
    assert client.leave() == 0


def test_diagnostics_are_pushed_to_a_client_that_waits(client: Client) -> None:
    client.initialize()
    client.open("a.ten", FAULTY)
    told = client.heard(PUBLISHED)
    assert (told["uri"], told["version"]) == (client.uri("a.ten"), 1)
    (diagnostic,) = told["diagnostics"]
    assert diagnostic["range"] == place(0, 37, 38)
    assert (diagnostic["code"], diagnostic["severity"], diagnostic["source"]) == ("unknown-name", 1, "tenuto")
    client.change("a.ten", CLEAN)
    assert client.heard(PUBLISHED)["diagnostics"] == []
    client.change("a.ten", CLEAN + "\n")
    client.request("textDocument/formatting", formatting_of(client.uri("a.ten")))
    assert client.silent(), "what did not change is not told again"


def test_a_closed_document_is_cleared_and_read_from_the_disk_again(client: Client) -> None:
    (client.folder / "library.ten").write_text("fn twice(x: f32[N]) -> f32[N] = x + x\n", encoding="utf-8")
    client.initialize()
    client.open("a.ten", "import library { twice }\n\nfn f(x: f32[N]) -> f32[N] = twice(x)\n")
    assert client.heard(PUBLISHED)["diagnostics"] == []
    client.open("library.ten", FAULTY)
    told = {message["uri"]: message["diagnostics"] for message in (client.heard(PUBLISHED), client.heard(PUBLISHED))}
    assert [*map(len, told.values())] == [1, 1], "the editor's text counts, not the disk's"
    client.notify("textDocument/didClose", {"textDocument": {"uri": client.uri("library.ten")}})
    told = {message["uri"]: message["diagnostics"] for message in (client.heard(PUBLISHED), client.heard(PUBLISHED))}
    assert told == {client.uri("library.ten"): [], client.uri("a.ten"): []}


def test_diagnostics_are_answered_to_a_client_that_asks(client: Client) -> None:
    client.initialize(PULLS)
    client.open("a.ten", UNUSED)
    answer = client.request("textDocument/diagnostic", {"textDocument": {"uri": client.uri("a.ten")}})
    assert answer["result"]["kind"] == "full"
    (diagnostic,) = answer["result"]["items"]
    assert (diagnostic["code"], diagnostic["severity"]) == ("unused-import", 2)
    assert client.silent(), "who asks is not pushed to"


@pytest.mark.parametrize(("encoding", "column"), [("utf-8", 51), ("utf-16", 48), ("utf-32", 47)])
def test_columns_count_what_was_agreed(client: Client, encoding: str, column: int) -> None:
    result = client.initialize({"general": {"positionEncodings": [encoding]}})
    assert result["capabilities"]["positionEncoding"] == encoding
    client.open("a.ten", 'fn f(s: str = "é😀", x: f32[N]) -> f32[N] = x + y\n')
    found = [item for item in client.heard(PUBLISHED)["diagnostics"] if item["code"] == "unknown-name"]
    assert [item["range"]["start"] for item in found] == [{"line": 0, "character": column}]


def test_a_file_that_appears_is_noticed(client: Client) -> None:
    client.initialize({"workspace": {"didChangeWatchedFiles": {"dynamicRegistration": True}}})
    client.open("a.ten", "import library { twice }\n\nfn f(x: f32[N]) -> f32[N] = twice(x)\n")
    assert client.heard(PUBLISHED)["diagnostics"]
    assert client.asked == ["client/registerCapability"]
    (client.folder / "library.ten").write_text("fn twice(x: f32[N]) -> f32[N] = x + x\n", encoding="utf-8")
    changes = [{"uri": client.uri("library.ten"), "type": 1}]
    client.notify("workspace/didChangeWatchedFiles", {"changes": changes})
    assert client.heard(PUBLISHED)["diagnostics"] == []


def test_targets_of_a_project_are_read_again(client: Client) -> None:
    settings = client.folder / "tenuto.toml"
    settings.write_text("", encoding="utf-8")
    client.initialize()
    client.open("a.ten", "fn half(x: f32[N]) -> f32[N] target board = x * 0.5\n")
    assert [item["code"] for item in client.heard(PUBLISHED)["diagnostics"]] == ["unknown-policy"]
    settings.write_text('[targets.board]\ninherits = "groq.tsp"\n', encoding="utf-8")
    client.notify("workspace/didChangeWatchedFiles", {"changes": [{"uri": client.uri("tenuto.toml"), "type": 2}]})
    assert client.heard(PUBLISHED)["diagnostics"] == []
    settings.write_text('[targets.board]\ninherits = "groq.tps"\n', encoding="utf-8")
    client.notify("workspace/didChangeWatchedFiles", {"changes": [{"uri": client.uri("tenuto.toml"), "type": 2}]})
    assert "did you mean `groq.tsp`?" in client.heard("window/showMessage")["message"]


def test_settings_are_obeyed_and_read_again(client: Client) -> None:
    settings = client.folder / "tenuto.toml"
    settings.write_text("ignore = ['unused-import']", encoding="utf-8")
    client.initialize()
    client.open("a.ten", UNUSED)
    assert client.heard(PUBLISHED)["diagnostics"] == []
    settings.write_text("", encoding="utf-8")
    client.notify("workspace/didChangeWatchedFiles", {"changes": [{"uri": client.uri("tenuto.toml"), "type": 2}]})
    assert client.heard(PUBLISHED)["diagnostics"]
    settings.write_text("ignroe = []", encoding="utf-8")
    client.notify("workspace/didChangeWatchedFiles", {"changes": [{"uri": client.uri("tenuto.toml"), "type": 2}]})
    assert "did you mean `ignore`?" in client.heard("window/showMessage")["message"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_formatting(client: Client, encoding: str) -> None:
    client.initialize({"general": {"positionEncodings": [encoding]}})
    client.open("a.ten", "# é😀\n\n" + MESSY)
    params = formatting_of(client.uri("a.ten"))
    (edit,) = client.request("textDocument/formatting", params)["result"]
    assert edit["range"]["start"] == {"line": 2, "character": 3}
    lines = MESSY.split("\n")
    assert lines[0][:3] + edit["newText"] + lines[0][edit["range"]["end"]["character"] :] + "\n" == CLEAN
    client.change("a.ten", CLEAN)
    assert client.request("textDocument/formatting", params)["result"] == []
    client.change("a.ten", "fn double(x: f32[N] -> = x +\n", 3)
    assert client.request("textDocument/formatting", params)["result"] == []


def test_a_document_without_a_file(client: Client) -> None:
    client.initialize()
    document = {"uri": "untitled:Untitled-1", "languageId": "tenuto", "version": 1, "text": FAULTY}
    client.notify("textDocument/didOpen", {"textDocument": document})
    told = client.heard(PUBLISHED)
    assert (told["uri"], len(told["diagnostics"])) == ("untitled:Untitled-1", 1)


def test_leaving_without_a_word_ends_with_one(client: Client) -> None:
    client.initialize()
    client.notify("exit", None)
    assert client.process.wait(60) == 1


def test_standard_input_that_ends_ends_the_server(client: Client) -> None:
    client.initialize()
    assert client.process.stdin is not None
    client.process.stdin.close()
    assert client.process.wait(60) == 1


def test_the_server_tells_what_the_command_line_tells(client: Client, tenuto: Command) -> None:
    """Of every program in the manual and of every example: from the disk, and of one in ten from the editor."""
    files: dict[str, str] = {}
    for page in [*(HOME / "spec").rglob("*.md"), *PAGES.glob("*.md")]:
        for number, text in enumerate(programs(page.read_text(encoding="utf-8"))):
            files[f"{page.stem}-{number}/main.ten"] = text
    files |= {f"examples/{path.name}": path.read_text(encoding="utf-8") for path in HOME.parent.glob("examples/*.ten")}
    files |= {"odd/broken.ten": "fn broken(\n", "odd/wide.ten": f"# 😀\r{FAULTY}", "odd/messy.ten": MESSY}
    tenuto.write({"tenuto.toml": "", **files})
    document = json.loads(tenuto("check", "--exit-zero", "--format", "json").out)
    told: dict[str, list[Json]] = {name: [] for name in files}
    for item in document["findings"]:
        told[item["file"]].append([item["rule"], item["message"], *map(place_of, (item["start"], item["end"]))])

    assert sum(map(len, told.values())) > 200, "there is something to agree about"

    client.initialize({**PULLS, "general": {"positionEncodings": ["utf-32"]}})
    reports = client.request("workspace/diagnostic", {"previousResultIds": []})["result"]["items"]
    assert {report["uri"] for report in reports} == {client.uri(name) for name in files}
    for report in reports:
        name = report["uri"].removeprefix(client.uri("")).removeprefix("/")
        assert heard(report) == told[name], name
    for name in [*files][::10]:
        client.open(name, files[name] + "\n")
        client.change(name, files[name])
        assert heard(client.request("textDocument/diagnostic", client.document(name))["result"]) == told[name], name


def place_of(place: Json) -> Json:
    return {"line": place["line"] - 1, "character": place["column"] - 1}


def heard(report: Json) -> list[Json]:
    """The findings of a report, as the command line tells them."""
    return [
        [item["code"], item["message"].split("\n\n")[0], *map(item["range"].get, ("start", "end"))]
        for item in report["items"]
    ]
