"""The terminals of the grammar by the roles that recovery gives them, found once from the tables."""

from __future__ import annotations

from msgspec import Struct

from tenuto_grammar.chunks import KEYWORDS
from tenuto_grammar.tables import Tables

STATEMENTS = ("param", "sub", "let", "var", "collect", "return", "assert", "assume", "for", "while", "if")

# What recovery may put in, and what it costs: what people forget is cheap, what changes the meaning is dear.
_INSERTABLE = {
    ")": 1.0,
    "]": 1.0,
    "}": 2.0,
    ",": 1.2,
    "=": 1.2,
    ":": 1.2,
    "(": 1.3,
    "[": 1.5,
    "{": 1.6,
    "FIELD": 1.4,
    "in": 1.4,
    "then": 1.5,
    "else": 1.5,
    "MISSING": 1.6,
    "NAME": 1.7,
    "->": 1.8,
    "..": 1.8,
    ".": 1.9,
    "STRING": 2.2,
    "+": 2.2,
    "let": 2.4,
}


class Terminals(Struct, frozen=True):
    tables: Tables
    number: dict[str, int]  # by spelling, or by name where it has many spellings
    insertable: tuple[tuple[int, float], ...]
    landmarks: frozenset[int]  # what begins a statement or a declaration, and braces
    reserved: frozenset[int]

    def text(self, terminal: int) -> str:
        return self.tables.spellings[terminal] or self.tables.terminals[terminal]

    def begins_statement(self, state: int) -> bool:
        """Whether a statement may begin in this state."""
        return self.tables.action[state][self.number["let"]] > 0


def terminals(tables: Tables) -> Terminals:
    named = enumerate(zip(tables.spellings, tables.terminals, strict=True))
    number = {spelling or name: index for index, (spelling, name) in named}
    landmarks = {*STATEMENTS, *KEYWORDS, "{", "}"} - {"type", "model"}
    return Terminals(
        tables,
        number,
        tuple((number[text], price) for text, price in _INSERTABLE.items()),
        frozenset(number[text] for text in landmarks),
        frozenset(tables.reserved),
    )
