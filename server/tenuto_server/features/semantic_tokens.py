"""What each word of a file is, for its colour: by what names mean, not by how they look."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, IntFlag
from typing import NamedTuple

from tenuto_analysis import modules
from tenuto_analysis.check.written import AXIS_KINDS, DTYPE_CLASSES, STATIC_KINDS
from tenuto_analysis.database import Database, query
from tenuto_analysis.insight.entities import Entity, EntityKind, Occurrence, Role
from tenuto_analysis.insight.names import names
from tenuto_analysis.modules import STD
from tenuto_grammar.lexer import comments, tokenize
from tenuto_grammar.text import Span
from tenuto_server.features.words import KEYWORDS
from tenuto_server.workspace import Workspace


class TokenType(Enum):
    """The kinds of words; all are names of the protocol's own, so that every theme knows them."""

    NAMESPACE = "namespace"
    TYPE = "type"
    CLASS = "class"
    STRUCT = "struct"
    TYPE_PARAMETER = "typeParameter"
    PARAMETER = "parameter"
    VARIABLE = "variable"
    PROPERTY = "property"
    ENUM_MEMBER = "enumMember"
    FUNCTION = "function"
    KEYWORD = "keyword"
    COMMENT = "comment"
    STRING = "string"
    NUMBER = "number"


class Modifier(IntFlag):
    """What else is true of a word."""

    NONE = 0
    DECLARATION = 1
    READONLY = 2
    STATIC = 4
    MODIFICATION = 8
    DOCUMENTATION = 16
    DEFAULT_LIBRARY = 32


MODIFIERS = ("declaration", "readonly", "static", "modification", "documentation", "defaultLibrary")

_TYPES = {
    EntityKind.MODULE: (TokenType.NAMESPACE, Modifier.NONE),
    EntityKind.FN: (TokenType.FUNCTION, Modifier.NONE),
    EntityKind.MODEL: (TokenType.CLASS, Modifier.NONE),
    EntityKind.OP: (TokenType.FUNCTION, Modifier.NONE),
    EntityKind.RECORD: (TokenType.STRUCT, Modifier.NONE),
    EntityKind.TYPE: (TokenType.TYPE, Modifier.NONE),
    EntityKind.CONST: (TokenType.VARIABLE, Modifier.READONLY | Modifier.STATIC),
    EntityKind.DEPLOY: (TokenType.CLASS, Modifier.STATIC),
    EntityKind.FIELD: (TokenType.PROPERTY, Modifier.READONLY),
    EntityKind.GENERIC: (TokenType.TYPE_PARAMETER, Modifier.NONE),
    EntityKind.PARAMETER: (TokenType.PARAMETER, Modifier.NONE),
    EntityKind.SIZE: (TokenType.TYPE_PARAMETER, Modifier.NONE),
    EntityKind.LOCAL: (TokenType.VARIABLE, Modifier.READONLY),
    EntityKind.VARIABLE: (TokenType.VARIABLE, Modifier.NONE),
    EntityKind.PART: (TokenType.PROPERTY, Modifier.NONE),
    EntityKind.WEIGHT: (TokenType.PROPERTY, Modifier.NONE),
    EntityKind.INDEX: (TokenType.VARIABLE, Modifier.READONLY),
    EntityKind.AXIS: (TokenType.PARAMETER, Modifier.NONE),
    EntityKind.DTYPE: (TokenType.TYPE, Modifier.NONE),
    EntityKind.BUILTIN: (TokenType.FUNCTION, Modifier.NONE),
    EntityKind.POLICY: (TokenType.ENUM_MEMBER, Modifier.NONE),
    EntityKind.TARGET: (TokenType.ENUM_MEMBER, Modifier.NONE),
    EntityKind.SETTING: (TokenType.PROPERTY, Modifier.NONE),
}


# What the language itself calls a type or a kind of one.
_KINDS = frozenset({*STATIC_KINDS, *AXIS_KINDS, *DTYPE_CLASSES, "list", "quant", "accumulated"})


class Token(NamedTuple):
    """A stretch of one line."""

    span: Span
    type: TokenType
    modifiers: Modifier


def semantic_tokens(workspace: Workspace, file: str, stretch: Span | None = None) -> Iterator[Token]:
    """The tokens of a file, or of those declarations that a stretch of it touches, in order."""
    workspace.load(file)
    db = workspace.database
    starts = modules.starts(db, file)
    for key, _ in modules.keys(db, file):
        start = starts[key]
        length = len(modules.chunk_text(db, (file, key)) or "")
        if stretch is None or (start <= stretch.end and stretch.start <= start + length):
            for (first, last), type_, modifiers in tokens_of(db, file, key):
                yield Token(Span(first + start, last + start), type_, modifiers)


@query
def tokens_of(db: Database, file: str, key: str) -> tuple[Token, ...]:
    """The tokens of a declaration, by offsets in it."""
    text = modules.chunk_text(db, (file, key)) or ""
    named = {item.span: item for item in names(db, file, key).occurrences}
    found = [_name(item) for item in named.values()]
    taken = sorted(named)
    tokens = tokenize(text)
    after_dot = False
    for start, end in tokens.spans:
        span = Span(start, end)
        word = text[start:end]
        if span not in named:
            found += _plain(span, word, after_dot, taken)
        after_dot = word == "."
    for comment in comments(tokens):
        documents = comment.text.startswith(("##", "#!"))
        found.append(Token(comment.span, TokenType.COMMENT, Modifier.DOCUMENTATION if documents else Modifier.NONE))
    return tuple(sorted(found, key=lambda token: token.span))


def _name(item: Occurrence) -> Token:
    type_, modifiers = _TYPES[item.entity.kind]
    if item.entity.kind is EntityKind.BUILTIN and item.entity.name in _KINDS:
        type_ = TokenType.TYPE
    if item.role is Role.DEFINITION:
        modifiers |= Modifier.DECLARATION
    elif item.role is Role.WRITE:
        modifiers |= Modifier.MODIFICATION
    return Token(item.span, type_, modifiers | _library(item.entity))


def _library(entity: Entity) -> Modifier:
    own = entity.file.startswith(str(STD)) or (not entity.file and entity.kind is not EntityKind.SETTING)
    return Modifier.DEFAULT_LIBRARY if own else Modifier.NONE


def _plain(span: Span, word: str, after_dot: bool, taken: list[Span]) -> Iterator[Token]:
    """A token that is no name that means something: a keyword, a number, a string without the axes in it."""
    if word.startswith('"'):
        start = span.start
        for inner in taken:
            if span.start < inner.start and inner.end <= span.end:
                if inner.start > start:
                    yield Token(Span(start, inner.start), TokenType.STRING, Modifier.NONE)
                start = inner.end
        if start < span.end:  # One that is not closed may end in an axis.
            yield Token(Span(start, span.end), TokenType.STRING, Modifier.NONE)
    elif word[:1].isdigit():
        yield Token(span, TokenType.NUMBER, Modifier.NONE)
    elif word in KEYWORDS and not after_dot:
        yield Token(span, TokenType.KEYWORD, Modifier.NONE)
