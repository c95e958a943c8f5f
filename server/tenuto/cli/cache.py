"""What is known of files that have not changed, kept between runs in the user's cache folder.

There is one cache file for a workspace root and a build of Tenuto, and one for a build alone. The first maps each
source file to the digests of all files that its findings came from (its own, and whatever its imports reach, existing
or not) and to its reports; the other holds the digests of what is laid out as it should be. `kept.py` reads and writes
the files.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from hashlib import blake2b
from typing import NamedTuple

import tenuto_analysis
import tenuto_grammar
import tenuto_server
from tenuto import __version__
from tenuto.cli.sources import Disk
from tenuto_server.kept import prune, read, short, write
from tenuto_server.reports import Edit, Fix, Related, Report, Severity

MOST_ENTRIES = 20_000


# A report and an entry as marshal stores them: exact tuples all the way down.
StoredReport = tuple[
    str,
    int,
    int,
    str,
    Severity,
    str,
    str | None,
    tuple[tuple[str, int, int, str], ...],
    tuple[tuple[str, tuple[tuple[int, int, str], ...], bool], ...],
]
StoredEntry = tuple[tuple[tuple[str, bytes | None], ...], tuple[StoredReport, ...]]


class Entry(NamedTuple):
    """The findings of one file; `inputs` are the files that they came from, each with its digest (None: not there)."""

    inputs: tuple[tuple[str, bytes | None], ...]
    reports: tuple[Report, ...]


class Cache:
    """The cache of the workspace at `root`, whose project describes these targets; `folder` None keeps nothing.

    What was found without the graphs of deploys, or with strict ranges, is kept apart.
    """

    def __init__(
        self,
        root: str,
        folder: str | None,
        targets: Mapping[str, object],
        graphs: bool = True,
        strict: bool = False,
    ) -> None:
        told = (repr(targets) if targets else "") + ("" if graphs else "no graphs") + ("strict" if strict else "")
        self._path = _path(folder, os.fsencode(root) + told.encode()) if folder else None
        self._entries: dict[str, StoredEntry] = (read(self._path) or {}) if self._path else {}
        self._changed = False

    def get(self, file: str, disk: Disk) -> tuple[Report, ...] | None:
        """The reports of a file, if nothing that they came from has changed."""
        found = self._entries.get(file)
        if found is None:
            return None
        entry = from_stored(found)
        return entry.reports if all(disk.digest(name) == digest for name, digest in entry.inputs) else None

    def put(self, file: str, entry: Entry) -> None:
        self._entries[file] = stored(entry)
        self._changed = True

    def save(self) -> None:
        """Writes what is new; entries of files that are gone are dropped, and old caches where there are too many."""
        if self._path is None or not self._changed:
            return
        kept = [(file, entry) for file, entry in self._entries.items() if os.path.exists(file)]
        write(self._path, dict(kept[-MOST_ENTRIES:]))
        prune(os.path.dirname(self._path))


class LaidOut:
    """The digests of contents that are laid out as they should be; `folder` None keeps nothing."""

    def __init__(self, folder: str | None) -> None:
        self._path = _path(folder, b"laid out") if folder else None
        self._digests: dict[bytes, None] = dict.fromkeys((read(self._path) or ()) if self._path else ())
        self._changed = False

    def __contains__(self, content: bytes) -> bool:
        return self._path is not None and short(content) in self._digests

    def add(self, content: bytes) -> None:
        if content not in self:
            self._digests[short(content)] = None
            self._changed = True

    def save(self) -> None:
        """Writes what is new; the oldest are dropped where there are too many."""
        if self._path is not None and self._changed:
            write(self._path, tuple(self._digests)[-MOST_ENTRIES:])
            prune(os.path.dirname(self._path))


@cache
def _build() -> bytes:
    """What identifies this Tenuto: its version, the Python that runs it, and the content of what findings depend on."""
    hasher = blake2b(f"{__version__} {sys.implementation.cache_tag}".encode(), digest_size=16)
    for package in (tenuto_grammar, tenuto_analysis, tenuto_server):
        for path in sorted(_package_files(package.__path__[0])):
            with open(path, "rb") as opened:
                hasher.update(opened.read())
    return hasher.digest()


def _package_files(folder: str) -> Iterable[str]:
    for entry in os.scandir(folder):
        if entry.is_dir():
            if entry.name not in ("__pycache__", "explain"):
                yield from _package_files(entry.path)
        elif entry.name.endswith((".py", ".ten", ".lark", ".toml")):
            yield entry.path


def _path(folder: str, what: bytes) -> str:
    return os.path.join(folder, f"{short(what + _build()).hex()}.cache")


def stored(entry: Entry) -> StoredEntry:
    """An entry as plain data."""
    return (entry.inputs, tuple(_stored_report(report) for report in entry.reports))


def _stored_report(report: Report) -> StoredReport:
    file, start, end, rule, severity, message, help_text, related, fixes = report
    plain_related = tuple((place.file, place.start, place.end, place.message) for place in related)
    plain_fixes = tuple(
        (fix.title, tuple((edit.start, edit.end, edit.text) for edit in fix.edits), fix.safe) for fix in fixes
    )
    return (file, start, end, rule, severity, message, help_text, plain_related, plain_fixes)


def from_stored(plain: StoredEntry) -> Entry:
    """An entry from plain data."""
    inputs, reports = plain
    return Entry(inputs, tuple(_report(report) for report in reports))


def _report(plain: StoredReport) -> Report:
    return Report(
        *plain[:7],
        tuple(Related(*place) for place in plain[7]),
        tuple(Fix(title, tuple(Edit(*edit) for edit in edits), safe) for title, edits, safe in plain[8]),
    )
