"""What is found in the files of a command: from the cache where nothing has changed, else from the analyzer.

The analyzer is imported only when a file is not in the cache: that import is most of the cost of a run without news.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING

from tenuto.cli.cache import Cache, Entry
from tenuto.cli.sources import Disk, Source
from tenuto_server.reports import Report
from tenuto_server.settings import SettingsFinder

if TYPE_CHECKING:
    from tenuto.cli.analyse import Analyzer


class Checker:
    """Finds the reports of files, again and again where they change.

    `graphs` asks for those of deploys' graphs too, `strict` for values whose range nobody declares, whatever the
    settings say.
    """

    def __init__(
        self,
        disk: Disk,
        settings: SettingsFinder,
        cache_folder: str | None,
        graphs: bool = True,
        strict: bool = False,
    ) -> None:
        self.disk = disk
        self.settings = settings
        self._cache_folder = cache_folder
        self._graphs = graphs
        self._strict = strict
        self._caches: dict[str, Cache] = {}
        self._analyzer: Analyzer | None = None

    def check(self, sources: Iterable[Source]) -> dict[str, tuple[Report, ...]]:
        """All reports of each readable source, in order, before the settings choose among them."""
        found: dict[str, tuple[Report, ...] | None] = {}
        for source in sources:
            if isinstance(self.disk.content(source.file), bytes):
                found[source.file] = self._cache(source.file).get(source.file, self.disk)
        missed = [file for file, reports in found.items() if reports is None]
        if missed:
            for file, entry in self._analyze(missed):
                found[file] = entry.reports
                self._cache(file).put(file, entry)
            for cache in self._caches.values():
                cache.save()
        return {file: reports for file, reports in found.items() if reports is not None}

    def set(self, file: str, content: bytes) -> None:
        """The content of a file is now this, whatever the disk says."""
        self.disk.set(file, content)
        if self._analyzer is not None:
            self._analyzer.refresh(file)

    def reread(self, file: str) -> None:
        """A file changed, appeared or vanished."""
        self.disk.forget(file)
        if self._analyzer is not None:
            self._analyzer.refresh(file)

    def forget_settings(self) -> None:
        """Settings are read again, and everything is checked by them."""
        self.settings = SettingsFinder()
        self._caches.clear()
        self._analyzer = None

    def _analyze(self, files: list[str]) -> Iterable[tuple[str, Entry]]:
        if self._analyzer is None:
            analyse = import_module("tenuto.cli.analyse")
            self._analyzer = analyse.Analyzer(self.disk, self.settings, self._cache_folder, self._graphs, self._strict)
        return self._analyzer.entries(files)

    def _cache(self, file: str) -> Cache:
        settings = self.settings.of(file)
        if settings.root not in self._caches:
            strict = self._strict or settings.strict_ranges
            self._caches[settings.root] = Cache(
                settings.root, self._cache_folder, settings.targets, self._graphs, strict
            )
        return self._caches[settings.root]
