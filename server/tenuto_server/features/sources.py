"""All source files that an editor works on: those below its folders that the settings do not leave out."""

from __future__ import annotations

from collections.abc import Callable

from tenuto_server.files import below, excluded
from tenuto_server.settings import Settings


def sources(folders: tuple[str, ...], settings: Callable[[str], Settings]) -> tuple[str, ...]:
    """The files, each once; a folder that cannot be read has none."""
    found = (file for folder in folders for file in below(folder, lambda folder, error: None))
    return tuple(dict.fromkeys(file for file in found if not excluded(file, settings(file))))
