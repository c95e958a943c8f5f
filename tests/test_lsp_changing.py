"""The language server changes programs: actions as each kind of client takes them, layout, and commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tenuto_grammar.text import Encoding, LineIndex, Position
from tenuto_server import views
from tenuto_server.features.shown import NotShown, Wanted
from tests.client import Client, Json
from tests.command import CLEAN, UNUSED, Command

WITH_ACTIONS: Json = {
    "textDocument": {
        "codeAction": {
            "codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["quickfix", "refactor", "source"]}},
            "isPreferredSupport": True,
            "disabledSupport": True,
        },
        "publishDiagnostics": {"tagSupport": {"valueSet": [1, 2]}},
    },
    "workspace": {"workspaceEdit": {"documentChanges": True}},
}
LAZY = {
    **WITH_ACTIONS,
    "textDocument": {
        "codeAction": {
            **WITH_ACTIONS["textDocument"]["codeAction"],
            "dataSupport": True,
            "resolveSupport": {"properties": ["edit"]},
        }
    },
}
STRANGE = "# é😀 \u2028\n"
MODEL = "model Double(x: f32[B, 3]) -> f32[B, 3] {\n  param scale: f32[3] = ones\n  return x * scale\n}\n"
DEPLOY = "\ndeploy double = Double {\n  weights: init(seed = 0),\n  dims: { B: 1 .. 4 },\n}\n"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with Client(tmp_path) as started:
        yield started


def edited(text: str, edits: list[Json], encoding: str) -> str:
    """The text after the edits of an answer."""
    lines = LineIndex(text)

    def offset(place: Json) -> int:
        return lines.offset(Position(place["line"], place["character"]), Encoding(encoding))

    for edit in sorted(edits, key=lambda edit: offset(edit["range"]["start"]), reverse=True):
        start, end = offset(edit["range"]["start"]), offset(edit["range"]["end"])
        text = text[:start] + edit["newText"] + text[end:]
    return text


def at(text: str, words: str, encoding: str = "utf-16") -> Json:
    """Where words stand in a text."""
    lines, start = LineIndex(text), text.index(words)
    first = lines.position(start, Encoding(encoding))
    last = lines.position(start + len(words), Encoding(encoding))
    return {
        "start": {"line": first.line, "character": first.column},
        "end": {"line": last.line, "character": last.column},
    }


def actions(client: Client, name: str, place: Json, only: list[str] | None = None, known: Json = ()) -> list[Json]:
    context = {"diagnostics": [*known], **({"only": only} if only is not None else {})}
    params = {**client.document(name), "range": place, "context": context}
    answer = client.request("textDocument/codeAction", params)
    assert "error" not in answer, answer
    found: list[Json] = answer["result"]
    return found


def execute(client: Client, command: str, *arguments: Json) -> Json:
    return client.request("workspace/executeCommand", {"command": command, "arguments": [*arguments]})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_a_fix_is_linked_to_its_diagnostic_and_has_the_version(client: Client, encoding: str) -> None:
    client.initialize({**WITH_ACTIONS, "general": {"positionEncodings": [encoding]}})
    text = STRANGE + UNUSED
    client.open("a.ten", text)
    (diagnostic,) = client.heard("textDocument/publishDiagnostics")["diagnostics"]
    assert diagnostic["tags"] == [1]
    found = actions(client, "a.ten", diagnostic["range"], ["quickfix"], [diagnostic])
    assert [item["title"] for item in found] == ["remove the import of `Linear`", "allow `unused-import` here"]
    assert [item.get("isPreferred") for item in found] == [True, None]
    assert all(item["diagnostics"] == [diagnostic] for item in found)
    (change,) = found[0]["edit"]["documentChanges"]
    assert change["textDocument"] == {"uri": client.uri("a.ten"), "version": 1}
    assert edited(text, change["edits"], encoding).split() == (STRANGE + CLEAN).split()
    allowed = edited(text, found[1]["edit"]["documentChanges"][0]["edits"], encoding)
    assert "import std.nn { Linear }  # tenuto: allow(unused-import)\n" in allowed


def test_only_the_kinds_that_are_asked_for(client: Client) -> None:
    client.initialize(WITH_ACTIONS)
    text = "import std.nn { Linear }\n\nfn f(x: f32[N]) -> f32[N] {\n  let y = relu(x) + x\n  return y\n}\n"
    client.open("a.ten", text)

    def kinds(words: str, *only: str) -> set[str]:
        return {item["kind"] for item in actions(client, "a.ten", at(text, words), [*only])}

    assert kinds("relu(x)", "refactor") == {"refactor.extract"}
    assert kinds("y", "refactor.inline") == {"refactor.inline"}
    assert kinds("y", "refactor") == {"refactor.inline", "refactor.rewrite"}
    assert kinds("import", "source") == {"source.fixAll.tenuto", "source.organizeImports"}
    assert kinds("import", "source.fixAll") == {"source.fixAll.tenuto"}
    assert kinds("relu(x)", "notebook") == set()


def test_what_takes_the_whole_file_is_worked_out_when_it_is_chosen(client: Client) -> None:
    client.initialize(LAZY)
    client.open("a.ten", UNUSED)
    for kind in ("source.fixAll.tenuto", "source.organizeImports"):
        (action,) = actions(client, "a.ten", at(UNUSED, "fn"), [kind])
        assert "edit" not in action
        resolved = client.request("codeAction/resolve", action)["result"]
        (change,) = resolved["edit"]["documentChanges"]
        assert edited(UNUSED, change["edits"], "utf-16").strip() == CLEAN.strip()
        assert resolved["kind"] == kind


def test_what_cannot_be_done_says_why_to_who_can_show_it(client: Client) -> None:
    text = "fn f(x: f32[N]) -> f32[N] {\n  let y = relu(x) + x precision f32\n  return y\n}\n"
    client.initialize(WITH_ACTIONS)
    client.open("a.ten", text)
    found = actions(client, "a.ten", at(text, "relu(x)"), ["refactor.extract"])
    assert ["clause" in item["disabled"]["reason"] for item in found] == [True, True]
    assert all("edit" not in item for item in found)


def test_a_client_without_actions_gets_commands(client: Client) -> None:
    client.initialize({})
    client.open("a.ten", UNUSED)
    command = actions(client, "a.ten", at(UNUSED, "Linear"))[0]
    assert command["title"] == "remove the import of `Linear`"
    assert execute(client, command["command"], *command["arguments"])["result"] is None
    client.request("tenuto/text", {"uri": client.uri("a.ten")})
    assert client.asked == ["workspace/applyEdit"]
    client.change("a.ten", CLEAN)
    late = execute(client, command["command"], *command["arguments"])
    assert late["error"]["message"] == "the document has changed"


def test_a_name_of_another_file_can_be_imported(client: Client) -> None:
    (client.folder / "blocks").mkdir()
    (client.folder / "blocks" / "mlp.ten").write_text("fn twice(x: f32[N]) -> f32[N] = x + x\n", encoding="utf-8")
    client.initialize(WITH_ACTIONS)
    text = "fn f(x: f32[N]) -> f32[N] = twice(x)\n"
    client.open("a.ten", text)
    (action,) = actions(client, "a.ten", at(text, "twice"), ["quickfix"])
    assert action["title"] == "import `twice` from `blocks.mlp`"
    (change,) = action["edit"]["documentChanges"]
    assert edited(text, change["edits"], "utf-16") == f"import blocks.mlp {{ twice }}\n\n{text}"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_extracting_where_columns_differ(client: Client, encoding: str) -> None:
    client.initialize({**WITH_ACTIONS, "general": {"positionEncodings": [encoding]}})
    text = 'fn f(s: str = "é😀", x: f32[N]) -> f32[N] = relu(x) + x\n'
    client.open("a.ten", STRANGE + text)
    found = actions(client, "a.ten", at(STRANGE + text, "relu(x)", encoding), ["refactor.extract"])
    action = next(item for item in found if item["title"] == "extract to a `fn`")
    (change,) = action["edit"]["documentChanges"]
    expected = text.replace("relu(x)", "extracted(x)") + "\nfn extracted(x: f32[N]) -> f32[N] = relu(x)\n"
    assert edited(STRANGE + text, change["edits"], encoding) == STRANGE + expected


def test_the_server_and_the_command_line_fix_alike(client: Client, tenuto: Command) -> None:
    """The texts of all pages with fixes, mended by both."""
    client.initialize(LAZY)
    spec = Path(__file__).parent / "spec"
    pages = [*sorted(spec.rglob("*.md"))]
    programs = [
        "".join(line for line in fence.splitlines(keepends=True) if not re.match(r" *\^+ ", line))
        for page in pages
        for fence in re.findall(r"```tenuto\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
        if "warning[" in fence or "syntax-error" in fence
    ]
    fixed = 0
    for text in [UNUSED, *programs]:
        tenuto.write({"a.ten": text})
        tenuto("check", "--fix", "a.ten")
        expected = tenuto.read("a.ten")
        client.open("a.ten", text)
        for action in actions(client, "a.ten", at(text, text[:1]), ["source.fixAll"]):
            (change,) = client.request("codeAction/resolve", action)["result"]["edit"]["documentChanges"]
            text = edited(text, change["edits"], "utf-16")
            fixed += 1
        client.notify("textDocument/didClose", client.document("a.ten"))
        assert text == expected
    assert fixed > 5, "the pages have programs with fixes"


def test_layout_of_a_part_and_while_typing(client: Client) -> None:
    client.initialize()
    text = "fn  a(x:f32[N])->f32[N] = x\n\nfn  b(x:f32[N])->f32[N]{\nreturn x\n}\n"
    client.open("a.ten", text)
    options = {"tabSize": 2, "insertSpaces": True}
    params = {**client.document("a.ten"), "range": at(text, "a(x"), "options": options}
    edits = client.request("textDocument/rangeFormatting", params)["result"]
    assert edited(text, edits, "utf-16") == text.replace("fn  a(x:f32[N])->f32[N]", "fn a(x: f32[N]) -> f32[N]")
    typed = {**client.document("a.ten"), "position": {"line": 4, "character": 1}, "ch": "}", "options": options}
    edits = client.request("textDocument/onTypeFormatting", typed)["result"]
    assert edited(text, edits, "utf-16").endswith("fn b(x: f32[N]) -> f32[N] {\n  return x\n}\n")
    typed = {**client.document("a.ten"), "position": {"line": 3, "character": 0}, "ch": "\n", "options": options}
    edits = client.request("textDocument/onTypeFormatting", typed)["result"]
    assert edited(text, edits, "utf-16").split("\n")[3] == "  return x"


def test_the_graph_of_what_is_not_saved_yet(client: Client) -> None:
    client.initialize({"window": {"workDoneProgress": True}})
    client.open("a.ten", MODEL + DEPLOY)
    uri = client.uri("a.ten")
    page = execute(client, "tenuto.showGraph", uri, "double")["result"]
    assert page.startswith("<!DOCTYPE html>")
    assert "deploy <code>double</code>" in page
    assert client.heard("$/progress")["value"]["title"] == "Drawing double"
    assert client.heard("$/progress")["value"]["kind"] == "end"
    assert client.asked == ["window/workDoneProgress/create"]
    inside = at(MODEL, "param")["start"]
    assert execute(client, "tenuto.showGraph", uri, inside)["result"] == page
    refused = execute(client, "tenuto.showGraph", uri, "doubel")["error"]
    assert (refused["code"], refused["message"]) == (-32803, "there is no deploy `doubel` here")
    client.change("a.ten", MODEL.replace("x * scale", "x * scael") + DEPLOY)
    assert "no error" in execute(client, "tenuto.showGraph", uri, "double")["error"]["message"]


def test_what_a_definition_becomes(client: Client) -> None:
    client.initialize()
    alone = "\nfn alone(x: f32[N]) -> f32[N] = relu(x) * 2.0\n"
    alone += "\nfn generic[D](x: f32[N]) -> f32[N, D] = zeros[f32](shape[N, D])\n"
    client.open("a.ten", MODEL + DEPLOY + alone)
    uri = client.uri("a.ten")

    def lowered(words: str) -> Json:
        return execute(client, "tenuto.showLowered", uri, at(MODEL + DEPLOY + alone, words)["start"])

    shown = lowered("return x * scale")["result"]
    assert shown.startswith("# Double(x: f32[B, 3]) -> f32[B, 3]\ndouble (")
    assert re.search(r"= Mul \(.*\)  # a\.ten:3:10  f32\[B, 3\]", shown)
    shown = lowered("relu(x)")["result"]
    assert shown.startswith("# alone(x: f32[N]) -> f32[N]\n")
    assert "Relu (x)  # a.ten:" in shown
    assert "generics have no values" in lowered("zeros[f32]")["error"]["message"]


def test_a_package_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name="graphlay")

    monkeypatch.setattr(views, "import_module", missing)
    answer = views.show(Wanted("graph", "/a.ten", {"/a.ten": MODEL + DEPLOY}, "double"))
    assert answer == NotShown("this needs the package `graphlay`: run `pip install 'tenuto[graph]'`")


def test_builds_and_runs_work_on_the_disk(client: Client) -> None:
    (client.folder / "a.ten").write_text(MODEL + DEPLOY, encoding="utf-8")
    client.initialize()
    client.open("a.ten", MODEL + DEPLOY)
    uri = client.uri("a.ten")
    told = execute(client, "tenuto.server.build", uri, "double")["result"]
    assert "double.onnx" in told
    assert (client.folder / "double.onnx").exists()
    assert "f32[" in execute(client, "tenuto.server.run", uri, "double")["result"]
    assert "has no deploy `nothing`" in execute(client, "tenuto.server.build", uri, "nothing")["error"]["message"]
    client.change("a.ten", MODEL + DEPLOY + "\n")
    assert "not saved" in execute(client, "tenuto.server.build", uri, "double")["error"]["message"]


def test_a_request_that_is_cancelled_ends_its_process(client: Client) -> None:
    client.initialize()
    client.open("a.ten", MODEL + DEPLOY)
    params = {"command": "tenuto.showGraph", "arguments": [client.uri("a.ten"), "double"], "workDoneToken": "graph"}
    number = client.start("workspace/executeCommand", params)
    assert client.heard("$/progress")["value"]["cancellable"] is True
    client.notify("window/workDoneProgress/cancel", {"token": "graph"})
    assert client.answer(number)["error"]["code"] == -32800
    assert client.heard("$/progress")["value"]["kind"] == "end"
    assert execute(client, "tenuto.explainRule", "unused-import")["result"].startswith("# unused-import")
    assert "did you mean `unused-import`?" in execute(client, "tenuto.explainRule", "unused-imprt")["error"]["message"]


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("tenuto.showGraph", []),
        ("tenuto.showGraph", [1, 2]),
        ("tenuto.showLowered", ["file:///nothing.ten", {"line": 0, "character": 0}]),
        ("tenuto.showLowered", ["file:///nothing.ten", {"line": -1, "character": 0}]),
        ("tenuto.server.build", ["file:///nothing.ten", "--help"]),
        ("tenuto.explainRule", [["x"]]),
        ("tenuto.applyEdit", ["file:///nothing.ten", None, [[0, 0, 0, 0, 1]]]),
        ("tenuto.nothing", []),
    ],
)
def test_arguments_that_make_no_sense_are_refused(client: Client, command: str, arguments: list[Json]) -> None:
    client.initialize()
    assert execute(client, command, *arguments)["error"]["code"] == -32803
