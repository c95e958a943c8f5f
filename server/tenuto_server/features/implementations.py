"""What can stand behind a name: the models that fit a model's type, or that are given for a generic."""

from __future__ import annotations

from collections.abc import Iterable

from tenuto_analysis import modules
from tenuto_analysis.insight import fitting, questions
from tenuto_analysis.insight.entities import EntityKind
from tenuto_analysis.insight.members import declared
from tenuto_analysis.insight.questions import Place
from tenuto_analysis.modules import Target
from tenuto_server.workspace import Workspace

_BODIES = frozenset({EntityKind.FN, EntityKind.MODEL, EntityKind.OP})


def implementations(workspace: Workspace, files: Iterable[str], file: str, offset: int) -> tuple[Place, ...]:
    """For a type of models those of the files and of the library; for a definition itself, where its body is."""
    workspace.load(file)
    db = workspace.database
    mention = questions.mention_at(db, file, offset)
    if mention is None:
        return ()
    entity = mention.entity
    if entity.kind in _BODIES:
        place = questions.place_of(db, entity)
        return (place,) if place is not None else ()
    if fitting.bound_of(db, entity) is None:
        return ()
    searched = tuple(dict.fromkeys((file, *files)))
    workspace.load_all(searched)
    library = tuple(str(modules.STD / f"{name}.ten") for name in modules.std_modules())
    given = fitting.given(db, searched, entity) if entity.kind is EntityKind.GENERIC else ()
    found = dict.fromkeys((*given, *fitting.fitting(db, (*searched, *library), entity)))
    places = (declared(db, Target(item.file, item.key)) for item in found)
    resolved = (questions.place_of(db, item) for item in places if item is not None)
    return tuple(dict.fromkeys(place for place in resolved if place is not None))
