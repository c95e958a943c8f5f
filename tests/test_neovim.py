"""Neovim itself, without a window, with our plugin and our server, on the sentence encoder of the examples."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tenuto import __version__
from tests import nvim

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "minilm.ten"


class Session(NamedTuple):
    folder: Path
    results: dict[str, Any]

    def __call__(self, step: str) -> Any:
        """What came of a step of `neovim/session.lua`."""
        result = self.results[step]
        assert result["ok"], result["value"]
        return result["value"]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    folder = tmp_path_factory.mktemp("neovim")
    shutil.copy(EXAMPLE, folder)
    (folder / "tenuto.toml").touch()
    switch_on = "lua vim.lsp.enable('tenuto')"
    printed = nvim.run(ROOT / "tests/neovim/session.lua", folder, "--cmd", switch_on, EXAMPLE.name)
    return Session(folder, json.loads(printed))


def test_the_server_is_started_at_the_root(session: Session) -> None:
    assert session("attach") == {"encoding": "utf-8", "root": str(session.folder), "version": __version__}


def test_the_file_type(session: Session) -> None:
    assert session("options") == ["tenuto", "# %s", 2, "tenuto"]


def test_diagnostics(session: Session) -> None:
    assert session("no findings") == []
    (found,) = session("diagnostics")
    assert found["code"] == "unknown-name"
    assert found["line"] == "prob"


def test_hover(session: Session) -> None:
    shown = session("hover")
    assert "fn masked_softmax[" in shown
    assert "float[B, c.heads, S, S]" in shown


def test_completion(session: Session) -> None:
    offered = session("completion")
    assert {"attention", "attention_norm", "attention_output"} <= set(offered)


def test_a_code_action_mends_the_mistake(session: Session) -> None:
    assert session("code action") is True


def test_rename(session: Session) -> None:
    old = EXAMPLE.read_text(encoding="utf-8").splitlines()
    (encoder,) = (line for line in old if line.startswith("model Encoder"))
    ranges = [line for line in old if line.startswith("  dims: ")]
    assert session("rename") == [re.sub(r"\bB\b", "Batch", line) for line in (encoder, *ranges)]


def test_inlay_hints(session: Session) -> None:
    hints = session("inlay hints")
    assert ["  let position = position_embeddings.weight[:S]", ": float[S, c.hidden]"] in hints


def test_semantic_tokens(session: Session) -> None:
    assert session("semantic tokens") is True


def test_definition(session: Session) -> None:
    own, (file, line) = session("definition")
    assert own.startswith("model Layer[")
    assert file == "softmax.ten"
    assert line.startswith("fn masked_softmax[")


def test_formatting(session: Session) -> None:
    assert session("formatting") is True


def test_outline(session: Session) -> None:
    declared = re.findall(r"^(?:record|const|model|deploy) (\w+)", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE)
    assert session("outline") == declared


def test_health(session: Session) -> None:
    found = "\n".join(session("health"))
    assert "ERROR" not in found and "WARNING" not in found
    assert f"is tenuto {__version__}" in found
    assert f"Running for `{session.folder}`" in found


def test_health_says_what_to_do(tmp_path: Path) -> None:
    said = nvim.run(ROOT / "tests/neovim/health.lua", tmp_path)
    assert "`no-such-program` cannot be run" in said
    assert "pip install tenuto" in said
    assert 'vim.lsp.enable("tenuto")' in said


def test_help(session: Session) -> None:
    tags = session("help")
    assert ["tenuto", "tenuto.txt"] in tags
    assert {file for _, file in tags} == {"tenuto.txt"}
    text = (nvim.PLUGIN / "doc" / "tenuto.txt").read_text(encoding="utf-8")
    links = set(re.findall(r"\|(tenuto[\w-]*)\|", text))
    assert links == {tag for tag, _ in tags if not tag.startswith(":")} - {
        "tenuto",
        "tenuto.txt",
        "tenuto-contents",
        "tenuto-trust",
    }
    declared = re.findall(r'^command\("(\w+)"', (nvim.PLUGIN / "ftplugin" / "tenuto.lua").read_text(), re.MULTILINE)
    assert {tag for tag, _ in tags if tag.startswith(":")} == {f":{name}" for name in declared}


def test_code_lenses(session: Session) -> None:
    assert {"Build", "Run", "Graph"} <= set(session("code lens"))


def test_what_the_server_makes_is_shown(session: Session) -> None:
    assert "LayerNormalization" in session("lowered")
    assert session("explain").startswith("# unknown-name")
    assert "<svg" in session("graph")
    assert "result" in session("run")


def test_a_line_of_mlir_leads_to_its_source(session: Session) -> None:
    found, line, file, row, column = session("mlir")
    assert found
    assert file == EXAMPLE.name
    assert line.endswith(f"// {file}:{row}:{column}")
    assert "Embeddings" in EXAMPLE.read_text(encoding="utf-8") and row > 1


def test_the_configuration_of_the_page(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "editors" / "neovim.md").read_text(encoding="utf-8")
    first, attach, _ = re.findall(r"^```lua\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "init.lua").write_text(first.replace("/path/to/tenuto", str(ROOT)) + attach, encoding="utf-8")
    shutil.copy(EXAMPLE, tmp_path)
    said = nvim.run(ROOT / "tests/neovim/page.lua", tmp_path, "--cmd", "luafile init.lua", EXAMPLE.name)
    assert said == "fn double(x: f32[N]) -> f32[N] = x + x"
    assert (tmp_path / EXAMPLE.name).read_text(encoding="utf-8").endswith(f"\n\n{said}\n")


def test_the_server_ends_when_it_is_switched_off(session: Session) -> None:
    assert session("stop") is True
