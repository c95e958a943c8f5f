"""The build hook that puts the grammar's tables into the wheel, and beside the grammar for an editable install."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class TablesHook(BuildHookInterface[Any]):
    """Hatch runs this for a wheel and for an editable install alike."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build `tables.bin`; it is ignored by git, so it is named as an artifact."""
        sys.path.insert(0, str(Path(self.root) / "grammar"))
        tables = importlib.import_module("tenuto_grammar.tables")
        grammar = tables.GRAMMAR.read_text(encoding="utf-8")
        tables.write(tables.build(grammar), grammar)
        build_data["artifacts"].append("grammar/tenuto_grammar/tables.bin")
