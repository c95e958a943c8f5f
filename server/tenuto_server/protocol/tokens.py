"""Semantic tokens: numbers relative to each other, whole or as what changed since the client last asked."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

from lsprotocol import types

from tenuto_server.features.semantic_tokens import MODIFIERS, Token, TokenType, semantic_tokens
from tenuto_server.protocol.feature import Context, Feature, Page
from tenuto_server.worker import Urgency

LEGEND = types.SemanticTokensLegend([item.value for item in TokenType], [*MODIFIERS])
_NUMBERS = {item: number for number, item in enumerate(TokenType)}
_EACH = 5  # Numbers that make a token.
_MOST_KEPT = 64  # Documents whose last answer is remembered.


class SemanticTokens:
    """Remembers what each document's client was last told."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[str, list[int]]] = {}
        self._answers = count(1)

    def features(self) -> tuple[Feature, ...]:
        return (
            Feature(types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, self._full, LEGEND, Urgency.SOON),
            Feature(types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL_DELTA, self._delta, LEGEND, Urgency.SOON),
            Feature(types.TEXT_DOCUMENT_SEMANTIC_TOKENS_RANGE, _range, LEGEND, Urgency.SOON),
        )

    def _full(self, context: Context, params: types.SemanticTokensParams) -> types.SemanticTokens:
        data = _of_document(context, params.text_document.uri)
        return types.SemanticTokens(data, self._remember(params.text_document.uri, data))

    def _delta(
        self, context: Context, params: types.SemanticTokensDeltaParams
    ) -> types.SemanticTokens | types.SemanticTokensDelta:
        uri = params.text_document.uri
        data = _of_document(context, uri)
        told = self._told.get(uri)
        answer = self._remember(uri, data)
        if told is None or told[0] != params.previous_result_id:
            return types.SemanticTokens(data, answer)
        return types.SemanticTokensDelta(changes(told[1], data), answer)

    def _remember(self, uri: str, data: list[int]) -> str:
        self._told.pop(uri, None)
        while len(self._told) >= _MOST_KEPT:
            del self._told[next(iter(self._told))]
        answer = str(next(self._answers))
        self._told[uri] = (answer, data)
        return answer


def changes(old: list[int], new: list[int]) -> list[types.SemanticTokensEdit]:
    """One edit that replaces what differs between what both begin and end with; none where nothing does."""
    if old == new:
        return []
    start = next((at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    start -= start % _EACH
    most = min(len(old), len(new)) - start
    pairs = zip(reversed(old), reversed(new), strict=False)
    same = next((at for at, (a, b) in enumerate(pairs) if a != b or at == most), most)
    same -= same % _EACH
    return [types.SemanticTokensEdit(start, len(old) - same - start, new[start : len(new) - same])]


def _range(context: Context, params: types.SemanticTokensRangeParams) -> types.SemanticTokens:
    page = context.page(params.text_document.uri)
    stretch = page.span(params.range)
    found = semantic_tokens(context.workspace, page.file, stretch)
    inside = (token for token in found if token.span.start < stretch.end and stretch.start < token.span.end)
    return types.SemanticTokens(encoded(page, inside))


def _of_document(context: Context, uri: str) -> list[int]:
    page = context.page(uri)
    return encoded(page, semantic_tokens(context.workspace, page.file))


def encoded(page: Page, tokens: Iterable[Token]) -> list[int]:
    """Each token as five numbers; its place counts from the token before it."""
    data: list[int] = []
    lines, plain = page.lines, page.text.isascii()
    line = column = 0  # Of the token before.
    here, begins, ends = 0, 0, -1  # The line that is read: its number, and where it begins and ends.
    for (start, end), type_, modifiers in tokens:
        if start > ends:
            here = lines.line(start)
            begins, ends = lines.line_span(here)
        if plain:
            at, length = start - begins, end - start
        else:
            at = lines.position(start, page.encoding).column
            length = lines.position(end, page.encoding).column - at
        data += (here - line, at - column if here == line else at, length, _NUMBERS[type_], modifiers.value)
        line, column = here, at
    return data
