"""Large programs made of the examples: each repetition under names of its own, its imports joined at the top."""

from __future__ import annotations

import re
from itertools import count
from pathlib import Path

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.ten"))

_IMPORT = re.compile(r"^import ([\w.]+) \{([^}]*)\}\n", re.MULTILINE)
_DECLARED = re.compile(r"^(?:type|record|const|fn|model|deploy) (\w+)", re.MULTILINE)


def write_modules(folder: Path, modules: int, lines: int) -> int:
    """Write so many modules of about so many lines in all; how many lines they have."""
    written = 0
    serial = count()
    for number in range(modules):
        parts: list[str] = []
        length = 0
        while written + length < (number + 1) * lines // modules:
            parts.append(_example(next(serial)))
            length += parts[-1].count("\n")
        (folder / f"module{number:02}.ten").write_text(_joined(parts), encoding="utf-8")
        written += length
    return written


def program(lines: int) -> str:
    """One file of about so many lines."""
    parts: list[str] = []
    while sum(part.count("\n") for part in parts) < lines:
        parts.append(_example(len(parts)))
    return _joined(parts)


def _example(serial: int) -> str:
    text = EXAMPLES[serial % len(EXAMPLES)].read_text(encoding="utf-8")
    names = "|".join(sorted(set(_DECLARED.findall(text))))
    return re.sub(rf"\b({names})\b", lambda name: f"{name[0]}_{serial}", text)


def _joined(parts: list[str]) -> str:
    imported: dict[str, set[str]] = {}
    bodies: list[str] = []
    for part in parts:
        for path, names in _IMPORT.findall(part):
            imported.setdefault(path, set()).update(name.strip() for name in names.split(",") if name.strip())
        bodies.append(re.sub(r"^#!.*\n", "", _IMPORT.sub("", part), flags=re.MULTILINE))
    imports = [f"import {path} {{ {', '.join(sorted(names))} }}\n" for path, names in sorted(imported.items())]
    return "".join(imports) + "\n" + "\n".join(bodies)
