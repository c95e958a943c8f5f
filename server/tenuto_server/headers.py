"""The headers of files of weights, read when a check asks for them and again when the files have changed."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path

from tenuto_analysis.weights import Header


class Headers:
    """Headers by path, each kept as long as its file keeps its size and its time."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[tuple[int, int], Header | None]] = {}

    def __call__(self, path: str, root: str) -> Header | None:
        """The header of a file; None where there is none inside of the workspace, or nothing installed to read it."""
        try:
            status = os.stat(path)
        except OSError:
            return None
        identity = (status.st_size, status.st_mtime_ns)
        known = self._known.get(path)
        if known is None or known[0] != identity:
            known = self._known[path] = (identity, _read(path, root))
        return known[1]


def _read(path: str, root: str) -> Header | None:
    if not os.path.realpath(path).startswith(os.path.join(os.path.realpath(root), "")):
        return None
    try:
        readers = import_module("tenuto_backend.weights.files")
    except ModuleNotFoundError:
        return None
    header: Header | None = readers.read_header(Path(path), Path(root))
    return header
