"""The rules as a syntax file for Vim and Neovim.

Vim colours one item at a place and knows no groups in an expression: a rule becomes an item for its first piece, which
looks ahead at the others, and one for each of these, which stands after the one before alone. Of the items that match
at one place the last wins, so the rules stand in reverse order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count, zip_longest

from tenuto_server.highlighting.rules import CONTENTS, Category, Inner, Piece, Rule, groups


def syntax() -> str:
    lines = [
        '" Written by tenuto_server.highlighting; CONTRIBUTING.md says how.',
        'if exists("b:current_syntax")',
        "  finish",
        "endif",
        "let s:cpo_save = &cpo",
        "set cpo&vim",
        "syntax case match",
        "syntax sync minlines=1",
        "",
        *_clusters(),
        "",
    ]
    numbers = count(1)
    for name, group in reversed(groups().items()):
        lines += [item for rule in reversed(group) for item in _items(name, rule, numbers)]
    lines += [
        "",
        *(f"highlight default link {item(category)} {category.value.group}" for category in Category),
        "",
        'let b:current_syntax = "tenuto"',
        "let &cpo = s:cpo_save",
        "unlet s:cpo_save",
    ]
    return "\n".join(lines) + "\n"


def _clusters() -> Iterator[str]:
    for inner, names in CONTENTS.items():
        found = dict.fromkeys(_item(_seen(rule)[0]) for name in names for rule in groups()[name])
        yield f"syntax cluster {_cluster(inner)} contains={','.join(found)}"


def _items(group: str, rule: Rule, numbers: Iterator[int]) -> Iterator[str]:
    first, *others = _seen(rule)
    position = rule.pieces.index(first)
    before = translated(Rule(rule.pieces[:position]).expression)
    behind = translated(Rule(rule.pieces[position + 1 :], rule.after).expression)
    pattern = rf"{before}\zs" if before else ""
    pattern += f"%({translated(first.pattern)})" + (f"%({behind})@=" if behind else "")
    contained = " contained" if group not in CONTENTS[Inner.FILE] else ""
    name = _item(first)
    for piece, following in zip_longest((first, *others), others):
        line = f"syntax match {name} /{_VERY_MAGIC}{pattern}/{contained}"
        line += f" contains=@{_cluster(piece.inner)}" if piece.inner is not None else ""
        if following is not None:
            name = f"{_item(following)}{next(numbers)}"
            pattern, contained = translated(following.pattern), " contained"
            line += f" nextgroup={name} skipwhite"
            if following.category is not None:
                yield f"highlight default link {name} {item(following.category)}"
        yield line


_VERY_MAGIC = r"\v"


def _seen(rule: Rule) -> list[Piece]:
    return [piece for piece in rule.pieces if piece.category is not None or piece.inner is not None]


def _item(piece: Piece) -> str:
    if piece.category is not None:
        return item(piece.category)
    assert piece.inner is not None
    return f"tenutoInside{piece.inner.name.capitalize()}"


def item(category: Category) -> str:
    """What the items of a category are called; those that stand after others have a number behind it."""
    return f"tenuto{category.name.title().replace('_', '')}"


def _cluster(inner: Inner) -> str:
    return f"tenuto{inner.name.capitalize()}Contents"


# ---------------------------------------------------------------------------------------------------------- expressions

_PARTS = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|\(\?:|\(\?(?:[=!]|<!)|.", re.DOTALL)
_ENDINGS = {"(?:": ")", "(?=": ")@=", "(?!": ")@!", "(?<!": ")@9<!"}


def translated(pattern: str) -> str:
    """An expression of Python's in Vim's "very magic" notation, without groups that are remembered."""
    open_groups: list[str] = []
    parts: list[str] = []
    found = _PARTS.findall(pattern)
    for part, following in zip_longest(found, found[1:], fillvalue=""):
        if part in _ENDINGS:
            open_groups.append(_ENDINGS[part])
            parts.append("%(")
        elif part == "(":
            open_groups.append(")")
            parts.append("%(")
        elif part == ")":
            parts.append(open_groups.pop())
        elif part == r"\b":
            parts.append("<" if following not in ("", ")") else ">")
        elif part.startswith("["):
            parts.append("." if part == r"[^\r\n]" else _BRACKET.sub(r"\1", part.replace(r"\r\n", "")))
        else:
            parts.append(part if part in _SAME or part.isalnum() or len(part) == 2 else f"\\{part}")
    return "".join(parts)


# Vim knows no escape before a bracket in a set.
_BRACKET = re.compile(r"\\([\[(){}])")
# What means the same in both notations; `_` and quotes are plain characters.
_SAME = frozenset("^$*+?|.{}_\"' \t")
