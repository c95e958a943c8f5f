"""The headers of files of weights, read when a check asks for them and again when the files have changed."""

from __future__ import annotations

import os
from functools import lru_cache
from importlib import import_module
from pathlib import Path

from tenuto_analysis.weights import Header


def header_of(path: str, root: str) -> Header | None:
    """The header of a file; None where there is none inside of the workspace, or nothing installed to read it."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return _read(path, root, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=256)  # That of a `.pth` takes a process of its own.
def _read(path: str, root: str, size: int, time: int) -> Header | None:
    """Kept as long as the file keeps its size and its time, for every workspace of this process."""
    if not os.path.realpath(path).startswith(os.path.join(os.path.realpath(root), "")):
        return None
    try:
        readers = import_module("tenuto_backend.weights.files")
    except ModuleNotFoundError:
        return None
    header: Header | None = readers.read_header(Path(path), Path(root))
    return header
