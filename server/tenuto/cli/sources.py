"""Which files a command is about, and their contents.

Paths on the command line become sources; each file is read once, however many others import it.
"""

from __future__ import annotations

import os
import sys
from hashlib import blake2b
from typing import NamedTuple

from tenuto.cli.misuse import Misuse
from tenuto_grammar.text import LineIndex
from tenuto_server.files import SUFFIX, below, excluded
from tenuto_server.settings import SettingsFinder
from tenuto_server.texts import Decoded, decode

TEXTS = (SUFFIX, ".json")


class Source(NamedTuple):
    """A file to work on: its absolute path and what messages call it."""

    file: str
    shown: str


class Disk:
    """Files as they were when first asked for."""

    def __init__(self) -> None:
        self._contents: dict[str, bytes | OSError] = {}
        self._digests: dict[str, bytes | None] = {}
        self._decoded: dict[str, Decoded | None] = {}
        self._lines: dict[str, LineIndex] = {}

    def set(self, file: str, content: bytes) -> None:
        """Gives a file a content that is not, or not yet, on the disk."""
        self.forget(file)
        self._contents[file] = content

    def forget(self, file: str) -> None:
        """The file is read again when next asked for."""
        for known in (self._contents, self._digests, self._decoded, self._lines):
            known.pop(file, None)

    def content(self, file: str) -> bytes | OSError:
        """The bytes of a file, or why it cannot be read."""
        if file not in self._contents:
            try:
                with open(file, "rb") as opened:
                    self._contents[file] = opened.read()
            except OSError as error:
                self._contents[file] = error
        return self._contents[file]

    def obstacle(self, file: str) -> str | None:
        """Why a file cannot be read; None where it can."""
        content = self.content(file)
        return None if isinstance(content, bytes) else content.strerror or "it cannot be read"

    def digest(self, file: str) -> bytes | None:
        """What identifies the content of a file; None where it cannot be read. Weights are not read for it."""
        if file not in self._digests:
            content = self.content(file) if file.endswith(TEXTS) else _identity(file)
            self._digests[file] = blake2b(content, digest_size=16).digest() if isinstance(content, bytes) else None
        return self._digests[file]

    def decoded(self, file: str) -> Decoded | None:
        if file not in self._decoded:
            content = self.content(file)
            self._decoded[file] = decode(file, content) if isinstance(content, bytes) else None
        return self._decoded[file]

    def text(self, file: str) -> str:
        """The text of a file for showing parts of it; empty where it cannot be read any more."""
        decoded = self.decoded(file)
        return decoded.text if decoded is not None else ""

    def lines(self, file: str) -> LineIndex:
        if file not in self._lines:
            self._lines[file] = LineIndex(self.text(file))
        return self._lines[file]


def _identity(file: str) -> bytes | None:
    """What changes when a large file does."""
    try:
        status = os.stat(file)
    except OSError:
        return None
    return f"{status.st_size} {status.st_mtime_ns}".encode()


def shown(file: str) -> str:
    """A path as messages show it: relative to the current folder where it lies below."""
    here = os.getcwd()
    return os.path.relpath(file, here) if file.startswith(here.rstrip(os.sep) + os.sep) else file


def find_sources(paths: list[str], settings: SettingsFinder) -> list[Source]:
    """The files that the paths name, in the order of the paths and sorted within a folder, each once."""
    found: dict[str, None] = {}
    for path in paths:
        absolute = os.path.abspath(path)
        if os.path.isdir(absolute):
            inside = [file for file in below(absolute, _unreadable) if not excluded(file, settings.of(file))]
            if not inside:
                raise Misuse(f"there is no {SUFFIX} file in `{path}`")
            found.update(dict.fromkeys(inside))
        elif os.path.lexists(absolute):
            found[absolute] = None
        else:
            raise Misuse(f"there is no file or folder `{path}`")
    return [Source(file, shown(file)) for file in found]


def read_standard_input(disk: Disk, name: str | None) -> Source:
    """Standard input as a source, called `name`."""
    source = Source(os.path.abspath(name or "stdin.ten"), name or "<stdin>")
    disk.set(source.file, sys.stdin.buffer.read())
    return source


def _unreadable(folder: str, error: OSError) -> None:
    raise Misuse(f"cannot read the folder `{shown(folder)}`: {error.strerror}") from error
