"""What can be done at a place of a file: every fix of a finding, and every change that keeps what the program means.

A refactoring is offered only where the file checks afterwards as it did before. One that was clearly meant, by a
selection, and cannot be done says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from tenuto_grammar.text import Span
from tenuto_server.features.action import EXTRACT, FIX_ALL, INLINE, ORGANIZE, QUICK_FIX, REWRITE, Action
from tenuto_server.features.annotations import write_types
from tenuto_server.features.extract_fn import extract_fn
from tenuto_server.features.extract_let import extract_let
from tenuto_server.features.fixes import quick_fixes
from tenuto_server.features.inline import inline
from tenuto_server.features.rewrite import change_body, name_arguments
from tenuto_server.features.selected import Selection, harmless, selection
from tenuto_server.reports import Report
from tenuto_server.workspace import Workspace

KINDS = (QUICK_FIX, EXTRACT, INLINE, REWRITE, ORGANIZE, FIX_ALL)

# Each gives forms of one change, the best first; the first that checks as before is offered.
REFACTORINGS: tuple[tuple[str, Callable[[Selection], Iterable[Action]]], ...] = (
    (REWRITE, write_types),
    (REWRITE, name_arguments),
    (REWRITE, change_body),
    (INLINE, inline),
    (EXTRACT, extract_let),
    (EXTRACT, extract_fn),
)


def actions(
    workspace: Workspace,
    file: str,
    span: Span,
    reports: Iterable[Report],
    others: Callable[[], Iterable[str]] = tuple,
    only: Iterable[str] | None = None,
) -> Iterator[Action]:
    """What can be done at a span: `reports` are the findings of the file, `others` gives the files of the workspace.

    `only` are the kinds that are wanted; what takes the whole file (`fix_all`, `organized`) is asked for by itself.
    """
    if wanted(QUICK_FIX, only):
        for report in reports:
            if report.start <= span.end and span.start <= report.end:
                yield from quick_fixes(workspace, file, report, others)
    here = selection(workspace, file, span)
    for kind, refactoring in REFACTORINGS:
        if here is not None and wanted(kind, only):
            yield from _first_sound(workspace, file, refactoring(here))


def wanted(kind: str, only: Iterable[str] | None) -> bool:
    """Whether a kind is one of those, or below one of them."""
    return only is None or any(not parent or kind == parent or kind.startswith(f"{parent}.") for parent in only)


def _first_sound(workspace: Workspace, file: str, forms: Iterable[Action]) -> Iterator[Action]:
    for action in forms:
        if action.disabled is not None or harmless(workspace, file, action.edits):
            yield action
            return
