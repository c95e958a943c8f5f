"""The hooks of the repository as pre-commit uses them: the repository at a commit, and a project that names it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent
PRE_COMMIT = [sys.executable, "-m", "pre_commit"]

# What installs Tenuto, and the hooks.
_SOURCES = ("grammar", "analysis", "backend", "server", "pyproject.toml", "build_tables.py", "README.md", "LICENSE")
_HOOKS = ".pre-commit-hooks.yaml"


def environment(folder: Path) -> dict[str, str]:
    """That of a person who has never used pre-commit or Tenuto: nothing of either is kept from before."""
    dropped = ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
    kept = {name: value for name, value in os.environ.items() if name not in dropped and not name.startswith("GIT_")}
    return {
        **kept,
        "PRE_COMMIT_HOME": str(folder / "pre-commit"),
        "TENUTO_CACHE_DIR": str(folder / "tenuto"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        **{f"GIT_{who}_NAME": "Somebody" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": "somebody@example.com" for who in ("AUTHOR", "COMMITTER")},
        # pre-commit itself, for the hook that it puts into git.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
    }


def run(*command: str, folder: Path, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        timeout=600,
        check=False,
    )


def repository(folder: Path, variables: Mapping[str, str], tag: str) -> None:
    """This checkout as a repository with one commit, which is tagged."""
    folder.mkdir()
    for name in (*_SOURCES, _HOOKS):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "tables.bin"))
        else:
            shutil.copy(ROOT / name, folder)
    commit(folder, variables)
    git("tag", tag, folder=folder, variables=variables)


def commit(folder: Path, variables: Mapping[str, str]) -> None:
    """A new repository of what is in the folder."""
    git("init", "--quiet", folder=folder, variables=variables)
    git("add", "--all", folder=folder, variables=variables)
    git("commit", "--quiet", "--message", "All", folder=folder, variables=variables)


def git(*arguments: str, folder: Path, variables: Mapping[str, str]) -> str:
    ran = run("git", *arguments, folder=folder, variables=variables)
    assert ran.returncode == 0, ran.stdout
    return ran.stdout
