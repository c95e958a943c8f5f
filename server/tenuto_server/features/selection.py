"""What to select when somebody asks for more, and more: the syntax round a place, from the inside out."""

from __future__ import annotations

from tenuto_analysis.insight import questions
from tenuto_analysis.insight.trees import path_to
from tenuto_grammar.text import Span
from tenuto_server.workspace import Workspace


def selection(workspace: Workspace, file: str, offset: int) -> tuple[Span, ...]:
    """Stretches of the file round an offset, each inside of the next; the last is the whole file."""
    workspace.load(file)
    text = workspace.text(file)
    found = [Span(0, len(text))]
    inside = questions.declaration_at(workspace.database, file, offset)
    if inside is not None:
        found.append(Span(inside.start, inside.end))
        root = inside.node
        at = offset - inside.start
        if root is not None and root.span.start <= at <= root.span.end:
            found += (node.span.shifted(inside.start) for node in path_to(root, at))
    word = _word(text, offset)
    if word is not None:
        found.append(word)
    kept: list[Span] = []
    for span in found:
        if not kept or (span != kept[-1] and kept[-1].start <= span.start and span.end <= kept[-1].end):
            kept.append(span)
    return tuple(reversed(kept))


def _word(text: str, offset: int) -> Span | None:
    start = end = offset
    while start > 0 and _in_word(text[start - 1]):
        start -= 1
    while end < len(text) and _in_word(text[end]):
        end += 1
    return Span(start, end) if end > start else None


def _in_word(character: str) -> bool:
    return character == "_" or character.isalnum()
