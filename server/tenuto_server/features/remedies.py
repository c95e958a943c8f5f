"""What mends a finding and takes more than its own declaration's words: offered where the findings become fewer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from tenuto_analysis.diagnostics.calls import ModelNeedsSub
from tenuto_analysis.diagnostics.names import UnboundSize
from tenuto_grammar import syntax
from tenuto_grammar.text import Span
from tenuto_server.features.action import QUICK_FIX, Action
from tenuto_server.features.selected import Selection, indentation, path_to, rewritten, selection, unused_name
from tenuto_server.mending import applied, badness
from tenuto_server.reports import Edit, Report
from tenuto_server.workspace import Workspace

_NEW_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def remedies(workspace: Workspace, file: str, report: Report) -> Iterator[Action]:
    """What a finding's own fixes do not offer."""
    remedy = _REMEDIES.get(report.rule)
    here = selection(workspace, file, Span(report.start, report.end)) if remedy is not None else None
    found = remedy(here) if remedy is not None and here is not None else None
    if found is None or here is None:
        return
    title, edits = found
    changes = rewritten(here, edits)
    before = badness(workspace.reports(file))
    with workspace.trying(file, applied(workspace.text(file), changes)):
        after = badness(workspace.reports(file))
    if after < before:
        yield Action(title, QUICK_FIX, changes, (report,))


def _part(here: Selection) -> tuple[str, list[Edit]] | None:
    """A model that is called where it stands becomes a `sub`."""
    path = path_to(here.node, here.span)
    node = next((item for item in path if item.span == here.span and isinstance(item, syntax.Expression)), None)
    if isinstance(node, syntax.Call):
        node = node.callee
    body = here.node.body if isinstance(here.node, syntax.Definition) else None
    if node is None or not isinstance(body, syntax.Block):
        return None
    model = here.text[slice(*node.span)]
    name = unused_name(here, _NEW_WORD.sub("_", model.split("[")[0].split(".")[-1]).lower())
    first = next(item for item in body.statements if item.span.end >= node.span.end)
    at = first.span.start
    sub = Edit(at, at, f"sub {name} = {model}\n{indentation(here.text, at)}")
    return f"make it a part, `sub {name}`", [sub, Edit(*node.span, name)]


def _generic(here: Selection) -> tuple[str, list[Edit]] | None:
    """A size that nothing determines is given by the caller."""
    node, name = here.node, here.selected
    if not isinstance(node, syntax.Definition) or not name.isidentifier():
        return None
    if node.generics:
        at = node.generics[-1].span.end
        return f"declare the generic `{name}`", [Edit(at, at, f", {name}")]
    at = node.name.span.end
    return f"declare the generic `{name}`", [Edit(at, at, f"[{name}]")]


_REMEDIES: Mapping[str, Callable[[Selection], tuple[str, list[Edit]] | None]] = {
    ModelNeedsSub.rule: _part,
    UnboundSize.rule: _generic,
}
