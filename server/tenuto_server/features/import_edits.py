"""The edit that imports one more name of a module, where the file does not know it yet."""

from __future__ import annotations

from collections.abc import Iterator

from tenuto_analysis import modules
from tenuto_analysis.database import Database
from tenuto_grammar import syntax
from tenuto_server.reports import Edit


def import_edit(db: Database, file: str, path: str, name: str) -> Edit:
    """Adds the name, in its order, to an import of the module, or a line below the last import, or on top."""
    last = -1
    for start, node in _imports(db, file):
        last = start + node.span.end
        if node.path.text == path and node.names:
            after = next((item for item in node.names if item.name.text > name), None)
            if after is not None:
                at = start + after.span.start
                return Edit(at, at, f"{name}, ")
            at = start + node.names[-1].span.end
            return Edit(at, at, f", {name}")
    if last >= 0:
        return Edit(last, last, f"\nimport {path} {{ {name} }}")
    starts = modules.starts(db, file)
    first = next((starts[key] for key, keyword in modules.keys(db, file) if keyword), None)
    text = modules.file_text(db, file) or ""
    at = first if first is not None else len(text)
    return Edit(at, at, f"import {path} {{ {name} }}\n\n")


def _imports(db: Database, file: str) -> Iterator[tuple[int, syntax.Import]]:
    starts = modules.starts(db, file)
    for key, keyword in modules.keys(db, file):
        node = modules.declaration(db, file, key) if keyword == "import" else None
        if isinstance(node, syntax.Import):
            yield starts[key], node
