"""What changes a program: actions at a place, with the text that they leave, and the layout of a part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import unified_diff
from functools import partial

from tenuto_grammar.text import Span
from tenuto_server.features.action import Action
from tenuto_server.features.actions import actions
from tenuto_server.features.fixes import fix_all, quick_fixes
from tenuto_server.features.formatting import formatting_of, formatting_typed
from tenuto_server.features.imports import organized
from tenuto_server.mending import applied
from tenuto_server.reports import Edit
from tenuto_server.workspace import Workspace
from tests.features.memory import MEMORY, asked
from tests.markdown import Output, Program


def _actions(program: Program) -> str:
    """Each action with the lines that it changes."""
    workspace, file, here = asked(program)
    found = actions(workspace, file, here, workspace.reports(file), lambda: _others(file))
    return _told(workspace, file, found)


def _quick_fixes(program: Program) -> str:
    """All that mends a finding, finding by finding, with the lines that it changes."""
    file = MEMORY.file(program)
    reports = MEMORY.workspace.reports(file)
    found = (fix for report in reports for fix in quick_fixes(MEMORY.workspace, file, report, lambda: _others(file)))
    return _told(MEMORY.workspace, file, found)


def _told(workspace: Workspace, file: str, found: Iterable[Action]) -> str:
    told: list[str] = []
    for action in found:
        mends = "".join(f" [{report.rule}]" for report in action.mends)
        told.append(f"{action.kind}: {action.title}{mends}{' (preferred)' if action.preferred else ''}")
        if action.disabled is not None:
            told.append(f"  not here: {action.disabled}")
        told += [f"  {line}".rstrip() for line in _difference(workspace, file, action.edits)]
    return "\n".join(told) or "nothing"


def _others(file: str) -> list[str]:
    """The other files of the program."""
    folder = file.split("/")[2]
    return [other for other in MEMORY.files() if other.split("/")[2] == folder and other != file]


def _difference(workspace: Workspace, file: str, edits: tuple[Edit, ...]) -> list[str]:
    before = workspace.text(file)
    lines = unified_diff(before.splitlines(), applied(before, edits).splitlines(), lineterm="", n=0)
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


def _fix_all(program: Program) -> str:
    file = MEMORY.file(program)
    MEMORY.workspace.load(file)
    edits = fix_all(MEMORY.workspace, file, lambda: MEMORY.workspace.reports(file))
    return applied(program.text, edits)


def _organized(program: Program) -> str:
    file = MEMORY.file(program)
    MEMORY.workspace.load(file)
    return applied(program.text, organized(MEMORY.workspace, file))


def _format_range(program: Program) -> str:
    workspace, file, here = asked(program)
    return applied(program.text, formatting_of(workspace, file, Span(here.start, here.end)))


def _format_typed(typed: str, program: Program) -> str:
    """A brace was typed where the carets stand; a line end, before them."""
    workspace, file, here = asked(program)
    offset = here.start if typed == "\n" else here.end
    return applied(program.text, formatting_typed(workspace, file, offset, typed))


OUTPUTS: Mapping[str, Output] = {
    "actions": _actions,
    "quickfixes": _quick_fixes,
    "fixall": _fix_all,
    "organized": _organized,
    "formatrange": _format_range,
    "typed": partial(_format_typed, "}"),
    "typedline": partial(_format_typed, "\n"),
}
