"""What must be written anew when files get other paths: imports of modules, and paths of data that are loaded."""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterable, Iterator

from tenuto_analysis import modules
from tenuto_analysis.insight import questions
from tenuto_analysis.insight.entities import EntityKind
from tenuto_grammar import syntax
from tenuto_grammar.text import Span
from tenuto_server.features.links import links
from tenuto_server.features.meaning import Change, objection
from tenuto_server.reports import Edit
from tenuto_server.workspace import Workspace

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def moved_files(workspace: Workspace, files: Iterable[str], pairs: tuple[tuple[str, str], ...]) -> Change:
    """The edits for files, or folders, that get new paths; a name of a module that would be taken stays as an alias."""
    searched = tuple(files)
    change = moves(workspace, searched, pairs, aliased=False)
    words = [word for pair in pairs for path in pair for word in _WORD.findall(os.path.basename(path))]
    touched = tuple(change.edits)
    if objection(workspace, touched, change, words, ()) is None:
        return change
    return moves(workspace, searched, pairs, aliased=True)


def moves(workspace: Workspace, files: Iterable[str], pairs: tuple[tuple[str, str], ...], aliased: bool) -> Change:
    """The edits; `aliased` keeps the name by which a file calls a module whose own name changes."""
    change = Change({}, pairs)
    found: dict[str, tuple[Edit, ...]] = {}
    for file in files:
        workspace.load(file)
        edits = (*_imports(workspace, file, change, aliased), *_data(workspace, file, change))
        if edits:
            found[file] = tuple(sorted(edits))
    return change._replace(edits=found)


def _imports(workspace: Workspace, file: str, change: Change, aliased: bool) -> Iterator[Edit]:
    db = workspace.database
    starts = modules.starts(db, file)
    folder = _root(workspace, file, change)
    for found in modules.imports(db, file):
        node = modules.declaration(db, file, found.key)
        if not isinstance(node, syntax.Import) or found.file.startswith(str(modules.STD)):
            continue
        path = _module_path(change.path(found.file), folder)
        if path is None or path == node.path.text or not workspace.exists(found.file):
            continue
        yield Edit(*node.path.span.shifted(starts[found.key]), path)
        old, new = node.path.parts[-1].text, path.rsplit(".", 1)[-1]
        if node.names is not None or node.alias is not None or old == new:
            continue
        if aliased:
            end = starts[found.key] + node.path.span.end
            yield Edit(end, end, f" as {old}")
        else:
            yield from _uses(workspace, file, found.file, old, new)


def _uses(workspace: Workspace, file: str, module: str, old: str, new: str) -> Iterator[Edit]:
    """The mentions of a module by the last name of its path."""
    text = workspace.text(file)
    for key, keyword in modules.keys(workspace.database, file):
        if keyword == "import" or old not in (modules.chunk_text(workspace.database, (file, key)) or ""):
            continue
        for mention in questions.mentions_in(workspace.database, file, key):
            is_module = mention.entity.kind is EntityKind.MODULE and mention.entity.file == module
            if is_module and text[slice(*mention.span)] == old:
                yield Edit(*mention.span, new)


def _root(workspace: Workspace, file: str, change: Change) -> str:
    """What the imports of a file are relative to, afterwards."""
    before = modules.root(workspace.database, file)
    moved = change.path(before)
    return moved if moved != before else workspace.root(change.path(file))


def _module_path(file: str, folder: str) -> str | None:
    """The path by which a file is imported; None where it has none."""
    relative = os.path.relpath(file, folder).replace(os.sep, "/")
    parts = relative.removesuffix(".ten").split("/")
    can = relative.endswith(".ten") and all(_WORD.fullmatch(part) for part in parts) and parts[0] != "std"
    return ".".join(parts) if can else None


def _data(workspace: Workspace, file: str, change: Change) -> Iterator[Edit]:
    """The paths of data and weights, which are relative to the file that names them."""
    text = workspace.text(file)
    folder = os.path.dirname(change.path(file))
    imported = {found.file for found in modules.imports(workspace.database, file)}
    for link in links(workspace, file):
        written = text[slice(*link.span)]
        if link.target in imported or "\\" in written or os.path.isabs(written):
            continue
        target = change.path(os.path.normpath(link.target))
        if target != os.path.normpath(os.path.join(folder, written)):
            yield Edit(*Span(*link.span), os.path.relpath(target, folder).replace(os.sep, "/"))
