"""What an editor colours before it asks the server: the terminals of the grammar, each with its category.

Every keyword and sign of the grammar stands in `WORDS` or `SIGNS`; numbers, strings, names and comments are the
grammar's own expressions. A rule looks at one line alone, so that a half-typed one spoils nothing below it, and keeps
to what the regular expressions of Python, of TextMate and of Vim all can say: a look-behind has a fixed length.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum
from functools import cache
from itertools import groupby
from typing import NamedTuple

from tenuto_analysis.dtypes import SCALARS
from tenuto_grammar.lexer import COMMENT
from tenuto_grammar.tables import tables


class Look(NamedTuple):
    """What a category is called: a scope of TextMate, a group of Vim, a token type of Pygments."""

    scope: str
    group: str
    token: str


class Category(Enum):
    """What a token is."""

    COMMENT = Look("comment.line.number-sign", "Comment", "Comment.Single")
    DOCUMENTATION = Look("comment.line.documentation", "SpecialComment", "String.Doc")
    SUPPRESSION = Look("comment.line.suppression", "PreProc", "Comment.Preproc")
    CODE = Look("markup.inline.raw", "Delimiter", "String.Backtick")
    STRING = Look("string.quoted.double", "String", "String.Double")
    ESCAPE = Look("constant.character.escape", "SpecialChar", "String.Escape")
    PLACEHOLDER = Look("constant.other.placeholder", "Special", "String.Interpol")
    PATTERN = Look("string.quoted.double.pattern", "String", "String.Regex")
    AXIS = Look("variable.other.axis", "Identifier", "Name.Variable.Magic")
    ARROW = Look("keyword.operator.pattern", "Operator", "Operator")
    GROUPING = Look("punctuation.section.pattern", "Delimiter", "Punctuation")
    CONTROL = Look("keyword.control", "Statement", "Keyword")
    DECLARATION = Look("keyword.declaration", "Keyword", "Keyword.Declaration")
    IMPORT = Look("keyword.control.import", "Include", "Keyword.Namespace")
    CLAUSE = Look("keyword.other.clause", "StorageClass", "Keyword.Pseudo")
    WORD_OPERATOR = Look("keyword.operator.word", "Conditional", "Operator.Word")
    CONSTANT = Look("constant.language", "Constant", "Keyword.Constant")
    INTEGER = Look("constant.numeric.integer", "Number", "Number.Integer")
    FLOAT = Look("constant.numeric.float", "Float", "Number.Float")
    DTYPE = Look("storage.type.dtype", "Type", "Keyword.Type")
    TYPE = Look("entity.name.type", "Structure", "Name.Class")
    FUNCTION = Look("entity.name.function", "Function", "Name.Function")
    MODULE = Look("entity.name.namespace", "Include", "Name.Namespace")
    DIMENSION = Look("variable.other.dimension", "Identifier", "Name.Constant")
    LABEL = Look("variable.parameter", "Label", "Name.Attribute")
    PROPERTY = Look("variable.other.property", "Identifier", "Name.Property")
    DECLARED = Look("variable.other.declaration", "Identifier", "Name.Variable")
    NAME = Look("variable.other", "NONE", "Name")
    OPERATOR = Look("keyword.operator", "Operator", "Operator")
    PUNCTUATION = Look("punctuation", "Delimiter", "Punctuation")
    SEPARATOR = Look("punctuation.separator", "Delimiter", "Punctuation")


C = Category

WORDS = {
    **dict.fromkeys(("if", "then", "else", "for", "while", "return", "collect", "assert", "assume"), C.CONTROL),
    **dict.fromkeys(("type", "record", "const", "fn", "model", "op", "deploy"), C.DECLARATION),
    **dict.fromkeys(("param", "sub", "let", "var"), C.DECLARATION),
    "import": C.IMPORT,
    **dict.fromkeys(("where", "precision", "target", "class", "lower", "rule"), C.CLAUSE),
    **dict.fromkeys(("and", "or", "not", "in", "as", "within"), C.WORD_OPERATOR),
    **dict.fromkeys(("true", "false", "none", "inf"), C.CONSTANT),
}

SIGNS = {
    **dict.fromkeys(("(", ")", "[", "]", "{", "}", ",", ":", "."), C.PUNCTUATION),
    **dict.fromkeys(("=", "->", "?", "|", "|>", "..", "..."), C.OPERATOR),
    **dict.fromkeys(("==", "!=", "<=", ">=", "<", ">"), C.OPERATOR),
    **dict.fromkeys(("+", "-", "*", "/", "//", "%", "@", "**"), C.OPERATOR),
}


class Inner(Enum):
    """What may stand inside a token, or in a file."""

    FILE = "file"
    SHAPE = "shape"
    NAMES = "names-of-assignment"
    DOCUMENTATION = "documentation"
    STRING = "string"
    PATTERN = "pattern"


_CODE = ("comments", "strings", "declarations", "clauses", "labels", "types", "words", "numbers")

# The groups of rules that hold there, those first that win.
CONTENTS = {
    Inner.FILE: (*_CODE, "names", "signs"),
    Inner.SHAPE: (*_CODE, "dimensions", "names", "signs"),
    Inner.NAMES: ("assigned",),
    Inner.DOCUMENTATION: ("code",),
    Inner.STRING: ("escapes",),
    Inner.PATTERN: ("patterns",),
}


class Piece(NamedTuple):
    """A part of what a rule matches: coloured as a whole by its category, and inside by the rules for what it holds."""

    pattern: str
    category: Category | None = None
    inner: Inner | None = None
    optional: bool = False


class Rule(NamedTuple):
    """Pieces that follow each other, where the look-ahead `after` holds behind them."""

    pieces: tuple[Piece, ...]
    after: str = ""

    @property
    def expression(self) -> str:
        """The whole as one expression, with a group for each piece."""
        return "".join(f"({piece.pattern}){'?' if piece.optional else ''}" for piece in self.pieces) + self.after


def _rule(pattern: str, category: Category, after: str = "", inner: Inner | None = None) -> Rule:
    return Rule((Piece(pattern, category, inner),), after)


@cache
def groups() -> dict[str, tuple[Rule, ...]]:
    """All rules. In a file the first of its groups' rules counts that matches where the token before ended."""
    terminal = _terminals()
    name, string = terminal["NAME"], terminal["STRING"]
    return {
        "comments": (
            _rule(r"#[#!][^\r\n]*", C.DOCUMENTATION, inner=Inner.DOCUMENTATION),
            Rule((Piece(r"#[ \t]*tenuto:[ \t]*allow\([^)\r\n]*\)", C.SUPPRESSION), Piece(r"[^\r\n]*", C.COMMENT))),
            _rule(COMMENT.pattern, C.COMMENT),
        ),
        "strings": (
            _rule(r'"[A-Za-z0-9_ \t(),.]*->[A-Za-z0-9_ \t().]*"', C.PATTERN, inner=Inner.PATTERN),
            _rule(string, C.STRING, inner=Inner.STRING),
            _rule(string.removesuffix('"'), C.STRING, inner=Inner.STRING),  # not closed yet
        ),
        "declarations": _declarations(name),
        "clauses": _clauses(name),
        "labels": _labels(name),
        "types": _types(name),
        "words": tuple(_rule(_any_of(words), category) for category, words in _reserved().items()),
        "numbers": (_rule(terminal["FLOAT"], C.FLOAT), _rule(terminal["INT"], C.INTEGER)),
        "dimensions": (_rule(name, C.DIMENSION, after=r"(?![A-Za-z0-9_(\[]|\.[^.])"),),
        "names": (
            Rule((Piece(r"(?<!\.)\.", C.PUNCTUATION), _SPACE, Piece(terminal["FIELD"], C.PROPERTY))),
            _rule(name, C.FUNCTION, after=r"(?=\()"),
            _rule(name, C.NAME),
        ),
        "signs": _signs(),
        "assigned": (_rule(name, C.NAME), _rule(",", C.SEPARATOR)),
        "code": (_rule(r"`[^`\r\n]*`", C.CODE),),
        "escapes": (
            _rule(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[^\r\n])", C.ESCAPE),
            _rule(rf"\{{{_WORD}\}}", C.PLACEHOLDER),
        ),
        "patterns": (_rule(rf"{_WORD}|\.\.\.", C.AXIS), _rule("->", C.ARROW), _rule("[(),]", C.GROUPING)),
    }


_WORD = r"[A-Za-z_][A-Za-z0-9_]*"
_SPACE = Piece(r"[ \t]*")
_SPACES = Piece(r"[ \t]+")
_BEGINNING = Piece(r"^[ \t]*")


def _any_of(words: Iterable[str]) -> str:
    return rf"\b(?:{'|'.join(words)})\b"


def _terminals() -> dict[str, str]:
    """The expressions of the grammar's terminals by name."""
    built = tables()
    patterns = {
        built.terminals[number]: text.replace("\r", r"\r").replace("\n", r"\n")
        for number, text in zip(built.ordered, built.patterns, strict=True)
    }
    # The lexer tells reserved words from names afterwards.
    reserved = _any_of(built.spellings[number] for number in built.reserved)
    return patterns | {"NAME": rf"\b(?!{reserved}){_WORD}", "FIELD": _WORD}


def _reserved() -> dict[Category, list[str]]:
    built = tables()
    words: dict[Category, list[str]] = {}
    for number in built.reserved:
        words.setdefault(WORDS[built.spellings[number]], []).append(built.spellings[number])
    return words


def _signs() -> tuple[Rule, ...]:
    """A rule for each run of signs of one category, long ones before their beginnings."""
    ordered = sorted(SIGNS, key=lambda sign: (-len(sign), SIGNS[sign].name))
    return tuple(
        _rule("|".join(map(re.escape, signs)), category)
        for (_, category), signs in groupby(ordered, lambda sign: (len(sign), SIGNS[sign]))
    )


def _balanced(opening: str, closing: str) -> str:
    """What stands between a pair of brackets on one line, with pairs inside down to the third."""
    other = rf"[^\{opening}\{closing}\r\n]*"
    pair = rf"\{opening}{other}\{closing}"
    for _ in range(2):
        pair = rf"\{opening}{other}(?:{pair}{other})*\{closing}"
    return pair


_PARENTHESES = _balanced("(", ")")
_BRACKETS = _balanced("[", "]")
_SHAPE = Piece(_BRACKETS, None, Inner.SHAPE)
_SHAPE_IF_ANY = _SHAPE._replace(optional=True)


def _declarations(name: str) -> tuple[Rule, ...]:
    kinds = (
        (("fn", "op"), C.FUNCTION),
        (("model", "record", "type"), C.TYPE),
        (("const", "deploy", "param", "sub", "let", "var"), C.DECLARED),
    )
    return (
        Rule((Piece(r"\bimport\b", C.IMPORT), _SPACES, Piece(rf"{_WORD}(?:\.{_WORD})*", C.MODULE))),
        *(
            Rule((Piece(_any_of(words), C.DECLARATION), _SPACES, Piece(name, category), _SHAPE_IF_ANY))
            for words, category in kinds
        ),
        _rule(r"\bmodel\b", C.DECLARATION, after=rf"(?={_PARENTHESES}[ \t]*->)"),
    )


# The keyword of a clause is a name as well: which one shows in what follows.
_GOES_ON = "in|and|or|as|then|else|if|for|within"


def _clauses(name: str) -> tuple[Rule, ...]:
    constraint = rf"(?=[ \t]+(?!(?:{_GOES_ON})\b)(?:[A-Za-z0-9_(\"]|-[A-Za-z0-9_(]))"
    word = rf"(?=[ \t]+(?!(?:{_GOES_ON}|not)\b)[A-Za-z_])"
    return (
        Rule((_BEGINNING, Piece(_any_of(("where", "lower")), C.CLAUSE)), r"(?=[ \t]*$)"),
        _rule(r"\bwhere\b", C.CLAUSE, constraint),
        _rule(_any_of(("precision", "target", "class", "lower")), C.CLAUSE, word),
        Rule((Piece(name, C.NAME), _SPACES, Piece(r"\brule\b", C.CLAUSE)), r"(?=[ \t]*(?:[,(#={]|$))"),
    )


def _labels(name: str) -> tuple[Rule, ...]:
    """What stands before `:` or `=`: a field, a parameter, a setting, an argument."""
    opening = Piece(r"[({\[,]", C.PUNCTUATION)
    assigned = Piece(rf"{name}(?:[ \t]*,[ \t]*{name})+", None, Inner.NAMES)
    return (
        Rule((_BEGINNING, assigned), "(?=[ \t]*=(?!=))"),
        Rule((_BEGINNING, Piece(_WORD, C.LABEL)), r"(?=[ \t]*:[ \t])"),
        Rule((_BEGINNING, Piece(name, C.LABEL)), r"(?=[ \t]*=(?!=)[^\r\n]*,[ \t]*$)"),
        Rule((opening, _SPACE, Piece(_WORD, C.LABEL)), r"(?=[ \t]*:[ \t])"),
        Rule((opening, _SPACE, Piece(name, C.LABEL)), r"(?=[ \t]*=(?!=))"),
    )


def _types(name: str) -> tuple[Rule, ...]:
    dtype = Piece(_any_of((*SCALARS, "float")), C.DTYPE)
    camel_case = Piece(r"\b[A-Z][A-Za-z0-9_]*[a-z][A-Za-z0-9_]*", C.TYPE)
    return (
        *_types_after(Piece(":", C.PUNCTUATION), dtype, name),
        *_types_after(Piece("->", C.OPERATOR), dtype, name),
        Rule((dtype, _SHAPE_IF_ANY)),
        Rule((camel_case, _SHAPE)),
        Rule((camel_case,), r"(?=\()"),
    )


def _types_after(sign: Piece, dtype: Piece, name: str) -> tuple[Rule, ...]:
    return (
        Rule((sign, _SPACES, dtype, _SHAPE_IF_ANY)),
        Rule((sign, _SPACES, Piece(name, C.TYPE), Piece(_PARENTHESES, None, Inner.FILE), _SHAPE)),
        Rule((sign, _SPACES, Piece(rf"{name}(?:\.{_WORD})*", C.TYPE), _SHAPE_IF_ANY), r"(?![A-Za-z0-9_.(])"),
    )
