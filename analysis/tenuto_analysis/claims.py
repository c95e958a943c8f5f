"""Constraints taken apart: claims that a Dim is 0, is not 0 or is at least 0, and choices between lists of them."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from tenuto_analysis.normal_form import (
    ONE,
    All,
    Any_,
    Compare,
    Conditional,
    Constraint,
    Dim,
    Flag,
    Not,
    Quotient,
    Relation,
    Remainder,
    Truth,
    of,
    operands,
)


class Sign(Enum):
    ZERO = "zero"
    NOT_ZERO = "not zero"
    AT_LEAST_ZERO = "at least zero"


class Claim(Struct, frozen=True):
    sign: Sign
    dim: Dim


class Choice(Struct, frozen=True):
    """At least one of these lists of claims holds."""

    alternatives: tuple[tuple[Claim | Choice, ...], ...]


Claims = tuple[Claim | Choice, ...]
FALSE = Claim(Sign.AT_LEAST_ZERO, -ONE)


def claims_of(c: Constraint, holds: bool) -> Claims:
    """What `c` claims where it holds, or where it does not."""
    match c:
        case Compare(op, left, right):
            return (_claim_of_comparison(op if holds else _OPPOSITE[op], left - right),)
        case All(parts):
            return _all_of(parts, holds) if holds else _any_of(parts, holds)
        case Any_(parts):
            return _any_of(parts, holds) if holds else _all_of(parts, holds)
        case Not(part):
            return claims_of(part, not holds)
        case Truth(value):
            return () if value == holds else (FALSE,)
        case Flag(leaf):
            return (Claim(Sign.NOT_ZERO if holds else Sign.ZERO, of(leaf)),)


def claims_that_defined(dim: Dim) -> list[Claim]:
    """That no divisor in `dim` is 0: what is claimed besides by a constraint that has a value."""
    return [
        Claim(Sign.AT_LEAST_ZERO, divisor - 1)
        if divisor.lowest is not None and divisor.lowest >= 0
        else Claim(Sign.NOT_ZERO, divisor)
        for divisor in divisors(dim)
        if divisor.lowest is None or divisor.lowest <= 0
    ]


def divisors(dim: Dim) -> list[Dim]:
    """All that `dim` divides by, but for the branches of a conditional, of which one alone counts."""
    found = []
    for atom in (atom for monomial in dim.terms for atom in monomial.atoms):
        if isinstance(atom, Quotient | Remainder):
            found.append(atom.divisor)
        if not isinstance(atom, Conditional):
            for operand in operands(atom):
                found += divisors(operand)
    return found


def _claim_of_comparison(op: Relation, difference: Dim) -> Claim:
    match op:
        case Relation.EQ:
            return Claim(Sign.ZERO, difference)
        case Relation.NE:
            return Claim(Sign.NOT_ZERO, difference)
        case Relation.GE:
            return Claim(Sign.AT_LEAST_ZERO, difference)
        case Relation.GT:
            return Claim(Sign.AT_LEAST_ZERO, difference - 1)
        case Relation.LE:
            return Claim(Sign.AT_LEAST_ZERO, -difference)
        case Relation.LT:
            return Claim(Sign.AT_LEAST_ZERO, -difference - 1)


def _all_of(parts: tuple[Constraint, ...], holds: bool) -> Claims:
    return tuple(claim for part in parts for claim in claims_of(part, holds))


def _any_of(parts: tuple[Constraint, ...], holds: bool) -> Claims:
    if len(parts) == 1:
        return claims_of(parts[0], holds)
    return (Choice(tuple(claims_of(part, holds) for part in parts)),)


_OPPOSITE = {
    Relation.EQ: Relation.NE,
    Relation.NE: Relation.EQ,
    Relation.LT: Relation.GE,
    Relation.GE: Relation.LT,
    Relation.LE: Relation.GT,
    Relation.GT: Relation.LE,
}
