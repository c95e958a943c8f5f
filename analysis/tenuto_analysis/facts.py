"""What follows from known constraints: simplifying under them, proving, and counterexamples where a proof fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tenuto_analysis.dims import holds, leaves, substitute
from tenuto_analysis.normal_form import (
    ONE,
    ZERO,
    All,
    Any_,
    Compare,
    Constraint,
    Dim,
    Leaf,
    Not,
    Quotient,
    Relation,
    Remainder,
    Truth,
    of_atom,
    single_atom,
)


@dataclass(frozen=True, slots=True)
class Proved:
    """It holds for all integers that satisfy the facts."""


@dataclass(frozen=True, slots=True)
class Unproved:
    """No proof was found.

    `counterexample` satisfies every fact and breaks the goal, where one was found; any fact of `suffices` would do.
    """

    counterexample: Mapping[Leaf, int] | None
    refuted_always: bool
    suffices: tuple[Constraint, ...]
    gave_up: str | None


Verdict = Proved | Unproved
_PROVED = Proved()

_NEGATED = {
    Relation.EQ: Relation.NE,
    Relation.NE: Relation.EQ,
    Relation.LT: Relation.GE,
    Relation.GE: Relation.LT,
    Relation.LE: Relation.GT,
    Relation.GT: Relation.LE,
}


class Facts:
    """Constraints taken as true; immutable. What follows from them is worked out when it is asked for, and kept."""

    __slots__ = ("_assumed", "_at_least", "_simplified", "_verdicts", "_zero", "known")

    def __init__(self, known: tuple[Constraint, ...] = ()) -> None:
        self.known = known
        self._assumed: dict[Constraint, Facts] = {}
        self._verdicts: dict[Constraint, Verdict] = {}
        self._simplified: dict[Dim, Dim] = {}
        self._at_least: list[Dim] = []
        self._zero: list[Dim] = []
        for c in known:
            self._take(c)

    def assume(self, c: Constraint) -> Facts:
        found = self._assumed.get(c)
        if found is None:
            found = self if c in self.known or c == Truth(True) else Facts((*self.known, c))
            self._assumed[c] = found
        return found

    def simplify(self, d: Dim) -> Dim:
        found = self._simplified.get(d)
        if found is None:
            found = self._simplified[d] = self._rewrite(d)
        return found

    def equal(self, a: Dim, b: Dim) -> bool:
        return a is b or isinstance(self.prove(Compare(Relation.EQ, a, b)), Proved)

    def prove(self, c: Constraint) -> Verdict:
        found = self._verdicts.get(c)
        if found is None:
            found = self._verdicts[c] = _PROVED if self._follows(c) else self._unproved(c)
        return found

    def contradictory(self) -> bool:
        return any(f.constant is not None and f.constant < 0 for f in self._at_least) or any(
            f.constant for f in self._zero
        )

    def _take(self, c: Constraint) -> None:
        match c:
            case All(parts):
                for part in parts:
                    self._take(part)
            case Not(Compare(op, left, right)):
                self._take(Compare(_NEGATED[op], left, right))
            case Compare(op, left, right):
                difference = left - right
                match op:
                    case Relation.EQ:
                        self._zero.append(difference)
                        self._at_least += [difference, -difference]
                    case Relation.GE | Relation.GT:
                        self._at_least.append(difference - (op is Relation.GT))
                    case Relation.LE | Relation.LT:
                        self._at_least.append(-difference - (op is Relation.LT))
                    case Relation.NE:
                        pass
                for dim in (left, right):
                    for atom in (a for m in dim.terms for a in m.atoms):
                        if isinstance(atom, Remainder | Quotient) and atom.divisor.lowest == 0:
                            self._at_least.append(atom.divisor - 1)
            case Truth(False):
                self._at_least.append(-ONE)
            case _:
                pass

    def _rewrite(self, d: Dim) -> Dim:
        for zero in self._zero:
            atom = single_atom(zero) or single_atom(-zero)
            if isinstance(atom, Remainder):
                product = of_atom(Quotient(atom.dividend, atom.divisor)) * atom.divisor
                if len(product.terms) == 1 and product.terms.keys() <= d.terms.keys():
                    ((monomial, coefficient),) = product.terms.items()
                    d = d - (product - atom.dividend) * (d.terms[monomial] // coefficient)
            elif isinstance(atom, Leaf):
                d = substitute(d, {atom: ZERO}.get)
        return d

    def _follows(self, c: Constraint) -> bool:
        match c:
            case Truth(value):
                return value
            case All(parts):
                return all(map(self._follows, parts))
            case Any_(parts):
                return c in self.known or any(map(self._follows, parts))
            case Not(Compare(op, left, right)):
                return self._follows(Compare(_NEGATED[op], left, right))
            case Compare(op, left, right):
                difference = self.simplify(left) - self.simplify(right)
                match op:
                    case Relation.EQ:
                        return difference is ZERO or (
                            self._not_negative(difference) and self._not_negative(-difference)
                        )
                    case Relation.GE | Relation.GT:
                        return self._not_negative(difference - (op is Relation.GT))
                    case Relation.LE | Relation.LT:
                        return self._not_negative(-difference - (op is Relation.LT))
                    case Relation.NE:
                        return self._not_negative(difference - 1) or self._not_negative(-difference - 1)
            case _:
                return c in self.known

    def _not_negative(self, d: Dim) -> bool:
        if d.lowest is not None and d.lowest >= 0:
            return True
        return any((rest := d - f).lowest is not None and (rest.lowest or 0) >= 0 for f in self._at_least)

    def _unproved(self, c: Constraint) -> Verdict:
        suffices = (c,) if isinstance(c, Compare) and c.left.constant is None else ()
        return Unproved(self._counterexample(c), self._follows(Not(c)), suffices, None)

    def _counterexample(self, c: Constraint) -> Mapping[Leaf, int] | None:
        if not isinstance(c, Compare):
            return None
        unknown = sorted(leaves(c.left) | leaves(c.right), key=str)
        for start in range(2, 12):
            values = {leaf: start + 2 * i + i * i for i, leaf in enumerate(unknown)}
            if holds(c, values) is False and all(holds(fact, values) for fact in self.known):
                return values
        return None


EMPTY = Facts()
