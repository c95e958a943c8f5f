"""Dims as polynomials: division with a remainder, common factors, and the leaf that stands for an exact quotient."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from math import gcd

from msgspec import Struct

from tenuto_analysis.compat import override
from tenuto_analysis.normal_form import (
    ONE,
    ZERO,
    Atom,
    Dim,
    Leaf,
    Monomial,
    floordiv,
    literal,
    of,
    of_terms,
    operands,
    ordered_terms,
    product_of,
)

_MOST_DIVISION_STEPS = 12


class Factor(Leaf, Struct, frozen=True):
    """The integer that `divisor` must be multiplied with to give `dividend`."""

    dividend: Dim
    divisor: Dim
    low: int | None

    @override
    def __str__(self) -> str:
        return f"[{self.dividend} / {self.divisor}]"


def division(a: Dim, b: Dim) -> tuple[Dim, Dim]:
    """`(q, r)` with `a == q * b + r`, where that makes `a` simpler; else `(0, a)`."""
    (lead, divisor), *_ = ordered_terms(b)
    whole, rest = ZERO, a
    for _ in range(_MOST_DIVISION_STEPS):
        for monomial, coefficient in ordered_terms(rest):
            others = _without(monomial, lead)
            if others is not None and coefficient % divisor == 0:
                step = of_terms({others: coefficient // divisor})
                whole, rest = whole + step, rest - step * b
                break
        else:
            break
    simpler = len(b.terms) == 1 or rest is ZERO or len(rest.terms) < len(a.terms)
    return (whole, rest) if simpler else (ZERO, a)


def _without(monomial: Monomial, factor: Monomial) -> Monomial | None:
    """The other factors of `monomial`, if `factor` divides it."""
    if len(factor.atoms) > len(monomial.atoms):
        return None
    others = list(monomial.atoms)
    for atom in factor.atoms:
        if atom not in others:
            return None
        others.remove(atom)
    return product_of(others)


def folded(dim: Dim, factor: Factor) -> Dim:
    """Multiples of `divisor * factor` as multiples of `dividend`, and parts of a literal divisor likewise."""
    whole, rest = division(dim, factor.divisor * of(factor))
    dim = rest + whole * factor.dividend
    k = factor.divisor.constant
    if k is None:
        return dim
    for monomial, coefficient in rest.terms.items():
        if factor in monomial.atoms:
            others = list(monomial.atoms)
            others.remove(factor)
            times = abs(coefficient) // k * (1 if coefficient > 0 else -1)
            left = coefficient - times * k
            common = gcd(left, k)
            part = factor.dividend * times + floordiv(factor.dividend, literal(k // common)) * (left // common)
            dim = dim - of_terms({monomial: coefficient}) + part * of_terms({product_of(others): 1})
    return dim


def common_factor(a: Dim, b: Dim) -> Monomial | None:
    common: Counter[Atom] | None = None
    for monomial in (*a.terms, *b.terms):
        atoms = Counter(monomial.atoms)
        common = atoms if common is None else common & atoms
    return product_of(common.elements()) if common else None


def over(dim: Dim, factor: Monomial) -> Dim:
    whole, _ = division(dim, of_terms({factor: 1}))
    return whole


def factors_of(dim: Dim) -> tuple[Atom, ...]:
    """The atoms of which a dim of one term is the product."""
    return next(iter(dim.terms)).atoms if len(dim.terms) == 1 else ()


def constant_of(dim: Dim) -> int:
    return dim.terms.get(_UNIT, 0)


def is_composite(dim: Dim) -> bool:
    return any(operands(atom) for monomial in dim.terms for atom in monomial.atoms)


(_UNIT,) = ONE.terms


class _Excess(Leaf, Struct, frozen=True):
    """By how much an atom exceeds its lower bound."""

    atom: Atom
    least: int
    low: int | None = 0

    @override
    def __str__(self) -> str:
        return f"({self.atom} - {self.least})"


def counted_from(dim: Dim, least: Callable[[Atom], int | None]) -> Dim | None:
    """`dim` with each atom counted from its lower bound: `n*(q - 2)**2` for `q >= 3` has no negative term then."""
    if all(len(monomial.atoms) < 2 for monomial in dim.terms):
        return None
    total = ZERO
    for monomial, coefficient in dim.terms.items():
        product = literal(coefficient)
        for atom in monomial.atoms:
            bound = least(atom)
            if bound is None:
                return None
            product = product * (of(_Excess(atom, bound)) + bound)
        total = total + product
    return total
