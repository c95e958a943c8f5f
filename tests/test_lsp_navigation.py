"""Finding one's way and renaming over the protocol: places, files on the disk and in buffers, edits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tenuto_analysis import modules
from tests.client import Connection, Json, served

EDITS = {"workspace": {"workspaceEdit": {"documentChanges": True, "resourceOperations": ["rename"]}}}
TREES = {"textDocument": {"documentSymbol": {"hierarchicalDocumentSymbolSupport": True}}}
REFUSED = -32803

LIBRARY = "fn twice(x: f32[N]) -> f32[N] = x + x\n"
MAIN = """import blocks.library { twice }
import std.nn { Linear }

# 🎵 counts for two
model Net(x: float[B, 4]) -> float[B, 4] {
  sub fc = Linear[4, 4]
  let half = fc(x) / 2.0
  return half
}

fn f(y: f32[N]) -> f32[N] = twice(y)

deploy net = Net {
  weights: load("weights/net.safetensors", rename = { "linear": "fc" }),
}
"""


def project(folder: Path) -> None:
    (folder / "tenuto.toml").write_text("", encoding="utf-8")
    (folder / "blocks").mkdir()
    (folder / "blocks/library.ten").write_text(LIBRARY, encoding="utf-8")
    (folder / "main.ten").write_text(MAIN, encoding="utf-8")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    folder = tmp_path_factory.mktemp("project")
    project(folder)
    with served(folder) as started:
        started.initialize({**EDITS, **TREES})
        started.open("main.ten", MAIN)
        yield started


def at(client: Connection, name: str, text: str, word: str, nth: int = 0) -> Json:
    """A document and the place of a word in it, in UTF-16."""
    offset = -1
    for _ in range(nth + 1):
        offset = text.index(word, offset + 1)
    return {**client.document(name), "position": position(text, offset)}


def position(text: str, offset: int) -> Json:
    before = text[:offset]
    line = before.rsplit("\n", 1)[-1]
    return {"line": before.count("\n"), "character": len(line.encode("utf-16-le")) // 2}


def asked(client: Connection, method: str, params: Json) -> Json:
    answer = client.request(method, params)
    assert "error" not in answer, answer
    return answer["result"]


def words(texts: Mapping[str, str], locations: Json) -> list[str]:
    """Locations as the name of the file, the line and the text there."""
    found = []
    for location in locations:
        name = location["uri"].rsplit("/", 1)[1]
        start, end = location["range"]["start"], location["range"]["end"]
        line = texts[name].splitlines()[start["line"]].encode("utf-16-le")
        word = line[2 * start["character"] : 2 * end["character"]].decode("utf-16-le")
        found.append(f"{name}:{start['line'] + 1} {word}")
    return found


TEXTS = {"main.ten": MAIN, "library.ten": LIBRARY, "nn.ten": (modules.STD / "nn.ten").read_text(encoding="utf-8")}


def test_what_is_offered(client: Connection) -> None:
    with served(client.folder) as other:
        prepares = {"textDocument": {"rename": {"prepareSupport": True}}}
        offered = other.initialize({**prepares, "workspace": {"fileOperations": {"willRename": True}}})["capabilities"]
    for name in ("definition", "declaration", "typeDefinition", "implementation", "references", "documentHighlight"):
        assert offered[f"{name}Provider"]
    for name in (
        "documentSymbol",
        "workspaceSymbol",
        "foldingRange",
        "selectionRange",
        "callHierarchy",
        "documentLink",
    ):
        assert offered[f"{name}Provider"]
    assert offered["linkedEditingRangeProvider"]
    assert offered["renameProvider"] == {"prepareProvider": True}
    filters = offered["workspace"]["fileOperations"]["willRename"]["filters"]
    assert [item["pattern"]["matches"] for item in filters] == ["file", "folder"]


def test_from_a_name_to_where_it_comes_from(client: Connection) -> None:
    place = at(client, "main.ten", MAIN, "twice", 1)
    assert words(TEXTS, [asked(client, "textDocument/definition", place)]) == ["library.ten:1 twice"]
    assert words(TEXTS, [asked(client, "textDocument/declaration", place)]) == ["main.ten:1 twice"]
    part = at(client, "main.ten", MAIN, "fc")
    (model,) = asked(client, "textDocument/typeDefinition", part)
    assert words(TEXTS, [model])[0].endswith(" Linear")
    assert asked(client, "textDocument/implementation", at(client, "main.ten", MAIN, "Net(")) != []
    nowhere = at(client, "main.ten", MAIN, "🎵")
    assert asked(client, "textDocument/definition", nowhere) is None


def test_references_read_files_that_are_not_open(client: Connection) -> None:
    place = at(client, "main.ten", MAIN, "twice", 1)
    found = asked(client, "textDocument/references", {**place, "context": {"includeDeclaration": True}})
    assert words(TEXTS, found) == ["main.ten:1 twice", "main.ten:11 twice", "library.ten:1 twice"]
    found = asked(client, "textDocument/references", {**place, "context": {"includeDeclaration": False}})
    assert words(TEXTS, found) == ["main.ten:1 twice", "main.ten:11 twice"]


def test_highlights(client: Connection) -> None:
    found = asked(client, "textDocument/documentHighlight", at(client, "main.ten", MAIN, "half"))
    assert [item["kind"] for item in found] == [3, 2]


def test_outline(client: Connection) -> None:
    found = asked(client, "textDocument/documentSymbol", client.document("main.ten"))
    assert [(item["name"], item["detail"]) for item in found] == [
        ("Net", "(x: float[B, 4]) -> float[B, 4]"),
        ("f", "(y: f32[N]) -> f32[N]"),
        ("net", "Net"),
    ]
    assert [(item["name"], item["detail"]) for item in found[0]["children"]] == [
        ("x", "float[B, 4]"),
        ("fc", "Linear[4, 4]"),
    ]
    with served(client.folder) as other:
        other.initialize()
        flat = asked(other, "textDocument/documentSymbol", other.document("main.ten"))
    assert [(item["name"], item.get("containerName")) for item in flat][:3] == [
        ("Net", None),
        ("x", "Net"),
        ("fc", "Net"),
    ]


def test_search(client: Connection) -> None:
    found = asked(client, "workspace/symbol", {"query": "twi"})
    assert [(item["name"], item["containerName"]) for item in found][:1] == [("twice", "blocks.library")]
    assert {item["name"] for item in asked(client, "workspace/symbol", {"query": ""})} == {"Net", "f", "net", "twice"}
    library = asked(client, "workspace/symbol", {"query": "LayerNorm"})
    assert library[0]["containerName"] == "std.nn"


def test_folding_and_selections(client: Connection) -> None:
    found = asked(client, "textDocument/foldingRange", client.document("main.ten"))
    assert [(item["startLine"], item["endLine"], item.get("kind")) for item in found] == [
        (0, 1, "imports"),
        (4, 7, None),
        (12, 13, None),
    ]
    params = {**client.document("main.ten"), "positions": [position(MAIN, MAIN.index("fc(x)") + 3)]}
    (inner,) = asked(client, "textDocument/selectionRange", params)
    texts = []
    while inner is not None:
        texts += words(TEXTS, [{"uri": client.uri("main.ten"), "range": inner["range"]}])
        inner = inner.get("parent")
    assert texts[:4] == [
        "main.ten:7 x",
        "main.ten:7 fc(x)",
        "main.ten:7 fc(x) / 2.0",
        "main.ten:7 let half = fc(x) / 2.0",
    ]


def test_links(client: Connection) -> None:
    found = asked(client, "textDocument/documentLink", client.document("main.ten"))
    assert [item["target"] for item in found] == [
        client.uri("blocks/library.ten"),
        (modules.STD / "nn.ten").as_uri(),
        client.uri("weights/net.safetensors"),
    ]


def test_calls(client: Connection) -> None:
    (item,) = asked(client, "textDocument/prepareCallHierarchy", at(client, "main.ten", MAIN, "twice", 1))
    assert (item["name"], item["detail"], item["uri"]) == ("twice", "fn", client.uri("blocks/library.ten"))
    (call,) = asked(client, "callHierarchy/incomingCalls", {"item": item})
    assert call["from"]["name"] == "f"
    assert words(TEXTS, [{"uri": call["from"]["uri"], "range": span} for span in call["fromRanges"]]) == [
        "main.ten:11 twice"
    ]
    (net,) = asked(client, "textDocument/prepareCallHierarchy", at(client, "main.ten", MAIN, "Net"))
    called = asked(client, "callHierarchy/outgoingCalls", {"item": net})
    assert [(call["to"]["name"], len(call["fromRanges"])) for call in called] == [("Linear", 2)]


def test_linked_names(client: Connection) -> None:
    found = asked(client, "textDocument/linkedEditingRange", at(client, "main.ten", MAIN, "half"))
    assert len(found["ranges"]) == 2
    assert asked(client, "textDocument/linkedEditingRange", at(client, "main.ten", MAIN, "Net")) is None


def edited(text: str, edits: Json) -> str:
    """A text after edits whose places count UTF-16, from the last to the first."""
    lines = [line.encode("utf-16-le") for line in text.split("\n")]
    for edit in sorted(edits, key=lambda edit: (edit["range"]["start"]["line"], edit["range"]["start"]["character"]))[
        ::-1
    ]:
        start, end = edit["range"]["start"], edit["range"]["end"]
        assert start["line"] == end["line"]
        line = lines[start["line"]]
        new = edit["newText"].encode("utf-16-le")
        lines[start["line"]] = line[: 2 * start["character"]] + new + line[2 * end["character"] :]
    return "\n".join(line.decode("utf-16-le") for line in lines)


def test_rename_in_all_files(client: Connection) -> None:
    place = at(client, "main.ten", MAIN, "twice", 1)
    prepared = asked(client, "textDocument/prepareRename", place)
    assert prepared["placeholder"] == "twice"
    change = asked(client, "textDocument/rename", {**place, "newName": "double"})
    main, library = change["documentChanges"]
    assert main["textDocument"] == {"uri": client.uri("main.ten"), "version": 1}
    assert library["textDocument"] == {"uri": client.uri("blocks/library.ten"), "version": None}
    assert edited(MAIN, main["edits"]) == MAIN.replace("twice", "double")
    assert edited(LIBRARY, library["edits"]) == LIBRARY.replace("twice", "double")


def test_rename_of_a_module_renames_its_file(client: Connection) -> None:
    place = at(client, "main.ten", MAIN, "library")
    change = asked(client, "textDocument/rename", {**place, "newName": "basics"})
    main, move = change["documentChanges"]
    assert edited(MAIN, main["edits"]) == MAIN.replace("blocks.library", "blocks.basics")
    old, new = client.uri("blocks/library.ten"), client.uri("blocks/basics.ten")
    assert (move["kind"], move["oldUri"], move["newUri"]) == ("rename", old, new)


def test_what_cannot_be_renamed_is_told(client: Connection) -> None:
    for word, new, reason in [
        ("Linear", "Dense", "`Linear` belongs to the standard library"),
        ("float", "double", "`float` is part of the language"),
        ("f(y", "let", "`let` is no name that can stand here"),
        ("f(y", "twice", "`f` cannot become `twice`: `twice` in line 11 would then mean the fn `twice`"),
        ("half", "x", None),
    ]:
        answer = client.request("textDocument/rename", {**at(client, "main.ten", MAIN, word), "newName": new})
        if reason is not None:
            assert answer["error"]["code"] == REFUSED
            assert reason in answer["error"]["message"]
        else:
            assert edited(MAIN, answer["result"]["documentChanges"][0]["edits"]) == MAIN.replace("half", "x")


def test_files_that_move_take_imports_and_paths_with_them(client: Connection) -> None:
    def moved(old: str, new: str) -> str:
        files = [{"oldUri": client.uri(old), "newUri": client.uri(new)}]
        (main,) = asked(client, "workspace/willRenameFiles", {"files": files})["documentChanges"]
        return edited(MAIN, main["edits"])

    assert moved("blocks/library.ten", "parts/basics.ten") == MAIN.replace("blocks.library", "parts.basics")
    assert moved("blocks", "parts") == MAIN.replace("blocks.library", "parts.library")
    assert moved("weights", "checkpoints") == MAIN.replace("weights/net", "checkpoints/net")
    assert moved("main.ten", "models/main.ten") == MAIN.replace("weights/net", "../weights/net")


def test_a_client_that_takes_plain_changes_only(tmp_path: Path) -> None:
    project(tmp_path)
    with served(tmp_path) as client:
        client.initialize()
        client.open("main.ten", MAIN)
        change = asked(client, "textDocument/rename", {**at(client, "main.ten", MAIN, "half"), "newName": "h"})
        assert edited(MAIN, change["changes"][client.uri("main.ten")]) == MAIN.replace("half", "h")
        module = {**at(client, "main.ten", MAIN, "library"), "newName": "basics"}
        answer = client.request("textDocument/rename", module)
        assert answer["error"]["message"] == "this editor does not rename files: rename the file of the module"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_places_count_what_the_client_counts(tmp_path: Path, encoding: str) -> None:
    text = 'const label = "🎵é"\nfn f(x: f32[N]) -> f32[N] = relu(x)\n# 🎵 f\n'
    with served(tmp_path) as client:
        client.initialize({"general": {"positionEncodings": [encoding]}})
        client.open("a.ten", text)
        symbol, *_ = asked(client, "textDocument/documentSymbol", client.document("a.ten"))
        units = {"utf-8": 6, "utf-16": 3, "utf-32": 2}[encoding]
        assert symbol["location"]["range"]["end"] == {"line": 0, "character": len('const label = ""') + units}


def test_a_buffer_counts_before_its_file_and_all_folders_are_searched(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        project(folder)
    with served(first) as client:
        folders = [{"uri": folder.as_uri(), "name": folder.name} for folder in (first, second)]
        client.initialize(EDITS, workspaceFolders=folders)
        client.open("blocks/library.ten", f"# new\n{LIBRARY}\nfn four(x: f32[N]) -> f32[N] = twice(twice(x))\n")
        place = {**client.document("blocks/library.ten"), "position": {"line": 1, "character": 4}}
        found = asked(client, "textDocument/references", {**place, "context": {"includeDeclaration": True}})
        lines = [(item["uri"], item["range"]["start"]["line"]) for item in found]
        library, main = client.uri("blocks/library.ten"), client.uri("main.ten")
        assert lines == [(library, 1), (library, 3), (library, 3), (main, 0), (main, 10)]
        everything = asked(client, "workspace/symbol", {"query": ""})
        assert {item["location"]["uri"] for item in everything} == {
            library,
            main,
            (second / "blocks/library.ten").as_uri(),
            (second / "main.ten").as_uri(),
        }


def test_a_rename_reads_what_was_typed_last(client: Connection) -> None:
    text = "fn f(x: f32[N]) -> f32[N] = x\n"
    client.open("typed.ten", "fn f(")
    client.change("typed.ten", text)
    change = asked(client, "textDocument/rename", {**at(client, "typed.ten", text, "x"), "newName": "y"})
    (document,) = change["documentChanges"]
    assert document["textDocument"]["version"] == 2
    assert edited(text, document["edits"]) == text.replace("x", "y")


def test_files_that_were_renamed_are_read_anew(tmp_path: Path) -> None:
    project(tmp_path)
    with served(tmp_path) as client:
        client.initialize(EDITS)
        client.open("main.ten", MAIN)
        place = at(client, "main.ten", MAIN, "twice", 1)
        assert words(TEXTS, [asked(client, "textDocument/definition", place)]) == ["library.ten:1 twice"]
        moved = MAIN.replace("blocks.library", "blocks.basics")
        (tmp_path / "blocks/library.ten").rename(tmp_path / "blocks/basics.ten")
        files = [{"oldUri": client.uri("blocks/library.ten"), "newUri": client.uri("blocks/basics.ten")}]
        assert asked(client, "textDocument/definition", place) is not None, "nobody has told of it"
        client.notify("workspace/didRenameFiles", {"files": files})
        assert asked(client, "textDocument/definition", place) is None
        client.change("main.ten", moved)
        found = asked(client, "textDocument/definition", at(client, "main.ten", moved, "twice", 1))
        assert found["uri"] == client.uri("blocks/basics.ten")
