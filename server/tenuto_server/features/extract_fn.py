"""A selected expression, or selected statements, become a `fn` of their own with a call in their place.

The parameters are the names that are used inside and bound outside; their types, the generics and the result are what
the checker inferred. A first attempt promises nothing: facts that are known at the place are added to `where` only if
the new definition does not check without them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

from tenuto_analysis.dims import Dim, Leaf, Symbol, leaves_of_constraint, render
from tenuto_analysis.insight import questions
from tenuto_analysis.insight.entities import Entity, EntityKind
from tenuto_analysis.insight.names import names
from tenuto_analysis.types import PackVariable, Tensor, TupleValue, Value
from tenuto_grammar import syntax
from tenuto_grammar.text import Span
from tenuto_server.features.action import EXTRACT, Action, impossible
from tenuto_server.features.moved import Moved, Stays, moved_expression, moved_statements, within
from tenuto_server.features.selected import Selection, harmless, rewritten, unused_name
from tenuto_server.features.written import sizes_in, written_types
from tenuto_server.reports import Edit

TITLE = "extract to a `fn`"

_TAKEN = (EntityKind.LOCAL, EntityKind.VARIABLE, EntityKind.INDEX, EntityKind.PARAMETER, EntityKind.WEIGHT)


class _Taken(NamedTuple):
    """A name that the new function takes; `types` are ways to write its type."""

    name: str
    value: Value
    types: tuple[str, ...]


class _Head(NamedTuple):
    """The parts of the new definition; a generic as it is declared, and as the call gives it."""

    name: str
    generics: tuple[tuple[str, str], ...]
    taken: tuple[_Taken, ...]
    results: tuple[str, ...]
    facts: tuple[str, ...]
    precision: str


def extract_fn(here: Selection) -> Iterator[Action]:
    """The form that checks as before; a reason where there is none, and nothing where nothing is selected."""
    if not isinstance(here.node, syntax.Definition) or here.node.body is None:
        return
    moved = moved_expression(here) or moved_statements(here)
    if moved is None:
        return
    head = _head(here, here.node, moved) if isinstance(moved, Moved) else moved
    if isinstance(moved, Stays) or isinstance(head, Stays):
        yield impossible(TITLE, EXTRACT, head.why if isinstance(head, Stays) else "")
        return
    edits = _sound(here, head, moved)
    if edits is None:
        yield impossible(TITLE, EXTRACT, "what is selected does not check outside of its definition")
    else:
        yield Action(TITLE, EXTRACT, edits)


def _sound(here: Selection, head: _Head, moved: Moved) -> tuple[Edit, ...] | None:
    """The first form that checks as before, with no more facts than it takes."""
    for way, result, facts in product((0, -1), (*head.results, ""), dict.fromkeys(((), head.facts))):
        edits = _edits(here, head, moved, way, result, facts)
        if harmless(here.workspace, here.file, edits):
            break
    else:
        return None
    for fact in facts:
        fewer = tuple(item for item in facts if item != fact)
        tried = _edits(here, head, moved, way, result, fewer)
        if harmless(here.workspace, here.file, tried):
            facts, edits = fewer, tried
    return edits


def _edits(
    here: Selection, head: _Head, moved: Moved, way: int, result: str, facts: tuple[str, ...]
) -> tuple[Edit, ...]:
    generics = f"[{', '.join(declared for declared, _ in head.generics)}]" if head.generics else ""
    parameters = ", ".join(f"{taken.name}: {taken.types[way]}" for taken in head.taken)
    clauses = f" where {', '.join(facts)}" if facts else ""
    clauses += f" precision {head.precision}" if head.precision else ""
    arrow = f" -> {result}" if result else ""
    below = f"fn {head.name}{generics}({parameters}){arrow}{clauses}{moved.body}"
    given = f"[{', '.join(given for _, given in head.generics)}]" if head.generics else ""
    call = f"{head.name}{given}({', '.join(taken.name for taken in head.taken)})"
    return rewritten(here, [Edit(*moved.span, moved.call.replace("{}", call))], below)


def _head(here: Selection, node: syntax.Definition, moved: Moved) -> _Head | Stays:
    """All that the new definition needs to know of its surroundings."""
    needed = _needed(here, moved)
    taken: list[_Taken] = []
    for entity in sorted(needed, key=lambda entity: entity.span):
        if entity.kind is EntityKind.PART:
            return Stays(f"`{entity.name}` is a part of the model, and a `fn` has no parts")
        if entity.kind in _TAKEN:
            value = _value_before(here, entity, moved.span)
            types = _parameter_types(value) if value is not None else ()
            if value is None or not types:
                return Stays(f"the type of `{entity.name}` cannot be written")
            taken.append(_Taken(entity.name, value, types))
    named = {entity.name for entity in needed if entity.kind not in _TAKEN}
    for value in (*(item.value for item in taken), *moved.results):
        named |= set(_named_in(value))
    told = {name for item in taken for name in _told_by(item.value)}
    known = questions.known_at(here.workspace.database, here.file, here.declared.start + moved.span.start)
    facts = known.facts.known if known is not None else ()
    policy = node.clauses.precision
    result = moved.results[0] if len(moved.results) == 1 else TupleValue(moved.results)
    return _Head(
        unused_name(here, "extracted"),
        tuple(_generics(here, node, named, told)),
        tuple(taken),
        written_types(result),
        tuple(render(fact) for fact in facts if {_root(leaf) for leaf in leaves_of_constraint(fact)} <= named),
        here.text[slice(*policy.span)] if policy is not None else "",
    )


def _needed(here: Selection, moved: Moved) -> list[Entity]:
    """What the declaration binds outside of what moves, and what moves mentions."""
    found = [
        item.entity
        for item in names(here.workspace.database, here.file, here.declared.key).occurrences
        if within(item.span, moved.span) and (item.entity.file, item.entity.key) == (here.file, here.declared.key)
    ]
    return [entity for entity in dict.fromkeys((*found, *moved.changed)) if not within(entity.span, moved.span)]


def _value_before(here: Selection, entity: Entity, span: Span) -> Value | None:
    """What a name stands for where it is first read: a variable may have changed since it was declared."""
    db, file, key = here.workspace.database, here.file, here.declared.key
    survey = questions.surveyed(db, file, key)
    reads = (it.span for it in names(db, file, key).occurrences if it.entity == entity and within(it.span, span))
    return next((survey.types[read] for read in reads if read in survey.types), survey.defined.get(entity.span))


def _parameter_types(value: Value) -> tuple[str, ...]:
    """A size that is known only at run time has its name already."""
    match value:
        case Tensor(dtype=dtype, shape=shape):
            return (str(value), str(Tensor(dtype, shape)))
        case _:
            return written_types(value)


def _generics(here: Selection, node: syntax.Definition, named: set[str], told: set[str]) -> Iterator[tuple[str, str]]:
    """What the arguments do not tell: the generics of the definition in their order, then sizes."""
    for generic in node.generics:
        name = generic.name.text
        if name in named and not generic.pack and (generic.type is not None or name not in told):
            yield here.text[slice(*generic.span)], name
    declared = {generic.name.text for generic in node.generics}
    sizes = {name for name in named - told - declared if _is_size(here, name)}
    yield from ((name, name) for name in sorted(sizes))


def _is_size(here: Selection, name: str) -> bool:
    found = names(here.workspace.database, here.file, here.declared.key).occurrences
    return any(item.entity.name == name and item.entity.kind is EntityKind.SIZE for item in found)


def _named_in(value: Value) -> Iterator[str]:
    """The names that a type mentions: sizes, packs, records, dtypes."""
    yield from map(_root, sizes_in(value))
    match value:
        case Tensor(dtype=dtype, shape=shape):
            yield str(dtype)
            yield from (item.name for item in shape if isinstance(item, PackVariable))
        case TupleValue(items=items):
            for item in items:
                yield from _named_in(item)
        case _:
            pass


def _told_by(value: Value) -> Iterator[str]:
    """The names that an argument of this type tells: those that are an axis of it, and packs."""
    match value:
        case Tensor(shape=shape):
            for item in shape:
                if isinstance(item, PackVariable):
                    yield item.name
                elif isinstance(item, Dim):
                    yield str(item)
        case TupleValue(items=items):
            for inner in items:
                yield from _told_by(inner)
        case _:
            pass


def _root(leaf: Leaf) -> str:
    """`c` of `c.widths[2]`."""
    return str(leaf).split(".")[0].split("[")[0] if not isinstance(leaf, Symbol) else leaf.name.split(".")[0]
