"""The one canonical layout: 120 columns, two spaces, comments kept.

What fits on a line stands on one; what does not is broken at its outermost brackets, one item a line with a comma after
the last, and else before its loosest operators. Clauses that do not fit behind a signature stand on lines of their own.
In a body at most one empty line is kept between statements; between declarations stands one, except between imports,
constants or types that their author has put together. A declaration with a mistake in its syntax stays as it is.
"""

from __future__ import annotations

import re

from msgspec import Struct

from tenuto_grammar.chunks import split
from tenuto_grammar.documents import render
from tenuto_grammar.layout import lay_out, lay_out_comments
from tenuto_grammar.lexer import tokenize
from tenuto_grammar.parse import Parsed, collector_paused, parse_chunk
from tenuto_grammar.problems import Replacement, SyntaxProblem


class Formatted(Struct, frozen=True):
    """`problems` are those of the whole text, with spans in it; the declarations that have them are unchanged."""

    text: str
    problems: tuple[SyntaxProblem, ...]


def format(text: str) -> Formatted:
    """Lay out a file; it ends with one line end, and lines end with LF."""
    pieces: list[_Piece] = []
    problems: list[SyntaxProblem] = []
    with collector_paused():
        for chunk in split(text):
            parsed = parse_chunk(chunk.text)
            problems.extend(_shifted(problem, chunk.start) for problem in parsed.problems)
            laid = _laid_out(chunk.text, parsed)
            if laid:
                pieces.append(_Piece(laid, chunk.keyword, _ends_with_blank_line(chunk.text)))
    return Formatted(_joined(pieces), tuple(problems))


class _Piece(Struct, frozen=True):
    text: str
    keyword: str | None
    blank_after: bool


def _laid_out(text: str, parsed: Parsed) -> str:
    if parsed.problems:
        return re.sub(r"\r\n?", "\n", text).strip("\n\ufeff") + "\n"
    tokens = tokenize(text)
    if parsed.declaration is None:
        document = lay_out_comments(tokens, parsed.comments)
    else:
        document = lay_out(parsed.declaration, tokens, parsed.comments)
    laid = render(document).rstrip("\n")
    return f"{laid}\n" if laid else ""


_MAY_STAND_TOGETHER = ("import", "const", "type")


def _joined(pieces: list[_Piece]) -> str:
    joined: list[str] = []
    before: _Piece | None = None
    for piece in pieces:
        if before is not None and not _stand_together(before, piece):
            joined.append("\n")
        joined.append(piece.text)
        before = piece
    return "".join(joined)


def _stand_together(before: _Piece, piece: _Piece) -> bool:
    """The file's documentation and what it documents, or one-line declarations of a kind without comments."""
    if before.blank_after:
        return False
    if before.keyword is None:
        return True
    one_line = before.text.count("\n") == 1 and piece.text.count("\n") == 1
    return one_line and before.keyword == piece.keyword and piece.keyword in _MAY_STAND_TOGETHER


def _ends_with_blank_line(text: str) -> bool:
    end = text[len(text.rstrip()) :]
    return len(re.findall(r"\r\n|\r|\n", end)) > 1


def _shifted(problem: SyntaxProblem, by: int) -> SyntaxProblem:
    edits = tuple(Replacement(edit.span.shifted(by), edit.text) for edit in problem.edits)
    return SyntaxProblem(problem.span.shifted(by), problem.kind, problem.message, problem.help, edits)
