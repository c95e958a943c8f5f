"""Dimension arithmetic: building expressions, replacing, evaluating, listing leaves.

The data, sums, products, quotients and their normal form stand in `normal_form.py`, and are offered here too.
What holds only under facts belongs to `facts.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from tenuto_analysis.normal_form import (
    BIT_LIMIT,
    ONE,
    ZERO,
    All,
    Any_,
    Atom,
    Compare,
    Conditional,
    Constraint,
    Dim,
    Extreme,
    Flag,
    Leaf,
    Not,
    Power,
    Quotient,
    Relation,
    Remainder,
    Symbol,
    TooLarge,
    Truth,
    floordiv,
    fresh,
    literal,
    modulo,
    of,
    of_atom,
    of_terms,
    operands,
    ordered_terms,
    related,
    render,
    single_atom,
)

__all__ = [
    "ONE",
    "ZERO",
    "All",
    "Any_",
    "Compare",
    "Constraint",
    "Dim",
    "Flag",
    "Leaf",
    "Not",
    "Relation",
    "Symbol",
    "Truth",
    "conditional",
    "evaluate",
    "floordiv",
    "holds",
    "leaves",
    "leaves_of_constraint",
    "literal",
    "maximum",
    "minimum",
    "modulo",
    "of",
    "power",
    "render",
    "substitute",
    "substitute_constraint",
]


def minimum(a: Dim, b: Dim) -> Dim:
    return extreme(False, (a, b))


def maximum(a: Dim, b: Dim) -> Dim:
    return extreme(True, (a, b))


def extreme(largest: bool, arguments: Iterable[Dim]) -> Dim:
    """The largest or smallest; nested ones of a kind are one, and what another argument always beats is left out."""
    kept: list[Dim] = []
    for argument in _flattened(largest, arguments):
        differences = [(argument - other).constant for other in kept]
        if any(d is not None and (d <= 0 if largest else d >= 0) for d in differences):
            continue
        kept = [other for other, d in zip(kept, differences, strict=True) if d is None]
        kept.append(argument)
    if len(kept) == 1:
        return kept[0]
    return of_atom(Extreme(largest, tuple(sorted(kept, key=_argument_order))))


def power(base: Dim, exponent: Dim) -> Dim:
    """`base ** exponent`: multiplied out for a small literal exponent, and split at a sum of parts that are >= 0."""
    if exponent.constant is not None and exponent.constant >= 0:
        return _literal_power(base, exponent.constant)
    if base is ONE:
        return ONE
    parts = [(of_terms({m: 1}), c) for m, c in exponent.terms.items()]
    if all(c > 0 and part.lowest is not None and part.lowest >= 0 for part, c in parts):
        result = ONE
        for part, c in parts:
            factor = base if part is ONE else of_atom(Power(base, part))
            result = result * _literal_power(factor, c)
        return result
    return of_atom(Power(base, exponent))


def conditional(test: Constraint, a: Dim, b: Dim) -> Dim:
    answer = _decided(test)
    if answer is not None:
        return a if answer else b
    return a if a is b else of_atom(Conditional(test, a, b))


def _decided(test: Constraint) -> bool | None:
    """Whether a constraint holds for all values, or for none, as its normal form shows."""
    match test:
        case Truth(value):
            return value
        case Compare(op, left, right):
            difference = (left - right).constant
            return related(op, difference, 0) if difference is not None else None
        case All(parts):
            answers = [_decided(part) for part in parts]
            return False if False in answers else None if None in answers else True
        case Any_(parts):
            answers = [_decided(part) for part in parts]
            return True if True in answers else None if None in answers else False
        case Not(part):
            answer = _decided(part)
            return None if answer is None else not answer
        case Flag():
            return None


def substitute(
    dim: Dim, replace: Callable[[Leaf], Dim | None], flags: Callable[[Leaf], bool | Leaf | None] = lambda _: None
) -> Dim:
    """`dim` with each leaf replaced where `replace` (for a flag, `flags`) gives another, in normal form again."""
    if isinstance(dim.atom, Leaf):  # Most are one name.
        return replace(dim.atom) or (fresh() if isinstance(dim.atom, TooLarge) else dim)
    return _Substitution(replace, flags).dim(dim)


def substitute_constraint(
    c: Constraint, replace: Callable[[Leaf], Dim | None], flags: Callable[[Leaf], bool | Leaf | None]
) -> Constraint:
    return _Substitution(replace, flags).constraint(c)


def leaves(dim: Dim) -> frozenset[Leaf]:
    found: frozenset[Leaf] | None = getattr(dim, "_leaves", None)
    if found is None:
        gathered: set[Leaf] = set()
        for monomial in dim.terms:
            for atom in monomial.atoms:
                gathered |= _leaves_of_atom(atom)
        found = dim._leaves = frozenset(gathered)
    return found


def leaves_of_constraint(c: Constraint) -> frozenset[Leaf]:
    """All leaves in it, flags too."""
    match c:
        case Compare(_, left, right):
            return leaves(left) | leaves(right)
        case All(parts) | Any_(parts):
            return frozenset[Leaf]().union(*map(leaves_of_constraint, parts))
        case Not(part):
            return leaves_of_constraint(part)
        case Truth():
            return frozenset()
        case Flag(leaf):
            return frozenset((leaf,))


def evaluate(dim: Dim, values: Mapping[Leaf, int]) -> int | None:
    """The value, or None where a leaf is unknown or a part has no value (a division by zero)."""
    total = 0
    for monomial, coefficient in dim.terms.items():
        for atom in monomial.atoms:
            value = values.get(atom) if isinstance(atom, Leaf) else _evaluate_atom(atom, values)
            if value is None:
                return None
            coefficient *= value
        total += coefficient
    return total if total.bit_length() <= 4 * BIT_LIMIT else None


def holds(c: Constraint, values: Mapping[Leaf, int]) -> bool | None:
    """Whether `c` is true of these values; None where a part of it that matters has no value."""
    match c:
        case Compare(op, left, right):
            a, b = evaluate(left, values), evaluate(right, values)
            return None if a is None or b is None else related(op, a, b)
        case All(parts):
            answers = [holds(part, values) for part in parts]
            return False if False in answers else None if None in answers else True
        case Any_(parts):
            answers = [holds(part, values) for part in parts]
            return True if True in answers else None if None in answers else False
        case Not(part):
            answer = holds(part, values)
            return None if answer is None else not answer
        case Truth(value):
            return value
        case Flag(leaf):
            flag = values.get(leaf)
            return None if flag is None else flag != 0


def _literal_power(base: Dim, exponent: int) -> Dim:
    if base.constant is not None and abs(base.constant) > 1 and exponent > BIT_LIMIT:
        return fresh()
    result, square = ONE, base
    if base.constant in (0, 1, -1):
        exponent = 2 - exponent % 2 if exponent else 0
    while exponent:
        if exponent & 1:
            result = result * square
        exponent >>= 1
        if exponent:
            square = square * square
    return result


def _argument_order(argument: Dim) -> tuple[bool, str, list[tuple[tuple[tuple[int, str, str], ...], int]]]:
    """Literals last; the terms tell apart what prints alike."""
    return argument.constant is not None, str(argument), [(m.order, c) for m, c in ordered_terms(argument)]


def _flattened(largest: bool, arguments: Iterable[Dim]) -> Iterable[Dim]:
    for argument in arguments:
        inner = single_atom(argument)
        if isinstance(inner, Extreme) and inner.largest == largest:
            yield from inner.arguments
        else:
            yield argument


def _evaluate_atom(atom: Atom, values: Mapping[Leaf, int]) -> int | None:
    match atom:
        case Leaf():
            return values.get(atom)
        case Quotient(a, b):
            x, y = evaluate(a, values), evaluate(b, values)
            return None if x is None or not y else x // y
        case Remainder(a, b):
            x, y = evaluate(a, values), evaluate(b, values)
            return None if x is None or not y else x % y
        case Extreme(largest, arguments):
            known = [value for argument in arguments if (value := evaluate(argument, values)) is not None]
            return None if len(known) < len(arguments) else max(known) if largest else min(known)
        case Power(a, b):
            x, y = evaluate(a, values), evaluate(b, values)
            if x is None or y is None or y < 0 or (abs(x) > 1 and y * x.bit_length() > 4 * BIT_LIMIT):
                return None
            return int(x**y)
        case Conditional(test, a, b):
            answer = holds(test, values)
            return None if answer is None else evaluate(a if answer else b, values)


def _leaves_of_atom(atom: Atom) -> frozenset[Leaf]:
    if isinstance(atom, Leaf):
        return frozenset((atom,))
    found = frozenset[Leaf]().union(*map(leaves, operands(atom)))
    return found | leaves_of_constraint(atom.test) if isinstance(atom, Conditional) else found


class _Substitution:
    """One replacement of leaves, remembered for all that it meets."""

    def __init__(self, replace: Callable[[Leaf], Dim | None], flags: Callable[[Leaf], bool | Leaf | None]) -> None:
        self.replace = replace
        self.flags = flags
        self.replaced: dict[Leaf, Dim | None] = {}
        self.done: dict[Dim, Dim] = {}

    def dim(self, dim: Dim) -> Dim:
        found = self.done.get(dim)
        if found is None:
            found = self.done[dim] = self._sum(dim) if any(map(self._changes, leaves(dim))) else dim
        return found

    def constraint(self, c: Constraint) -> Constraint:
        match c:
            case Compare(op, left, right):
                return Compare(op, self.dim(left), self.dim(right))
            case All(parts):
                return All(tuple(map(self.constraint, parts)))
            case Any_(parts):
                return Any_(tuple(map(self.constraint, parts)))
            case Not(part):
                return Not(self.constraint(part))
            case Truth():
                return c
            case Flag(leaf):
                flag = self.flags(leaf)
                return c if flag is None else Truth(flag) if isinstance(flag, bool) else Flag(flag)

    def _changes(self, leaf: Leaf) -> bool:
        return self._leaf(leaf) is not None or self.flags(leaf) is not None

    def _leaf(self, leaf: Leaf) -> Dim | None:
        if leaf not in self.replaced:
            new = self.replace(leaf)
            # An expression that was given up depends on leaves that it no longer shows: elsewhere it is another number.
            self.replaced[leaf] = fresh() if new is None and isinstance(leaf, TooLarge) else new
        return self.replaced[leaf]

    def _sum(self, dim: Dim) -> Dim:
        alone = single_atom(dim)
        if alone is not None:
            return self._atom(alone)
        total = ZERO
        for monomial, coefficient in dim.terms.items():
            product = literal(coefficient)
            for atom in monomial.atoms:
                product = product * self._atom(atom)
            total = total + product
        return total

    def _atom(self, atom: Atom) -> Dim:
        match atom:
            case Leaf():
                return self._leaf(atom) or of(atom)
            case Quotient(a, b):
                return floordiv(self.dim(a), self.dim(b))
            case Remainder(a, b):
                return modulo(self.dim(a), self.dim(b))
            case Extreme(largest, arguments):
                return extreme(largest, map(self.dim, arguments))
            case Power(a, b):
                return power(self.dim(a), self.dim(b))
            case Conditional(test, a, b):
                return conditional(self.constraint(test), self.dim(a), self.dim(b))
