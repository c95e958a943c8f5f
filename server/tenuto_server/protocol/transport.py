"""Messages over a stream: each has a header that says how long it is.

A thread of its own reads, so that nothing else ever waits for the client.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import BinaryIO

LONGEST_HEADER = 4096  # bytes in a line; whoever sends more speaks another protocol


class Reader:
    """Gives each message to `received`, and calls `ended` once when no more can come; both in the reading thread."""

    def __init__(self, stream: BinaryIO, received: Callable[[bytes], object], ended: Callable[[], object]) -> None:
        self._stream = stream
        self._received = received
        self._ended = ended
        self._thread = Thread(target=self._read, name="reader", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _read(self) -> None:
        try:
            while (body := read_message(self._stream)) is not None:
                self._received(body)
        except (OSError, ValueError, MemoryError):
            pass  # The stream broke, or was closed under the thread, or nobody can hold what is announced.
        finally:
            self._ended()


class Writer:
    """Writes messages. Who no longer listens is told nothing more; the reader notices the end."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, data: bytes) -> None:
        try:
            self._stream.write(data)
            self._stream.flush()
        except (OSError, ValueError):
            pass


def read_message(stream: BinaryIO) -> bytes | None:
    """The body of the next message, None at the end. What is no header is skipped."""
    length: int | None = None
    while line := stream.readline(LONGEST_HEADER):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            number = value.strip()
            length = int(number) if number.isdigit() else None
        elif not line.strip() and length is not None:
            body = stream.read(length)
            return body if len(body) == length else None
    return None
