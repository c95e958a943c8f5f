"""The VS Code extension in the real editor, in a real browser: packaged, installed, used as a person would use it."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest

from tests.debian import Missing
from tests.vscode.studio import studio
from tests.vscode.tools import EXTENSION, ROOT, Tools, npm, run, tools

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(1800)]

WORKSPACE = EXTENSION / "test" / "workspace"
# Those of the pictures that the tour takes that the documentation and the extension show.
PICTURES = ROOT / "docs" / "images" / "vscode"
MOST_BYTES = 1_000_000

# The server of this checkout.
TENUTO = Path(sys.executable).with_name("tenuto")
# An editor without what is not looked at.
PLAIN: dict[str, object] = {
    "chat.disableAIFeatures": True,
    "editor.minimap.enabled": False,
    "window.commandCenter": False,
    "workbench.layoutControl.enabled": False,
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "workbench.startupEditor": "none",
    "workbench.tips.enabled": False,
}


@pytest.fixture(scope="module")
def installed() -> Tools:
    try:
        found = tools()
    except Missing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing), pytrace=False)
        pytest.skip(str(missing))
    return found


@pytest.fixture(scope="module")
def modules(installed: Tools) -> None:
    """The packages from npm that the extension is made with, as its lock file says."""
    npm("ci", "--no-progress")


@pytest.fixture(scope="module")
def package(modules: None) -> Path:
    """The packaged extension, checked by the compiler on the way."""
    file = EXTENSION / "build" / "tenuto.vsix"
    file.parent.mkdir(exist_ok=True)
    file.unlink(missing_ok=True)
    npm("run", "package")
    return file


def test_its_parts_do_what_they_say(modules: None) -> None:
    npm("test")


def test_what_is_in_the_package(package: Path) -> None:
    names = {name.removeprefix("extension/") for name in zipfile.ZipFile(package).namelist()}
    assert names == {
        "[Content_Types].xml",
        "extension.vsixmanifest",
        "LICENSE.txt",
        "changelog.md",
        "dist/extension.js",
        "images/file-dark.svg",
        "images/file-light.svg",
        "images/icon.png",
        "language-configuration.json",
        "package.json",
        "readme.md",
        "snippets/tenuto.json",
        "syntaxes/tenuto.markdown.tmLanguage.json",
        "syntaxes/tenuto.tmLanguage.json",
        "walkthrough/graph.md",
        "walkthrough/install.md",
        "walkthrough/read.md",
        "walkthrough/write.md",
    }
    assert package.stat().st_size < MOST_BYTES
    manifest = zipfile.ZipFile(package).read("extension.vsixmanifest").decode("utf-8")
    assert "TargetPlatform" not in manifest  # It runs everywhere.


def test_the_pictures_of_its_readme_are_in_the_repository(package: Path) -> None:
    text = zipfile.ZipFile(package).read("extension/readme.md").decode("utf-8")
    shown = re.findall(r"!\[[^\]]*\]\((\S+)\)", text)
    assert len(shown) == len(list(PICTURES.iterdir()))
    for address in shown:
        path = urljoin(address, urlsplit(address).path).partition("/raw/HEAD/")[2]
        assert (ROOT / path).is_file(), address


@pytest.fixture(scope="module")
def address(installed: Tools, package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    trusted = {"security.workspace.trust.enabled": False, "tenuto.path": str(TENUTO)}
    with studio(installed, tmp_path_factory.mktemp("home"), [package], PLAIN | trusted) as started:
        yield started


def drive(tools: Tools, tour: str, address: str, folder: Path, pictures: Path, *others: str) -> None:
    """Runs a tour of the editor in a folder. One that fails leaves the picture `failure`."""
    pictures.mkdir()
    command = [str(tools.node), str(EXTENSION / "test" / "browser" / tour)]
    print(run([*command, address, str(folder), str(pictures), str(tools.chromium), *others], EXTENSION, {}))


def test_a_tour(installed: Tools, address: str, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    shutil.copytree(WORKSPACE, tmp_path / "models")
    drive(installed, "tour.mts", address, tmp_path / "models", tmp_path / "pictures")
    taken = {path.name for path in (tmp_path / "pictures").iterdir()}
    assert {path.name for path in PICTURES.iterdir()} <= taken
    if pytestconfig.getoption("--update"):
        for path in PICTURES.iterdir():
            shutil.copy(tmp_path / "pictures" / path.name, path)


def test_inside_the_editor(installed: Tools, address: str, modules: None, tmp_path: Path) -> None:
    npm("run", "bundle:host")
    shutil.copytree(WORKSPACE, tmp_path / "models")
    (tmp_path / "models" / "closed.ten").write_text("fn f(x: f32[N]) -> f32[N] = relu(x) + y\n", encoding="utf-8")
    tests = EXTENSION / "build" / "host" / "index.js"
    drive(installed, "host.mts", address, tmp_path / "models", tmp_path / "pictures", str(tests))


def test_a_workspace_that_is_not_trusted_runs_nothing(installed: Tools, package: Path, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    shutil.copytree(WORKSPACE, folder)
    for name in (".venv/bin/tenuto", "tools/tenuto"):
        script = folder / name
        script.parent.mkdir(parents=True)
        script.write_text(f'#!/bin/sh\necho {name} >>"{folder}/ran"\nexec "{TENUTO}" "$@"\n', encoding="utf-8")
        script.chmod(0o755)
    (folder / ".vscode").mkdir()
    (folder / ".vscode" / "settings.json").write_text('{"tenuto.path": "./tools/tenuto"}', encoding="utf-8")
    (tmp_path / "home").mkdir()
    asking = {"security.workspace.trust.startupPrompt": "never"}
    with studio(installed, tmp_path / "home", [package], PLAIN | asking) as started:
        drive(installed, "trust.mts", started, folder, tmp_path / "pictures")


# What the Python extension offers to others, as far as ours asks: one environment, which is the selected one.
PYTHON_EXTENSION = """
const { EventEmitter, Uri } = require("vscode");
const environment = { path: %s };
exports.activate = () => ({
  environments: {
    getActiveEnvironmentPath: () => environment,
    resolveEnvironment: async ({ path }) => ({ executable: { uri: Uri.file(path) } }),
    onDidChangeActiveEnvironmentPath: new EventEmitter().event,
  },
});
"""


def test_the_offer_to_install_asks_first(installed: Tools, package: Path, tmp_path: Path) -> None:
    folder, python = tmp_path / "models", tmp_path / "environment" / "bin" / "python"
    shutil.copytree(WORKSPACE, folder)
    python.parent.mkdir(parents=True)
    script = f'#!/bin/sh\necho "$@" >>"{folder}/ran"\nln -s "{TENUTO}" "{python.with_name("tenuto")}"\n'
    python.write_text(script, encoding="utf-8")
    python.chmod(0o755)
    manifest = {"name": "python", "publisher": "ms-python", "version": "1.0.0", "engines": {"vscode": "^1.100.0"}}
    manifest |= {"main": "./main.js", "activationEvents": []}
    with zipfile.ZipFile(tmp_path / "python.vsix", "w") as archive:
        archive.writestr("extension/package.json", json.dumps(manifest))
        archive.writestr("extension/main.js", PYTHON_EXTENSION % json.dumps(str(python)))
    (tmp_path / "home").mkdir()
    trusted = {"security.workspace.trust.enabled": False}
    packages = [package, tmp_path / "python.vsix"]
    with studio(installed, tmp_path / "home", packages, PLAIN | trusted) as started:
        drive(installed, "install.mts", started, folder, tmp_path / "pictures")
