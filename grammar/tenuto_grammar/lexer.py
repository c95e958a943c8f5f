"""Text to tokens, by one regular expression made of the grammar's terminals. Total: what no terminal matches is
reported.

Three parallel lists instead of token objects, because the loop that reads them is the hottest of the language. Whether
a word is a keyword or a name is the parser's to say (`tables.py`); comments are found apart, as no rule mentions them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from tenuto_grammar.problems import ProblemKind, Replacement, SyntaxProblem
from tenuto_grammar.tables import tables
from tenuto_grammar.text import Span


@dataclass(frozen=True, slots=True)
class Comment:
    """`# ...` to the end of its line; `text` is as written."""

    span: Span
    text: str


@dataclass(slots=True)
class Tokens:
    """The kinds (terminals of the tables) and places of the tokens of `text`; the last one is the end of the text."""

    text: str
    kinds: list[int]
    starts: list[int]
    ends: list[int]
    problems: list[SyntaxProblem]


def tokenize(text: str) -> Tokens:
    lexer = _lexer()
    groups, keyword, stray_group = lexer.groups, lexer.keywords.get, len(lexer.groups) - 1
    kinds: list[int] = []
    starts: list[int] = []
    ends: list[int] = []
    problems: list[SyntaxProblem] = []
    add_kind, add_start, add_end = kinds.append, starts.append, ends.append
    position = 0
    kind = -1
    while kind != 0:
        for match in lexer.master.finditer(text, position):
            group = match.lastindex or 0
            start, position = match.span(group)
            if group == stray_group:
                stray = lexer.stray(text, start)
                problems.append(stray.problem)
                position = stray.problem.span.end
                if stray.kind is not None:
                    add_kind(stray.kind)
                    add_start(start)
                    add_end(position)
                break
            kind = groups[group]
            if group == 1:
                kind = keyword(text[start:position], kind)
            add_kind(kind)
            add_start(start)
            add_end(position)
            if kind == 0:
                break
    return Tokens(text, kinds, starts, ends, problems)


_STRING_OR_COMMENT = re.compile(r'"(?:[^"\\\r\n]|\\[^\r\n])*"|#[^\r\n]*')
_COMMENT = re.compile(r"#[^\r\n]*")


def comments(tokens: Tokens) -> tuple[Comment, ...]:
    text = tokens.text
    if "#" not in text:
        return ()
    if not tokens.problems:
        matches = [match for match in _STRING_OR_COMMENT.finditer(text) if text[match.start()] == "#"]
    else:
        # Strings may be misspelt, so the expression above may be out of step: look between the tokens alone.
        gaps = zip([0, *tokens.ends[:-1]], tokens.starts, strict=True)
        matches = [match for gap in gaps for match in _COMMENT.finditer(text, *gap)]
    return tuple(Comment(Span(*match.span()), match[0]) for match in matches)


# ------------------------------------------------------------------------------------------- what no terminal matches


@dataclass(frozen=True, slots=True)
class _Stray:
    problem: SyntaxProblem
    kind: int | None  # the terminal that the text is taken for, or None where it is left out


@dataclass(frozen=True, slots=True)
class _Habit:
    """Text that is not Tenuto's, what it is taken for, and what to say."""

    pattern: re.Pattern[str]
    terminal: str | None
    kind: ProblemKind
    message: Callable[[str], str]
    help: str | None
    replacement: Callable[[str], str] | None


def _shown(character: str) -> str:
    return f"`{character}`" if character.isprintable() else f"U+{ord(character):04X}"


_HABITS = (
    _Habit(
        re.compile(r'"(?:[^"\\\r\n]|\\[^\r\n])*\\?'),
        "STRING",
        ProblemKind.UNCLOSED_STRING,
        lambda _: "this string is not closed",
        'A string ends with `"` on the line where it begins; a line end inside is written `\\n`.',
        lambda found: found + '"',
    ),
    _Habit(
        re.compile(r"'(?:[^'\\\r\n]|\\[^\r\n])*'"),
        "STRING",
        ProblemKind.FOREIGN_HABIT,
        lambda _: 'strings are written in double quotes: `"..."`',
        None,
        lambda found: '"' + found[1:-1].replace('"', '\\"') + '"',
    ),
    _Habit(
        re.compile(r"[0-9][0-9_]*"),
        "MISSING",
        ProblemKind.LONG_NUMBER,
        lambda found: f"this number has {len(found)} digits; at most 1000 are read",
        None,
        None,
    ),
    _Habit(
        re.compile(r"[^\W\d]\w*"),
        "NAME",
        ProblemKind.UNKNOWN_CHARACTER,
        lambda found: f"`{found}` is not a name: names are made of the letters a to z, digits and `_`",
        None,
        None,
    ),
    _Habit(
        re.compile("&&?"),
        "AND",
        ProblemKind.FOREIGN_HABIT,
        lambda found: f"`{found}` is written `and`",
        None,
        lambda _: "and",
    ),
    _Habit(
        re.compile("!"),
        "NOT",
        ProblemKind.FOREIGN_HABIT,
        lambda _: "`!` is written `not`",
        None,
        lambda _: "not ",
    ),
    _Habit(
        re.compile(";"),
        None,
        ProblemKind.FOREIGN_HABIT,
        lambda _: "a statement needs no `;`",
        "The next statement begins with its keyword, or with `name =`.",
        lambda _: "",
    ),
    _Habit(
        re.compile(r"([^A-Za-z0-9_])\1*", re.DOTALL),
        None,
        ProblemKind.UNKNOWN_CHARACTER,
        lambda found: f"{_shown(found[0])} has no meaning in Tenuto",
        None,
        lambda _: "",
    ),
)


# --------------------------------------------------------------------------------------------------------- the master


@dataclass(frozen=True, slots=True)
class _Lexer:
    master: re.Pattern[str]
    groups: list[int]  # from the group of the master to the terminal
    keywords: dict[str, int]
    terminals: dict[str, int]

    def stray(self, text: str, position: int) -> _Stray:
        """The text at `position`, which no terminal matches."""
        for habit in _HABITS:
            match = habit.pattern.match(text, position)
            if match is None:
                continue
            span = Span(*match.span())
            edits = () if habit.replacement is None else (Replacement(span, habit.replacement(match[0])),)
            kind = None if habit.terminal is None else self.terminals[habit.terminal]
            return _Stray(SyntaxProblem(span, habit.kind, habit.message(match[0]), habit.help, edits), kind)
        raise AssertionError(f"every character is a token or a habit, but not {text[position]!r}")


@cache
def _lexer() -> _Lexer:
    built = tables()
    terminals = {name: index for index, name in enumerate(built.terminals)}
    # The first group is the word; the last two are the end of the text and what nothing else matches.
    alternatives = "|".join(f"({pattern})" for pattern in (*built.patterns, r"\Z", r"[\s\S]"))
    return _Lexer(
        master=re.compile(f"(?:{built.skipped})*+(?:{alternatives})"),
        groups=[0, terminals["NAME"], *built.ordered[1:], 0, 0],
        keywords=built.keywords,
        terminals=terminals,
    )
