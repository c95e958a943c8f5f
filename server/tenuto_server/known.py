"""What was last found in the graphs of deploys, kept by declaration, to be told again after edits elsewhere.

To look at graphs takes longer than an editor should wait. Until that is done again, what was found in a declaration is
told as long as its text stays as it was; the places move with the text.
"""

from __future__ import annotations

from typing import NamedTuple

from tenuto_analysis import modules
from tenuto_analysis.database import Database
from tenuto_server.reports import Edit, Fix, Related, Report


class Known:
    """By file."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[_Kept, ...]] = {}

    def keep(self, db: Database, file: str, reports: tuple[Report, ...]) -> bool:
        """Keeps what was found just now; whether `placed` says something else from now on."""
        before = self.placed(db, file)
        self._kept[file] = tuple(_Kept(report, _anchors(db, report)) for report in reports)
        return before != reports

    def placed(self, db: Database, file: str) -> tuple[Report, ...]:
        """What is known of a file as it is now, in order."""
        found = (_placed(db, kept) for kept in self._kept.get(file, ()))
        return tuple(report for report in found if report is not None)


class _Anchor(NamedTuple):
    """A declaration as it was when something was found in it."""

    file: str
    key: str
    start: int
    text: str


class _Kept(NamedTuple):
    """A report as it was found, and the declarations that it speaks of, its own first."""

    report: Report
    anchors: tuple[_Anchor | None, ...]


def _anchors(db: Database, report: Report) -> tuple[_Anchor | None, ...]:
    return (_anchor(db, report.file, report.start), *(_anchor(db, at.file, at.start) for at in report.related))


def _anchor(db: Database, file: str, offset: int) -> _Anchor | None:
    """The declaration that a place stands in."""
    before = [(start, key) for key, start in modules.starts(db, file).items() if start <= offset]
    if not before:
        return None
    start, key = max(before)
    return _Anchor(file, key, start, modules.chunk_text(db, (file, key)) or "")


def _placed(db: Database, kept: _Kept) -> Report | None:
    """A report where its declaration is now; None where that has changed. Other places that have are left out."""
    own, *others = (_moved(db, anchor) for anchor in kept.anchors)
    if own is None:
        return None
    report = kept.report
    related = tuple(
        Related(at.file, at.start + by, at.end + by, at.message)
        for at, by in zip(report.related, others, strict=True)
        if by is not None
    )
    fixes = tuple(
        Fix(fix.title, tuple(Edit(edit.start + own, edit.end + own, edit.text) for edit in fix.edits), fix.safe)
        for fix in report.fixes
    )
    return report._replace(start=report.start + own, end=report.end + own, related=related, fixes=fixes)


def _moved(db: Database, anchor: _Anchor | None) -> int | None:
    """By how many characters a declaration has moved; None where it is another one now."""
    if anchor is None or modules.chunk_text(db, (anchor.file, anchor.key)) != anchor.text:
        return None
    return modules.starts(db, anchor.file)[anchor.key] - anchor.start
