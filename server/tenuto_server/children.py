"""Programs that work beside the server: what takes long, or much memory, must neither stop nor end it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from threading import Thread
from typing import NamedTuple


class Finished(NamedTuple):
    """What a program left: its exit code, and what it said."""

    code: int
    output: bytes
    errors: str


def tenuto(arguments: Sequence[str], folder: str) -> Future[Finished]:
    """Runs `tenuto` in a folder."""
    return _started([sys.executable, "-m", "tenuto", *arguments], folder, b"")


def views(given: bytes) -> Future[Finished]:
    """Runs `views.py` with something on its standard input."""
    return _started([sys.executable, "-c", "from tenuto_server import views; views.main()"], None, given)


def _started(command: list[str], folder: str | None, given: bytes) -> Future[Finished]:
    """The program's end; to cancel it ends the program."""
    future: Future[Finished] = Future()
    pipe = subprocess.PIPE
    try:
        process = subprocess.Popen(command, cwd=folder, stdin=pipe, stdout=pipe, stderr=pipe)
    except OSError as error:
        future.set_result(Finished(1, b"", f"cannot start {command[0]}: {error.strerror or error}"))
        return future
    future.add_done_callback(lambda done: process.kill() if done.cancelled() else None)
    Thread(target=_follow, args=(process, given, future), name="child", daemon=True).start()
    return future


def _follow(process: subprocess.Popen[bytes], given: bytes, future: Future[Finished]) -> None:
    output, errors = process.communicate(given)
    with suppress(InvalidStateError):  # Nobody waits for it any more.
        future.set_result(Finished(process.returncode, output, errors.decode("utf-8", errors="replace")))
