"""Where somebody types: the declaration at an offset, read with a name in the place of the word that is typed there.

The name makes a half-typed line whole (`c.`, `relu(`, `x |> `), so that the tree says what is expected there, and the
types of what stands round it are inferred as ever.
"""

from __future__ import annotations

import re

from msgspec import Struct

from tenuto_analysis import modules
from tenuto_analysis.database import Database
from tenuto_analysis.insight.entities import Entity
from tenuto_analysis.insight.names import names_of
from tenuto_analysis.insight.scopes import Scopes
from tenuto_analysis.insight.survey import Survey, survey_of
from tenuto_analysis.insight.trees import path_to
from tenuto_analysis.types import Value
from tenuto_grammar import syntax
from tenuto_grammar.lexer import tokenize
from tenuto_grammar.parse import parse_chunk
from tenuto_grammar.text import Span

HOLE = "_name_that_is_typed_here_"

_WORD_BEFORE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*$")
_WORD_AFTER = re.compile(r"[A-Za-z0-9_]*")
_OPEN = {"(": ")", "[": "]", "{": "}"}


class Token(Struct, frozen=True):
    """A piece of the text before the cursor."""

    text: str
    span: Span

    @property
    def ends_operand(self) -> bool:
        """Whether an expression or a type may end here."""
        return self.text[-1:].isalnum() or self.text[-1:] in ("_", ")", "]", "}", '"')


class Cursor(Struct, frozen=True):
    """A place where somebody types; spans are relative to `start`, where the text of the declaration begins.

    `word` is the name that is being typed, perhaps empty; `text` has it replaced, as has `node`; `path` leads to the
    name that replaces it, and is empty where the text could not be read so. `inside` is the text of a string or a
    comment that the cursor stands in. `brackets` are those open before the cursor, the innermost last.
    """

    file: str
    key: str
    start: int
    keyword: str
    word: Span
    text: str
    node: syntax.Declaration | None
    path: tuple[syntax.Node, ...]
    before: tuple[Token, ...]
    brackets: tuple[Token, ...]
    inside: Token | None

    @property
    def previous(self) -> str:
        """The text of the token before the word."""
        return self.before[-1].text if self.before else ""

    @property
    def following(self) -> str:
        """The character behind the word."""
        return self.text[self.word.start + len(HOLE) :][:1]

    @property
    def on_new_line(self) -> bool:
        """Whether a line end stands between the token before and the word."""
        end = self.before[-1].span.end if self.before else 0
        return "\n" in self.text[end : self.word.start] or not self.before

    @property
    def in_block(self) -> bool:
        """Whether the innermost bracket is that of a body."""
        if not self.brackets or self.brackets[-1].text != "{" or self.keyword not in ("fn", "model"):
            return False
        at = self.before.index(self.brackets[-1])
        return at > 0 and self.before[at - 1].text not in (":", "=", ",", "(", "[", "{")

    @property
    def starts_statement(self) -> bool:
        """Whether a statement begins with the word."""
        if not self.in_block:
            return False
        last = self.before[-1]
        return last == self.brackets[-1] or last.text == "}" or (last.ends_operand and self.on_new_line)


def cursor_at(db: Database, file: str, offset: int) -> Cursor:
    """The place of an offset in a loaded file."""
    whole = modules.file_text(db, file) or ""
    starts = modules.starts(db, file)
    key, keyword = next(
        ((key, keyword) for key, keyword in reversed(modules.keys(db, file)) if starts[key] <= offset), ("", "")
    )
    start = starts.get(key, 0)
    end = min((other for other in starts.values() if other > start), default=len(whole))
    chunk, at = whole[start:end], offset - start
    inside = _string_or_comment(chunk, at)
    before = tuple(_tokens_before(chunk, at)) if inside is None else ()
    left = _WORD_BEFORE.search(chunk, 0, at) if inside is None else None
    right = _WORD_AFTER.match(chunk, at) if inside is None else None
    word = Span(left.start() if left is not None else at, right.end() if right is not None else at)
    before = tuple(token for token in before if token.span.end <= word.start)
    text = chunk if inside is not None else chunk[: word.start] + HOLE + chunk[word.end :]
    plain = parse_chunk(text).declaration
    path = path_to(plain, at if inside is not None else word.start + 1) if plain is not None else ()
    if inside is None and not (path and getattr(path[-1], "text", "") == HOLE):
        path = ()
    return Cursor(file, key, start, keyword, word, text, plain, path, before, _brackets(before), inside)


def _string_or_comment(chunk: str, at: int) -> Token | None:
    """The string or comment that a place is inside of; one that is not closed reaches to the end of its line."""
    line = chunk.rfind("\n", 0, at) + 1
    string = -1
    for index in range(line, at):
        if string >= 0:
            if chunk[index] == '"' and chunk[index - 1] != "\\":
                string = -1
        elif chunk[index] == '"':
            string = index
        elif chunk[index] == "#":
            return Token(chunk[index:at], Span(index, at))
    return Token(chunk[string:at], Span(string, at)) if string >= 0 else None


def _tokens_before(chunk: str, at: int) -> list[Token]:
    tokens = tokenize(chunk[:at])
    return [Token(chunk[start:end], Span(start, end)) for start, end in tokens.spans if end > start]


def _brackets(before: tuple[Token, ...]) -> tuple[Token, ...]:
    found: list[Token] = []
    for token in before:
        if token.text in _OPEN:
            found.append(token)
        elif found and token.text == _OPEN[found[-1].text]:
            found.pop()
    return tuple(found)


class Seen(Struct, frozen=True):
    """What is known at a cursor: the names that its declaration binds there, each with its value, and all types."""

    names: dict[str, Entity]
    survey: Survey

    def value(self, entity: Entity) -> Value | None:
        return self.survey.defined.get(entity.span)


def seen_at(db: Database, cursor: Cursor) -> Seen:
    """Checks the declaration as it is read with the name in the place of the word."""
    if cursor.node is None:
        return Seen({}, Survey({}, {}, {}, {}))
    survey = survey_of(db, cursor.file, cursor.key, cursor.node)
    walk = Scopes(db, cursor.file, cursor.key, len(cursor.text), survey)
    at = cursor.word.start
    visible = [item for item in names_of(walk, cursor.node).visible if item.span.start <= at <= item.span.end]
    names = {item.entity.name: item.entity for item in sorted(visible, key=lambda item: item.span.start)}
    names.pop(HOLE, None)
    return Seen(names, survey)
