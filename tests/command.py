"""Runs the command line for tests: inside this process, which is quick, or as users do."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tenuto.cli.main import run

TENUTO = [sys.executable, "-m", "tenuto"]

CLEAN = "fn double(x: f32[N]) -> f32[N] = x + x\n"
FAULTY = "fn double(x: f32[N]) -> f32[N] = x + y\n"
UNUSED = "import std.nn { Linear }\n\nfn double(x: f32[N]) -> f32[N] = x + x\n"


class Result(NamedTuple):
    code: int
    out: str
    err: str


class Command:
    """The command in a folder of its own, with a cache of its own."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._capture = capture
        self._patch = patch
        patch.chdir(folder)
        patch.setenv("TENUTO_CACHE_DIR", str(folder / ".cache"))
        patch.delenv("NO_COLOR", raising=False)

    def __call__(self, *arguments: str, stdin: bytes = b"") -> Result:
        self._patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        self._capture.readouterr()
        try:
            code = run([*arguments])
        except SystemExit as stopped:  # argparse leaves this way
            code = stopped.code if isinstance(stopped.code, int) else 1
        out, err = self._capture.readouterr()
        return Result(code, out, err)

    def write(self, files: Mapping[str, str | bytes]) -> None:
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)

    def read(self, name: str) -> str:
        return (self.folder / name).read_bytes().decode("utf-8")


def clean_environment(folder: Path) -> dict[str, str]:
    """The environment of a process as users start it: with bytecode and buffers, and a cache of its own."""
    dropped = ("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "NO_COLOR")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return {**kept, "TENUTO_CACHE_DIR": str(folder / ".cache")}


def _interruptible() -> None:
    """A shell's background job ignores interrupts, and so would what it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def start(*arguments: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process of its own, with its streams as text; it ends with the block, whatever happens there."""
    with subprocess.Popen(
        [*TENUTO, *arguments],
        cwd=folder,
        env=clean_environment(folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        preexec_fn=_interruptible if sys.platform != "win32" else None,
    ) as process:
        try:
            yield process
        finally:
            process.kill()
