"""What a change of names would do to a program: whether every name means afterwards what it meant before.

The change is made in a workspace of its own, and the names of both are compared, one by one. So a rename cannot capture
or hide anything, whatever the rules of scopes are: they are asked, not told again here.
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from tenuto_analysis import modules
from tenuto_analysis.insight import questions
from tenuto_analysis.insight.entities import Entity
from tenuto_analysis.insight.questions import Mention
from tenuto_grammar.text import Span
from tenuto_server.reports import Edit
from tenuto_server.workspace import Workspace


class Change(NamedTuple):
    """Edits of files, as they are named now, and then files that get another path; each edit counts on the old text."""

    edits: Mapping[str, tuple[Edit, ...]]
    moves: tuple[tuple[str, str], ...] = ()

    def path(self, file: str) -> str:
        """Where a file is afterwards."""
        for old, new in self.moves:
            if file == old:
                return new
            if file.startswith(os.path.join(old, "")):
                return new + file[len(old) :]
        return file


class _Meaning(NamedTuple):
    """A mention where it stands afterwards, and where what it means is defined then."""

    file: str
    span: Span
    kind: str
    defined: str
    at: Span
    name: str


def objection(
    workspace: Workspace, files: Iterable[str], change: Change, words: Iterable[str], checked: Iterable[str]
) -> str | None:
    """Why a change must not be made: a name that would mean something else, or an error that would arise.

    `files` are those whose names are compared, where they have any of the `words`; `checked` those in which no new
    error may arise.
    """
    trial = after(workspace, change)
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)")
    compared = tuple(files)
    workspace.load_all(compared)
    trial.load_all(map(change.path, compared))
    for file in compared:
        reason = _names(workspace, trial, file, change, pattern)
        if reason is not None:
            return reason
    for file in checked:
        reason = _errors(workspace, trial, file, change)
        if reason is not None:
            return reason
    return None


def after(workspace: Workspace, change: Change) -> Workspace:
    """The workspace in which a change was made."""
    texts: dict[str, str | None] = {old: None for old, _ in change.moves}
    moved = (file for file in workspace.loaded() if change.path(file) != file)
    texts |= dict.fromkeys((*moved,))
    for file in dict.fromkeys((*change.edits, *texts)):
        if workspace.exists(file):
            texts[change.path(file)] = edited(workspace.text(file), change.edits.get(file, ()))
    return workspace.copied(texts)


def edited(text: str, edits: Iterable[Edit]) -> str:
    for edit in sorted(edits, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def _names(workspace: Workspace, trial: Workspace, file: str, change: Change, words: re.Pattern[str]) -> str | None:
    path = change.path(file)
    old_keys = modules.keys(workspace.database, file)
    new_keys = modules.keys(trial.database, path)
    if [keyword for _, keyword in old_keys] != [keyword for _, keyword in new_keys]:
        return "the file would have other declarations"
    for (old, _), (new, _) in zip(old_keys, new_keys, strict=True):
        texts = (
            modules.chunk_text(workspace.database, (file, old)) or "",
            modules.chunk_text(trial.database, (path, new)) or "",
        )
        if any(map(words.search, texts)):
            reason = _differences(workspace, trial, file, change, old, new)
            if reason is not None:
                return reason
    return None


def _differences(workspace: Workspace, trial: Workspace, file: str, change: Change, old: str, new: str) -> str | None:
    path = change.path(file)
    before = [_expected(workspace, mention, change) for mention in questions.mentions_in(workspace.database, file, old)]
    found = {mention.span: mention for mention in questions.mentions_in(trial.database, path, new)}
    wanted = {meaning.span: meaning for meaning in before}
    added = list(_added(change.edits.get(file, ())))
    text = trial.text(path)
    for span in sorted({*wanted, *found}):
        mention = found.get(span)
        meaning = _meaning(trial, mention) if mention is not None else None
        if meaning is not None and span not in wanted and any(a <= span.start and span.end <= b for a, b in added):
            continue
        if meaning is None or meaning != wanted.get(span):
            where = f"`{text[slice(*span)]}` in line {trial.lines(path).line(span.start) + 1}"
            return f"{where} would then mean {_described(trial, mention)}"
    return None


def _described(trial: Workspace, mention: Mention | None) -> str:
    if mention is None:
        return "nothing"
    entity = mention.entity
    place = questions.place_of(trial.database, entity)
    if place is None:
        return f"the {entity.kind.value} `{entity.name}` of the language"
    what = f"the {entity.kind.value} `{entity.name}`"
    if place.file.startswith(str(modules.STD)):
        return f"{what} of the standard library"
    line = trial.lines(place.file).line(place.span.start)
    if place.file != mention.file:
        return f"{what} in line {line + 1} of `{modules.module_name(trial.database, place.file)}`"
    return (
        f"{what} of {'this line' if line == trial.lines(mention.file).line(mention.span.start) else f'line {line + 1}'}"
    )


def _meaning(workspace: Workspace, mention: Mention) -> _Meaning:
    defined, at, name = _defined(workspace, mention.entity)
    return _Meaning(mention.file, mention.span, mention.entity.kind.value, defined, at, name)


def _expected(workspace: Workspace, mention: Mention, change: Change) -> _Meaning:
    defined, at, name = _defined(workspace, mention.entity)
    span = shifted(mention.span, change.edits.get(mention.file, ()))
    kind = mention.entity.kind.value
    return _Meaning(
        change.path(mention.file), span, kind, change.path(defined), shifted(at, change.edits.get(defined, ())), name
    )


def _defined(workspace: Workspace, entity: Entity) -> tuple[str, Span, str]:
    place = questions.place_of(workspace.database, entity)
    return (place.file, place.span, "") if place is not None else ("", Span(0, 0), entity.name)


def shifted(span: Span, edits: Iterable[Edit]) -> Span:
    """Where a stretch of a text is after edits that do not cut it; what is put in at its ends is outside of it."""
    start, end = span
    for edit in edits:
        grown = len(edit.text) - (edit.end - edit.start)
        put_in = edit.start == edit.end
        if edit.end <= span.start:
            start += grown
        if edit.end < span.end or (edit.end == span.end and not put_in) or edit.end <= span.start:
            end += grown
    return Span(start, end)


def _added(edits: Iterable[Edit]) -> Iterator[Span]:
    """Where new text stands that replaces none."""
    grown = 0
    for edit in sorted(edits):
        if edit.start == edit.end:
            yield Span(edit.start + grown, edit.start + grown + len(edit.text))
        grown += len(edit.text) - (edit.end - edit.start)


def _errors(workspace: Workspace, trial: Workspace, file: str, change: Change) -> str | None:
    edits = change.edits.get(file, ())
    known = {
        (report.rule, shifted(Span(report.start, report.end), edits))
        for report in workspace.quick_reports(file)
        if report.severity == "error"
    }
    path = change.path(file)
    for report in trial.quick_reports(path):
        if report.severity == "error" and (report.rule, Span(report.start, report.end)) not in known:
            line = trial.lines(path).line(report.start) + 1
            return f"line {line} would be wrong then: {report.message}"
    return None
