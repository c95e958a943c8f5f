"""What the VS Code extension declares, held against what it, the server and the language know. Needs no editor."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tenuto import __version__
from tenuto_server.preferences import Preferences
from tests.markdown import Program
from tests.voice import reports

ROOT = Path(__file__).parent.parent
EXTENSION = ROOT / "editors" / "vscode"
MANIFEST = json.loads((EXTENSION / "package.json").read_text(encoding="utf-8"))
CONTRIBUTES = MANIFEST["contributes"]
SNIPPETS = json.loads((EXTENSION / "snippets" / "tenuto.json").read_text(encoding="utf-8"))


def settings(struct: type[msgspec.Struct], prefix: str) -> Iterator[tuple[str, object]]:
    """The settings that the server reads, each with what it is where nobody sets it."""
    for field in msgspec.structs.fields(struct):
        name = f"{prefix}.{field.encode_name}"
        if isinstance(field.default, msgspec.Struct):
            yield from settings(type(field.default), name)
        else:
            yield name, field.default


def test_the_version_is_that_of_tenuto() -> None:
    assert MANIFEST["version"] == __version__
    assert f"## {__version__}\n" in (EXTENSION / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_settings_are_those_that_the_server_reads() -> None:
    declared = CONTRIBUTES["configuration"]["properties"]
    own = {"tenuto.path", "tenuto.trace.server"}
    assert {name: item["default"] for name, item in declared.items() if name not in own} == dict(
        settings(Preferences, "tenuto")
    )
    assert all(item.get("description") or item.get("markdownDescription") for item in declared.values())


def test_a_workspace_that_is_not_trusted_cannot_name_a_command() -> None:
    trust = MANIFEST["capabilities"]["untrustedWorkspaces"]
    assert trust["supported"] == "limited"
    assert trust["restrictedConfigurations"] == ["tenuto.path"]


def test_commands_are_those_that_the_source_registers() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in sorted((EXTENSION / "src").glob("*.ts")))
    registered = set(re.findall(r'\bcommand\("(tenuto\.\w+)"', source))
    assert registered == {item["command"] for item in CONTRIBUTES["commands"]}
    walkthrough = json.dumps(CONTRIBUTES["walkthroughs"])
    assert set(re.findall(r"(?:command:|onCommand:)(tenuto\.\w+)", walkthrough)) <= registered


def test_the_files_that_are_named_are_there() -> None:
    named = [
        MANIFEST["icon"],
        *(item["path"] for item in CONTRIBUTES["grammars"]),
        *(item["path"] for item in CONTRIBUTES["snippets"]),
        *(item["configuration"] for item in CONTRIBUTES["languages"] if "configuration" in item),
        *(icon for item in CONTRIBUTES["languages"] for icon in item.get("icon", {}).values()),
        *(step["media"]["markdown"] for item in CONTRIBUTES["walkthroughs"] for step in item["steps"]),
    ]
    assert not [name for name in named if not (EXTENSION / name).is_file()]
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert (EXTENSION / "LICENSE").read_text(encoding="utf-8") == licence


def test_the_lock_file_names_no_registry() -> None:
    lock = (EXTENSION / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock
    assert '"integrity"' in lock


def expanded(body: list[str]) -> str:
    """A snippet as it stands after Tab was pressed to its end, with nothing typed."""
    text = "\n".join(body)
    while (filled := re.sub(r"\$\{\d+:([^{}$]*(?:\{[^{}$]*\}[^{}$]*)*)\}|\$\d+", r"\1", text)) != text:
        text = filled
    return text


IMPORTS = "import std.nn { Linear }\n"
# Programs in which the snippets make sense; `§` is where they go.
AROUND = {
    "record": "§",
    "model": IMPORTS + "§",
    "fn": "§",
    "fn=": "§",
    "deploy": "model Model(x: float[B, 3]) -> float[B, 3] = relu(x)\n§",
    "const": "record Config { width: dim = 3 }\n§",
    "import": "§\nmodel M(x: float[B, 3]) -> float[B, 3] {\n  sub linear = Linear[3, 3]\n  return linear(x)\n}",
    "param": "model M[Width: dim](x: float[B, Width]) -> float[B, Width] {\n  §\n  return x + weight\n}",
    "sub": IMPORTS + "model M[In: dim, Out: dim](x: float[B, In]) -> float[B, Out] {\n  §\n  return linear(x)\n}",
    "sub list": "model Layer[W: dim](x: float[B, W]) -> float[B, W] {\n  param scale: float[W]\n  return x * scale\n}\n"
    "model M[c: dim, count: int](x: float[B, c]) -> float[B, c] {\n  §\n  return h\n}",
    "let": "fn f(x: float[B]) -> float[B] {\n  §x\n  return name\n}",
    "for": "fn f(x: float[B], n: int) -> float[B] {\n  var y = x\n  §\n  return y\n}",
    "where": "fn f(x: float[N], y: float[H]) -> float[N]\n  §\n= x",
}


@pytest.mark.parametrize("prefix", [item["prefix"] for item in SNIPPETS.values()])
def test_a_snippet_is_a_program_without_findings(prefix: str) -> None:
    (item,) = (item for item in SNIPPETS.values() if item["prefix"] == prefix)
    text = AROUND[prefix].replace("§", expanded(item["body"]))
    found = [(report.rule, report.message) for report in reports(Program("main.ten", {"main.ten": text}))]
    assert not [finding for finding in found if finding[0] not in ("unused-import", "unused-name")], text


def test_the_walkthrough_says_what_is_true() -> None:
    pages = [(EXTENSION / "walkthrough" / f"{name}.md").read_text(encoding="utf-8") for name in ("write", "graph")]
    text = "\n".join(re.findall(r"```tenuto\n(.*?)```", "".join(pages), re.DOTALL))
    assert not reports(Program("main.ten", {"main.ten": text}))
