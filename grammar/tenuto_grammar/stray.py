"""Text in column 0 that begins no declaration: what the author may have meant by its first word."""

from __future__ import annotations

import re

from tenuto_grammar.chunks import KEYWORDS
from tenuto_grammar.lexer import END, Tokens
from tenuto_grammar.problems import ProblemKind, SyntaxProblem
from tenuto_grammar.text import Span

_MEANT = {
    "def": "A function is declared by `fn name(x: type) -> type { ... }`, one that owns weights by `model`.",
    "class": "A network is declared by `model`, a set of settings by `record`.",
    "from": "Names are imported by `import path { a, b }`.",
    "let": "A constant of the file is declared by `const name = value`.",
    "var": "A constant of the file is declared by `const name = value`.",
    "struct": "A set of settings is declared by `record`.",
    "dim": "A dimension needs no declaration: it is named in a shape.",
    "use": "Names are imported by `import path { a, b }`.",
    "@": "There are no decorators; `precision` and `target` are clauses after the signature.",
}


def begins_column_0(tokens: Tokens, position: int) -> bool:
    """Whether this token begins a line in column 0 without being what a declaration begins or ends with."""
    start, end = tokens.spans[position]
    if tokens.kinds[position] == END or tokens.text[start:end] in (*KEYWORDS, "{", "}", ")", "]"):
        return False
    return start == 0 or tokens.text[start - 1] in "\r\n\ufeff"


def stray_text(tokens: Tokens, position: int) -> SyntaxProblem:
    """One report for all that stands from here to the end of the chunk."""
    start, end = tokens.spans[position]
    word = tokens.text[start:end]
    line = re.compile(r"[^\r\n]*").match(tokens.text, start)
    assert line is not None
    return SyntaxProblem(
        Span(start, start + len(line[0].rstrip())),
        ProblemKind.STRAY_TEXT,
        f"`{word[:40]}` begins no declaration",
        _MEANT.get(word, f"A declaration begins in column 0 with {', '.join(f'`{word}`' for word in KEYWORDS)}."),
    )
