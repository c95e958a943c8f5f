"""Sizes of a graph: numbers for them, asked for or else the largest that the deploy allows; which of two is larger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from tenuto_analysis.dims import All, Compare, Constraint, Dim, Leaf, Relation, holds, leaves, maximum
from tenuto_analysis.graph import Graph
from tenuto_analysis.normal_form import of_terms, single_atom

_TURNED = {Relation.LE: Relation.GE, Relation.LT: Relation.GT, Relation.GE: Relation.LE, Relation.GT: Relation.LT}


def largest(graph: Graph, asked: Mapping[str, int]) -> Mapping[Leaf, int]:
    """A number for each symbol of the entry that is asked for by name, or that the deploy bounds.

    Where sizes that are bounded one by one are bounded together too, the first takes as much as the others, at their
    least, leave it.
    """
    found: dict[Leaf, int] = {}
    wanted = {leaf: asked[str(leaf)] for leaf in graph.entry.symbols if str(leaf) in asked}
    ranges = {leaf: _range(graph.bounds, leaf) for leaf in graph.entry.symbols if leaf not in wanted}
    lowest = {leaf: low for leaf, (low, high) in ranges.items() if high is not None}
    for leaf in graph.entry.symbols:
        if leaf in wanted:
            found[leaf] = wanted[leaf]
        elif leaf in lowest and (high := ranges[leaf][1]) is not None:
            others = {**lowest, **wanted, **found}
            found[leaf] = _highest(graph.bounds, others, leaf, lowest[leaf], high)
    return found


def _range(bounds: Iterable[Constraint], leaf: Leaf) -> tuple[int, int | None]:
    """The lowest and the highest that a symbol may be, by the bounds that speak of it alone."""
    low, high = max(leaf.low or 0, 0), None
    for relation, number in _numbers(bounds, leaf):
        match relation:
            case Relation.GE | Relation.GT:
                low = max(low, number + (relation is Relation.GT))
            case Relation.LE | Relation.LT:
                number -= relation is Relation.LT
                high = number if high is None else min(high, number)
            case Relation.EQ:
                low, high = number, number
            case Relation.NE:
                pass
    return low, high


def _numbers(bounds: Iterable[Constraint], leaf: Leaf) -> Iterator[tuple[Relation, int]]:
    for bound in bounds:
        match bound:
            case Compare(op, left, right):
                if single_atom(left) == leaf and right.constant is not None:
                    yield op, right.constant
                elif single_atom(right) == leaf and left.constant is not None:
                    yield _TURNED.get(op, op), left.constant
            case All(parts):
                yield from _numbers(parts, leaf)
            case _:
                pass


def _highest(bounds: Iterable[Constraint], others: Mapping[Leaf, int], leaf: Leaf, low: int, high: int) -> int:
    """The largest number up to `high` with which no bound is broken, by halving."""

    def fits(number: int) -> bool:
        return all(holds(bound, {**others, leaf: number}) is not False for bound in bounds)

    if fits(high):
        return high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def unbound(dims: Iterable[Dim], sizes: Mapping[Leaf, int]) -> tuple[str, ...]:
    """The names of the sizes that have no number, in order."""
    return tuple(sorted({str(leaf) for dim in dims for leaf in leaves(dim) if leaf not in sizes}))


def never_more(a: Dim, b: Dim) -> bool:
    """Whether `a <= b` shows at once: each term of the difference is at least 0."""
    return all(
        coefficient > 0 and (lowest := of_terms({monomial: 1}).lowest) is not None and lowest >= 0
        for monomial, coefficient in (b - a).terms.items()
    )


def larger(a: Dim, b: Dim) -> Dim:
    """The larger one, where that shows at once, else their maximum."""
    return b if never_more(a, b) else a if never_more(b, a) else maximum(a, b)
