"""Where something stands in the source, as an artifact tells it: file below the workspace, line and column."""

from __future__ import annotations

from pathlib import Path

from tenuto_analysis import modules
from tenuto_analysis.database import Database
from tenuto_analysis.diagnostics.base import Place
from tenuto_analysis.graph import Function
from tenuto_grammar.text import LineIndex, Span


class Places:
    """Spans as text; the lines of a file are counted once."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._files: dict[str, tuple[str, LineIndex]] = {}
        self._texts: dict[Place, str] = {}

    def text(self, place: Place) -> str:
        """`blocks/attention.ten:12:3`."""
        found = self._texts.get(place)
        if found is None:
            shown, lines = self._file(place.file)
            start = modules.starts(self._db, place.file).get(place.declaration, 0)
            position = lines.position(start + place.span.start)
            found = self._texts[place] = f"{shown}:{position.line + 1}:{position.column + 1}"
        return found

    def of_function(self, function: Function) -> str:
        return self.text(Place(function.file, function.key, Span(0, 0)))

    def _file(self, file: str) -> tuple[str, LineIndex]:
        found = self._files.get(file)
        if found is None:
            found = self._files[file] = self._shown(file), LineIndex(modules.file_text(self._db, file) or "")
        return found

    def _shown(self, file: str) -> str:
        path = Path(file)
        if path.is_relative_to(modules.STD):
            return f"std/{path.relative_to(modules.STD).as_posix()}"
        folder = modules.root(self._db, file)
        return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name
