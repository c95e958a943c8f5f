"""Small changes of form: a body as an expression or as a block, arguments by position or by name."""

from __future__ import annotations

from collections.abc import Iterator

from tenuto_analysis.insight import questions
from tenuto_grammar import syntax
from tenuto_server.features.action import REWRITE, Action
from tenuto_server.features.extract_let import local_clause
from tenuto_server.features.selected import Selection, path_to, rewritten
from tenuto_server.reports import Edit


def change_body(here: Selection) -> Iterator[Action]:
    """At the name of a definition: `= expression` becomes a block with a `return`, and the other way round."""
    node = here.node
    if not isinstance(node, syntax.Definition) or not _touches(node.name, here):
        return
    match node.body:
        case syntax.Block(statements=(syntax.Return() as only,), span=span):
            if not local_clause(only) and "#" not in here.text[slice(*span)]:
                value = here.text[slice(*only.value.span)]
                yield Action("write the body as an expression", REWRITE, rewritten(here, [Edit(*span, f"= {value}")]))
        case syntax.Block() | None:
            pass
        case body:
            equals = here.text.rfind("=", 0, body.span.start)
            block = f"{{\n  return {here.text[slice(*body.span)]}\n}}"
            yield Action("write the body as a block", REWRITE, rewritten(here, [Edit(equals, body.span.end, block)]))


def name_arguments(here: Selection) -> Iterator[Action]:
    """At an argument that is given by its position: its name, and the names of those behind it."""
    path = path_to(here.node, here.span)
    index = next((i for i, node in reversed([*enumerate(path)]) if isinstance(node, syntax.Argument)), None)
    call = path[index - 1] if index else None
    if index is None or not isinstance(call, syntax.Call) or path[index + 2 :]:
        return
    first = call.arguments.index(path[index])
    survey = questions.surveyed(here.workspace.database, here.file, here.declared.key)
    pipe = next((node for node in path if isinstance(node, syntax.Pipe) and node.right is call), None)
    resolved = survey.calls.get(pipe.span if pipe is not None else call.span) or survey.calls.get(call.span)
    if resolved is None:
        return
    names = {place: name for name, _, place, parts in resolved.arguments if place is not None and not parts}
    edits: list[Edit] = []
    for argument in call.arguments[first:]:
        if argument.name is None:
            name = names.get(argument.value.span)
            if name is None:
                return
            edits.append(Edit(argument.span.start, argument.span.start, f"{name} = "))
    if edits:
        names_told = ", ".join(f"`{edit.text.removesuffix(' = ')}`" for edit in edits)
        yield Action(f"name the argument{'s' if len(edits) > 1 else ''} {names_told}", REWRITE, rewritten(here, edits))


def _touches(node: syntax.Node, here: Selection) -> bool:
    return node.span.start <= here.span.start and here.span.end <= node.span.end
