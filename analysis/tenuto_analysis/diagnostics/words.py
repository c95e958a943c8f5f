"""Phrases that many diagnostics share."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from tenuto_analysis.diagnostics.base import Edit, Fix
from tenuto_grammar.text import Span

_MOST_COMPARED = 5_000


def nearest(name: str, candidates: Iterable[str]) -> tuple[str, ...]:
    """Up to three of the candidates that look like a misspelt name, best first; none among very many."""
    names = sorted(set(candidates) - {name})
    if len(names) > _MOST_COMPARED:
        return ()
    folded = [other for other in names if other.lower() == name.lower()]
    return tuple(dict.fromkeys([*folded, *get_close_matches(name, names, n=3, cutoff=0.75)]))[:3]


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
