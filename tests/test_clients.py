"""Emacs and Helix themselves, set up as their pages say, with our server on the sentence encoder of the examples."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.clients.terminal import PATIENCE, terminal
from tests.command import clean_environment
from tests.debian import Missing, install, unpack

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(1200)]

ROOT = Path(__file__).parent.parent
EXAMPLE = (ROOT / "examples" / "minilm.ten").read_text(encoding="utf-8")


@contextmanager
def skipping() -> Iterator[None]:
    """What needs a tool that is missing and cannot be installed is skipped (with CI=true that is a failure)."""
    try:
        yield
    except Missing as missing:
        pytest.skip(str(missing))


def from_page(name: str, language: str) -> str:
    """The only block of a page in this language."""
    text = (ROOT / "docs" / "editors" / f"{name}.md").read_text(encoding="utf-8")
    (block,) = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert isinstance(block, str)
    return block


def environment(home: Path) -> dict[str, str]:
    """`tenuto` on PATH, and a home of its own."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    kept = {name: value for name, value in clean_environment(home).items() if not name.startswith("XDG_")}
    return {**kept, "HOME": str(home), "PATH": path}


# --------------------------------------------------------------------------------------------------------------- Emacs


@pytest.fixture(scope="module")
def emacs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What came of each step of `clients/session.el`."""
    with skipping():
        install(("emacs-nox", "elpa-eglot"))
    home = tmp_path_factory.mktemp("emacs")
    (home / "init.el").write_text(from_page("emacs", "elisp"), encoding="utf-8")
    (home / "minilm.ten").write_text(EXAMPLE, encoding="utf-8")
    script = ROOT / "tests" / "clients" / "session.el"
    ran = subprocess.run(
        ["emacs", "--batch", "--no-init-file", "--load", "init.el", "--load", str(script)],
        cwd=home,
        env=environment(home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    steps: dict[str, Any] = {}
    for line in ran.stdout.splitlines():
        steps |= json.loads(line)
    return steps


def test_emacs_connects(emacs: dict[str, Any]) -> None:
    assert emacs["mode"] == "tenuto-mode"
    assert emacs["server"] == "tenuto"


def test_emacs_shows_findings_in_their_places(emacs: dict[str, Any]) -> None:
    ((place, words),) = emacs["diagnostics"]
    assert place == "prob"
    assert "nothing is called `prob` here" in words


def test_emacs_mends_goes_and_renames(emacs: dict[str, Any]) -> None:
    assert emacs["code action"] is True
    assert emacs["definition"].startswith("fn masked_softmax[")
    assert emacs["rename"] == 7


def test_emacs_lays_out(emacs: dict[str, Any]) -> None:
    assert emacs["formatting"] is True


# --------------------------------------------------------------------------------------------------------------- Helix


@pytest.fixture(scope="module")
def helix(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], tuple[list[str], dict[str, str]]]:
    """The command, and the environment for a home."""
    with skipping():
        # The release that has Helix is newer than others, so its C library comes with it.
        root = unpack("trixie", ("hx", "libc6", "libgcc-s1"), tmp_path_factory.mktemp("helix"))
    (library,) = {path.parent for path in root.rglob("libc.so.6")}
    loader = next(library.glob("ld-linux-*"))
    command = [str(loader), "--library-path", str(library), str(root / "usr/bin/hx")]
    runtime = {"HELIX_RUNTIME": str(root / "usr/lib/hx/runtime")}

    def in_home(home: Path) -> tuple[list[str], dict[str, str]]:
        configuration = home / ".config" / "helix"
        configuration.mkdir(parents=True)
        (configuration / "languages.toml").write_text(from_page("helix", "toml"), encoding="utf-8")
        return command, {**environment(home), **runtime}

    return in_home


def test_helix_finds_the_server(helix: Callable[[Path], tuple[list[str], dict[str, str]]], tmp_path: Path) -> None:
    command, variables = helix(tmp_path)
    ran = subprocess.run([*command, "--health", "tenuto"], env=variables, capture_output=True, text=True, check=True)
    assert f"tenuto: {Path(sys.executable).parent / 'tenuto'}" in re.sub(r"\x1b\[[0-9;]*m", "", ran.stdout)


def test_helix_shows_mends_renames_and_lays_out(
    helix: Callable[[Path], tuple[list[str], dict[str, str]]], tmp_path: Path
) -> None:
    command, variables = helix(tmp_path)
    faulty = EXAMPLE.replace("(probs as float)", "(prob as float)")
    file = tmp_path / "minilm.ten"
    file.write_text(faulty.replace("let q = query(x)", "let   q=query( x )"), encoding="utf-8")
    before, _, _ = faulty.partition("prob as float")
    place = f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"
    with terminal([*command, f"minilm.ten:{place}"], tmp_path, variables) as screen:
        screen.wait_for("nothing is called `prob` here")
        screen.type(" a")
        screen.wait_for("write `probs`")
        screen.type("\r")
        screen.wait_for("[+]")  # changed
        screen.type("/i64\\[B\r")
        screen.type(" r")
        screen.wait_for("rename-to:")
        screen.type("atch\r")
        screen.wait_for("Batch")
        screen.type(":write\r")  # lays out what it writes
        screen.wait_for("written")
        screen.type(":quit\r")
        assert screen.process.wait(PATIENCE) == 0
    written = file.read_text(encoding="utf-8")
    assert written.count("Batch") == 7
    assert re.sub(r"\bBatch\b", "B", written) == EXAMPLE
