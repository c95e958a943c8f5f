"""A `let` goes away: what it names stands where its name was used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tenuto_analysis.insight import questions
from tenuto_analysis.insight.entities import Entity, EntityKind, Occurrence, Role
from tenuto_analysis.insight.names import names
from tenuto_grammar import syntax
from tenuto_grammar.text import Span
from tenuto_server.features.action import INLINE, Action, impossible
from tenuto_server.features.extract_let import local_clause
from tenuto_server.features.selected import Selection, path_to, rewritten
from tenuto_server.reports import Edit

# What needs no parentheses wherever a name may stand.
_ATOMS = (
    *(syntax.Name, syntax.Integer, syntax.Float, syntax.String, syntax.Boolean, syntax.NoneLiteral, syntax.Tuple),
    *(syntax.Parenthesized, syntax.ListLiteral, syntax.Comprehension, syntax.Call, syntax.Subscript, syntax.Attribute),
    *(syntax.Element, syntax.Map),
)
# What may bind tighter than an expression that stands in it.
_TAKES_APART = (
    *(syntax.Unary, syntax.Binary, syntax.Compare, syntax.Cast, syntax.Pipe, syntax.Conditional),
    *(syntax.Call, syntax.Subscript, syntax.Attribute, syntax.Element),
)


class _Let(NamedTuple):
    node: syntax.Let
    block: syntax.Block
    entity: Entity
    uses: list[Span]


def inline(here: Selection) -> Iterator[Action]:
    """The `let` whose name stands at a place, with all its uses."""
    found = _let(here)
    if found is None or not found.uses:
        return
    title = f"inline `{found.entity.name}`"
    why = _obstacle(here, found)
    if why is not None:
        yield impossible(title, INLINE, why)
        return
    value = found.node.value
    text = here.text[slice(*value.span)]
    gone = _line_of(here.text, found.node.span)
    uses = [Edit(span.start, span.end, f"({text})" if _binds(here, value, span) else text) for span in found.uses]
    yield Action(title, INLINE, rewritten(here, [Edit(gone.start, gone.end, ""), *uses]))


def _let(here: Selection) -> _Let | None:
    """The `let` that is meant, by its name or by a use of it."""
    db, file, key = here.workspace.database, here.file, here.declared.key
    mention = questions.mention_at(db, file, here.declared.start + here.span.start)
    if mention is None or mention.entity.kind is not EntityKind.LOCAL or mention.entity.key != key:
        return None
    if here.declared.start + here.span.end > mention.span.end:
        return None
    entity = mention.entity
    path = path_to(here.node, entity.span)
    node = next((item for item in reversed(path) if isinstance(item, syntax.Let)), None)
    block = next((item for item in reversed(path) if isinstance(item, syntax.Block)), None)
    if node is None or block is None or not isinstance(node.pattern, syntax.Identifier):
        return None
    uses = [item.span for item in names(db, file, key).occurrences if item.entity == entity and item.role is Role.READ]
    return _Let(node, block, entity, uses)


def _obstacle(here: Selection, let: _Let) -> str | None:
    """Why the value cannot stand where its name does."""
    if local_clause(let.node):
        return "the `let` has a clause of its own, which would not govern what stands in its place"
    if let.node.type is not None:
        return "the `let` has a type, which would be lost"
    if "#" in here.text[let.node.span.start : let.node.span.end]:
        return "there is a comment in the `let`"
    found = names(here.workspace.database, here.file, here.declared.key)
    value = let.node.value.span
    needed = [item for item in found.occurrences if value.start <= item.span.start and item.span.end <= value.end]
    outside = [item for item in needed if not _inside(item.entity, here.declared.key, value)]
    changed = _changed(let, found.occurrences, {item.entity for item in outside})
    if changed is not None:
        return f"`{changed.name}` changes before the last use"
    for use in let.uses:
        visible = {
            item.entity.name: item.entity
            for item in sorted(found.visible, key=lambda item: item.span.start)
            if item.span.start <= use.start and use.end <= item.span.end
        }
        for item in outside:
            name = here.text[slice(*item.span)]
            local = item.entity.key == here.declared.key
            if visible.get(name, item.entity) != item.entity and (local or name in visible):
                return f"`{name}` means something else where it is used"
    return None


def _binds(here: Selection, value: syntax.Expression, use: Span) -> bool:
    """Whether what stands around a use would take the value apart."""
    *_, above, _ = path_to(here.node, use)
    return not isinstance(value, _ATOMS) and isinstance(above, _TAKES_APART)


def _inside(entity: Entity, key: str, span: Span) -> bool:
    """Whether the value itself binds a name, as a comprehension does."""
    return entity.key == key and span.start <= entity.span.start and entity.span.end <= span.end


def _changed(let: _Let, occurrences: tuple[Occurrence, ...], needed: set[Entity]) -> Entity | None:
    """A variable that the value reads and that is assigned before the last use, in the order of the steps."""
    last = max(span.end for span in let.uses)
    statement = next((item for item in let.block.statements if item.span.start < last <= item.span.end), None)
    if statement is None:
        return None
    end = statement.value.span.end if isinstance(statement, syntax.Assign) else statement.span.end
    start = let.node.span.end
    for item in occurrences:
        if item.role is Role.WRITE and item.entity in needed and start <= item.span.start < end:
            of_last = isinstance(statement, syntax.Assign) and item.span.start >= statement.span.start
            if not of_last:
                return item.entity
    return None


def _line_of(text: str, span: Span) -> Span:
    """The lines of a statement, where it has them for itself."""
    start = text.rfind("\n", 0, span.start) + 1
    end = text.find("\n", span.end)
    alone = not text[start : span.start].strip() and end >= 0 and not text[span.end : end].strip()
    return Span(start, end + 1) if alone else span
