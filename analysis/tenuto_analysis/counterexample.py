"""Small numbers that satisfy facts and break a goal: tried out, so that what is shown to the user is certain.

Leaves are given values one after another, divisors first; what the constraints say about the next one (multiples of a
divisor, the root of an equation, the two sides of a bound) is tried beside small, distinct numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import lcm

from tenuto_analysis.dims import evaluate, holds, leaves, leaves_of_constraint
from tenuto_analysis.normal_form import (
    ZERO,
    All,
    Any_,
    Compare,
    Conditional,
    Constraint,
    Dim,
    Flag,
    Leaf,
    Not,
    Quotient,
    Relation,
    Remainder,
    Truth,
    of,
    operands,
    order_of,
)

Values = Mapping[Leaf, int]

_SMALL = (2, 3, 1, 4, 5, 0, 6, 7, 8, 10, 12, 16)
_NEGATIVE = (-1, -2, -3)
_NARROW, _WIDE = 3, 40
_WIDTHS = ((_NARROW, 5), (7, 3), (_WIDE, 2))
"""How many values a leaf is given at most, and which part of the tries may go into that."""
_MOST_RESIDUES = 12
_MOST_LEAVES = 60
_USUAL_SIZE = 30


def find_values(
    required: Sequence[Constraint], broken: Constraint | None, hint: Values, most_tries: int
) -> Values | None:
    """Values for all leaves that make each of `required` true and `broken` false; those of `hint` are tried too."""
    groups = _connected([*required, *(() if broken is None else (Not(broken),))])
    values: dict[Leaf, int] = {}
    for constraints in groups:
        found = _Search(constraints, most_tries).run(hint)
        if found is None:
            return None
        values |= found
    return values


def _connected(constraints: Iterable[Constraint]) -> list[list[Constraint]]:
    """The constraints in groups that share no leaf."""
    groups: list[tuple[frozenset[Leaf], list[Constraint]]] = []
    for constraint in constraints:
        reached, members = leaves_of_constraint(constraint), [constraint]
        apart = []
        for group in groups:
            if group[0].isdisjoint(reached):
                apart.append(group)
            else:
                reached, members = reached | group[0], group[1] + members
        groups = [*apart, (reached, members)]
    return [members for _, members in groups]


class _Search:
    """One group of constraints that share leaves."""

    def __init__(self, constraints: list[Constraint], most_tries: int) -> None:
        self.constraints = constraints
        size = sum(dim.size for c in constraints for dim in _dims(c))
        self.most_tries = most_tries * _USUAL_SIZE // max(size, _USUAL_SIZE)
        needs = [leaves_of_constraint(c) for c in constraints]
        self.order = _in_order(frozenset[Leaf]().union(*needs), constraints)
        rank = {leaf: i for i, leaf in enumerate(self.order)}
        self.ready: list[list[Constraint]] = [[] for _ in self.order]
        """For each leaf in order, the constraints that can be judged once it has a value."""
        for constraint, needed in zip(constraints, needs, strict=True):
            if needed:
                self.ready[max(rank[leaf] for leaf in needed)].append(constraint)
        self.literals = sorted({n for c in constraints for n in _literals(c)}, key=lambda n: (abs(n), n))
        self.tries = 0

    def run(self, hint: Values) -> Values | None:
        if len(self.order) > _MOST_LEAVES:
            return None
        guided = {leaf: hint.get(leaf, 2 + i) for i, leaf in enumerate(self.order)}
        for width, share in _WIDTHS:
            self.tries = self.most_tries // share
            found = self._assigned({}, width)
            if found is not None:
                return found
            if width == _NARROW and all(holds(c, guided) for c in self.constraints):
                return guided
        return None

    def _assigned(self, values: dict[Leaf, int], width: int) -> Values | None:
        """`values` completed, or None."""
        if len(values) == len(self.order):
            return dict(values) if values or all(holds(c, values) for c in self.constraints) else None
        leaf, ready = self.order[len(values)], self.ready[len(values)]
        for value in self._candidates(leaf, values, ready, width):
            self.tries -= 1
            if self.tries < 0:
                return None
            values[leaf] = value
            if all(holds(c, values) for c in ready):
                found = self._assigned(values, width)
                if found is not None:
                    return found
            del values[leaf]
        return None

    def _candidates(self, leaf: Leaf, values: dict[Leaf, int], ready: list[Constraint], width: int) -> list[int]:
        if width < _WIDE:
            for c in ready:
                if isinstance(c, Compare) and c.op is Relation.EQ and (roots := _roots(c.left - c.right, leaf, values)):
                    return [root for root in roots[:1] if leaf.low is None or root >= leaf.low]
        special, residues = _special_values(leaf, values, [dims for c in ready for dims in _sides(c)])
        taken = set(values.values())
        small = sorted(_SMALL if leaf.low is not None else _SMALL + _NEGATIVE, key=lambda n: n in taken)
        near = [n + d for n in self.literals for d in (0, 1, -1)]
        wider = () if width == _NARROW else (*residues, *near)
        candidates = dict.fromkeys([*special, *small[:width], *wider])
        return [n for n in candidates if leaf.low is None or n >= leaf.low][: len(special) + width]


def _in_order(found: frozenset[Leaf], constraints: Iterable[Constraint]) -> list[Leaf]:
    """Divisors first, what stands alone on one side of an equality last: it can be worked out."""
    divisors: set[Leaf] = set()
    for dim in (dim for c in constraints for dim in _dims(c)):
        divisors |= _leaves_of_divisors(dim)
    return sorted(found, key=lambda leaf: (leaf not in divisors, order_of(leaf)))


def _special_values(leaf: Leaf, values: Values, sides: list[tuple[Dim, Dim]]) -> tuple[list[int], list[int]]:
    """What comparisons of these sides suggest for the one leaf that is still open, and the residues of its divisors."""
    roots = [root for left, right in sides for root in _roots(left - right, leaf, values)]
    divisors = {d for pair in sides for dim in pair for d in _divisors_around(dim, leaf)}
    moduli = sorted({abs(modulus) for d in divisors if (modulus := evaluate(d, values))})
    if not moduli:
        return roots, []
    steps = dict.fromkeys([lcm(*moduli), *moduli])
    multiples = [-(-root // step) * step + step * n for step in steps for root in (0, *roots) for n in (1, 2, 0, 3)]
    return multiples + roots, [n for modulus in moduli for n in range(min(modulus, _MOST_RESIDUES))]


def _roots(difference: Dim, leaf: Leaf, values: Values) -> list[int]:
    """Where the difference changes its sign, if it grows evenly in the leaf; with its neighbours."""
    a, b, c = (evaluate(difference, {**values, leaf: n}) for n in (8, 9, 10))
    if a is None or b is None or c is None or b - a != c - b or a == b:
        return []
    root = 8 - a // (b - a)
    return [root, root + 1, root - 1]


def _divisors_around(dim: Dim, leaf: Leaf) -> list[Dim]:
    found = []
    for atom in (atom for monomial in dim.terms for atom in monomial.atoms):
        if (
            isinstance(atom, Quotient | Remainder)
            and leaf in leaves(atom.dividend)
            and leaf not in leaves(atom.divisor)
        ):
            found.append(atom.divisor)
        for operand in operands(atom):
            found += _divisors_around(operand, leaf)
    return found


def _leaves_of_divisors(dim: Dim) -> frozenset[Leaf]:
    found = frozenset[Leaf]()
    for atom in (atom for monomial in dim.terms for atom in monomial.atoms):
        if isinstance(atom, Quotient | Remainder):
            found |= leaves(atom.divisor)
        for operand in operands(atom):
            found |= _leaves_of_divisors(operand)
    return found


def _sides(c: Constraint) -> list[tuple[Dim, Dim]]:
    """The two sides of each comparison in it; of a flag, it and 0."""
    match c:
        case Compare(_, left, right):
            return [(left, right)]
        case All(parts) | Any_(parts):
            return [pair for part in parts for pair in _sides(part)]
        case Not(part):
            return _sides(part)
        case Truth():
            return []
        case Flag(leaf):
            return [(of(leaf), ZERO)]


def _dims(c: Constraint) -> list[Dim]:
    return [dim for pair in _sides(c) for dim in pair]


def _literals(c: Constraint) -> set[int]:
    found: set[int] = set()
    waiting = _dims(c)
    while waiting:
        dim = waiting.pop()
        for monomial, coefficient in dim.terms.items():
            found.add(coefficient if not monomial.atoms else abs(coefficient))
            for atom in monomial.atoms:
                waiting += operands(atom)
                if isinstance(atom, Conditional):
                    waiting += _dims(atom.test)
    return found - {1, -1}
