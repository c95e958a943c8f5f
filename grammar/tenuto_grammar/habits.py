"""Habits from other languages, known by how they look where the parser stops, each with a message of its own.

A habit is a function: from the place of the mistake to a problem, having set the tokens right, or to None. They are
tried in the order of the table; after one, the declaration is read again from its start.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from tenuto_grammar.lexer import END, Tokens
from tenuto_grammar.problems import ProblemKind, Replacement, SyntaxProblem
from tenuto_grammar.terminals import STATEMENTS, Terminals
from tenuto_grammar.text import Span


class Place(Struct, frozen=True):
    """Where the parser stopped: at the token `at`, with `states` on its stack."""

    names: Terminals
    tokens: Tokens
    at: int
    states: list[int]

    def text(self, offset: int = 0) -> str:
        position = self.at + offset
        return self.tokens.text[slice(*self.tokens.spans[position])] if 0 <= position < len(self.tokens.kinds) else ""

    def span(self, offset: int = 0, until: int | None = None) -> Span:
        spans = self.tokens.spans
        return Span(spans[self.at + offset][0], spans[self.at + (offset if until is None else until)][1])

    def is_(self, offset: int, *spellings: str) -> bool:
        position = self.at + offset
        return 0 <= position < len(self.tokens.kinds) and self.tokens.kinds[position] in map(
            self.names.number.get, spellings
        )

    def begins_line(self, offset: int = 0) -> bool:
        position = self.at + offset
        if position <= 0:
            return True
        gap = self.tokens.text[self.tokens.spans[position - 1][1] : self.tokens.spans[position][0]]
        return "\n" in gap or "\r" in gap

    def touches(self, offset: int) -> bool:
        """Whether no white space stands between the token at `offset` and the one before it."""
        position = self.at + offset
        return position > 0 and self.tokens.spans[position - 1][1] == self.tokens.spans[position][0]

    def accepts(self, spelling: str) -> bool:
        return self.names.tables.action[self.states[-1]][self.names.number[spelling]] != 0

    def put(self, offset: int, dropped: int, *spellings: str) -> None:
        """Put empty tokens in the place of `dropped` tokens."""
        position = self.at + offset
        start = self.tokens.spans[position][0] if dropped else self.tokens.spans[position - 1][1]
        self.tokens.kinds[position : position + dropped] = [self.names.number[spelling] for spelling in spellings]
        self.tokens.spans[position : position + dropped] = [(start, start)] * len(spellings)

    def merge(self, offset: int, spelling: str) -> None:
        """Make one token of the token at `offset` and the next."""
        position = self.at + offset
        self.tokens.spans[position : position + 2] = [
            (self.tokens.spans[position][0], self.tokens.spans[position + 1][1])
        ]
        self.tokens.kinds[position : position + 2] = [self.names.number[spelling]]


def mend_habit(names: Terminals, tokens: Tokens, at: int, states: list[int]) -> SyntaxProblem | None:
    place = Place(names, tokens, at, states)
    return next((problem for habit in HABITS if (problem := habit(place)) is not None), None)


def _habit(span: Span, message: str, help: str | None = None, *edits: Replacement) -> SyntaxProblem:
    return SyntaxProblem(span, ProblemKind.FOREIGN_HABIT, message, help, edits)


# ------------------------------------------------------------------------------------------------------------ numbers


def _float_without_fraction(place: Place) -> SyntaxProblem | None:
    """`5.`: the point has been read, and what follows was meant for something else."""
    for dot in (0, -1, -2):
        if place.is_(dot, ".") and place.is_(dot - 1, "INT") and place.touches(dot):
            follows = place.at + dot + 1
            if dot == -2 and not place.begins_line(-1):
                continue
            if follows < len(place.tokens.kinds) and place.is_(dot + 1, "INT") and place.touches(dot + 1):
                continue
            span, text = place.span(dot - 1, dot), place.text(dot - 1)
            place.merge(dot - 1, "FLOAT")
            return _habit(span, f"a digit follows the point: `{text}.0`", None, Replacement(span, f"{text}.0"))
    return None


def _float_without_integer(place: Place) -> SyntaxProblem | None:
    if not (place.is_(0, ".") and place.is_(1, "INT") and place.touches(1) and place.accepts("FLOAT")):
        return None
    span, text = place.span(0, 1), place.text(1)
    place.merge(0, "FLOAT")
    return _habit(span, f"a digit precedes the point: `0.{text}`", None, Replacement(span, f"0.{text}"))


# -------------------------------------------------------------------------------------------------------- half a line


def _swallowed_if(place: Place) -> SyntaxProblem | None:
    """`let x =` has taken the `if` that begins the next line for its value, and finds a block where `then` belongs."""
    if not place.is_(0, "{"):
        return None
    begin = -1
    while begin > -60 and place.at + begin > 0 and not place.begins_line(begin):
        begin -= 1
    if not (place.is_(begin, "if") and place.is_(begin - 1, *_BEFORE_VALUES)):
        return None
    span, before = place.span(begin - 1), place.text(begin - 1)
    place.put(begin, 0, "MISSING")
    return SyntaxProblem(span, ProblemKind.MISSING, f"expected an expression after `{before}`")


_BEFORE_VALUES = ("=", ",", "(", "[", "+", "-", "*", "/", "//", "%", "@", "**", "|>", "==", "<", ">", "<=", ">=", "!=")


def _bare_value(place: Place) -> SyntaxProblem | None:
    """A statement that begins with a name and goes on as an expression, or not at all."""
    if not (place.at and len(place.states) > 1 and place.names.begins_statement(place.states[-2])):
        return None
    if not place.text(-1).isidentifier() or place.tokens.kinds[place.at - 1] in place.names.reserved:
        return None
    if place.is_(0, "=", ",") or place.names.begins_statement(place.states[-1]):
        return None
    name = place.text(-1)
    if place.is_(0, ":"):
        span = place.span(-1)
        place.put(-1, 0, "let")
        edit = Replacement(Span(span.start, span.start), "let ")
        return SyntaxProblem(
            span, ProblemKind.MISSING, f"a new value begins with `let`: `let {name}: ...`", None, (edit,)
        )
    is_expression = place.is_(0, "(", "[", ".", "|>", "+", "-", "*", "/", "@") and not place.begins_line()
    ends = place.begins_line() or place.is_(0, "}") or place.tokens.kinds[place.at] == END
    if not (is_expression or ends):
        return None
    span = place.span(-1)
    place.put(-1, 0, "let", "NAME", "=")
    return SyntaxProblem(
        span,
        ProblemKind.MISSING,
        f"`{name}` begins no statement",
        f"A value gets a name, `let result = {name}...`, or is the result: `return {name}...`.",
    )


# -------------------------------------------------------------------------------------------------------- expressions


def _conditional_expression(place: Place) -> SyntaxProblem | None:
    """`a if c else b`: where a statement may follow `a`, the parser has taken it for one and stops at `else`."""
    begin = 0
    while place.is_(0, "else") and begin > -60 and not place.is_(begin, "if") and not place.begins_line(begin):
        begin -= 1
    if not place.is_(begin, "if") or place.begins_line(begin):
        return None
    other = next((offset for offset in range(begin, begin + 60) if place.is_(offset, "else")), None)
    if other is None:
        return None
    end = _end_of_operand(place, other + 1)
    span = place.span(begin, end - 1)
    place.put(begin, end - begin)
    return _habit(span, "a choice is written `if condition then a else b`", "The condition comes first.")


def _end_of_operand(place: Place, offset: int) -> int:
    """The offset after the expression at `offset`: the line's end, or a comma or closing bracket outside of it."""
    depth = 0
    while place.at + offset < len(place.tokens.kinds) - 1:
        if depth == 0 and (place.is_(offset, ",", ")", "]", "}") or place.begins_line(offset)):
            break
        depth += place.is_(offset, "(", "[", "{") - place.is_(offset, ")", "]", "}")
        offset += 1
    return offset


def _closing(place: Place) -> int:
    """The offset of the bracket that closes the one at which the parser stopped."""
    offset = _end_of_operand(place, 1)
    while place.is_(offset, ","):
        offset = _end_of_operand(place, offset + 1)
    return offset


def _assignment_for_equality(place: Place) -> SyntaxProblem | None:
    if not place.is_(0, "="):
        return None
    begin = -1
    while begin > -60 and not place.begins_line(begin) and not place.is_(begin, *_BEFORE_CONDITIONS):
        begin -= 1
    if not place.is_(begin, *_BEFORE_CONDITIONS):
        return None
    span = place.span()
    place.tokens.kinds[place.at] = place.names.number["=="]
    return _habit(span, "`==` compares; `=` gives a name to a value", None, Replacement(span, "=="))


_BEFORE_CONDITIONS = ("if", "while", "assert", "assume", "where", "and", "or", "not")


def _is(place: Place) -> SyntaxProblem | None:
    if place.text() != "is" or place.begins_line():
        return None
    span = place.span(0, 1 if place.is_(1, "not") else 0)
    spelling = "!=" if place.is_(1, "not") else "=="
    place.put(0, 2 if place.is_(1, "not") else 1, spelling)
    return _habit(span, f"`is` is written `{spelling}`", None, Replacement(span, spelling))


def _bar_for_or(place: Place) -> SyntaxProblem | None:
    if not place.is_(0, "|"):
        return None
    doubled = place.is_(1, "|")
    span = place.span(0, 1 if doubled else 0)
    place.put(0, 2 if doubled else 1, "or")
    return _habit(span, "`|` is written `or`", None, Replacement(span, "or"))


def _augmented(place: Place) -> SyntaxProblem | None:
    """`x += 1`."""
    if not (place.is_(0, "+", "-", "*", "/", "//", "@", "%", "**") and place.is_(1, "=") and place.touches(1)):
        return None
    operator, name = place.text(), place.text(-1)
    span = place.span(0, 1)
    place.put(0, 1)
    edit = Replacement(span, f"= {name} {operator}")
    return _habit(span, f"`{operator}=` is written out: `{name} = {name} {operator} ...`", None, edit)


def _lambda(place: Place) -> SyntaxProblem | None:
    begin = next((offset for offset in (-1, -2) if place.text(offset) == "lambda"), None)
    if begin is None:
        return None
    end = _end_of_operand(place, begin + 1)
    span = place.span(begin, end - 1)
    place.put(begin, end - begin, "MISSING")
    return _habit(span, "there are no anonymous functions", "Declare a `fn` of its own and name it here.")


def _stars(place: Place) -> SyntaxProblem | None:
    if not (place.is_(0, "*", "**") and place.is_(-1, "(", ",") and place.is_(1, "NAME")):
        return None
    span = place.span(0, 1)
    what = place.text() + place.text(1)
    place.put(0, 1)
    return _habit(span, f"`{what}` cannot stand here", "Parameters and arguments are written out, one by one.")


# --------------------------------------------------------------------------------------------------------- statements


def _tuple_assignment(place: Place) -> SyntaxProblem | None:
    """`(a, b) = ...`: as the first statement, or after one, where it has been taken for the arguments of a call."""
    begin = 0
    if place.is_(0, "=") and place.is_(-1, ")"):
        while begin > -60 and place.at + begin > 0 and not place.is_(begin, "("):
            begin -= 1
    elif not (place.is_(0, "(") and place.is_(_closing(place) + 1, "=")):
        return None
    if not (place.is_(begin, "(") and place.begins_line(begin)):
        return None
    span = place.span(begin)
    place.put(begin, 0, "let")
    return _habit(
        span,
        "a tuple is taken apart by `let (a, b) = ...`",
        "Where the names are variables already, write them without brackets: `a, b = ...`.",
        Replacement(Span(span.start, span.start), "let "),
    )


def _elif(place: Place) -> SyntaxProblem | None:
    if place.text(-1) != "elif":
        return None
    span = place.span(-1)
    place.put(-1, 1, "else", "if")
    return _habit(span, "`elif` is written `else if`", None, Replacement(span, "else if"))


def _idle_word(place: Place) -> SyntaxProblem | None:
    word = place.text(-1)
    if word not in ("pass", "break", "continue") or not place.names.begins_statement(place.states[-2]):
        return None
    span = place.span(-1)
    place.put(-1, 1)
    helps = {"pass": "A block may be empty.", "break": "Let the condition of a `while` end the loop."}
    return _habit(span, f"there is no `{word}`", helps.get(word, "Put the rest of the body under an `if`."))


def _colon_for_block(place: Place) -> SyntaxProblem | None:
    if not (place.is_(0, ":") and place.accepts("{")):
        return None
    if not (place.begins_line(1) or place.is_(1, *STATEMENTS)):
        return None
    span = place.span()
    place.tokens.kinds[place.at] = place.names.number["{"]
    return _habit(span, "a block stands in braces: `{ ... }`", "Put `{` for this `:`, and `}` after the block.")


def _clause_too_early(place: Place) -> SyntaxProblem | None:
    """`target cpu precision mixed`: a clause that another of the same head or statement should precede.

    After a statement the second has been read as the name that begins the next.
    """
    second = 0 if place.is_(0, *_CLAUSES) else -1
    if not place.is_(second, *_CLAUSES):
        return None
    later = _CLAUSES[_CLAUSES.index(place.text(second)) + 1 :]
    begin = second - 1
    while begin > -60 and place.at + begin > 0 and not place.is_(begin, *later, "{", "}"):
        begin -= 1
    if not place.is_(begin, *later):
        return None
    span, message = place.span(begin, second - 1), f"`{place.text(begin)}` stands after `{place.text(second)}`"
    place.put(begin, second - begin)
    return _habit(span, message, f"The order is: {', '.join(_CLAUSES)}.")


_CLAUSES = ("where", "precision", "target", "class", "lower")


def _import_from(place: Place) -> SyntaxProblem | None:
    """`import x from y`, `import x, y`."""
    if not place.is_(-2, "import") and place.text(0) != "from":
        return None
    if not (place.text() in ("from", ",") and place.tokens.kinds[0] == place.names.number["import"]):
        return None
    end = len(place.tokens.kinds) - 1 - place.at
    span = place.span(0, end - 1)
    place.put(0, end)
    return _habit(span, "names are imported by `import path { a, b }`", "Each module has an `import` of its own.")


# ---------------------------------------------------------------------------------------------------------- the table

HABITS: tuple[Callable[[Place], SyntaxProblem | None], ...] = (
    _float_without_fraction,
    _float_without_integer,
    _import_from,
    _elif,
    _idle_word,
    _lambda,
    _augmented,
    _stars,
    _conditional_expression,
    _is,
    _bar_for_or,
    _tuple_assignment,
    _colon_for_block,
    _clause_too_early,
    _bare_value,
    _swallowed_if,
    _assignment_for_equality,
)
