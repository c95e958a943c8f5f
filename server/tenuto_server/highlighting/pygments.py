"""The rules as a lexer of Pygments, which finds it by the name `tenuto` and by the ending of a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import ClassVar

from pygments.lexer import RegexLexer, include
from pygments.token import Error, Whitespace, _TokenType, string_to_tokentype

from tenuto_server.highlighting.rules import CONTENTS, Inner, Rule, groups

_Found = tuple[int, _TokenType, str]
_Callback = Callable[[RegexLexer, re.Match[str], object], Iterator[_Found]]
_State = list[object]


def _states() -> dict[str, _State]:
    """A state for each group of rules, and for what may stand within a token one that includes its groups."""
    states: dict[str, _State] = {name: [_entry(rule) for rule in group] for name, group in groups().items()}
    for inner, names in CONTENTS.items():
        states[inner.value] = [*map(include, names), (r"\n|[ \t\r\f\ufeff]+", Whitespace)]
    return states | {"root": [include(Inner.FILE.value)]}


def _entry(rule: Rule) -> tuple[str, _Callback]:
    tokens = [
        string_to_tokentype(piece.category.value.token) if piece.category else Whitespace for piece in rule.pieces
    ]

    def found(lexer: RegexLexer, match: re.Match[str], context: object = None) -> Iterator[_Found]:
        for number, (piece, token) in enumerate(zip(rule.pieces, tokens, strict=True), 1):
            if not match[number]:
                continue
            if piece.inner is None:
                yield match.start(number), token, match[number]
            else:
                inside = lexer.get_tokens_unprocessed(match[number], (piece.inner.value,))
                yield from _filled(match.start(number), token, inside)

    return rule.expression, found


def _filled(start: int, token: _TokenType, inside: Iterator[_Found]) -> Iterator[_Found]:
    """What was found inside a token, and the token itself where nothing was."""
    for found, run in groupby(inside, lambda item: None if item[1] in (Error, Whitespace) else item):
        first, *rest = run
        text = "".join([first[2], *(part for _, _, part in rest)])
        yield start + first[0], token if found is None else first[1], text


class TenutoLexer(RegexLexer):
    """Tenuto, a typed language for neural-network models."""

    name = "Tenuto"
    aliases: ClassVar[Sequence[str]] = ("tenuto",)
    filenames: ClassVar[Sequence[str]] = ("*.ten",)
    mimetypes: ClassVar[Sequence[str]] = ("text/x-tenuto",)
    tokens: ClassVar[dict[str, _State]] = _states()
