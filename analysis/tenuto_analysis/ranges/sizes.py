"""How large a size may be: intervals of the sizes of a graph, from the ranges that its deploy gives them.

What no range speaks of is at least 1 here. A tensor without elements has no values, so nothing that is said of values
is wrong of it; a sum or a product over no element is the one exception, and is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from tenuto_analysis.dims import Compare, Constraint, Dim, Leaf, Relation
from tenuto_analysis.normal_form import Atom, Conditional, Extreme, Power, Quotient, Remainder, single_atom


class Extent(Struct, frozen=True):
    """From `low` to `high`, which is None where nothing bounds it."""

    low: int
    high: int | None

    @property
    def only(self) -> int | None:
        return self.low if self.low == self.high else None


SOME = Extent(1, None)
ANY = Extent(-(1 << 62), None)

Extents = Mapping[Leaf, Extent]


def extents(bounds: Iterable[Constraint]) -> dict[Leaf, Extent]:
    """What the facts of a deploy say of each of its sizes alone."""
    found: dict[Leaf, Extent] = {}
    for bound in bounds:
        if not isinstance(bound, Compare):
            continue
        leaf, number, relation = single_atom(bound.left), bound.right.constant, bound.op
        if number is None:
            leaf, number, relation = single_atom(bound.right), bound.left.constant, _TURNED[bound.op]
        if not isinstance(leaf, Leaf) or number is None:
            continue
        extent = found.get(leaf, SOME)
        low, high = extent.low, extent.high
        match relation:
            case Relation.EQ:
                low = high = number
            case Relation.GE:
                low = max(low, number)
            case Relation.GT:
                low = max(low, number + 1)
            case Relation.LE:
                high = number if high is None else min(high, number)
            case Relation.LT:
                high = number - 1 if high is None else min(high, number - 1)
            case Relation.NE:
                pass
        found[leaf] = Extent(low, high)
    return found


_TURNED = {
    Relation.EQ: Relation.EQ,
    Relation.NE: Relation.NE,
    Relation.LT: Relation.GT,
    Relation.LE: Relation.GE,
    Relation.GT: Relation.LT,
    Relation.GE: Relation.LE,
}


def extent_of(dim: Dim, known: Extents) -> Extent:
    """How large an expression may be."""
    if dim.constant is not None:
        return Extent(dim.constant, dim.constant)
    low: int | None = 0
    high: int | None = 0
    for monomial, coefficient in dim.terms.items():
        part = Extent(coefficient, coefficient)
        for atom in monomial.atoms:
            part = _product(part, _of_atom(atom, known))
        low = None if low is None or part.low <= ANY.low else low + part.low
        high = None if high is None or part.high is None else high + part.high
    return Extent(ANY.low if low is None else low, high)


def _product(a: Extent, b: Extent) -> Extent:
    if a.only is not None and a.only < 0:
        turned = _product(Extent(-a.only, -a.only), b)
        return Extent(ANY.low if turned.high is None else -turned.high, -turned.low)
    if a.low < 0 or b.low < 0:
        if a.high is None or b.high is None:
            return ANY
        corners = [a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high]
        return Extent(min(corners), max(corners))
    return Extent(a.low * b.low, None if a.high is None or b.high is None else a.high * b.high)


def _of_atom(atom: Atom, known: Extents) -> Extent:
    match atom:
        case Leaf():
            return known.get(atom) or (SOME if atom.low is not None else ANY)
        case Quotient(a, b):
            x, y = extent_of(a, known), extent_of(b, known)
            if x.low < 0 or y.low < 1:
                return ANY
            return Extent(0 if y.high is None else x.low // y.high, None if x.high is None else x.high // y.low)
        case Remainder(a, b):
            x, y = extent_of(a, known), extent_of(b, known)
            return Extent(0, None if y.high is None else y.high - 1) if y.low >= 1 else ANY
        case Extreme(largest, arguments):
            found = [extent_of(argument, known) for argument in arguments]
            highs = [item.high for item in found if item.high is not None]
            if largest:
                return Extent(max(item.low for item in found), max(highs) if len(highs) == len(found) else None)
            return Extent(min(item.low for item in found), min(highs) if highs else None)
        case Power(a, b):
            x, y = extent_of(a, known), extent_of(b, known)
            if x.low < 0 or y.low < 0:
                return ANY
            high = int(x.high**y.high) if x.high is not None and y.high is not None and y.high <= 64 else None
            return Extent(int(x.low ** min(y.low, 64)), high)
        case Conditional(_, a, b):
            x, y = extent_of(a, known), extent_of(b, known)
            return Extent(min(x.low, y.low), None if x.high is None or y.high is None else max(x.high, y.high))
