"""What an editor can fold: declarations, blocks, what stands in brackets, runs of imports and of comments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from tenuto_analysis import modules
from tenuto_analysis.database import Database, query
from tenuto_analysis.insight import questions
from tenuto_analysis.insight.trees import walk
from tenuto_grammar import syntax
from tenuto_grammar.text import LINE_END, LineIndex, Span
from tenuto_server.workspace import Workspace


class FoldKind(Enum):
    CODE = "region"
    IMPORTS = "imports"
    COMMENT = "comment"


class Fold(NamedTuple):
    """Lines to fold, counted from 0; the first stays to be seen, and so does a last that closes brackets."""

    first: int
    last: int
    kind: FoldKind


_BRACKETED = (
    syntax.Block,
    syntax.Call,
    syntax.Comprehension,
    syntax.Import,
    syntax.ListLiteral,
    syntax.Map,
    syntax.Subscript,
    syntax.TensorType,
    syntax.Tuple,
)
_CLOSES = re.compile(r"[ \t]*[])}]")
_COMMENT = re.compile(r"[ \t]*#")


def folding(workspace: Workspace, file: str) -> tuple[Fold, ...]:
    """In the order of their first lines, the widest of those that begin together alone."""
    workspace.load(file)
    lines = workspace.lines(file)
    widest: dict[int, Fold] = {}
    for fold in (*_code(workspace, file, lines), *_imports(workspace, file, lines), *_comments(lines)):
        known = widest.get(fold.first)
        if fold.last > fold.first and (known is None or fold.last > known.last):
            widest[fold.first] = fold
    return tuple(sorted(widest.values()))


def _code(workspace: Workspace, file: str, lines: LineIndex) -> Iterator[Fold]:
    for declared in questions.declarations(workspace.database, file):
        for span in _brackets(workspace.database, file, declared.key):
            first, last = lines.line(span.start + declared.start), lines.line(span.end + declared.start)
            closes = _CLOSES.match(lines.text, lines.line_span(last).start) is not None
            yield Fold(first, last - closes, FoldKind.CODE)


@query
def _brackets(db: Database, file: str, key: str) -> tuple[Span, ...]:
    """What a declaration writes over several lines: itself, and what has brackets in it."""
    root = modules.declaration(db, file, key)
    text = modules.chunk_text(db, (file, key)) or ""
    if root is None:
        return ()
    found = (node.span for node in walk(root) if node is root or isinstance(node, _BRACKETED))
    return tuple(span for span in found if LINE_END.search(text, *span))


def _imports(workspace: Workspace, file: str, lines: LineIndex) -> Iterator[Fold]:
    found = [item for item in questions.declarations(workspace.database, file) if isinstance(item.node, syntax.Import)]
    if len(found) > 1:
        first = found[0].node
        assert first is not None
        yield Fold(lines.line(found[0].start + first.span.start), lines.line(found[-1].end), FoldKind.IMPORTS)


def _comments(lines: LineIndex) -> Iterator[Fold]:
    start: int | None = None
    for number in range(lines.count + 1):
        is_comment = number < lines.count and _COMMENT.match(lines.text, lines.line_span(number).start) is not None
        if is_comment and start is None:
            start = number
        elif not is_comment and start is not None:
            yield Fold(start, number - 1, FoldKind.COMMENT)
            start = None
