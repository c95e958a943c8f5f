"""Where things are: definitions, references and what follows from them."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from tenuto_analysis import modules
from tenuto_server.features.calls import caller_at, incoming, outgoing
from tenuto_server.features.definition import declaration, definition
from tenuto_server.features.file_moves import moved_files
from tenuto_server.features.folding import folding
from tenuto_server.features.implementations import implementations
from tenuto_server.features.linked import linked
from tenuto_server.features.links import links
from tenuto_server.features.meaning import Change, edited
from tenuto_server.features.references import highlights, references
from tenuto_server.features.rename import Refusal, prepare_rename, rename
from tenuto_server.features.selection import selection
from tenuto_server.features.symbols import Symbol, document_symbols, workspace_symbols
from tenuto_server.features.type_definition import type_definition
from tenuto_server.workspace import Workspace
from tests.features.memory import MEMORY, asked, shown
from tests.markdown import Output, Program

NEW_NAME = "renamed"


def _files(program: Program, file: str) -> tuple[str, ...]:
    """All source files of a program, its own first."""
    folder = file.removesuffix(program.file)
    return (file, *(folder + name for name in program.files if name.endswith(".ten") and name != program.file))


def _places(workspace: Workspace, places: object) -> str:
    assert isinstance(places, tuple)
    return "\n".join(shown(workspace, place.file, place.span) for place in places) or "nothing"


def _definition(program: Program) -> str:
    workspace, file, here = asked(program)
    found = definition(workspace, file, here.start)
    return shown(workspace, found.file, found.span) if found is not None else "nothing"


def _declaration(program: Program) -> str:
    workspace, file, here = asked(program)
    found = declaration(workspace, file, here.start)
    return shown(workspace, found.file, found.span) if found is not None else "nothing"


def _type_definition(program: Program) -> str:
    workspace, file, here = asked(program)
    return _places(workspace, type_definition(workspace, file, here.start))


def _implementations(program: Program) -> str:
    workspace, file, here = asked(program)
    return _places(workspace, implementations(workspace, _files(program, file), file, here.start))


def _references(program: Program) -> str:
    workspace, file, here = asked(program)
    return _places(workspace, references(workspace, _files(program, file), file, here.start, with_definition=True))


def _uses(program: Program) -> str:
    workspace, file, here = asked(program)
    return _places(workspace, references(workspace, _files(program, file), file, here.start, with_definition=False))


def _highlights(program: Program) -> str:
    workspace, file, here = asked(program)
    found = highlights(workspace, file, here.start)
    return "\n".join(f"{shown(workspace, file, item.span)} {'write' if item.writes else 'read'}" for item in found)


def _linked(program: Program) -> str:
    workspace, file, here = asked(program)
    return "\n".join(shown(workspace, file, span) for span in linked(workspace, file, here.start)) or "nothing"


def _prepare(program: Program) -> str:
    workspace, file, here = asked(program)
    found = prepare_rename(workspace, file, here.start)
    return f"refused: {found.reason}" if isinstance(found, Refusal) else shown(workspace, file, found.span)


def renamed_as(program: Program, name: str) -> str:
    workspace, file, here = asked(program)
    found = rename(workspace, _files(program, file), file, here.start, name)
    return f"refused: {found.reason}" if isinstance(found, Refusal) else changed(workspace, found)


def changed(workspace: Workspace, change: Change) -> str:
    """A change as the difference that it makes."""
    lines: list[str] = []
    for old, new in change.moves:
        lines.append(f"{_local(old)} becomes {_local(new)}")
    for file, edits in change.edits.items():
        before = workspace.text(file)
        after = edited(before, edits)
        difference = [*difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")][2:]
        lines.append(f"{_local(file)}:")
        lines += (line for line in difference if not line.startswith("@@"))
    return "\n".join(lines) or "nothing changes"


def _moved(program: Program) -> str:
    """The carets mark which file, or folder, gets which path: `# blocks -> parts`."""
    workspace, file, here = asked(program)
    old, new = workspace.text(file)[slice(*here)].split(" -> ")
    folder = file.removesuffix(program.file)
    return changed(workspace, moved_files(workspace, _files(program, file), ((folder + old, folder + new),)))


def _local(file: str) -> str:
    return "/".join(file.split("/")[3:])


def _outgoing(program: Program) -> str:
    workspace, file, here = asked(program)
    caller = caller_at(workspace, file, here.start)
    if caller is None:
        return "nothing"
    lines: list[str] = []
    for call in outgoing(workspace, caller.file, caller.key):
        lines.append(shown(workspace, call.other.file, call.other.name_span))
        lines += (f"  {shown(workspace, caller.file, span)}" for span in call.places)
    return "\n".join(lines) or "nothing"


def _incoming(program: Program) -> str:
    workspace, file, here = asked(program)
    caller = caller_at(workspace, file, here.start)
    if caller is None:
        return "nothing"
    lines: list[str] = []
    for call in incoming(workspace, _files(program, file), caller.file, caller.key):
        lines.append(shown(workspace, call.other.file, call.other.name_span))
        lines += (f"  {shown(workspace, call.other.file, span)}" for span in call.places)
    return "\n".join(lines) or "nothing"


def _symbols(program: Program) -> str:
    file = MEMORY.file(program)
    return "\n".join(_symbol_lines(document_symbols(MEMORY.workspace, file), "")) or "nothing"


def _symbol_lines(symbols: tuple[Symbol, ...], indent: str) -> Iterator[str]:
    for symbol in symbols:
        yield f"{indent}{symbol.kind.value} {symbol.name} {symbol.detail}".rstrip()
        yield from _symbol_lines(symbol.children, indent + "  ")


def _search(program: Program) -> str:
    """The carets mark what is searched for."""
    workspace, file, here = asked(program)
    found = workspace_symbols(workspace, _files(program, file), workspace.text(file)[slice(*here)])
    return "\n".join(f"{item.kind.value} {item.name} of {item.module}" for item in found[:8]) or "nothing"


def _folding(program: Program) -> str:
    file = MEMORY.file(program)
    found = folding(MEMORY.workspace, file)
    return "\n".join(f"{fold.first + 1}-{fold.last + 1} {fold.kind.value}" for fold in found) or "nothing"


def _selection(program: Program) -> str:
    workspace, file, here = asked(program)
    text = workspace.text(file)
    return "\n".join(_short(text[slice(*span)]) for span in selection(workspace, file, here.start))


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:28]} ... {line[-27:]}"


def _links(program: Program) -> str:
    file = MEMORY.file(program)
    found = links(MEMORY.workspace, file)
    return "\n".join(f"{shown(MEMORY.workspace, file, link.span)} -> {_target(link.target)}" for link in found)


def _target(file: str) -> str:
    return f"std/{file.rsplit('/', 1)[1]}" if file.startswith(str(modules.STD)) else _local(file)


OUTPUTS: Mapping[str, Output] = {
    "calls": _outgoing,
    "callers": _incoming,
    "declaration": _declaration,
    "definition": _definition,
    "folding": _folding,
    "highlights": _highlights,
    "implementations": _implementations,
    "linked": _linked,
    "links": _links,
    "moved": _moved,
    "prepare": _prepare,
    "references": _references,
    "renamed": lambda program: renamed_as(program, NEW_NAME),
    "search": _search,
    "selection": _selection,
    "symbols": _symbols,
    "typedefinition": _type_definition,
    "uses": _uses,
}
