"""Which simple facts might make an unproved goal follow. Guesses: `facts.py` checks each before it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import reduce
from math import gcd

from tenuto_analysis.claims import Claim, Sign, claims_of
from tenuto_analysis.dims import leaves
from tenuto_analysis.normal_form import (
    ONE,
    ZERO,
    Atom,
    Compare,
    Constraint,
    Dim,
    Extreme,
    Leaf,
    Quotient,
    Relation,
    Remainder,
    modulo,
    of,
    of_terms,
    operands,
    order_of,
    product_of,
    render,
    single_atom,
)
from tenuto_analysis.polynomials import Factor

_LONGEST = 60


def candidates(goal: Constraint, known: Iterable[Dim]) -> list[Constraint]:
    """Facts that may imply the goal, the simplest first; `known` are its differences as simplified under the facts."""
    found: dict[Constraint, None] = {}
    downward = isinstance(goal, Compare) and goal.op in (Relation.LE, Relation.LT)
    for claim in claims_of(goal, True):
        if isinstance(claim, Claim):
            found |= dict.fromkeys(_from_claim(claim.sign, claim.dim, downward))
            for dim in known:
                found |= dict.fromkeys(_from_claim(claim.sign, dim, downward))
    usable = {fact: render(fact) for fact in found if not _has_factor(fact)}
    short = [fact for fact, text in usable.items() if len(text) <= _LONGEST]
    return sorted(short, key=lambda fact: (_size(fact), len(usable[fact]), usable[fact]))


def _from_claim(sign: Sign, dim: Dim, downward: bool) -> Iterator[Constraint]:
    if dim.constant is not None:
        return
    match sign:
        case Sign.ZERO:
            for part in _factors(dim):
                yield _equation(Relation.EQ, part)
        case Sign.NOT_ZERO:
            yield _equation(Relation.NE, dim)
        case Sign.AT_LEAST_ZERO:
            for part in _factors(dim):
                yield _bound(part, downward)
    yield from _about_atoms(dim)
    for leaf in sorted(leaves(dim), key=order_of):
        yield Compare(Relation.GE, of(leaf), ONE)


def _factors(dim: Dim) -> Iterator[Dim]:
    """The dim without its literal factor, and then without each atom that is a factor of all its terms."""
    common = gcd(*dim.terms.values())
    dim = of_terms({monomial: coefficient // common for monomial, coefficient in dim.terms.items()})
    yield dim
    shared = reduce(set[Atom].__and__, (set(monomial.atoms) for monomial in dim.terms))
    for atom in sorted(shared, key=order_of):
        terms = {}
        for monomial, coefficient in dim.terms.items():
            others = list(monomial.atoms)
            others.remove(atom)
            terms[product_of(others)] = coefficient
        yield of_terms(terms)


def _about_atoms(dim: Dim) -> Iterator[Constraint]:
    for atom in (atom for monomial in dim.terms for atom in monomial.atoms):
        match atom:
            case Quotient(a, b) | Remainder(a, b):
                yield from _divisibility(a, b)
                yield from _divisibility(a - a.terms.get(_UNIT, 0), b)
                if b.constant is None:
                    yield Compare(Relation.GE, b, ONE)
            case Extreme(_, arguments):
                for one in arguments:
                    for other in arguments:
                        if one is not other:
                            yield _bound(one - other, False)
            case _:
                pass
        for operand in operands(atom):
            yield from _about_atoms(operand)


def _divisibility(a: Dim, b: Dim) -> Iterator[Constraint]:
    remainder = modulo(a, b)
    if isinstance(single_atom(-remainder), Remainder):
        remainder = -remainder
    if remainder.constant is None:
        yield Compare(Relation.EQ, remainder, ZERO)


def _equation(op: Relation, difference: Dim) -> Constraint:
    left, right = _sides(difference)
    plain = isinstance(single_atom(left), Leaf)
    swapped = left.constant is not None or (isinstance(single_atom(right), Leaf) and not plain)
    return Compare(op, right, left) if swapped else Compare(op, left, right)


def _bound(difference: Dim, downward: bool) -> Constraint:
    """`difference >= 0`, with the smaller side first where `downward`."""
    strict = difference.terms.get(_UNIT) == -1 and sum(c < 0 for c in difference.terms.values()) > 1
    left, right = _sides(difference + 1 if strict else difference)
    if downward or left.constant is not None:
        return Compare(Relation.LT if strict else Relation.LE, right, left)
    return Compare(Relation.GT if strict else Relation.GE, left, right)


def _sides(difference: Dim) -> tuple[Dim, Dim]:
    left = of_terms({monomial: max(coefficient, 0) for monomial, coefficient in difference.terms.items()})
    return left, left - difference


def _has_factor(fact: Constraint) -> bool:
    return isinstance(fact, Compare) and any(
        isinstance(leaf, Factor) for leaf in leaves(fact.left) | leaves(fact.right)
    )


def _size(fact: Constraint) -> int:
    return fact.left.size + fact.right.size if isinstance(fact, Compare) else 0


(_UNIT,) = ONE.terms
