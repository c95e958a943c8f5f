"""What the tests of the VS Code extension run: Node 24, code-server (VS Code, served to a browser) and Chromium.

Node and code-server come from npm into `.vscode-test/`, once; Chromium, and what code-server needs to be compiled, come
from Debian's archive.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from tests import debian
from tests.debian import Missing

ROOT = Path(__file__).parent.parent.parent
EXTENSION = ROOT / "editors" / "vscode"
CACHE = ROOT / ".vscode-test"

NODE = "24.21.0"  # code-server refuses any other major version than 24.
CODE_SERVER = "4.139.1"  # VS Code 1.139.1

BROWSER = ("chromium", "fonts-dejavu-core")
COMPILING = ("libkrb5-dev", "libx11-dev", "libxkbfile-dev", "libsecret-1-dev", "pkg-config", "make", "g++")
MACHINES = {"x86_64": "x64", "aarch64": "arm64"}


class Tools(NamedTuple):
    node: Path
    code_server: Path
    chromium: Path


def tools() -> Tools:
    """Everything installed; takes minutes the first time."""
    machine = MACHINES.get(platform.machine())
    if platform.system() != "Linux" or machine is None:
        raise Missing("VS Code is driven on Linux alone, on x86-64 or ARM64")
    for command, package in (("node", "nodejs"), ("npm", "npm")):
        if shutil.which(command) is None:
            raise Missing(f"`{command}` is missing: install {package}, version 20 or later")
    code_server = CACHE / "code-server" / "node_modules" / ".bin" / "code-server"
    installed = _is_stamped("code-server", CODE_SERVER)
    debian.install(BROWSER if installed else BROWSER + COMPILING)
    package = f"node-linux-{machine}"
    node = CACHE / "node" / "node_modules" / package
    if not _is_stamped("node", NODE):
        _install("node", NODE, f"{package}@{NODE}", {})
    if not installed:
        # The native modules are compiled against the headers of that Node, not of the system's.
        path = f"{node / 'bin'}{os.pathsep}{os.environ['PATH']}"
        _install(
            "code-server", CODE_SERVER, f"code-server@{CODE_SERVER}", {"PATH": path, "npm_config_nodedir": str(node)}
        )
    chromium = shutil.which("chromium")
    if chromium is None:
        raise Missing("`chromium` is installed but not on PATH")
    return Tools(node / "bin" / "node", code_server, Path(chromium))


def npm(*arguments: str) -> str:
    """Runs npm in the extension's folder."""
    return run(["npm", *arguments], EXTENSION, {})


def run(command: list[str], folder: Path, environment: dict[str, str], timeout: float = 900) -> str:
    """What a command prints; where it fails, its last words are the error."""
    ran = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=timeout,
        check=False,
    )
    if ran.returncode != 0:
        last = "\n".join(ran.stdout.splitlines()[-40:])
        raise AssertionError(f"`{' '.join(command)}` ended with {ran.returncode}:\n{last}")
    return ran.stdout


def _install(name: str, version: str, package: str, environment: dict[str, str]) -> None:
    """One package from npm in a folder of its own, stamped when all of it is there."""
    folder = CACHE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "package.json").write_text('{"private": true}\n', encoding="utf-8")
    try:
        run(["npm", "install", "--no-progress", "--no-audit", "--no-fund", package], folder, environment)
    except AssertionError as error:
        raise Missing(str(error)) from error
    _stamp(name).write_text(version, encoding="utf-8")


def _is_stamped(name: str, version: str) -> bool:
    return _stamp(name).exists() and _stamp(name).read_text(encoding="utf-8") == version


def _stamp(name: str) -> Path:
    return CACHE / name / "stamp"
