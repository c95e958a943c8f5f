"""Runs the analyzer over files that the cache does not know."""

from __future__ import annotations

from collections.abc import Iterator

from tenuto.cli.cache import Entry
from tenuto.cli.sources import Disk
from tenuto_server.settings import SettingsFinder
from tenuto_server.workspace import Workspace


class Analyzer:
    """The analyzer and the files that it was told of, for the life of a command."""

    def __init__(self, disk: Disk, settings: SettingsFinder) -> None:
        self._disk = disk
        self._workspace = Workspace(disk.decoded, lambda file: settings.of(file).root)

    def entries(self, files: list[str]) -> Iterator[tuple[str, Entry]]:
        """The findings of each file and what they came from."""
        for file in files:
            reports = self._workspace.reports(file)
            inputs = tuple((name, self._disk.digest(name)) for name in self._workspace.load(file))
            yield file, Entry(inputs, reports)

    def refresh(self, file: str) -> None:
        self._workspace.refresh(file)
