"""What a file offers and what a name means in it.

A module is a file: `blocks.attention` is `blocks/attention.ten` below the workspace root, `std.*` ships with Tenuto.
The names of every `std` module but `std.nn` are in scope everywhere. Offsets in the file appear only in `chunks`;
everything below it is keyed by declaration, so that an edit elsewhere in the file changes nothing here.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path

from msgspec import Struct

from tenuto_analysis.database import Database, input_fact, query
from tenuto_grammar.chunks import Chunk, split, split_again
from tenuto_grammar.parse import Parsed, parse_chunk
from tenuto_grammar.syntax import Argument, Const, Declaration, Import, Name, String
from tenuto_grammar.syntax import Call as SyntaxCall

STD = Path(__file__).parent / "std"
EXPLICIT_STD = frozenset({"nn"})  # The std modules that must be imported.


@input_fact
def file_text(db: Database, file: str) -> str | None:
    """The text of a file, None where there is none. `std` is part of Tenuto: it is read from the package, once."""
    return std_text(file) if file.startswith(str(STD)) else None


@input_fact
def root(db: Database, file: str) -> str:
    """The workspace root of a file: what its imports are relative to."""
    return str(Path(file).parent)


@cache
def std_text(file: str) -> str | None:
    path = Path(file)
    return path.read_text(encoding="utf-8") if path.is_file() else None


@cache
def std_modules() -> tuple[str, ...]:
    """The names of the modules of `std`, sorted."""
    return tuple(sorted(path.stem for path in STD.glob("*.ten")))


# ------------------------------------------------------------------------------------------------------ inside one file


Key = str  # Of a declaration in its file: its name, made unique; `import #1` for what has no name.


@input_fact
def starts(db: Database, file: str) -> dict[Key, int]:
    """Where each declaration of a file begins. Follows from `file_text`."""
    return {key: chunk.start for key, chunk in _std_chunks(file)}


@input_fact
def keys(db: Database, file: str) -> tuple[tuple[Key, str], ...]:
    """The declarations of a file in order, each with its keyword ("" for a header). Follows from `file_text`."""
    return tuple((key, chunk.keyword or "") for key, chunk in _std_chunks(file))


def deploys(db: Database, file: str) -> tuple[Key, ...]:
    """The deploys of a file, in order."""
    return tuple(key for key, keyword in keys(db, file) if keyword == "deploy" and "#" not in key)


@input_fact
def chunk_text(db: Database, place: tuple[str, Key]) -> str | None:
    """The text of one declaration of a file, without the white space after it. Follows from `file_text`."""
    file, key = place
    return next((_own_text(chunk) for own, chunk in _std_chunks(file) if own == key), None)


def _own_text(chunk: Chunk) -> str:
    return chunk.text.rstrip(" \t\r\n\f")


@input_fact
def _chunks(db: Database, file: str) -> tuple[tuple[Key, Chunk], ...]:
    """The declarations of a file, in order. Follows from `file_text`."""
    return _std_chunks(file)


def _spread(db: Database, file: str, text: str | None) -> None:
    """Cut a file into declarations: what an edit does not touch stays as it was, and costs nothing."""
    before = dict(_chunks(db, file))
    named = _named(split_again(tuple(before.values()), text or ""))
    db.set(_chunks, file, named)
    db.set(keys, file, tuple((key, chunk.keyword or "") for key, chunk in named))
    db.set(starts, file, {key: chunk.start for key, chunk in named})
    for key, chunk in named:
        old = before.pop(key, None)
        if old is None or old.text != chunk.text:
            db.set(chunk_text, (file, key), _own_text(chunk))
    for key in before:
        db.set(chunk_text, (file, key), None)


file_text.spread = _spread


def _named(chunks: tuple[Chunk, ...]) -> tuple[tuple[Key, Chunk], ...]:
    """Declarations with their keys."""
    seen: dict[str, int] = {}
    found: list[tuple[Key, Chunk]] = []
    for chunk in chunks:
        name = chunk.name if chunk.name and chunk.keyword != "import" else (chunk.keyword or "header") + " "
        count = seen[name] = seen.get(name, 0) + 1
        found.append((name if count == 1 and not name.endswith(" ") else f"{name}#{count}", chunk))
    return tuple(found)


@cache
def _std_chunks(file: str) -> tuple[tuple[Key, Chunk], ...]:
    return _named(split(std_text(file) or "")) if file.startswith(str(STD)) else ()


@query
def parsed(db: Database, file: str, key: str) -> Parsed | None:
    """The syntax of one declaration; computed again only when its own text changes."""
    text = chunk_text(db, (file, key))
    return parse_chunk(text) if text is not None else None


def declaration(db: Database, file: str, key: str) -> Declaration | None:
    result = parsed(db, file, key)
    return result.declaration if result is not None else None


@query
def offered(db: Database, file: str) -> dict[str, str]:
    """The names that a file declares, each with the keyword of its declaration."""
    return {key: keyword for key, keyword in keys(db, file) if keyword not in ("", "import") and "#" not in key}


# -------------------------------------------------------------------------------------------------------- between files


class Target(Struct, frozen=True):
    """What a name denotes: a declaration of a file, or (`name` None) the file as a module."""

    file: str
    name: str | None


class ImportedModule(Struct, frozen=True):
    """One import: its chunk's key, the path as written, and the file that it names, whether or not it is there."""

    key: str
    path: str
    file: str


def module_file(root_folder: str, path: str) -> str:
    """The file of a module path, whether or not it is there."""
    first, *rest = path.split(".")
    base = STD if first == "std" else Path(root_folder, first)
    return str(base.joinpath(*rest)) + ".ten" if rest or first != "std" else str(base / "std.ten")


@query
def imports(db: Database, file: str) -> tuple[ImportedModule, ...]:
    """The imports of a file, in order."""
    folder = root(db, file)
    found: list[ImportedModule] = []
    for key, keyword in keys(db, file):
        if keyword == "import":
            node = declaration(db, file, key)
            if isinstance(node, Import) and node.path.text:
                found.append(ImportedModule(key, node.path.text, module_file(folder, node.path.text)))
    return tuple(found)


@query
def needed(db: Database, file: str) -> tuple[str, ...]:
    """The files that a file's imports and `load(...)`s name: what whoever loads files must load too."""
    imported = (found.file for found in imports(db, file) if not found.file.startswith(str(STD)))
    loaded = (data_file(file, path.value) for path in _loads(db, file))
    return tuple(dict.fromkeys((*imported, *loaded)))


def _loads(db: Database, file: str) -> Iterator[String]:
    for key, keyword in keys(db, file):
        node = declaration(db, file, key) if keyword == "const" else None
        if isinstance(node, Const):
            path = loaded_path(node)
            if path is not None:
                yield path


def loaded_path(node: Const) -> String | None:
    """The path in `const name: Record = load("path")`."""
    match node.value:
        case SyntaxCall(callee=Name(text="load"), arguments=(Argument(name=None, value=String() as path),)):
            return path
        case _:
            return None


def data_file(file: str, path: str) -> str:
    """A data file that a source file names: paths are relative to the source."""
    return str(Path(file).parent / path)


@query
def imported_names(db: Database, file: str) -> dict[str, Target]:
    """The names that the imports of a file bring into scope; by a circle of imports they come from nowhere."""
    names: dict[str, Target] = {}
    for found in imports(db, file):
        node = declaration(db, file, found.key)
        if not isinstance(node, Import):
            continue
        origin = "" if import_cycle(db, file, found.key) else found.file
        if node.names is None:
            bound = node.alias.text if node.alias is not None else node.path.parts[-1].text
            names[bound] = Target(origin, None)
        for item in node.names or ():
            names[(item.alias or item.name).text] = Target(origin, item.name.text)
    return names


@cache
def _std_index() -> dict[str, Target]:
    index: dict[str, Target] = {}
    for module in std_modules():
        file = str(STD / f"{module}.ten")
        if module not in EXPLICIT_STD:
            for chunk in split(std_text(file) or ""):
                if chunk.name and chunk.keyword not in (None, "import"):
                    index.setdefault(chunk.name, Target(file, chunk.name))
    return index


def prelude() -> dict[str, Target]:
    """The names in scope everywhere: what `std` declares, but for the modules that must be imported."""
    return _std_index()


@query
def lookup(db: Database, file: str, name: str) -> Target | None:
    """What a name that no definition binds means in a file: its own declaration, an import, or a name of `std`."""
    if name in offered(db, file):
        return Target(file, name)
    imported = imported_names(db, file).get(name)
    if imported is not None:
        return imported
    return _std_index().get(name)


@lru_cache(maxsize=1024)  # Names come and go as they are typed.
def importable(name: str) -> str | None:
    """The module of `std` that declares a name and must be imported for it."""
    for module in sorted(EXPLICIT_STD):
        text = std_text(str(STD / f"{module}.ten")) or ""
        if any(chunk.name == name and chunk.keyword != "import" for chunk in split(text)):
            return f"std.{module}"
    return None


@query
def visible(db: Database, file: str) -> tuple[str, ...]:
    """All names that `lookup` finds in a file, for suggestions."""
    return tuple({*offered(db, file), *imported_names(db, file), *_std_index()})


@query
def import_cycle(db: Database, file: str, key: str) -> tuple[str, ...]:
    """The files of a cycle of imports that starts with the import `key` and comes back; empty if none."""
    start = next((found.file for found in imports(db, file) if found.key == key), None)
    trail: list[str] = []
    seen: set[str] = set()

    stack = [(start, 0)] if start is not None else []
    while stack:
        current, depth = stack.pop()
        del trail[depth:]
        trail.append(current)
        if current == file:
            return (file, *trail)
        if current in seen or file_text(db, current) is None:
            continue
        seen.add(current)
        stack += [(found.file, depth + 1) for found in reversed(imports(db, current))]
    return ()


def parsed_problems(db: Database, file: str) -> tuple[bool, ...]:
    """For each declaration of a file, whether its text has a mistake."""
    return tuple(bool(found.problems) for key, _ in keys(db, file) if (found := parsed(db, file, key)) is not None)


def module_name(db: Database, file: str) -> str:
    """The path by which an import names a file."""
    folder = root(db, file)
    path = Path(file)
    inside = path.relative_to(folder) if path.is_relative_to(folder) else Path(path.name)
    return ".".join(inside.with_suffix("").parts)
