"""What is known of the name or expression at a place, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tenuto_analysis import modules
from tenuto_analysis.check import queries
from tenuto_analysis.check.recorder import Resolved
from tenuto_analysis.database import Database
from tenuto_analysis.dims import Constraint, Leaf, leaves_of_constraint, render
from tenuto_analysis.insight import questions
from tenuto_analysis.insight.entities import DECLARATIONS, Entity, EntityKind
from tenuto_analysis.insight.pattern_axes import pattern_axes
from tenuto_analysis.insight.questions import Declared, Mention
from tenuto_analysis.insight.trees import path_to
from tenuto_analysis.insight.weight_count import weight_count
from tenuto_analysis.shapes import Known
from tenuto_analysis.types import UNKNOWN, Float, Instance, RecordValue, Reference, Value, shape_text
from tenuto_grammar import syntax
from tenuto_grammar.chunks import split
from tenuto_grammar.lexer import tokenize
from tenuto_grammar.parse import file_doc
from tenuto_grammar.text import Span
from tenuto_server.features.costs import deploy_costs, model_costs
from tenuto_server.features.describe import (
    declared_source,
    documentation,
    fenced,
    module_path,
    named,
    place_name,
    sizes_in,
)
from tenuto_server.features.precision import precision
from tenuto_server.features.ranges import ranges
from tenuto_server.features.words import KEYWORDS, explained
from tenuto_server.workspace import Workspace

_MOST_FACTS = 8


class Hover(NamedTuple):
    """Markdown, and the stretch of the file that it is about."""

    span: Span
    markdown: str


def hover(workspace: Workspace, file: str, offset: int) -> Hover | None:
    """None where nothing stands that can be told of."""
    workspace.load(file)
    db = workspace.database
    inside = questions.declaration_at(db, file, offset)
    if inside is None:
        return None
    mention = questions.mention_at(db, file, offset)
    keyword = _keyword(db, file, inside, offset)
    if keyword is not None and (mention is None or not mention.span.start <= keyword.span.start < mention.span.end):
        return keyword
    if mention is not None:
        parts = [part for part in _mention(db, file, inside, mention) if part]
        return Hover(mention.span, "\n\n".join(parts)) if parts else None
    return _expression(db, file, inside, offset)


# ------------------------------------------------------------------------------------------------------------ keywords


def _keyword(db: Database, file: str, inside: Declared, offset: int) -> Hover | None:
    """A keyword; a word that may be a name is one only where no name is meant."""
    text = modules.chunk_text(db, (file, inside.key)) or ""
    at = offset - inside.start
    span = next((Span(*span) for span in tokenize(text).spans if span[0] <= at < span[1]), None)
    words = KEYWORDS.get(text[slice(*span)]) if span is not None else None
    if span is None or words is None or (span.start > 0 and text[span.start - 1] == "."):
        return None
    return Hover(span.shifted(inside.start), words)


# --------------------------------------------------------------------------------------------------------------- names


def _mention(db: Database, file: str, inside: Declared, mention: Mention) -> Iterator[str]:
    entity = mention.entity
    span = mention.span.shifted(-inside.start)
    if entity.kind in DECLARATIONS:
        yield fenced(declared_source(db, entity.file, entity.key))
        yield documentation(db, entity) or ""
        yield from _constraints(db, entity)
        yield from _call(db, file, inside, span)
        yield f"Declared in {place_name(db, entity)}."
    elif entity.kind is EntityKind.MODULE:
        yield fenced(f"import {module_path(db, entity.file)}")
        yield file_doc(split(modules.file_text(db, entity.file) or "")) or ""
    elif not entity.file:
        words = explained(entity.kind, entity.name)
        yield f"`{entity.name}`" if words is None else f"`{entity.name}`: {words}"
    else:
        yield from _own_name(db, file, inside, mention)


def _own_name(db: Database, file: str, inside: Declared, mention: Mention) -> Iterator[str]:
    """A name that a declaration binds: a parameter, a size, a local name, a field, a part, a weight."""
    entity = mention.entity
    known = _known(db, file, mention.span.start)
    if entity.kind is EntityKind.AXIS:
        call = _call_round(db, file, inside, mention.span.start - inside.start)
        sizes = pattern_axes(call, known) if call is not None else {}
        size = sizes.get(entity.name)
        yield fenced(entity.name if size is None else f"{entity.name} = {shape_text(size)}")
        yield "An axis of the pattern."
        return
    here = questions.surveyed(db, file, inside.key).types
    span = mention.span.shifted(-inside.start)
    value = _value_at(inside.node, here, span) or questions.value_of(db, entity)
    if value == UNKNOWN:
        value = None  # A mistake hides it.
    source = _source(db, entity)
    yield fenced(source if source is not None else named(entity.kind, entity.name, value))
    if entity.kind is EntityKind.SIZE:
        yield f"A size of each call of `{entity.key}`."
    elif entity.kind in (EntityKind.FIELD, EntityKind.PART, EntityKind.WEIGHT, EntityKind.PARAMETER):
        yield f"Of `{entity.key}`." if (entity.file, entity.key) != (file, inside.key) else ""
    if entity.kind is EntityKind.FIELD and value is not None and entity.key != inside.key:
        yield f"Here: `{value}`"
    if value is not None:
        yield _facts(known, value)
    yield from precision(db, file, inside, mention.span.start)
    yield from ranges(db, file, inside, mention.span.start)
    yield from _part(db, file, inside, span, value)


def _source(db: Database, entity: Entity) -> str | None:
    """A field or a generic as it is written."""
    if entity.kind not in (EntityKind.FIELD, EntityKind.GENERIC):
        return None
    node = modules.declaration(db, entity.file, entity.key)
    text = modules.chunk_text(db, (entity.file, entity.key)) or ""
    match node:
        case syntax.Record(fields=fields):
            items: tuple[syntax.Field | syntax.Generic, ...] = (*fields, *node.generics)
        case syntax.Definition(generics=generics) | syntax.TypeAlias(generics=generics):
            items = generics
        case _:
            return None
    written = next((text[slice(*item.span)] for item in items if item.name.span == entity.span), None)
    return f"{written}: dim" if written == entity.name else written


def _value_at(root: syntax.Node | None, types: Mapping[Span, Value], span: Span) -> Value | None:
    """What was inferred where a name stands: its own type, or that of the field which it ends."""
    for node in reversed(path_to(root, span.start) if root is not None else ()):
        if isinstance(node, syntax.Name) or (isinstance(node, syntax.Attribute) and node.name.span == span):
            return types.get(node.span)
    return None


def _part(db: Database, file: str, inside: Declared, span: Span, value: Value | None) -> Iterator[str]:
    """A part of a model: what it takes and gives, and what a call of it was solved to."""
    match value:
        case Instance(model=Reference() as model):
            entity = Entity(EntityKind.MODEL, model.name, model.file, model.name)
            yield fenced(declared_source(db, model.file, model.name))
            yield documentation(db, entity) or ""
            yield from _call(db, file, inside, span)
        case _:
            pass


# --------------------------------------------------------------------------------------------------------- declarations


def _constraints(db: Database, entity: Entity) -> Iterator[str]:
    """All that a definition asks of its callers, what it gives where that is not written, and its weights."""
    node = modules.declaration(db, entity.file, entity.key)
    if isinstance(node, syntax.Deploy):
        yield from _deploy(db, entity, node)
    signature = queries.signature(db, entity.file, entity.key)
    if not isinstance(node, syntax.Definition) or signature is None:
        return
    written = {item.span for item in node.clauses.where}
    lines = [
        f"- `{item.text}`" + ("" if item.span in written else ", which the sizes imply")
        for item in signature.requirements
    ]
    if any(item.span not in written for item in signature.requirements):  # The head shows those that are written.
        yield "Needs:\n" + "\n".join(lines)
    if signature.promises:
        yield "Promises:\n" + "\n".join(f"- `{render(item)}`" for item in signature.promises)
    if node.result is None:
        yield f"Gives `{queries.result_of(db, entity.file, entity.key)}`, as its body tells."
    if signature.is_model:
        count = weight_count(db, entity.file, entity.key)
        if count is not None:
            yield f"Parameters: `{count}`" if count.constant is None else f"Parameters: {count.constant:,}"
        yield from model_costs(db, entity.file, entity.key)


def _deploy(db: Database, entity: Entity, node: syntax.Deploy) -> Iterator[str]:
    text = modules.chunk_text(db, (entity.file, entity.key)) or ""
    sizes = next((item.value for item in node.settings.settings if item.key.text == "dims"), None)
    if isinstance(sizes, syntax.Map) and sizes.settings:
        yield "Sizes:\n" + "\n".join(f"- `{text[slice(*item.span)]}`" for item in sizes.settings)
    yield from deploy_costs(db, entity.file, entity.key)


# --------------------------------------------------------------------------------------------------------------- calls


def _call(db: Database, file: str, inside: Declared, callee: Span) -> Iterator[str]:
    """What the names of a callee were solved to, where a call of it stands at the mention."""
    call = _call_of(db, file, inside, callee)
    if call is None:
        return
    generics = {item.name for item in call.signature.generics}
    taken = {item.name for item in call.signature.parameters}
    solved = {name: value for name, value in call.values.items() if name in generics or name not in taken}
    lines = [f"- `{name} = {value}`" for name, value in solved.items() if _is_told(name, value)]
    lines.append(f"- gives `{call.result}`")
    yield "Here:\n" + "\n".join(lines)


def _is_told(name: str, value: Value) -> bool:
    """Whether a value says more than its name and its kind."""
    return str(value) != name and not isinstance(value, RecordValue) and value != Float(None)


def _call_of(db: Database, file: str, inside: Declared, callee: Span) -> Resolved | None:
    """The call whose callee is named at a place."""
    if inside.node is None:
        return None
    calls = questions.surveyed(db, file, inside.key).calls
    path = path_to(inside.node, callee.start)
    for node in reversed(path):
        match node:
            case syntax.Call(callee=called) if called.span.start <= callee.start < called.span.end:
                return calls.get(node.span)
            case syntax.Pipe(right=right) if right.span.start <= callee.start < right.span.end:
                return calls.get(right.span)
            case syntax.Call() | syntax.Pipe():
                return None
            case _:
                pass
    return None


def _call_round(db: Database, file: str, inside: Declared, at: int) -> Resolved | None:
    """The innermost call that a place is in the arguments of."""
    if inside.node is None:
        return None
    calls = questions.surveyed(db, file, inside.key).calls
    for node in reversed(path_to(inside.node, at)):
        if isinstance(node, syntax.Call):
            return calls.get(node.span)
    return None


# ---------------------------------------------------------------------------------------------------------- expressions


def _expression(db: Database, file: str, inside: Declared, offset: int) -> Hover | None:
    if inside.node is None:
        return None
    at = offset - inside.start
    types = questions.surveyed(db, file, inside.key).types
    for node in reversed(path_to(inside.node, at)):
        match node:
            case syntax.String():
                return _pattern(db, file, inside, node)
            case syntax.Integer() | syntax.Float() | syntax.Boolean() | syntax.NoneLiteral():
                return None
            case _ if node.span in types and node.span.start <= at < node.span.end:
                value = types[node.span]
                parts = [fenced(str(value)), _facts(_known(db, file, offset), value)]
                parts += precision(db, file, inside, offset)
                parts += ranges(db, file, inside, offset)
                return Hover(node.span.shifted(inside.start), "\n\n".join(part for part in parts if part))
            case _:
                pass
    return None


def _pattern(db: Database, file: str, inside: Declared, node: syntax.String) -> Hover | None:
    """A pattern literal: each of its axes with its size."""
    call = _call_round(db, file, inside, node.span.start)
    if call is None or not any(span == node.span for _, _, span, _ in call.arguments):
        return None
    axes = pattern_axes(call, _known(db, file, node.span.start + inside.start))
    if not axes:
        return None
    lines = [f"- `{name}` is `{shape_text(shape)}`" for name, shape in axes.items()]
    markdown = "\n".join([*lines, "", f"The result is `{call.result}`."])
    return Hover(node.span.shifted(inside.start), markdown)


def _known(db: Database, file: str, offset: int) -> Known:
    return questions.known_at(db, file, offset) or Known()


def _facts(known: Known, value: Value) -> str:
    """What is known of the sizes that a value mentions."""
    sizes = [leaf for leaf in sizes_in(value) if isinstance(leaf, Leaf)]
    facts = [f"`{render(fact)}`" for fact in questions.facts_about(known, sizes) if _has_names(fact, sizes)]
    shown = facts[:_MOST_FACTS] + (["..."] if len(facts) > _MOST_FACTS else [])
    return f"Known here: {', '.join(shown)}" if shown else ""


def _has_names(fact: Constraint, sizes: list[Leaf]) -> bool:
    """Whether a fact can be read: the index of a loop has no name where the value does not mention it."""
    return all(leaf in sizes or "#" not in str(getattr(leaf, "owner", "")) for leaf in leaves_of_constraint(fact))
