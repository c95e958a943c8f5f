"""The tokens of a text as the grammar has them, and the categories that a tool may give each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lark import Lark, Token

from tenuto_analysis.patterns import Pattern, parse_pattern
from tenuto_grammar.lexer import comments, tokenize
from tenuto_grammar.tables import tables
from tenuto_server.highlighting.rules import SIGNS, WORDS, Category

C = Category

NAMES = {C.NAME, C.FUNCTION, C.TYPE, C.DTYPE, C.MODULE, C.DIMENSION, C.LABEL, C.PROPERTY, C.DECLARED}
STRINGS = {C.STRING, C.ESCAPE, C.PLACEHOLDER}
PATTERNS = {C.PATTERN, C.AXIS, C.ARROW, C.GROUPING}


class Expected(NamedTuple):
    """A token; each of its characters has one of the categories, and its first the category of the whole."""

    start: int
    end: int
    whole: set[Category]
    inside: set[Category]


def expected(parser: Lark, text: str) -> Iterator[Expected]:
    """The tokens of a text without mistakes; which words are keywords there is what Lark's own parser says."""
    written = tables()
    spelled = dict(zip(written.terminals, written.spellings, strict=True))
    for token in parser.parse(text).scan_values(lambda value: isinstance(value, Token)):
        assert token.start_pos is not None and token.end_pos is not None
        found = categories(spelled.get(token.type, ""), token)
        yield Expected(token.start_pos, token.end_pos, *found)
    for comment in comments(tokenize(text)):
        documents = comment.text.startswith(("##", "#!"))
        whole = {C.DOCUMENTATION} if documents else {C.COMMENT, C.SUPPRESSION}
        yield Expected(*comment.span, whole, whole | ({C.CODE} if documents else set()))


def categories(spelling: str, token: Token) -> tuple[set[Category], set[Category]]:
    match token.type:
        case "INT":
            return {C.INTEGER}, {C.INTEGER}
        case "FLOAT":
            return {C.FLOAT}, {C.FLOAT}
        case "STRING" if isinstance(parse_pattern(token[1:-1]), Pattern):
            return {C.PATTERN}, PATTERNS
        case "STRING" if "->" in token:  # perhaps a pattern with a mistake
            return {C.STRING, C.PATTERN}, STRINGS | PATTERNS
        case "STRING":
            return {C.STRING}, STRINGS
        case "NAME" | "FIELD":
            return NAMES, NAMES
        case "DOT":  # in a path it belongs to the name
            return {C.PUNCTUATION, C.MODULE, C.TYPE}, set()
        case "COMMA":
            return {C.PUNCTUATION, C.SEPARATOR}, set()
        case _:
            category = WORDS.get(spelling) or SIGNS[spelling]
            return {category}, {category}
