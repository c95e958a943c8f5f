"""The LALR tables of the grammar, as plain data: loaded where they are built and fresh, built otherwise.

`tables.bin` lies beside the grammar. It is written by the build hook (`build_tables.py`) and holds the text of the
grammar that it was made from, so that it is never used for another one. Loading it does not import Lark.
"""

from __future__ import annotations

import importlib
import marshal
import os
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

HOME = Path(__file__).parent
GRAMMAR = HOME / "tenuto.lark"
BUILT = HOME / "tables.bin"

# What a rule does with the values of its symbols when it is reduced.
NODE = 0  # make a node from some of them
LEAF = 1  # make a node from the text of its only token
PASS = 2  # the value of one of them is the value of the rule
UNIT = 3  # the same, and it is the only symbol: chains of these are collapsed
LIST = 4  # begin a list (the helper rules that Lark makes for repetitions)
APPEND = 5  # add to the list that is the first value

# A child of a node: the offset of its value from the end of the rule, and whether its items are children one by one.
Child = tuple[int, bool]
# The offset of no symbol: Lark fills an optional part that is absent with None.
ABSENT = 0


class Rule(NamedTuple):
    """`length` symbols become the nonterminal `target`; `name` is the alias or the name of the rule in the grammar."""

    name: str
    target: int
    length: int
    kind: int
    children: tuple[Child, ...]


class Tables(NamedTuple):
    """`action[state][terminal]` is 0 for an error, `n + 1` to shift and go to state `n`, `-n - 1` to reduce by rule
    `n`.

    Terminal 0 is the end of the text. A word is NAME, FIELD or a keyword, by `keywords`; where a state has no action
    for a keyword, `action` holds that of NAME (if the keyword is not in `reserved`) or of FIELD.
    """

    terminals: tuple[str, ...]
    spellings: tuple[str, ...]  # how a terminal is written, or "" where it has many spellings
    keywords: dict[str, int]
    reserved: tuple[int, ...]
    skipped: str  # regular expressions: white space and comments, then one for each terminal in `ordered`
    patterns: tuple[str, ...]
    ordered: tuple[int, ...]
    rules: tuple[Rule, ...]
    nonterminals: tuple[str, ...]
    action: list[list[int]]
    goto: list[dict[int, int]]
    start: int
    accept: int

    def terminal(self, name: str) -> int:
        return self.terminals.index(name)


class TablesMissing(Exception):
    """The installation is broken: the tables were not built, and Lark is not there to build them."""


@cache
def tables() -> Tables:
    """The tables of the grammar that ships with this package."""
    grammar = GRAMMAR.read_text(encoding="utf-8")
    stored = read(BUILT, grammar)
    if stored is not None:
        return stored
    built = build(grammar)
    with suppress(OSError):  # a read-only installation: the tables stay in memory
        write(built, grammar)
    return built


def build(grammar: str) -> Tables:
    """The tables of `grammar`, made by Lark, which is loaded for this alone."""
    try:
        maker = importlib.import_module("tenuto_grammar.lark_tables")
    except ImportError as error:
        raise TablesMissing(
            f"{BUILT} is missing or belongs to another version of the grammar, and Lark, which would build it, "
            "cannot be imported. Reinstall tenuto, or run: pip install lark"
        ) from error
    made = maker.make(grammar)
    assert isinstance(made, Tables)
    return made


def write(tables: Tables, grammar: str, path: Path = BUILT) -> None:
    """Put the tables beside the grammar, whole or not at all."""
    rules = [tuple(rule) for rule in tables.rules]
    plain = [rules if part is tables.rules else part for part in tables]
    content = marshal.dumps((_key(grammar), plain), _MARSHAL_FORMAT)
    handle, name = tempfile.mkstemp(prefix=path.name, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except OSError:
        os.unlink(name)
        raise


def read(path: Path, grammar: str) -> Tables | None:
    """The tables in the file; None where there are none, or those of another grammar."""
    try:
        content = marshal.loads(path.read_bytes())
    except (OSError, EOFError, ValueError, TypeError):
        return None
    if not isinstance(content, tuple) or len(content) != 2 or content[0] != _key(grammar):
        return None
    stored = Tables(*content[1])
    return stored._replace(rules=tuple(Rule(*rule) for rule in stored.rules))


# Every Python that Tenuto runs on reads and writes format 4, so one wheel serves them all.
_MARSHAL_FORMAT = 4
_TABLES_FORMAT = 1


def _key(grammar: str) -> tuple[int, str]:
    return _TABLES_FORMAT, grammar
