"""The extremes of files of weights: read once, and kept as long as a file keeps its size and its time.

A gigabyte takes about half a second to read, so a check reads a small file at once; a large one is read by a build, or
by an editor when nobody waits, and every later check knows it from the cache folder.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

from tenuto_analysis.extremes import Extreme
from tenuto_server.kept import prune, read, short, write

SMALL = 128 * 2**20  # bytes; a tenth of a second
FORM = b"extremes 1\n"

Extremes = tuple[Extreme, ...]


class KnownExtremes:
    """What is known of files of weights. `folder` is where it is kept between runs, None keeps nothing.

    Up to `at_once` bytes a file is read when it is asked about; the default reads none, inf every file.
    """

    def __init__(self, folder: str | None, at_once: float = 0) -> None:
        self._folder = folder
        self._at_once = at_once
        self._known: dict[str, tuple[int, int, Extremes]] = {}
        self._reading: dict[str, tuple[int, int, Iterator[Extreme | None], list[Extreme]]] = {}

    def of(self, path: str, root: str) -> Extremes | None:
        """The extremes of a file inside of the workspace, None where they are not known."""
        status = _status(path, root)
        if status is None:
            return None
        known = self._known.get(path)
        if known is None or known[:2] != status:
            kept = self._kept(path)
            if kept is None or kept[:2] != status:
                return self.read(path, root) if status[0] <= self._at_once else None
            known = self._known[path] = kept
        return known[2]

    def read(self, path: str, root: str, stop: Callable[[], None] = lambda: None) -> Extremes | None:
        """Reads a file; None where that is not possible. What `stop` raises stops it, to go on in the next call."""
        status = _status(path, root)
        if status is None:
            return None
        size, time = status
        reading = self._reading.get(path)
        if reading is None or reading[:2] != status:
            pieces = _pieces(path, root)
            if pieces is None:
                return None
            reading = self._reading[path] = (size, time, pieces, [])
        *_, pieces, found = reading
        try:
            for extreme in pieces:
                if extreme is not None:
                    found.append(extreme)
                stop()
        except _unreadable():
            del self._reading[path]
            return None
        del self._reading[path]
        self._known[path] = (size, time, tuple(found))
        self._keep(path)
        return tuple(found)

    def place(self, path: str) -> str | None:
        """The file of the cache that holds what is known of a file of weights."""
        if self._folder is None:
            return None
        return os.path.join(self._folder, f"{short(FORM + os.fsencode(os.path.realpath(path))).hex()}.cache")

    def _kept(self, path: str) -> tuple[int, int, Extremes] | None:
        place = self.place(path)
        kept = read(place) if place is not None else None
        if kept is None:
            return None
        size, time, tensors = kept
        return size, time, tuple(Extreme(*tensor) for tensor in tensors)

    def _keep(self, path: str) -> None:
        place = self.place(path)
        if place is not None:
            size, time, found = self._known[path]
            write(place, (size, time, tuple((item.name, item.low, item.high, item.nans) for item in found)))
            prune(os.path.dirname(place))


def _status(path: str, root: str) -> tuple[int, int] | None:
    """The size and the time of a file inside of the workspace; of an index those of all files that it may name."""
    try:
        found = [os.stat(path)]
        if path.endswith(".index.json"):
            found += (item.stat() for item in os.scandir(os.path.dirname(path)) if item.name.endswith(".safetensors"))
    except OSError:
        return None
    if not os.path.realpath(path).startswith(os.path.join(os.path.realpath(root), "")):
        return None
    return sum(item.st_size for item in found), max(item.st_mtime_ns for item in found)


def _pieces(path: str, root: str) -> Iterator[Extreme | None] | None:
    """The extremes as they are read, None where nothing is installed that reads the file, or it cannot be read."""
    try:
        files, reader = import_module("tenuto_backend.weights.files"), import_module("tenuto_backend.weights.extremes")
    except ModuleNotFoundError:
        return None
    try:
        pieces: Iterator[Extreme | None] = reader.extremes_of(files.open_weights(Path(path), Path(root)))
    except _unreadable():
        return None
    return pieces


def _unreadable() -> tuple[type[Exception], ...]:
    """What says that a file cannot be read: the build tells why."""
    error: type[Exception] = import_module("tenuto_backend.weights.base").WeightsError
    return (error, OSError)
