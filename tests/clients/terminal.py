"""A program in a terminal of its own, driven by keys and read by eye: what it has ever shown."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

LINES, COLUMNS = 40, 140
PATIENCE = 120.0  # seconds

# What moves the cursor and changes colours; blanks are drawn or skipped, as the program likes.
_CONTROL = re.compile(r"\x1b\[[0-9;:?>]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\s+")


class Terminal:
    def __init__(self, process: subprocess.Popen[bytes], handle: int) -> None:
        self.process = process
        self._handle = handle
        self._shown = ""

    def type(self, keys: str) -> None:
        os.write(self._handle, keys.encode())

    def wait_for(self, text: str) -> None:
        """Until the text was shown since the last time that something was waited for; blanks do not count."""
        end = time.monotonic() + PATIENCE
        wanted = _CONTROL.sub("", text)
        while wanted not in (shown := _CONTROL.sub("", self._shown)):
            assert time.monotonic() < end, f"in vain: {text}\n{shown[-4000:]}"
            if select.select([self._handle], [], [], 0.1)[0]:
                self._shown += os.read(self._handle, 65536).decode("utf-8", "replace")
        self._shown = ""


@contextmanager
def terminal(command: list[str], folder: Path, environment: Mapping[str, str]) -> Iterator[Terminal]:
    """The program in `folder`; it ends with the block, whatever happens there."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    with subprocess.Popen(
        command,
        cwd=folder,
        env={**environment, "TERM": "xterm-256color"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        try:
            yield Terminal(process, ours)
        finally:
            process.kill()
            os.close(ours)
