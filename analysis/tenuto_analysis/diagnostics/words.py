"""Phrases that many diagnostics share."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from tenuto_analysis.diagnostics.base import Edit, Fix
from tenuto_grammar.text import Span

_MOST_COMPARED = 5_000
_ALIKE = 0.75


def nearest(name: str, candidates: Iterable[str]) -> tuple[str, ...]:
    """Up to three of the candidates that look like a misspelt name, best first; none among very many."""
    names = sorted(set(candidates) - {name})
    if len(names) > _MOST_COMPARED:
        return ()
    lower, letters = name.lower(), frozenset(name)
    folded = [other for other in names if other.lower() == lower]
    alike = [other for other in names if _may_look_like(name, letters, other)]
    return tuple(dict.fromkeys([*folded, *get_close_matches(name, alike, n=3, cutoff=_ALIKE)]))[:3]


def _may_look_like(name: str, letters: frozenset[str], other: str) -> bool:
    """What `get_close_matches` would find out, but slowly: whether enough letters of the one are in the other."""
    enough = _ALIKE * (len(name) + len(other)) / 2
    return len(name) >= enough <= len(other) and sum(map(letters.__contains__, other)) >= enough


def near_names(near: tuple[str, ...]) -> str | None:
    return f"did you mean {' or '.join(f'`{name}`' for name in near)}?" if near else None


def replaced(span: Span, near: tuple[str, ...]) -> tuple[Fix, ...]:
    """A fix for each of the names that may have been meant."""
    return tuple(Fix(f"write `{name}`", (Edit(span, name),)) for name in near)


def quoted(what: str) -> str:
    """A type between backticks; a phrase, such as `an axis`, as it is."""
    return what if what.startswith(("a ", "an ", "at most ")) else f"`{what}`"


def counted(number: int, what: str) -> str:
    """`1 axis`, `2 tensors`."""
    plural = {"axis": "axes", "index": "indices"}.get(what, f"{what}s")
    return f"{number} {what if number == 1 else plural}"
