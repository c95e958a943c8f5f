"""The source files below a folder, as a check of the folder sees them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from fnmatch import fnmatch

from tenuto_server.settings import Settings

SUFFIX = ".ten"
SKIPPED_FOLDERS = frozenset({"node_modules", "venv", "site-packages"})


def below(folder: str, unreadable: Callable[[str, OSError], None]) -> Iterator[str]:
    """The files, sorted; `unreadable` is told of folders that cannot be read."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        unreadable(folder, error)
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in SKIPPED_FOLDERS:
                yield from below(entry.path, unreadable)
        elif entry.name.endswith(SUFFIX) and entry.is_file():
            yield entry.path


def excluded(file: str, settings: Settings) -> bool:
    """Whether the settings in force for a file leave it out."""
    if not settings.exclude:
        return False
    relative = os.path.relpath(file, settings.root).replace(os.sep, "/")
    return any(
        fnmatch(relative, pattern) or relative.startswith(pattern.rstrip("/") + "/") for pattern in settings.exclude
    )
