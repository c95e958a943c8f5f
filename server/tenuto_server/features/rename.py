"""Another name for what stands at a place, wherever it is mentioned; never one that changes what a program means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tenuto_analysis import modules
from tenuto_analysis.insight import questions
from tenuto_analysis.insight.entities import Entity, EntityKind, Role
from tenuto_analysis.insight.questions import Mention
from tenuto_grammar import syntax
from tenuto_grammar.parse import parse_chunk
from tenuto_grammar.text import Span
from tenuto_server.features.file_moves import moves
from tenuto_server.features.meaning import Change, objection
from tenuto_server.features.weight_names import kept
from tenuto_server.reports import Edit
from tenuto_server.workspace import Workspace

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)

# What files beside the programs may name: configurations their fields, checkpoints their weights.
_NAMED_IN_DATA = frozenset({EntityKind.FIELD, EntityKind.PART, EntityKind.WEIGHT})


class Renamed(NamedTuple):
    """The name at a place that can get another."""

    span: Span
    name: str


class Refusal(NamedTuple):
    """Why a name must stay as it is: a sentence for whoever asked."""

    reason: str


def prepare_rename(workspace: Workspace, file: str, offset: int) -> Renamed | Refusal:
    workspace.load(file)
    mention = questions.mention_at(workspace.database, file, offset)
    if mention is None:
        return Refusal("there is no name here")
    reason = None if _is_alias(workspace, mention) else _fixed(mention.entity)
    if reason is not None:
        return Refusal(reason)
    span = _name_span(workspace, mention)
    return Renamed(span, workspace.text(file)[slice(*span)])


def rename(workspace: Workspace, files: Iterable[str], file: str, offset: int, name: str) -> Change | Refusal:
    """What gives the name at a place another; `files` are those that may mention it."""
    prepared = prepare_rename(workspace, file, offset)
    mention = questions.mention_at(workspace.database, file, offset)
    if isinstance(prepared, Refusal) or mention is None:
        return prepared if isinstance(prepared, Refusal) else Refusal("there is no name here")
    entity = mention.entity
    if name == prepared.name:
        return Change({})
    if not _is_name(name, entity.kind):
        return Refusal(f"`{name}` is no name that can stand here")
    own = () if not entity.file or entity.file.startswith(str(modules.STD)) else (entity.file,)
    searched = tuple(dict.fromkeys((file, *own, *files)))
    workspace.load_all(searched)
    if _is_alias(workspace, mention):
        change = Change({file: tuple(_alias_edits(workspace, mention, name))})
        searched = (file,)
    elif entity.kind is EntityKind.MODULE:
        target = str(Path(entity.file).with_name(f"{name}.ten"))
        if workspace.exists(target):
            return Refusal(f"there is a module `{name}` already")
        change = moves(workspace, searched, ((entity.file, target),), aliased=False)
    else:
        change = Change(_edits(workspace, searched, entity, name))
        if entity.kind in (EntityKind.PART, EntityKind.WEIGHT):
            change = Change(_joined(change.edits, kept(workspace, searched, entity, name)))
    reached = tuple(other for other in searched if {*workspace.load(other)} & {file, entity.file, *change.edits})
    checked = reached if entity.kind in _NAMED_IN_DATA else tuple(other for other in reached if other in change.edits)
    reason = objection(workspace, reached, change, (prepared.name, name), checked)
    return Refusal(f"`{prepared.name}` cannot become `{name}`: {reason}") if reason is not None else change


def _fixed(entity: Entity) -> str | None:
    """Why an entity has the name that it has."""
    if not entity.file:
        return f"`{entity.name}` is part of the language"
    if entity.file.startswith(str(modules.STD)):
        return f"`{entity.name}` belongs to the standard library"
    return None


def _is_name(text: str, kind: EntityKind) -> bool:
    if _WORD.fullmatch(text) is None or text == "_":
        return False
    if kind is EntityKind.FIELD:
        return True
    parsed = parse_chunk(f"const {text} = 0\n")
    return not parsed.problems and isinstance(parsed.declaration, syntax.Const) and parsed.declaration.name.text == text


def _name_span(workspace: Workspace, mention: Mention) -> Span:
    """The part of a mention that is its name: of a module's path the last."""
    text = workspace.text(mention.file)[slice(*mention.span)]
    last = len(text) if mention.entity.kind is not EntityKind.MODULE else len(re.split(r"\W", text)[-1])
    return Span(mention.span.end - last, mention.span.end)


def _edits(workspace: Workspace, files: Iterable[str], entity: Entity, name: str) -> dict[str, tuple[Edit, ...]]:
    """The edits by file; where an alias stands the entity is mentioned by another name, which stays."""
    found: dict[str, list[Edit]] = {}
    for mention in questions.references(workspace.database, files, entity):
        if workspace.text(mention.file)[slice(*mention.span)] == entity.name:
            found.setdefault(mention.file, []).append(Edit(*mention.span, name))
    return {file: tuple(edits) for file, edits in found.items()}


def _joined(
    first: Mapping[str, tuple[Edit, ...]], second: Mapping[str, tuple[Edit, ...]]
) -> dict[str, tuple[Edit, ...]]:
    return {file: tuple(sorted((*first.get(file, ()), *second.get(file, ())))) for file in {**first, **second}}


# -------------------------------------------------------------------------------------------------------------- aliases


def _is_alias(workspace: Workspace, mention: Mention) -> bool:
    """Whether a file's import gives the entity the name by which it is mentioned."""
    if mention.entity.file == mention.file or mention.entity.kind is EntityKind.FIELD:
        return False
    text = workspace.text(mention.file)
    name = text[slice(*mention.span)]
    imports = [item for item in _import_mentions(workspace, mention.file) if item.entity == mention.entity]
    aliased = any(item.role is Role.DEFINITION and text[slice(*item.span)] == name for item in imports)
    return aliased and not any(item.role is Role.READ and item.span == mention.span for item in imports)


def _alias_edits(workspace: Workspace, mention: Mention, name: str) -> Iterator[Edit]:
    text = workspace.text(mention.file)
    old = text[slice(*mention.span)]
    original = {item.span for item in _import_mentions(workspace, mention.file) if item.role is Role.READ}
    for item in questions.references(workspace.database, (mention.file,), mention.entity):
        if text[slice(*item.span)] == old and item.span not in original:
            yield Edit(*item.span, name)


def _import_mentions(workspace: Workspace, file: str) -> Iterator[Mention]:
    for key, keyword in modules.keys(workspace.database, file):
        if keyword == "import":
            yield from questions.mentions_in(workspace.database, file, key)
