"""The commands that answer with what a deploy becomes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import onnx.parser
import pytest

from tests.client import Client, Json

MODEL = """import std.nn { Linear }

# 🎵 is one character here, and two in UTF-16.
model Head(x: float[B, 4]) -> float[B, 3] {
  sub first = Linear[4, 3]
  return relu(first(x))
}

deploy head = Head { weights: init(seed = 0), dims: { B: 1 .. 8 } }
"""


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with Client(tmp_path) as started:
        started.initialize()
        yield started


def asked(client: Client, command: str, *arguments: Json) -> Json:
    return client.request("workspace/executeCommand", {"command": command, "arguments": [*arguments]})


def test_a_graph_is_a_page_whose_nodes_lead_to_their_source(client: Client) -> None:
    client.open("a.ten", MODEL)
    page = asked(client, "tenuto.showGraph", client.uri("a.ten"), "head")["result"]
    assert page.startswith("<!DOCTYPE html>")
    places = re.findall(r'data-file="([^"]*)" data-start="(\d+)" data-end="(\d+)"', page)
    mine = [MODEL[int(start) : int(end)] for file, start, end in places if file == str(client.folder / "a.ten")]
    assert mine == ["first(x)", "relu(first(x))"]
    assert {Path(file).name for file, _, _ in places} >= {"a.ten", "nn.ten"}
    assert all(Path(file).is_file() for file, _, _ in places if Path(file).name != "a.ten")


def test_a_graph_is_that_of_the_text_in_the_editor(client: Client) -> None:
    client.open("a.ten", MODEL)
    assert "relu" in asked(client, "tenuto.showGraph", client.uri("a.ten"), "head")["result"]
    client.change("a.ten", MODEL.replace("relu", "tanh"))
    assert "relu" not in asked(client, "tenuto.showGraph", client.uri("a.ten"), "head")["result"]


@pytest.mark.parametrize(
    ("text", "arguments", "reason"),
    [
        (MODEL, ("haed",), "there is no deploy `haed` here"),
        (
            MODEL.replace("relu", "rleu"),
            ("head",),
            "`head` can be drawn once its file, and what that imports, has no error",
        ),
        (
            MODEL.replace("B, 4]) ->", "B, 4], n: int) ->"),
            ("head",),
            "`head` cannot be drawn: ",
        ),
        (MODEL, (), "`graph` takes a document, and a place in it or the name of a deploy"),
        (MODEL, (3,), "`graph` takes a document, and a place in it or the name of a deploy"),
    ],
)
def test_what_cannot_be_drawn_is_told(client: Client, text: str, arguments: tuple[Json, ...], reason: str) -> None:
    client.open("a.ten", text)
    error = asked(client, "tenuto.showGraph", client.uri("a.ten"), *arguments)["error"]
    assert error["message"].startswith(reason)


def at(text: str) -> Json:
    line = MODEL[: MODEL.index(text)].count("\n")
    return {"line": line, "character": 3}


def test_a_deploy_is_lowered_whole(client: Client) -> None:
    client.open("a.ten", MODEL)
    text = asked(client, "tenuto.showLowered", client.uri("a.ten"), at("deploy"))["result"]
    model = onnx.parser.parse_model(re.sub(r" =  \{\}", "", text))
    assert (model.graph.name, [function.name for function in model.functions]) == ("head", ["Linear"])


def test_a_definition_is_lowered_as_the_deploy_has_it(client: Client) -> None:
    client.open("a.ten", MODEL)
    text = asked(client, "tenuto.showLowered", client.uri("a.ten"), at("  return"))["result"]
    assert text.startswith("# Head(x: f32[B, 4]) -> f32[B, 3]\nhead (float[B,4] x) => (float[B,3] result)")
    assert "  # a.ten:6:10  f32[B, 3]\n" in text
    assert "tenuto.Linear" in text and "MatMul" not in text


def test_a_definition_is_shown_as_mlir_with_the_line_that_each_line_comes_from(client: Client) -> None:
    client.open("a.ten", MODEL)
    shown = asked(client, "tenuto.showLowered", client.uri("a.ten"), at("  return"), "mlir")["result"]
    lines = shown["text"].splitlines()
    assert lines[0] == "// Head(x: f32[B, 4]) -> f32[B, 3]"
    assert lines[1].startswith("func.func @Head(%x: tensor<?x4xf32>) -> (tensor<?x3xf32>)")
    assert "func.call @Linear(" in shown["text"] and '"func.' not in shown["text"]
    origins = {origin["line"]: origin for origin in shown["origins"]}
    (call,) = [at_ for at_, line in enumerate(lines) if "func.call @Linear(" in line]
    assert lines[call].endswith("// a.ten:6:15")
    assert origins[call]["uri"] == client.uri("a.ten")
    assert origins[call]["position"] == {"line": 5, "character": 14}
    assert {at_ for at_, line in enumerate(lines) if " // a.ten:" in line} <= set(origins)


def test_a_deploy_is_shown_as_mlir_whole_and_what_is_of_the_library_leads_there(client: Client) -> None:
    client.open("a.ten", MODEL)
    shown = asked(client, "tenuto.showLowered", client.uri("a.ten"), at("deploy"), "mlir")["result"]
    assert shown["text"].startswith("module @head {\n")
    assert "linalg.generic {indexing_maps" in shown["text"]
    assert any(origin["uri"].endswith("/std/nn.ten") for origin in shown["origins"])


def test_the_onnx_of_a_definition_has_its_lines_too(client: Client) -> None:
    client.open("a.ten", MODEL)
    shown = asked(client, "tenuto.showLowered", client.uri("a.ten"), at("  return"), "onnx")["result"]
    lines = shown["text"].splitlines()
    assert shown["text"] == asked(client, "tenuto.showLowered", client.uri("a.ten"), at("  return"))["result"]
    assert {lines[origin["line"]].partition("  # ")[2].split("  ")[0] for origin in shown["origins"]} == {
        f"a.ten:{origin['position']['line'] + 1}:{origin['position']['character'] + 1}" for origin in shown["origins"]
    }


def test_a_form_that_there_is_not_is_told(client: Client) -> None:
    client.open("a.ten", MODEL)
    error = asked(client, "tenuto.showLowered", client.uri("a.ten"), at("  return"), "wasm")["error"]
    assert error["message"] == "a definition is lowered to onnx or mlir, not to 'wasm'"


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        (MODEL, at("import"), "the cursor stands in no model, function or deploy"),
        (MODEL.replace("relu", "rleu"), at("deploy"), "`head` can be lowered once its file"),
        (MODEL.replace("B, 4]) ->", "B, 4], n: int) ->"), at("deploy"), "`head` cannot be lowered: "),
        (MODEL, {"line": -1, "character": 0}, "`lowered` takes a document, and a place in it or the name of a deploy"),
    ],
)
def test_what_cannot_be_lowered_is_told(client: Client, text: str, place: Json, reason: str) -> None:
    client.open("a.ten", text)
    error = asked(client, "tenuto.showLowered", client.uri("a.ten"), place)["error"]
    assert error["message"].startswith(reason)


def test_the_server_says_which_commands_there_are(tmp_path: Path) -> None:
    with Client(tmp_path) as client:
        commands = client.initialize()["capabilities"]["executeCommandProvider"]["commands"]
        assert {"tenuto.showGraph", "tenuto.showLowered"} <= set(commands)
