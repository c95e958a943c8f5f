"""A selected expression becomes a `let` before its statement."""

from __future__ import annotations

from collections.abc import Iterator

from tenuto_analysis.insight import questions
from tenuto_analysis.insight.names import names
from tenuto_analysis.types import Bool, Float, Int, ListValue, OptionalValue, RecordValue, Sequence, Tensor, TupleValue
from tenuto_analysis.types import Value as AnyValue
from tenuto_grammar import syntax
from tenuto_grammar.text import Span
from tenuto_server.features.action import EXTRACT, Action, impossible
from tenuto_server.features.selected import Selection, indentation, path_to, rewritten, unused_name
from tenuto_server.reports import Edit

TITLE = "extract to a `let`"

_VALUES = (Tensor, TupleValue, ListValue, Sequence, RecordValue, OptionalValue, Int, Float, Bool)


def extract_let(here: Selection) -> Iterator[Action]:
    """The expression gets a name; nothing where no whole expression with a value is selected."""
    found = selected_expression(here)
    if found is None or not isinstance(here.node, syntax.Definition):
        return
    node, path, _ = found
    if isinstance(node, syntax.Name) or isinstance(path[-2], syntax.Let):
        return  # It has a name.
    statements = [item for item in path if isinstance(item, syntax.Statement)]
    body = here.node.body
    if not statements and (body is None or body not in path):
        return
    why = _obstacle(here, path, statements)
    if why is not None:
        yield impossible(TITLE, EXTRACT, why)
        return
    name = unused_name(here, node.name.text if isinstance(node, syntax.Attribute) else "value")
    use = Edit(node.span.start, node.span.end, name)
    if statements:
        start = _outermost(path, statements).span.start
        indent = indentation(here.text, start)
        yield Action(
            TITLE, EXTRACT, rewritten(here, [Edit(start, start, f"let {name} = {here.selected}\n{indent}"), use])
        )
    elif body is not None:
        yield Action(TITLE, EXTRACT, rewritten(here, [*_as_block(here, body, f"let {name} = {here.selected}"), use]))


def selected_expression(here: Selection) -> tuple[syntax.Expression, tuple[syntax.Node, ...], AnyValue] | None:
    """The expression that is selected, the nodes around it, and its value; None where there is no such one."""
    if here.span.start == here.span.end:
        return None
    path = path_to(here.node, here.span)
    index = next(
        (i for i, node in enumerate(path) if node.span == here.span and isinstance(node, syntax.Expression)), None
    )
    if index is None:
        return None
    node = path[index]
    assert isinstance(node, syntax.Expression)
    above = path[index - 1]
    if isinstance(above, syntax.Pipe) and above.right is node:
        return None  # It lacks its first argument.
    value = questions.surveyed(here.workspace.database, here.file, here.declared.key).types.get(node.span)
    return (node, path[: index + 1], value) if isinstance(value, _VALUES) else None


def local_clause(statement: syntax.Node) -> bool:
    """Whether a statement has a clause of its own, which governs all that it computes."""
    local = getattr(statement, "local", None)
    return isinstance(local, syntax.Local) and (local.precision is not None or bool(local.target))


def _obstacle(here: Selection, path: tuple[syntax.Node, ...], statements: list[syntax.Statement]) -> str | None:
    """Why the expression must stay where it is."""
    if statements and local_clause(statements[-1]):
        return "the statement has a clause of its own, which would not govern the `let`"
    if statements and isinstance(statements[-1], syntax.While) and statements[-1].body not in path:
        return "the condition is computed again in each step"
    elements = [item.pattern.span for item in path if isinstance(item, syntax.Comprehension)]
    for item in names(here.workspace.database, here.file, here.declared.key).occurrences:
        own = item.entity.key == here.declared.key and any(_in(item.entity.span, span) for span in elements)
        if own and _in(item.span, here.span):
            return f"`{item.entity.name}` is another in each element of the list"
    return None


def _in(inner: Span, outer: Span) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def _outermost(path: tuple[syntax.Node, ...], statements: list[syntax.Statement]) -> syntax.Statement:
    """The statement of a block that the expression belongs to: of `else if`s the first `if`."""
    blocks = [index for index, node in enumerate(path) if isinstance(node, syntax.Block)]
    below = path[blocks[-1] + 1 :] if blocks else path
    return next((node for node in below if isinstance(node, syntax.Statement)), statements[0])


def _as_block(here: Selection, body: syntax.Node, first: str) -> list[Edit]:
    """The edits that make a block of `= body`, with one statement before the `return`."""
    equals = here.text.rfind("=", 0, body.span.start)
    return [
        Edit(equals, body.span.start, f"{{\n  {first}\n  return "),
        Edit(body.span.end, body.span.end, "\n}"),
    ]
