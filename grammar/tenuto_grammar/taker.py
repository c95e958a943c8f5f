"""Takes the tokens of a declaration one by one into a document, each with its comments.

A comment goes with the token before it on its line, or with the token after it. Nothing is lost and nothing invented,
except the comma after the last item of a broken bracket.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from tenuto_grammar.documents import (
    BLANK_LINE,
    HARD_LINE,
    LINE,
    NOTHING,
    SOFT_LINE,
    Document,
    IfBroken,
    Remark,
    Text,
    group,
    indent,
    several,
)
from tenuto_grammar.lexer import Comment, Tokens


class Taker:
    """Takes the tokens one by one, each with its comments."""

    def __init__(self, tokens: Tokens, comments: Sequence[Comment]) -> None:
        self.tokens = tokens
        self.comments = comments
        self.position = 0
        self.comment = 0

    def take(self) -> Document:
        """The next token, the comments above it, and the one behind it."""
        if not self.has_comments_above():
            return self._token()
        above = self.comments_above()
        return several(above, self._token())

    def shows(self, text: str) -> bool:
        start, end = self.tokens.spans[self.position]
        return self.tokens.text[start:end] == text

    def comma(self) -> Document:
        return self.take()

    def last_comma(self) -> Document:
        """The comma that may stand after the last item: written where the bracket is broken, there or not."""
        if not self.shows(","):
            return IfBroken(",")
        above = self.comments_above()
        self.position += 1
        return several(above, IfBroken(","), self._comment_behind())

    def comments_above(self) -> Document:
        """The comments before the next token, each on a line of its own."""
        return several(*self._comments_above())

    def paragraphs_above(self) -> Document:
        """The same, where empty lines between them are kept, and one below the last."""
        parts: list[Document] = []
        for comment in self._comments_above():
            parts.append(comment)
            if self.blank_above():
                parts.append(BLANK_LINE)
        return several(*parts)

    def has_comments_above(self) -> bool:
        start = self.tokens.spans[self.position][0]
        return self.comment < len(self.comments) and self.comments[self.comment].span.start < start

    def _comments_above(self) -> Iterator[Document]:
        while self.has_comments_above():
            self.comment += 1
            yield Remark(self.comments[self.comment - 1].text.rstrip(), trailing=False)

    def blank_above(self) -> bool:
        """Whether an empty line stands above what comes next, a comment or a token."""
        start = self.tokens.spans[self.position][0]
        before = self.tokens.spans[self.position - 1][1] if self.position else 0
        if self.comment < len(self.comments):
            start = min(start, self.comments[self.comment].span.start)
        if self.comment:
            before = max(before, self.comments[self.comment - 1].span.end)
        gap = self.tokens.text[before:start]
        return gap.replace("\r\n", "\n").replace("\r", "\n").count("\n") > 1

    def _token(self) -> Document:
        start, end = self.tokens.spans[self.position]
        self.position += 1
        text = Text(self.tokens.text[start:end])
        comment = self._comment_behind()
        return text if comment is NOTHING else several(text, comment)

    def _comment_behind(self) -> Document:
        """The comment on the line of the token just taken."""
        if self.comment == len(self.comments):
            return NOTHING
        comment = self.comments[self.comment]
        gap = self.tokens.text[self.tokens.spans[self.position - 1][1] : comment.span.start]
        follows = comment.span.start < self.tokens.spans[self.position][0]
        if not follows or "\n" in gap or "\r" in gap:
            return NOTHING
        self.comment += 1
        return Remark(comment.text.rstrip(), trailing=True)


_Item = TypeVar("_Item")


def bracketed(
    taker: Taker,
    items: Sequence[_Item],
    lay_out_item: Callable[[Taker, _Item], Document],
    edge: Document = SOFT_LINE,
    broken: bool = False,
) -> Document:
    """`(items)` in any brackets: on one line, or one item a line."""
    return group(in_brackets(taker, items, lay_out_item, edge, broken))


def in_brackets(
    taker: Taker,
    items: Sequence[_Item],
    lay_out_item: Callable[[Taker, _Item], Document],
    edge: Document = SOFT_LINE,
    broken: bool = False,
) -> Document:
    """The same as a part of the group around it, which says whether it is broken."""
    opening = taker.take()
    if not items:
        comments = taker.comments_above()
        return several(opening, indent(comments), taker.take())
    parts: list[Document] = [HARD_LINE if broken else edge]
    for index, item in enumerate(items):
        parts.append(lay_out_item(taker, item))
        parts.extend((taker.comma(), LINE) if index + 1 < len(items) else (taker.last_comma(), taker.comments_above()))
    return several(opening, indent(*parts), edge, taker.take())


def listed(taker: Taker, items: Sequence[_Item], lay_out_item: Callable[[Taker, _Item], Document]) -> Document:
    """`a, b` without brackets."""
    parts: list[Document] = []
    for index, item in enumerate(items):
        parts.append(lay_out_item(taker, item))
        if index + 1 < len(items):
            parts.extend((taker.comma(), LINE))
    return several(*parts)
