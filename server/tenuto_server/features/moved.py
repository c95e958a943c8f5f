"""What a selection takes out of a body: its text as the body of a function, what it gives, and what stays behind."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import dedent, indent
from typing import NamedTuple

from tenuto_analysis.insight import questions
from tenuto_analysis.insight.entities import Entity, EntityKind, Occurrence, Role
from tenuto_analysis.insight.names import names
from tenuto_analysis.insight.survey import Survey
from tenuto_analysis.types import ListValue, OptionalValue, RecordValue, Sequence, Tensor, TupleValue, Value
from tenuto_grammar import syntax
from tenuto_grammar.text import Span
from tenuto_server.features.extract_let import local_clause, selected_expression
from tenuto_server.features.selected import Selection, indentation, path_to


class Moved(NamedTuple):
    """What moves. `call` is what stands in its place, with `{}` where the call goes.

    `changed` are the variables from outside that it assigns.
    """

    span: Span
    body: str
    results: tuple[Value, ...]
    call: str
    changed: tuple[Entity, ...] = ()


class Stays(NamedTuple):
    """Why what is selected cannot move."""

    why: str


def moved_expression(here: Selection) -> Moved | Stays | None:
    """The expression that is selected; None where there is no such one, or nothing in it to compute."""
    found = selected_expression(here)
    if found is None or isinstance(found[0], syntax.Name) or not _is_computed(found[2]):
        return None
    node, path, value = found
    statement = next((item for item in reversed(path) if isinstance(item, syntax.Statement)), None)
    if statement is not None and local_clause(statement):
        return Stays("the statement has a clause of its own, which would not govern the `fn`")
    return Moved(node.span, f" = {here.selected}", (value,), "{}")


def moved_statements(here: Selection) -> Moved | Stays | None:
    """The statements of one block that are selected; None where the selection is none such."""
    path = path_to(here.node, here.span)
    block = next((node for node in reversed(path) if isinstance(node, syntax.Block)), None)
    if block is None or here.span.start == here.span.end:
        return None
    chosen = [node for node in block.statements if here.span.start < node.span.end and node.span.start < here.span.end]
    if not chosen or (chosen[0].span.start, chosen[-1].span.end) != here.span:
        return None
    match chosen:
        case [syntax.Let(pattern=syntax.Identifier(), type=None) as only] if not local_clause(only):
            return moved_expression(here._replace(span=only.value.span))  # Its name stays.
        case _:
            pass
    inner = [node for statement in chosen for node in _all(statement)]
    if any(isinstance(node, syntax.Sub | syntax.Param) for node in inner):
        return Stays("a `fn` owns no parts and no weights")
    if any(isinstance(node, syntax.Collect) for node in chosen):
        return Stays("a `collect` stays in its loop")
    if any(isinstance(node, syntax.Broken) for node in inner):
        return Stays("it has a mistake in its syntax")
    text = dedent(indentation(here.text, here.span.start) + here.selected)
    returns = [node for node in inner if isinstance(node, syntax.Return)]
    if not returns:
        return _with_results(here, text)
    if returns != [chosen[-1]]:
        return Stays("there is a `return` inside")
    value = _survey(here).types.get(returns[0].value.span)
    if value is None:
        return Stays("the type of what it returns is not known")
    changed = tuple(_changed(here))
    return Moved(here.span, _block(_assignable(changed, text)), (value,), "return {}", changed)


def _with_results(here: Selection, text: str) -> Moved | Stays:
    """Statements whose new values are used after them."""
    changed = list(_changed(here))
    defined = [
        item.entity
        for item in _occurrences(here)
        if item.role is Role.DEFINITION
        and within(item.span, here.span)
        and item.entity.kind in (EntityKind.LOCAL, EntityKind.VARIABLE)
    ]
    given = [entity for entity in (*changed, *defined) if _used_afterwards(here, entity)]
    if not given:
        return Stays("nothing of it is used afterwards")
    call = _call_for(here, given, changed)
    if call is None:
        return Stays("it changes a variable and gives other names besides")
    results: list[Value] = []
    for entity in given:
        value = _value_after(here, entity)
        if value is None:
            return Stays(f"the type of `{entity.name}` is not known")
        results.append(value)
    listed = ", ".join(entity.name for entity in given)
    text = f"{_assignable(changed, text)}\nreturn {f'({listed})' if len(given) > 1 else listed}"
    return Moved(here.span, _block(text), tuple(results), call, tuple(changed))


def _changed(here: Selection) -> Iterator[Entity]:
    """The variables from outside that are assigned."""
    found = (item for item in _occurrences(here) if item.role is Role.WRITE and within(item.span, here.span))
    yield from dict.fromkeys(item.entity for item in found if not within(item.entity.span, here.span))


def _used_afterwards(here: Selection, entity: Entity) -> bool:
    """Whether something reads it after the statements, in this step of a loop or in the next."""
    loops = [node.span for node in path_to(here.node, here.span) if isinstance(node, syntax.For | syntax.While)]
    repeated = next((span for span in loops if not within(entity.span, span)), None)
    return any(
        item.role is not Role.DEFINITION
        and item.entity == entity
        and (item.span.start >= here.span.end or (repeated is not None and within(item.span, repeated)))
        for item in _occurrences(here)
    )


def _call_for(here: Selection, given: list[Entity], changed: list[Entity]) -> str | None:
    """The statement that takes the results; None where one statement cannot."""
    listed = ", ".join(entity.name for entity in given)
    if all(entity in changed for entity in given):
        return f"{listed} = {{}}"
    later = {item.entity for item in _occurrences(here) if item.role is Role.WRITE and item.span.start >= here.span.end}
    if len(given) == 1:
        return f"{'var' if given[0] in later else 'let'} {listed} = {{}}"
    return None if any(entity in changed or entity in later for entity in given) else f"let ({listed}) = {{}}"


def _assignable(changed: list[Entity] | tuple[Entity, ...], text: str) -> str:
    """A parameter cannot be assigned: what changes begins as a variable of its name."""
    return "".join(f"var {entity.name} = {entity.name}\n" for entity in changed) + text


def _value_after(here: Selection, entity: Entity) -> Value | None:
    """What a name stands for after the statements: what was assigned to it last, else what it was defined as."""
    writes = [item.span for item in _occurrences(here) if item.entity == entity and within(item.span, here.span)]
    path = path_to(here.node, writes[-1]) if writes else ()
    last = next((node for node in reversed(path) if isinstance(node, syntax.Assign)), None)
    if last is not None and len(last.names) == 1:
        return _survey(here).types.get(last.value.span)
    return _survey(here).defined.get(entity.span)


def _is_computed(value: Value) -> bool:
    """Whether something of a value is computed when the program runs."""
    match value:
        case Tensor():
            return True
        case TupleValue(items=items) | ListValue(items=items):
            return any(map(_is_computed, items))
        case OptionalValue(inner=inner) | Sequence(element=inner):
            return _is_computed(inner)
        case RecordValue(fields=fields):
            return any(_is_computed(item) for _, item in fields)
        case _:
            return False


def within(inner: Span, outer: Span) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def _occurrences(here: Selection) -> Iterator[Occurrence]:
    """The mentions of what the declaration itself binds."""
    found = names(here.workspace.database, here.file, here.declared.key).occurrences
    return (item for item in found if (item.entity.file, item.entity.key) == (here.file, here.declared.key))


def _survey(here: Selection) -> Survey:
    return questions.surveyed(here.workspace.database, here.file, here.declared.key)


def _block(text: str) -> str:
    return f" {{\n{indent(text, '  ')}\n}}"


def _all(node: syntax.Node) -> Iterator[syntax.Node]:
    yield node
    for child in syntax.children(node):
        yield from _all(child)
