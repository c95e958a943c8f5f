"""Writing down what was inferred: the type of a `let` or a `var`, the result of a definition."""

from __future__ import annotations

from tenuto_analysis import model
from tenuto_analysis.insight import questions
from tenuto_analysis.types import UNKNOWN, Instance, Reference, Value
from tenuto_grammar import syntax
from tenuto_grammar.text import Span
from tenuto_server.features.action import REWRITE, Action
from tenuto_server.features.selected import Selection, path_to, rewritten
from tenuto_server.features.written import written_types
from tenuto_server.reports import Edit


def write_types(here: Selection) -> list[Action]:
    """The type that is left out of the statement, or of the head, at a place; several where it can be written so."""
    found = _left_out(here)
    if found is None:
        return []
    at, before, value = found
    if value == UNKNOWN or isinstance(value, Instance | Reference):
        return []
    return [
        Action(f"write the type `{text}`", REWRITE, rewritten(here, [Edit(at, at, f"{before}{text}")]))
        for text in written_types(value)
    ]


def _left_out(here: Selection) -> tuple[int, str, Value] | None:
    """Where a type could stand, what precedes it, and what it is."""
    db, file, key = here.workspace.database, here.file, here.declared.key
    defined = questions.surveyed(db, file, key).defined
    path = path_to(here.node, here.span)
    for node in reversed(path):
        match node:
            case syntax.Let(pattern=syntax.Identifier() as name, type=None) | syntax.Var(name=name, type=None):
                if here.span.end <= node.value.span.start and name.span in defined:
                    return name.span.end, ": ", defined[name.span]
                return None
            case syntax.Definition(result=None, body=body) if body is not None and here.span.end <= body.span.start:
                end = _head_end(here, node)
                return (end, " -> ", model.result_type(db, file, key)) if end is not None else None
            case _:
                pass
    return None


def _head_end(here: Selection, node: syntax.Definition) -> int | None:
    """Behind the parenthesis that closes the parameters."""
    since = node.parameters[-1].span.end if node.parameters else node.name.span.end
    if not node.parameters and node.generics:
        since = node.generics[-1].span.end
    closing = here.text.find(")", since)
    between = here.text[since:closing]
    return closing + 1 if closing >= 0 and "#" not in between and Span(since, closing).start <= closing else None
