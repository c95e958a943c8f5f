"""Which deploys a place is about: the one that stands there, or those that use the definition that stands there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tenuto_analysis import modules
from tenuto_analysis.database import Database
from tenuto_analysis.insight import questions
from tenuto_analysis.insight.entities import DECLARATIONS
from tenuto_analysis.insight.names import names
from tenuto_grammar import syntax

Declaration = tuple[str, str]  # A file, and the key of a declaration of it.


class Meant(NamedTuple):
    """The declaration at a place, and the deploys that are or use it: those of its file first."""

    declaration: Declaration
    deploys: tuple[Declaration, ...]


def meant(db: Database, file: str, offset: int, others: Iterable[str]) -> Meant | None:
    """None where no declaration stands that can be read; deploys are looked for in `others` too."""
    inside = questions.declaration_at(db, file, offset)
    if inside is None or inside.node is None:
        return None
    here = (file, inside.key)
    if isinstance(inside.node, syntax.Deploy):
        return Meant(here, (here,))
    files = dict.fromkeys((file, *others))
    deploys = ((other, key) for other in files for key, keyword in modules.keys(db, other) if keyword == "deploy")
    return Meant(here, tuple(deploy for deploy in deploys if here in reached(db, deploy)))


def reached(db: Database, start: Declaration) -> set[Declaration]:
    """A declaration with all that it mentions, and that those mention."""
    found = {start}
    waiting = [start]
    while waiting:
        for item in names(db, *waiting.pop()).occurrences:
            target = (item.entity.file, item.entity.key)
            if item.entity.kind in DECLARATIONS and target not in found and all(target):
                found.add(target)
                waiting.append(target)
    return found
