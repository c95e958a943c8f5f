"""Text to tokens, by one regular expression made of the grammar's terminals. Total: what no terminal matches is
reported.

Three parallel lists instead of token objects, because the loop that reads them is the hottest of the language. Whether
a word is a keyword or a name is the parser's to say (`tables.py`); comments are found apart, as no rule mentions them.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable
from functools import cache

from msgspec import Struct

from tenuto_grammar.problems import ProblemKind, Replacement, SyntaxProblem
from tenuto_grammar.tables import Tables, tables
from tenuto_grammar.text import Span


class Comment(Struct, frozen=True):
    """`# ...` to the end of its line; `text` is as written."""

    span: Span
    text: str


class Tokens(Struct):
    """The kinds (terminals of the tables) and places of the tokens of `text`; the last one is the end of the text."""

    text: str
    kinds: list[int]
    spans: list[tuple[int, int]]
    problems: list[SyntaxProblem]


def tokenize(text: str) -> Tokens:
    lexer = _lexer()
    kind = lexer.kinds
    spans = [match.span(1) for match in lexer.master.finditer(text)]
    kinds = [kind[text[start:end]] for start, end in spans]
    if len(kinds) > 1 and kinds[-2] == END:
        # White space at the end: the expression finds the end of the text after it, and once more.
        del kinds[-1], spans[-1]
    tokens = _mended(lexer, text) if STRAY in kinds else Tokens(text, kinds, spans, [])
    if _HALF_LINE.search(text):
        _complete_half_lines(lexer, tokens)
    return tokens


# A point at the end of a line, and a statement on the next one. Any word may follow a point, but not on the next line,
# or a half-typed line would swallow the statement below.
_HALF_LINE = re.compile(
    r"\.[ \t\f]*(?:#[^\r\n]*)?[\r\n](?:[ \t\f\r\n]|#[^\r\n]*)*+"
    r"(?:(?:param|sub|let|var|collect|return|assert|assume|for|while|if)\b|[A-Za-z_][A-Za-z0-9_]*[ \t]*=(?!=))"
)


def _complete_half_lines(lexer: _Lexer, tokens: Tokens) -> None:
    dot = lexer.terminals["DOT"]
    for match in reversed(list(_HALF_LINE.finditer(tokens.text))):
        start = match.start()
        position = bisect_left(tokens.spans, (start, start + 1))
        if tokens.spans[position] != (start, start + 1) or tokens.kinds[position] != dot:
            continue  # in a comment or a string
        before = tokens.text[tokens.spans[position - 1][0] : start] if position else ""
        if before.isdecimal():
            tokens.kinds[position - 1 : position + 1] = [lexer.terminals["FLOAT"]]
            tokens.spans[position - 1 : position + 1] = [(start - len(before), start + 1)]
            span = Span(start - len(before), start + 1)
            edits = (Replacement(span, f"{before}.0"),)
            message = f"a digit follows the point: `{before}.0`"
            tokens.problems.append(SyntaxProblem(span, ProblemKind.FOREIGN_HABIT, message, None, edits))
        else:
            tokens.kinds.insert(position + 1, lexer.terminals["FIELD"])
            tokens.spans.insert(position + 1, (start + 1, start + 1))
            span = Span(start, start + 1)
            tokens.problems.append(SyntaxProblem(span, ProblemKind.MISSING, "expected a name after `.`"))


# A text in which more is wrong than this is not Tenuto.
_MOST_PROBLEMS = 100


def _mended(lexer: _Lexer, text: str) -> Tokens:
    """The tokens of a text in which something is no token: that is reported, and taken for what it is like."""
    tokens = Tokens(text, [], [], [])
    position = 0
    while END not in tokens.kinds[-1:]:
        match = lexer.master.search(text, position)
        assert match is not None
        span = match.span(1)
        kind = lexer.kinds[match[1]]
        if kind == STRAY:
            start = span[0]
            if (
                tokens.spans
                and tokens.spans[-1][1] == start
                and text[start].isalnum()
                and text[start - 1].isidentifier()
            ):
                start, _ = tokens.spans.pop()  # one word, of which the lexer has taken the beginning for a name
                tokens.kinds.pop()
            problem, taken = _stray(text, start)
            tokens.problems.append(problem)
            span = problem.span
            if len(tokens.problems) == _MOST_PROBLEMS:
                tokens.problems.append(SyntaxProblem(span, ProblemKind.STRAY_TEXT, "the rest of this is not read"))
                span = (len(text), len(text))
            if taken is not None:
                tokens.kinds.append(lexer.terminals[taken])
                tokens.spans.append(span)
        else:
            tokens.kinds.append(kind)
            tokens.spans.append(span)
        position = span[1]
    return tokens


_STRING_OR_COMMENT = re.compile(r'"(?:[^"\\\r\n]|\\[^\r\n])*"|#[^\r\n]*')
COMMENT = re.compile(r"#[^\r\n]*")


def comments(tokens: Tokens) -> tuple[Comment, ...]:
    text = tokens.text
    if "#" not in text:
        return ()
    if not tokens.problems:
        matches = [match for match in _STRING_OR_COMMENT.finditer(text) if text[match.start()] == "#"]
    else:
        # Strings may be misspelt, so the expression above may be out of step: look between the tokens alone.
        edges = [0, *(edge for span in tokens.spans for edge in span)]
        gaps = zip(edges[::2], edges[1::2], strict=False)
        matches = [match for gap in gaps for match in COMMENT.finditer(text, *gap)]
    return tuple(Comment(Span(*match.span()), match[0]) for match in matches)


# ------------------------------------------------------------------------------------------- what no terminal matches


class _Habit(Struct, frozen=True):
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
        lambda found: f"this number has {len(found)} digits; at most {_LONGEST_NUMBER} are read",
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


def _stray(text: str, position: int) -> tuple[SyntaxProblem, str | None]:
    """What to say of the text at `position`, which is no token, and the terminal that it is taken for."""
    for habit in _HABITS:
        match = habit.pattern.match(text, position)
        if match is None:
            continue
        span = Span(*match.span())
        edits = () if habit.replacement is None else (Replacement(span, habit.replacement(match[0])),)
        return SyntaxProblem(span, habit.kind, habit.message(match[0]), habit.help, edits), habit.terminal
    raise AssertionError(f"every character is a token or a habit, but not {text[position]!r}")


# --------------------------------------------------------------------------------------------------------- the master

END = 0
STRAY = -1


class _Kinds(dict[str, int]):
    """From the text of a token to its terminal; numbers, strings and names are told apart once and remembered."""

    def __init__(self, built: Tables) -> None:
        super().__init__({spelling: index for index, spelling in enumerate(built.spellings) if spelling})
        self.fixed = dict(self)
        self.name = built.terminal("NAME")
        self.integer = built.terminal("INT")
        self.patterns = [
            (terminal, re.compile(pattern))
            for terminal, pattern in zip(built.ordered, built.patterns, strict=True)
            if terminal != built.terminal("FIELD")
        ]
        self.word = re.compile(built.patterns[0])

    def __missing__(self, text: str) -> int:
        if len(self) > _REMEMBERED:
            self.clear()
            self.update(self.fixed)
        kind = self.classify(text)
        if len(text) <= _LONGEST_NUMBER:
            self[text] = kind
        return kind

    def classify(self, text: str) -> int:
        if not text:
            return END
        if self.word.fullmatch(text):
            return self.name
        kind = next((terminal for terminal, pattern in self.patterns if pattern.fullmatch(text)), STRAY)
        return STRAY if kind == self.integer and len(text) > _LONGEST_NUMBER else kind


# Python refuses to read integers of more than 4300 digits.
_LONGEST_NUMBER = 1000

# So many texts of tokens are remembered at most, that a long-lived server stays small.
_REMEMBERED = 50_000


class _Lexer(Struct, frozen=True):
    master: re.Pattern[str]  # what is skipped, then one token as its only group
    kinds: _Kinds
    terminals: dict[str, int]


@cache
def _lexer() -> _Lexer:
    built = tables()
    return _Lexer(
        # What no terminal matches is taken by the last alternative, one character at a time.
        master=re.compile(rf"(?:{built.skipped})*+({'|'.join(built.patterns)}|\Z|[\s\S])"),
        kinds=_Kinds(built),
        terminals={name: index for index, name in enumerate(built.terminals)},
    )
