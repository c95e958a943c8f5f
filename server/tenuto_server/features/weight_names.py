"""What keeps a checkpoint fitting when a part or a weight gets another name.

Where a deploy writes the path of a weight, that text is a mention like any other and is renamed with it. Where it
relies on the file's names being those of the model, an entry of `rename` must say from now on which tensor is meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tenuto_analysis import modules
from tenuto_analysis.check import loading
from tenuto_analysis.insight import questions
from tenuto_analysis.insight.entities import Entity
from tenuto_analysis.insight.questions import Declared
from tenuto_analysis.insight.weight_paths import paths_to
from tenuto_analysis.types import Reference
from tenuto_analysis.weights import Checkpoint, Header, match, variables
from tenuto_grammar import syntax
from tenuto_server.reports import Edit
from tenuto_server.workspace import Workspace

_VARIABLE = re.compile(r"\{\w+\}")
_LETTERS = "ijklmnopqr"


class Entry(NamedTuple):
    """An entry of `rename`: how the file's names begin, and the model's path until now."""

    stored: str
    path: str


def kept(workspace: Workspace, files: Iterable[str], entity: Entity, name: str) -> dict[str, tuple[Edit, ...]]:
    """The entries that the deploys of files need, as edits by file."""
    found: dict[str, list[Edit]] = {}
    for file in files:
        for declared in questions.declarations(workspace.database, file):
            if isinstance(declared.node, syntax.Deploy):
                entries = _entries(workspace, file, declared, entity)
                if entries:
                    found.setdefault(file, []).extend(_edits(workspace, file, declared, entries, name))
    return {file: tuple(edits) for file, edits in found.items()}


def _entries(workspace: Workspace, file: str, declared: Declared, entity: Entity) -> list[Entry]:
    db = workspace.database
    setting = loading.setting_of(db, file, declared.key)
    if not isinstance(declared.node, syntax.Deploy) or not isinstance(setting, Checkpoint):
        return []
    model = questions.surveyed(db, file, declared.key).types.get(declared.node.model.span)
    if not isinstance(model, Reference):
        return []
    known = loading.known_file(db, file, declared.key)
    found = (_entry(setting, path) for path in paths_to(db, model, entity))
    return [entry for entry in found if _needed(setting, known[1] if known is not None else None, entry)]


def _entry(setting: Checkpoint, path: str) -> Entry:
    """How a path is loaded without being named: by the longest entry for what is round it, or as it is."""
    parts = path.split(".")
    best = Entry(path, path)
    longest = 0
    for rule in setting.rename:
        head = rule.paths[0].split(".")
        if longest < len(head) < len(parts) and all(map(_same, head, parts)):
            longest = len(head)
            tail = _fresh(parts[longest:], variables(rule.stored[0]) | variables(rule.paths[0]))
            best = Entry(".".join((rule.stored[0], *tail)), ".".join((*head, *tail)))
    return best


def _needed(setting: Checkpoint, header: Header | None, entry: Entry) -> bool:
    """Whether tensors are found by an entry that nothing says more closely; without the file that must be assumed."""
    rules = (*setting.split, *setting.concat, *setting.rename)
    closer = [
        pattern for rule in rules if any(_covers(path, entry.path) for path in rule.paths) for pattern in rule.stored
    ]
    if header is None or header.problem is not None:
        return not closer
    for tensor in header.tensors:
        name = tensor.name.removeprefix(setting.prefix)
        left_out = any(match(rule.stored[0], name) is not None for rule in setting.unused)
        if not tensor.name.startswith(setting.prefix) or left_out or match(entry.stored, name) is None:
            continue
        if all(match(pattern, name) is None for pattern in closer):
            return True
    return False


def _covers(path: str, whole: str) -> bool:
    """Whether a path is that of a thing, or of something in it."""
    parts, wanted = path.split("."), whole.split(".")
    return len(parts) >= len(wanted) and all(map(_same, parts, wanted))


def _same(left: str, right: str) -> bool:
    return left == right or (_is_place(left) and _is_place(right))


def _is_place(part: str) -> bool:
    return part.isdigit() or _VARIABLE.fullmatch(part) is not None


def _fresh(parts: list[str], taken: frozenset[str]) -> list[str]:
    """The parts of a path with other letters for places than those that are taken."""
    letters = (letter for letter in _LETTERS if letter not in taken)
    return [f"{{{next(letters)}}}" if _VARIABLE.fullmatch(part) is not None else part for part in parts]


# ---------------------------------------------------------------------------------------------------------------- edits


def _edits(workspace: Workspace, file: str, declared: Declared, entries: list[Entry], name: str) -> Iterator[Edit]:
    node = declared.node
    assert isinstance(node, syntax.Deploy)
    value = next(item.value for item in node.settings.settings if item.key.text == "weights")
    lines = [f'"{entry.stored}": "{_renamed(entry.path, name)}"' for entry in entries]
    match value:
        case syntax.String():
            yield Edit(declared.start + value.span.start, declared.start + value.span.start, "load(")
            yield Edit(
                declared.start + value.span.end,
                declared.start + value.span.end,
                f", rename = {{ {', '.join(lines)} }})",
            )
        case syntax.Call(arguments=arguments):
            given = next(
                (item.value for item in arguments if item.name is not None and item.name.text == "rename"), None
            )
            if isinstance(given, syntax.Map) and given.settings:
                at = declared.start + given.settings[0].span.start
                between = _between(modules.chunk_text(workspace.database, (file, declared.key)) or "", given)
                yield Edit(at, at, "".join(line + between for line in lines))
            elif isinstance(given, syntax.Map):
                at = declared.start + given.span.start + 1
                yield Edit(at, at, f" {', '.join(lines)} ")
            else:
                at = declared.start + arguments[-1].span.end
                yield Edit(at, at, f", rename = {{ {', '.join(lines)} }}")
        case _:
            pass


def _between(text: str, given: syntax.Map) -> str:
    """What stands between two entries: each in a line of its own, if the first is."""
    start = given.settings[0].span.start
    space = text[given.span.start + 1 : start]
    return f",{space}" if "\n" in space and not space.strip() else ", "


def _renamed(path: str, name: str) -> str:
    return ".".join((*path.split(".")[:-1], name))
