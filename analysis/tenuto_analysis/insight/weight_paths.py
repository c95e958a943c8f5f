"""What the paths of weights mean that a deploy writes as text: `layer.{i}.query`, part by part."""

from __future__ import annotations

from collections.abc import Iterator

from tenuto_analysis import modules
from tenuto_analysis.database import Database
from tenuto_analysis.insight.entities import Entity, EntityKind
from tenuto_analysis.insight.members import member, owned
from tenuto_analysis.insight.scopes import Scopes
from tenuto_analysis.insight.survey import survey
from tenuto_analysis.types import GenericModel, Instance, ListValue, Reference, Sequence, Value
from tenuto_grammar import syntax
from tenuto_grammar.text import Span

Chosen = dict[str, Value]  # What the generics of a model stand for where it is a part.


def weight_paths(w: Scopes, model: Reference, arguments: tuple[syntax.Argument, ...]) -> None:
    """The names in the model's paths among the arguments of a `load`."""
    text = modules.chunk_text(w.db, (w.file, w.key)) or ""
    for span in _paths(arguments):
        quoted = text[slice(*span)]
        if len(quoted) >= 2 and quoted[0] == quoted[-1] == '"' and "\\" not in quoted:
            for part, entity in meanings(w.db, model, quoted[1:-1]):
                w.mention(part.shifted(span.start + 1), entity)


def meanings(db: Database, model: Reference, path: str) -> Iterator[tuple[Span, Entity]]:
    """The parts and weights that a path from a model names, each with where it stands in the path."""
    owner: Instance | None = Instance(model)
    chosen = _chosen(db, model, {})
    start = 0
    in_list = False
    for name in path.split("."):
        span = Span(start, start + len(name))
        start = span.end + 1
        if in_list:
            in_list = False
            continue
        entity = member(db, owner, name) if owner is not None else None
        if entity is None:
            return
        yield span, entity
        value = survey(db, entity.file, entity.key).defined.get(entity.span)
        in_list = isinstance(value, ListValue | Sequence)
        reference = model_of(value, chosen) if entity.kind is EntityKind.PART else None
        owner = Instance(reference) if reference is not None else None
        chosen = _chosen(db, reference, chosen) if reference is not None else {}


def paths_to(db: Database, model: Reference, entity: Entity) -> tuple[str, ...]:
    """All paths by which a model owns a part or a weight; `{i}` stands for a place in a list."""
    return tuple(".".join(path) for path in _ways(db, model, {}, entity, (), 0))


def _ways(
    db: Database, model: Reference, outside: Chosen, entity: Entity, inside: tuple[tuple[str, str], ...], lists: int
) -> Iterator[tuple[str, ...]]:
    """`inside` are the models round this one, and `lists` is how many lists they were in."""
    if (model.file, model.name) in inside:
        return
    chosen = _chosen(db, model, outside)
    for found in owned(db, model.file, model.name):
        if found == entity:
            yield (found.name,)
        value = survey(db, found.file, found.key).defined.get(found.span) if found.kind is EntityKind.PART else None
        part = model_of(value, chosen)
        if part is not None:
            in_list = isinstance(value, ListValue | Sequence)
            head = (found.name, f"{{{_VARIABLES[lists % len(_VARIABLES)]}}}") if in_list else (found.name,)
            around = (*inside, (model.file, model.name))
            for rest in _ways(db, part, chosen, entity, around, lists + in_list):
                yield (*head, *rest)


_VARIABLES = "ijklmnopqr"


def _paths(arguments: tuple[syntax.Argument, ...]) -> Iterator[Span]:
    for argument in arguments:
        name = argument.name.text if argument.name is not None else ""
        if name not in ("rename", "split", "concat") or not isinstance(argument.value, syntax.Map):
            continue
        for item in argument.value.settings:
            if name == "concat":
                yield item.key.span
            elif isinstance(item.value, syntax.String):
                yield item.value.span
            else:
                yield from _strings(item.value)


def _strings(node: syntax.Node) -> Iterator[Span]:
    match node:
        case syntax.ListLiteral(items=items):
            yield from (item.span for item in items if isinstance(item, syntax.String))
        case syntax.Map(settings=settings):
            for item in settings:
                if item.key.text == "parts":
                    yield from _strings(item.value)
        case _:
            pass


def _chosen(db: Database, model: Reference, outside: Chosen) -> Chosen:
    node = modules.declaration(db, model.file, model.name)
    generics = node.generics if isinstance(node, syntax.Definition) else ()
    found: Chosen = {}
    for index, (key, value) in enumerate(model.arguments):
        name = key or (generics[index].name.text if index < len(generics) else "")
        found[name] = outside.get(value.name, value) if isinstance(value, GenericModel) else value
    return found


def model_of(value: Value | None, chosen: Chosen) -> Reference | None:
    """The model behind a part, or behind the first of a list of parts."""
    match value:
        case Instance(model=Reference() as model):
            return model
        case Instance(model=GenericModel(name=name)):
            given = chosen.get(name)
            return given if isinstance(given, Reference) else None
        case ListValue(items=(first, *_)):
            return model_of(first, chosen)
        case Sequence(element=element):
            return model_of(element, chosen)
        case _:
            return None
