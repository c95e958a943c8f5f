"""The imports of a file: in order, each module once, nothing that is unused; and one more where a name asks for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from tenuto_analysis import model, modules
from tenuto_analysis.diagnostics.names import UnusedImport
from tenuto_analysis.insight import questions
from tenuto_analysis.insight.questions import Declared
from tenuto_grammar import syntax
from tenuto_grammar.format import format as format_text
from tenuto_grammar.text import Span
from tenuto_server.features.edits import minimal
from tenuto_server.features.import_edits import import_edit
from tenuto_server.reports import Edit
from tenuto_server.workspace import Workspace

_Name = tuple[str, str]  # A name, and what it is called here: the same, or an alias.


def organized(workspace: Workspace, file: str) -> tuple[Edit, ...]:
    """What sorts and merges the imports of a file and leaves out what is unused.

    Imports are sorted between comments; one with a comment beside it stays as it is.
    """
    unused = _unused(workspace, file)
    edits: list[Edit] = []
    for run in _runs(workspace, file):
        start, end = run[0].start + _import(run[0]).span.start, run[-1].end
        old = workspace.text(file)[start:end]
        edits += _without_gap(workspace.text(file), minimal(old, _organized(run, unused, old), start), end)
    return tuple(edits)


def importing(
    workspace: Workspace, file: str, name: str, others: Iterable[str]
) -> Iterator[tuple[str, tuple[Edit, ...]]]:
    """The modules that declare a name, each with what imports it: those of the library first, then other files."""
    db = workspace.database
    library = modules.importable(name)
    paths = [library] if library is not None else []
    for other in others:
        workspace.load(other)
        path = _path_of(modules.root(db, file), other)
        if path is not None and other != file and name in modules.offered(db, other):
            paths.append(path)
    for path in dict.fromkeys(paths):
        yield path, (import_edit(db, file, path, name),)


def _path_of(root: str, file: str) -> str | None:
    """The path by which an import names a file below a root."""
    parts = Path(file).relative_to(root).with_suffix("").parts if Path(file).is_relative_to(root) else ()
    return ".".join(parts) if parts and all(part.isidentifier() for part in parts) else None


def _imports(workspace: Workspace, file: str) -> list[Declared]:
    keywords = dict(modules.keys(workspace.database, file))
    return [item for item in questions.declarations(workspace.database, file) if keywords[item.key] == "import"]


def _runs(workspace: Workspace, file: str) -> Iterator[list[Declared]]:
    """Imports that stand together and can be read, with no comment between them."""
    text = workspace.text(file)
    run: list[Declared] = []
    for item in _imports(workspace, file):
        plain = item.node is not None and not _broken(workspace, file, item)
        keyword = item.start + (item.node.span.start if item.node is not None else 0)
        if run and (not plain or text[run[-1].end : keyword].strip()):
            yield run
            run = []
        if plain and "#" not in text[keyword : item.end]:
            run.append(item)
    if run:
        yield run


def _broken(workspace: Workspace, file: str, item: Declared) -> bool:
    parsed = modules.parsed(workspace.database, file, item.key)
    return parsed is None or bool(parsed.problems)


def _import(item: Declared) -> syntax.Import:
    assert isinstance(item.node, syntax.Import), "a run holds imports that can be read"
    return item.node


def _organized(run: list[Declared], unused: frozenset[Span], old: str) -> str:
    """The text of a run of imports; the old one where two of them give one name to different things."""
    whole: set[tuple[str, str]] = set()
    named: dict[str, set[_Name]] = {}
    bound: dict[str, tuple[str, str]] = {}
    for item in run:
        node = _import(item)
        path = node.path.text
        alias = node.alias.text if node.alias is not None else ""
        used = [found for found in node.names or () if found.span.shifted(item.start) not in unused]
        for found in used:
            name = (found.name.text, found.alias.text if found.alias is not None else "")
            named.setdefault(path, set()).add(name)
            if bound.setdefault(name[1] or name[0], (path, name[0])) != (path, name[0]):
                return old
        if node.names is None and node.span.shifted(item.start) not in unused:
            whole.add((path, alias))
            if bound.setdefault(alias or path.split(".")[-1], (path, "")) != (path, ""):
                return old
    lines = [f"import {path} as {alias}" if alias else f"import {path}" for path, alias in whole]
    for path, names in named.items():
        words = (f"{name} as {alias}" if alias else name for name, alias in sorted(names))
        lines.append(f"import {path} {{ {', '.join(words)} }}")
    return format_text("".join(f"{line}\n" for line in sorted(lines))).text.rstrip("\n")


def _unused(workspace: Workspace, file: str) -> frozenset[Span]:
    found = model.quick_findings(workspace.database, file)
    return frozenset(finding.span for finding in found if finding.rule == UnusedImport.rule)


def _without_gap(text: str, edits: tuple[Edit, ...], end: int) -> tuple[Edit, ...]:
    """Where nothing is left of a run, the empty lines below it go too."""
    match edits:
        case (Edit(start=start, end=stop, text=""),) if stop == end and text[:start].rstrip(" \t")[-1:] in ("", "\n"):
            rest = text[end:]
            return (Edit(start, end + len(rest) - len(rest.lstrip()), ""),)
        case _:
            return edits
