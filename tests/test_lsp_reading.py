"""What is shown beside the words of a program and offered while it is typed, as a client sees it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client import Connection, Json, served

EXAMPLE = Path(__file__).parent.parent / "examples" / "minilm.ten"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Connection]:
    with served(tmp_path) as connection:
        yield connection


def at(client: Connection, line: int, character: int, name: str = "a.ten") -> Json:
    return {**client.document(name), "position": {"line": line, "character": character}}


def place(line: int, start: int, end: int) -> Json:
    return {"start": {"line": line, "character": start}, "end": {"line": line, "character": end}}


def test_a_hover(client: Connection) -> None:
    client.initialize()
    client.open("a.ten", "## Twice.\nfn f(x: f32[N]) -> f32[N] = x + x\n")
    found = client.request("textDocument/hover", at(client, 1, 3))["result"]
    assert found["range"] == place(1, 3, 4)
    assert found["contents"]["kind"] == "markdown"
    assert "Twice." in found["contents"]["value"]
    assert client.request("textDocument/hover", at(client, 0, 0))["result"] is None


def test_a_hover_without_marks(client: Connection) -> None:
    client.initialize({"textDocument": {"hover": {"contentFormat": ["plaintext"]}}})
    client.open("a.ten", "## Twice `x`.\nfn f(x: f32[N]) -> f32[N] = x + x\n")
    found = client.request("textDocument/hover", at(client, 1, 3))["result"]
    assert found["contents"]["kind"] == "plaintext"
    assert found["contents"]["value"].startswith("fn f(x: f32[N]) -> f32[N]\n\nTwice x.\n")
    assert "`" not in found["contents"]["value"]


SNIPPETS = {"textDocument": {"completion": {"completionItem": {"snippetSupport": True}}}}


def labels(answer: Json) -> dict[str, Json]:
    return {item["label"]: item for item in answer["result"]["items"]}


@pytest.mark.parametrize("capabilities", [{}, SNIPPETS], ids=["plain", "snippets"])
def test_completion(client: Connection, capabilities: Json) -> None:
    client.initialize(capabilities)
    client.open("a.ten", "fn f(x: f32[B, 4], y: f32[4]) -> f32[B, 4] {\n  return x + \n}\n")
    offered = labels(client.request("textDocument/completion", at(client, 1, 13)))
    assert offered["y"]["sortText"] < offered["relu"]["sortText"]
    assert offered["y"]["detail"] == "f32[4]"
    assert offered["y"]["textEdit"] == {"range": place(1, 13, 13), "newText": "y"}
    assert offered["relu"]["textEdit"]["newText"] == ("relu($0)" if capabilities else "relu")
    resolved = client.request("completionItem/resolve", offered["relu"])["result"]
    assert resolved["detail"].startswith("fn relu[")
    assert "ONNX `Relu`" in resolved["documentation"]["value"]


def test_completion_tells_the_place_once(client: Connection) -> None:
    client.initialize({"textDocument": {"completion": {"completionList": {"itemDefaults": ["editRange"]}}}})
    client.open("a.ten", "fn f(x: f32[B, 4], y: f32[4]) -> f32[B, 4] {\n  let z = x\n  r\n}\n")
    found = client.request("textDocument/completion", at(client, 2, 3))
    assert found["result"]["itemDefaults"] == {"editRange": place(2, 2, 3)}
    offered = labels(found)
    assert "z" not in offered, "only what the letter fits"
    assert "textEdit" not in offered["return"]
    assert offered["return"]["textEditText"] == "return "


def test_what_begins_as_it_was_typed_stands_first(client: Connection) -> None:
    client.initialize()
    client.open("a.ten", "fn f(x: f32[B, 4]) -> f32[B, 4] {\n  let z = rel\n  return x\n}\n")
    offered = labels(client.request("textDocument/completion", at(client, 1, 13)))
    assert min(offered, key=lambda label: str(offered[label]["sortText"])) == "relu"
    assert "leaky_relu" in offered


def test_completion_imports_what_it_needs(client: Connection) -> None:
    (client.folder / "blocks.ten").write_text("model Block(x: float[B]) -> float[B] = x\n", encoding="utf-8")
    client.initialize()
    client.open("a.ten", "model M(x: float[B]) -> float[B] {\n  sub a = Bl\n  return a(x)\n}\n")
    offered = labels(client.request("textDocument/completion", at(client, 1, 12)))
    (edit,) = offered["Block"]["additionalTextEdits"]
    assert edit == {"range": place(0, 0, 0), "newText": "import blocks { Block }\n\n"}


def test_completion_of_files(client: Connection) -> None:
    (client.folder / "weights").mkdir()
    (client.folder / "weights" / "small.safetensors").write_bytes(b"")
    client.initialize()
    client.open("a.ten", 'model M(x: float[B]) -> float[B] = x\n\ndeploy m = M {\n  weights: load("weights/"),\n}\n')
    offered = labels(client.request("textDocument/completion", at(client, 3, 25)))
    assert [*offered] == ["weights/small.safetensors"]
    assert offered["weights/small.safetensors"]["textEdit"]["range"] == place(3, 17, 25)


def test_an_item_that_comes_back_broken(client: Connection) -> None:
    client.initialize()
    for data in (None, 3, ["fn"], ["nonsense", "a", "b", "c"], ["fn", "f", "/nowhere.ten", "f"]):
        answer = client.request("completionItem/resolve", {"label": "f", "data": data})
        assert answer["result"]["label"] == "f"


def test_signature_help(client: Connection) -> None:
    client.initialize()
    client.open("a.ten", "fn f(x: f32[B, 4]) -> f32[B, 4] = softmax(x, axis = )\n")
    found = client.request("textDocument/signatureHelp", at(client, 0, 52))["result"]
    (signature,) = found["signatures"]
    assert signature["label"].startswith("softmax(x: f32[B, 4], axis: ")
    assert found["activeParameter"] == 1
    assert signature["parameters"][1]["label"].startswith("axis")
    assert client.request("textDocument/signatureHelp", at(client, 0, 4))["result"] is None


HINTED = """import std.nn { Linear }

model M(x: float[B, 8]) {
  sub head = Linear[8, 3]
  let y = head(x)
  return y
}
"""


def hints(client: Connection, first: int, last: int) -> dict[str, Json]:
    stretch = {"start": {"line": first, "character": 0}, "end": {"line": last, "character": 0}}
    answer = client.request("textDocument/inlayHint", {**client.document("a.ten"), "range": stretch})
    return {hint["label"][0]["value"]: hint for hint in answer["result"]}


def test_inlay_hints(client: Connection) -> None:
    client.initialize()
    client.open("a.ten", HINTED)
    found = hints(client, 0, 7)
    assert [*found] == [" -> float[B, 3]", "In = ", "Out = ", ": float[B, 3]"]
    type_ = found[": float[B, 3]"]
    assert type_["position"] == {"line": 4, "character": 7}
    assert type_["textEdits"] == [{"range": place(4, 7, 7), "newText": ": float[B, 3]"}]
    assert "textEdits" not in found["In = "]
    assert found["In = "]["label"][0]["location"]["uri"].endswith("/std/nn.ten")
    assert [*hints(client, 4, 5)] == [": float[B, 3]"]


def test_inlay_hints_are_switched_by_the_user(client: Connection) -> None:
    chosen = {"inlayHints": {"types": False, "arguments": False}}
    client.initialize(initializationOptions=chosen)
    client.open("a.ten", HINTED)
    assert [*hints(client, 0, 7)] == [" -> float[B, 3]"]
    client.notify("workspace/didChangeConfiguration", {"settings": {"tenuto": {"inlayHints": {"results": False}}}})
    assert [*hints(client, 0, 7)] == ["In = ", "Out = ", ": float[B, 3]"]


COLOURED = """## Ünïcode \N{WAVING WHITE FLAG}.
fn f(x: f32[N]) -> f32[N] = x  # é \N{WAVING WHITE FLAG} é

fn g(x: f32[N]) -> f32[N] = f(x)
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_semantic_tokens(client: Connection, encoding: str) -> None:
    result = client.initialize({"general": {"positionEncodings": [encoding]}})
    options = result["capabilities"]["semanticTokensProvider"]
    assert options["full"] == {"delta": True}
    assert options["range"]
    legend = options["legend"]
    client.open("a.ten", COLOURED)
    full = client.request("textDocument/semanticTokens/full", client.document("a.ten"))["result"]
    length = len("## Ünïcode \N{WAVING WHITE FLAG}.".encode(encoding + ("" if encoding == "utf-8" else "-le")))
    length //= {"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding]
    assert full["data"][:4] == [0, 0, length, legend["tokenTypes"].index("comment")]
    assert legend["tokenModifiers"][full["data"][4].bit_length() - 1] == "documentation"

    client.change("a.ten", COLOURED.replace("f(x)", "f(x) + x"))
    previous = {**client.document("a.ten"), "previousResultId": full["resultId"]}
    delta = client.request("textDocument/semanticTokens/full/delta", previous)["result"]
    data = full["data"]
    for edit in delta["edits"]:
        data[edit["start"] : edit["start"] + edit["deleteCount"]] = edit.get("data", [])
    again = client.request("textDocument/semanticTokens/full", client.document("a.ten"))["result"]
    assert data == again["data"]

    # What the client does not know any more is told whole.
    whole = client.request("textDocument/semanticTokens/full/delta", previous)["result"]
    assert whole["data"] == again["data"]

    stretch = {"start": {"line": 3, "character": 0}, "end": {"line": 4, "character": 0}}
    part = client.request("textDocument/semanticTokens/range", {**client.document("a.ten"), "range": stretch})
    assert part["result"]["data"][0] == 3


LENSED = """import std.nn { Linear }

model M[D](x: float[B, D]) -> float[B, 3] {
  sub head = Linear[D, 3]
  return head(x)
}

deploy m = M[8] {
  weights: init(seed = 0),
}
"""


def test_code_lenses(client: Connection) -> None:
    client.initialize({"experimental": {"commands": ["tenuto.build", "tenuto.run"]}})
    client.open("a.ten", LENSED)
    found = client.request("textDocument/codeLens", client.document("a.ten"))["result"]
    named = [lens["command"] for lens in found if "command" in lens]
    assert [command["command"] for command in named] == ["tenuto.build", "tenuto.run", "tenuto.showGraph"]
    assert all(command["arguments"] == [client.uri("a.ten"), "m"] for command in named)
    model, deploy = (client.request("codeLens/resolve", lens)["result"] for lens in found if "command" not in lens)
    assert (model["range"], deploy["range"]) == (place(2, 6, 7), place(7, 7, 8))
    assert model["command"]["title"] == "3*D + 3 parameters · gives float[B, 3] · 1 reference"
    assert deploy["command"]["title"] == "27 parameters in 2 tensors"


def test_code_lenses_are_switched_by_the_user(client: Connection) -> None:
    client.initialize(initializationOptions={"codeLens": False})
    client.open("a.ten", LENSED)
    assert client.request("textDocument/codeLens", client.document("a.ten"))["result"] == []
    client.notify("workspace/didChangeConfiguration", {"settings": {"tenuto": {"codeLens": True}}})
    assert client.request("textDocument/codeLens", client.document("a.ten"))["result"]


def test_a_client_that_runs_nothing_is_offered_no_run(client: Connection) -> None:
    client.initialize({"experimental": {"commands": 3}})
    client.open("a.ten", LENSED)
    found = client.request("textDocument/codeLens", client.document("a.ten"))["result"]
    assert [lens["command"]["command"] for lens in found if "command" in lens] == ["tenuto.showGraph"]
    for data in (None, 3, [1, 2], ["file:///nowhere.ten", "m"]):
        lens = {"range": place(0, 0, 1), "data": data}
        assert client.request("codeLens/resolve", lens)["result"]["command"]["command"] == ""
