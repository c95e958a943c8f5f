"""What can be wrong with a text as syntax. A problem is plain data; its words are made where it is found."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from tenuto_grammar.text import Span


class ProblemKind(Enum):
    """What a tool may want to tell apart; people read the message."""

    UNKNOWN_CHARACTER = "unknown-character"
    UNCLOSED_STRING = "unclosed-string"
    LONG_NUMBER = "long-number"
    UNEXPECTED = "unexpected"
    MISSING = "missing"
    UNCLOSED_BRACKET = "unclosed-bracket"
    STRAY_TEXT = "stray-text"
    FOREIGN_HABIT = "foreign-habit"
    TOO_DEEP = "too-deep"


class Replacement(Struct, frozen=True):
    """Put `text` in the place of `span`."""

    span: Span
    text: str


class SyntaxProblem(Struct, frozen=True):
    """`span` and `edits` are relative to the text that was parsed; `edits` together would set it right."""

    span: Span
    kind: ProblemKind
    message: str
    help: str | None = None
    edits: tuple[Replacement, ...] = ()
