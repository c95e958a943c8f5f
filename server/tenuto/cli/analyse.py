"""Runs the analyzer over files that the cache does not know; over many, in several processes.

The processes are forks: each begins with what was learned from the first file (above all the standard library), and
sends back what it found as the cache stores it. Where there is no `fork`, or a fork fails, this process does the work.
"""

from __future__ import annotations

import gc
import heapq
import marshal
import os
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from tenuto.cli.cache import Entry, StoredEntry, from_stored, stored
from tenuto.cli.sources import Disk
from tenuto_server.extremes import SMALL, KnownExtremes
from tenuto_server.profiles import targets_of
from tenuto_server.settings import SettingsFinder
from tenuto_server.workspace import Workspace

FEWEST = 12  # files that make a process of their own worth while
MOST_PROCESSES = 8


class Fork(NamedTuple):
    """A process that analyses some of the files, and where it tells what it found."""

    process: int
    answer: BinaryIO
    files: list[str]


class Analyzer:
    """The analyzer and the files that it was told of, for the life of a command."""

    def __init__(
        self, disk: Disk, settings: SettingsFinder, cache_folder: str | None, graphs: bool, strict: bool
    ) -> None:
        self._disk = disk
        self._graphs = graphs
        self._extremes = KnownExtremes(cache_folder, SMALL)
        self._workspace = Workspace(
            disk.decoded,
            lambda file: settings.of(file).root,
            targets=lambda file: targets_of(settings.of(file)),
            extremes=self._extremes.of,
            strict=lambda file: strict or settings.of(file).strict_ranges,
        )
        self._may_fork = hasattr(os, "fork")

    def entries(self, files: list[str]) -> Iterator[tuple[str, Entry]]:
        """The findings of each file and what they came from, in any order."""
        first, *others = files
        yield self._analysed(first)
        processes = min(len(others) // FEWEST, _processors(), MOST_PROCESSES) if self._may_fork else 1
        # Later calls may come when a watcher's threads run, which a fork would not survive.
        self._may_fork = False
        own, *shares = self._shares(others, max(1, processes))
        gc.freeze()
        forks = [self._fork(share) for share in shares]
        yield from map(self._analysed, own)
        for fork in forks:
            yield from self._joined(fork)
        gc.unfreeze()

    def _shares(self, files: list[str], number: int) -> list[list[str]]:
        """The files, divided so that about as much text falls to each share."""
        loads = [(0, share) for share in range(number)]
        shares: list[list[str]] = [[] for _ in loads]
        for size, file in sorted(((len(self._disk.text(file)), file) for file in files), reverse=True):
            load, share = heapq.heappop(loads)
            heapq.heappush(loads, (load + size, share))
            shares[share].append(file)
        return shares

    def refresh(self, file: str) -> None:
        self._workspace.refresh(file)

    def _analysed(self, file: str) -> tuple[str, Entry]:
        reports = self._workspace.reports(file) if self._graphs else self._workspace.quick_reports(file)
        # What is not known of large files of weights is, once a build has put it there.
        awaited = (self._extremes.place(path) for path in self._workspace.unmeasured(file))
        names = (*self._workspace.load(file), *(path for path in awaited if path is not None))
        return file, Entry(tuple((name, self._disk.digest(name)) for name in names), reports)

    def _fork(self, files: list[str]) -> Fork:
        reader, writer = os.pipe()
        process = os.fork()
        if process:
            os.close(writer)
            return Fork(process, os.fdopen(reader, "rb"), files)
        failed = True
        try:
            os.close(reader)
            found = [(file, stored(entry)) for file, entry in map(self._analysed, files)]
            with os.fdopen(writer, "wb") as answer:
                answer.write(marshal.dumps(found))
            failed = False
        finally:
            os._exit(failed)  # Nothing of the parent, neither its streams nor its clean-up, is the fork's to finish.

    def _joined(self, fork: Fork) -> Iterator[tuple[str, Entry]]:
        with fork.answer:
            answer = fork.answer.read()
        _, status = os.waitpid(fork.process, 0)
        if status != 0:
            yield from map(self._analysed, fork.files)
            return
        found: list[tuple[str, StoredEntry]] = marshal.loads(answer)
        for file, entry in found:
            yield file, from_stored(entry)


def _processors() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
