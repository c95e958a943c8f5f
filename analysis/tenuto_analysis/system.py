"""Claims in solved form: what they make of an expression, and the bounds that can be read off.

Equalities are solved for a leaf where they can be, `D % H == 0` as `D == H * q` with a new leaf `q`, and every
expression is rewritten by the solutions; so a division that is known to be exact disappears. `restored` puts the
names that the user knows back. What needs a search for a proof stands in `prover.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import gcd

from tenuto_analysis.claims import Choice, Claim, Claims, Sign, claims_of, claims_that_defined
from tenuto_analysis.dims import conditional, extreme, leaves, power, substitute_constraint
from tenuto_analysis.normal_form import (
    ZERO,
    Atom,
    Compare,
    Conditional,
    Constraint,
    Dim,
    Extreme,
    Leaf,
    Monomial,
    Power,
    Quotient,
    Remainder,
    Truth,
    floordiv,
    literal,
    lowest_of,
    modulo,
    of,
    of_atom,
    of_terms,
    order_of,
    single_atom,
)
from tenuto_analysis.polynomials import (
    Factor,
    common_factor,
    constant_of,
    counted_from,
    division,
    factors_of,
    folded,
    is_composite,
    over,
)

_MOST_SOLUTIONS = 60


class System:
    """Claims in solved form. Immutable once built; `extended` gives a stronger one."""

    __slots__ = (
        "_divided",
        "_lowest",
        "_rewritten",
        "at_least",
        "choices",
        "contradiction",
        "not_zero",
        "solved",
        "zero",
    )

    def __init__(self) -> None:
        self.solved: dict[Leaf, Dim] = {}
        """Each leaf that an equality determines, as an expression in which no such leaf stands."""
        self.at_least: dict[Dim, int] = {}
        """Expressions without a literal term, each with its largest known lower bound."""
        self.zero: dict[Dim, None] = {}
        self.not_zero: dict[Dim, None] = {}
        self.choices: dict[Choice, None] = {}
        self.contradiction = False
        self._rewritten: dict[Dim, Dim] = {}
        self._divided: dict[tuple[Dim, Dim], Dim] = {}
        self._lowest: dict[Dim, int | None] = {}

    def extended(self, claims: Iterable[Claim | Choice], defined: bool = False) -> System:
        """This and more; `defined` says that the new claims have a value, so that none divides by 0."""
        new = System()
        new.solved, new.at_least = dict(self.solved), dict(self.at_least)
        new.zero, new.not_zero, new.choices = dict(self.zero), dict(self.not_zero), dict(self.choices)
        new.contradiction = self.contradiction
        new._take(list(claims), defined)
        return new

    # ------------------------------------------------------------------------------------------------------ asking

    def rewritten(self, dim: Dim) -> Dim:
        """The same value, in a form that uses what is known; two that are equal by it alone are the same object."""
        found = self._rewritten.get(dim)
        if found is None:
            plain = all(isinstance(atom, Leaf) for monomial in dim.terms for atom in monomial.atoms)
            settled = plain and self.solved.keys().isdisjoint(leaves(dim))
            found = dim if settled else self._rewritten_sum(dim)
            self._rewritten[dim] = found
        return found

    def restored(self, dim: Dim) -> Dim:
        """A rewritten expression without the leaves that solving has brought in."""
        factors = [leaf for leaf in leaves(dim) if isinstance(leaf, Factor)]
        if not factors:
            return dim
        for factor in sorted(factors, key=order_of):
            dim = folded(dim, factor)
        total = ZERO
        for monomial, coefficient in dim.terms.items():
            product = literal(coefficient)
            for atom in monomial.atoms:
                product = product * self._restored_atom(atom)
            total = total + product
        return total

    def at_least_zero(self, dim: Dim) -> bool:
        """Whether a bound can be read off that shows `dim >= 0`; False is no answer."""
        least = self.lowest(dim)
        if least is not None and least >= 0:
            return True
        constant = constant_of(dim)
        bound = self.at_least.get(dim - constant)
        if bound is not None and bound + constant >= 0:
            return True
        for form, bound in self.at_least.items():
            if not form.terms.keys().isdisjoint(dim.terms):
                rest = self.lowest(dim - form)
                if rest is not None and rest + bound >= 0:
                    return True
        shifted = counted_from(dim, self.atom_least)
        return shifted is not None and shifted.lowest is not None and shifted.lowest >= 0

    def is_not_zero(self, dim: Dim) -> bool:
        return dim in self.not_zero or self.at_least_zero(dim - 1) or self.at_least_zero(-dim - 1)

    def lowest(self, dim: Dim) -> int | None:
        """A lower bound, term by term."""
        if dim not in self._lowest:
            self._lowest[dim] = self._lowest_anew(dim)
        return self._lowest[dim]

    def _lowest_anew(self, dim: Dim) -> int | None:
        total = 0
        for monomial, coefficient in dim.terms.items():
            if not monomial.atoms:
                total += coefficient
                continue
            bound = self._least(monomial) if coefficient > 0 else self._most(monomial)
            if bound is None:
                return None
            total += coefficient * bound
        return total

    def atom_least(self, atom: Atom) -> int | None:
        own = lowest_of(atom, self.lowest)
        known = self.at_least.get(of_atom(atom))
        return own if known is None else known if own is None else max(own, known)

    def atom_most(self, atom: Atom) -> int | None:
        known = self.at_least.get(-of_atom(atom))
        if known is not None:
            return -known
        if isinstance(atom, Remainder) and atom.divisor.constant is not None and atom.divisor.constant > 0:
            return atom.divisor.constant - 1
        return None

    def _least(self, monomial: Monomial) -> int | None:
        bounds = [self.atom_least(atom) for atom in monomial.atoms]
        return bounds[0] if len(bounds) == 1 else _product(bounds)

    def _most(self, monomial: Monomial) -> int | None:
        if len(monomial.atoms) == 1:
            return self.atom_most(monomial.atoms[0])
        if self._least(monomial) is None:
            return None
        return _product([self.atom_most(atom) for atom in monomial.atoms])

    # ---------------------------------------------------------------------------------------------------- rewriting

    def divided(self, a: Dim, b: Dim) -> Dim:
        """`a // b` of rewritten operands."""
        found = self._divided.get((a, b))
        if found is None:
            found = self._divided[a, b] = self._divided_anew(a, b)
        return found

    def _divided_anew(self, a: Dim, b: Dim) -> Dim:
        if b.constant == 0 or (a.constant is not None and b.constant is not None):
            return floordiv(a, b)
        if b.constant is None:
            if not self.is_not_zero(b):
                return floordiv(a, b)
            whole, rest = division(a, b)
            if whole is not ZERO:
                return whole + (self.divided(rest, b) if rest is not ZERO else ZERO)
            common = common_factor(a, b)
            if common is not None:
                return self.divided(over(a, common), over(b, common))
            inner = single_atom(a)
            if isinstance(inner, Quotient) and self.at_least_zero(b - 1):
                return self.divided(inner.dividend, inner.divisor * b)
        if self.at_least_zero(a) and self.at_least_zero(b - 1 - a):
            return ZERO
        return floordiv(a, b)

    def _remaining(self, a: Dim, b: Dim) -> Dim:
        """`a % b` of rewritten operands."""
        if b.constant == 0:
            return modulo(a, b)
        if b.constant is None:
            if not self.is_not_zero(b):
                return modulo(a, b)
            _, a = division(a, b)
            if a is ZERO:
                return ZERO
            common = common_factor(a, b)
            if common is not None:
                return self._remaining(over(a, common), over(b, common)) * of_terms({common: 1})
        if self.at_least_zero(a) and self.at_least_zero(b - 1 - a):
            return a
        return modulo(a, b)

    def _rewritten_sum(self, dim: Dim) -> Dim:
        total = ZERO
        for monomial, coefficient in dim.terms.items():
            product = literal(coefficient)
            for atom in monomial.atoms:
                product = product * self._rewritten_atom(atom)
            total = total + product
        return total

    def _rewritten_atom(self, atom: Atom) -> Dim:
        match atom:
            case Leaf():
                return self.solved.get(atom) or of(atom)
            case Quotient(a, b):
                return self.divided(self.rewritten(a), self.rewritten(b))
            case Remainder(a, b):
                return self._remaining(self.rewritten(a), self.rewritten(b))
            case Power(a, b):
                return power(self.rewritten(a), self.rewritten(b))
            case Extreme(largest, arguments):
                return extreme(largest, self._undominated(largest, [self.rewritten(a) for a in arguments]))
            case Conditional(test, a, b):
                test = self._rewritten_test(test)
                return conditional(test, self.rewritten(a), self.rewritten(b))

    def _undominated(self, largest: bool, arguments: list[Dim]) -> list[Dim]:
        kept: list[Dim] = []
        for argument in arguments:
            if any(self.at_least_zero(other - argument if largest else argument - other) for other in kept):
                continue
            kept = [o for o in kept if not self.at_least_zero(argument - o if largest else o - argument)]
            kept.append(argument)
        return kept

    def _rewritten_test(self, test: Constraint) -> Constraint:
        if isinstance(test, Truth):
            return test
        if isinstance(test, Compare):
            test = Compare(test.op, self.rewritten(test.left), self.rewritten(test.right))
        else:
            test = substitute_constraint(test, self.solved.get, lambda _: None)
        if self.claimed(claims_of(test, True)):
            return Truth(True)
        return Truth(False) if self.claimed(claims_of(test, False)) else test

    def claimed(self, claims: Claims) -> bool:
        """Whether all of these can be read off."""
        for claim in claims:
            if isinstance(claim, Choice):
                if claim not in self.choices:
                    return False
                continue
            dim = self.rewritten(claim.dim)
            match claim.sign:
                case Sign.ZERO:
                    known = dim is ZERO or dim in self.zero or -dim in self.zero
                    if not known and not (self.at_least_zero(dim) and self.at_least_zero(-dim)):
                        return False
                case Sign.NOT_ZERO:
                    if not self.is_not_zero(dim):
                        return False
                case Sign.AT_LEAST_ZERO:
                    if not self.at_least_zero(dim):
                        return False
        return True

    def _restored_atom(self, atom: Atom) -> Dim:
        match atom:
            case Factor():
                return floordiv(self.restored(atom.dividend), self.restored(atom.divisor))
            case Leaf():
                return of(atom)
            case Quotient(a, b):
                return floordiv(self.restored(a), self.restored(b))
            case Remainder(a, b):
                return modulo(self.restored(a), self.restored(b))
            case Power(a, b):
                return power(self.restored(a), self.restored(b))
            case Extreme(largest, arguments):
                return extreme(largest, map(self.restored, arguments))
            case Conditional(test, a, b):
                test = substitute_constraint(test, self._restored_leaf, lambda _: None)
                return conditional(test, self.restored(a), self.restored(b))

    def _restored_leaf(self, leaf: Leaf) -> Dim | None:
        return self._restored_atom(leaf) if isinstance(leaf, Factor) else None

    # ----------------------------------------------------------------------------------------------------- building

    def _take(self, claims: Iterable[Claim | Choice], defined: bool) -> None:
        queue = list(claims)
        if defined:
            queue += [c for claim in claims if isinstance(claim, Claim) for c in claims_that_defined(claim.dim)]
        again = True
        for _ in range(_MOST_SOLUTIONS):
            if not self._take_until_solved(queue):
                # Bounds that came late may make what was taken before them simpler.
                self._forget_rewritings()
                if not again or not self._can_be_rewritten():
                    return
                again = False
            queue = self._given_back()
        # So many equalities are left as they are: less is known, nothing wrong.
        for claim in queue:
            self._keep(claim)

    def _take_until_solved(self, claims: list[Claim | Choice]) -> bool:
        """Take bounds first, then equalities; whether one determined a leaf, so that all is to be taken again."""
        solved = False
        for claim in sorted(claims, key=_precedence):
            if solved or isinstance(claim, Choice):
                self._keep(claim)
            else:
                solved = self._take_claim(claim)
        return solved

    def _can_be_rewritten(self) -> bool:
        dims = [*self.at_least, *self.zero, *self.not_zero]
        return any(self.rewritten(dim) is not dim for dim in dims if is_composite(dim))

    def _forget_rewritings(self) -> None:
        self._rewritten.clear()
        self._divided.clear()
        self._lowest.clear()

    def _given_back(self) -> list[Claim | Choice]:
        """All claims, to be taken again under the solutions."""
        claims: list[Claim | Choice] = [
            Claim(Sign.AT_LEAST_ZERO, form - bound) for form, bound in self.at_least.items()
        ]
        claims += [Claim(Sign.ZERO, dim) for dim in self.zero]
        claims += [Claim(Sign.NOT_ZERO, dim) for dim in self.not_zero]
        claims += self.choices
        self.at_least, self.zero, self.not_zero, self.choices = {}, {}, {}, {}
        self._forget_rewritings()
        return claims

    def _keep(self, claim: Claim | Choice) -> None:
        if isinstance(claim, Choice):
            self.choices[claim] = None
            return
        match claim.sign:
            case Sign.ZERO:
                self.zero[claim.dim] = None
            case Sign.NOT_ZERO:
                self.not_zero[claim.dim] = None
            case Sign.AT_LEAST_ZERO:
                self._keep_bound(claim.dim)

    def _keep_bound(self, dim: Dim) -> Dim | None:
        """An expression that must be 0, where the bound meets one from the other side."""
        constant = constant_of(dim)
        form = dim - constant
        if form is ZERO:
            self.contradiction |= constant < 0
            return None
        common = gcd(*form.terms.values())
        bound = -(constant // common)
        form = of_terms({m: c // common for m, c in form.terms.items()})
        known = self.at_least.get(form)
        if known is not None and known >= bound:
            return None
        self.at_least[form] = bound
        self._lowest.clear()
        if len(form.terms) == 1:
            self._keep_bounds_of_factors(form, bound)
        opposite = self.lowest(-form) if len(form.terms) == 1 else self.at_least.get(-form)
        if opposite is None or bound + opposite < 0:
            return None
        self.contradiction |= bound + opposite > 0
        return form - bound

    def _keep_bounds_of_factors(self, form: Dim, bound: int) -> None:
        """A product that is at least 1 has factors that are, where none is negative."""
        ((monomial, coefficient),) = form.terms.items()
        if bound >= 1 and coefficient == 1 and len(monomial.atoms) > 1 and self._least(monomial) is not None:
            for atom in monomial.atoms:
                self._keep_bound(of_atom(atom) - 1)

    def _take_claim(self, claim: Claim) -> bool:
        """Whether it determined a leaf."""
        dim = self.rewritten(claim.dim)
        match claim.sign:
            case Sign.AT_LEAST_ZERO:
                equality = self._keep_bound(dim)
                return equality is not None and self._take_equality(equality)
            case Sign.NOT_ZERO:
                if dim is ZERO:
                    self.contradiction = True
                elif self.at_least_zero(dim):
                    self._keep_bound(dim - 1)
                elif dim.constant is None:
                    self.not_zero[dim] = None
                    for atom in factors_of(dim):
                        self.not_zero[of_atom(atom)] = None
                return False
            case Sign.ZERO:
                return self._take_equality(dim)

    def _take_equality(self, dim: Dim) -> bool:
        constant = constant_of(dim)
        common = gcd(*(c for m, c in dim.terms.items() if m.atoms))
        if common == 0 or constant % common:
            self.contradiction |= constant != 0
            return False
        dim = of_terms({m: c // common for m, c in dim.terms.items()})
        for equation in (self._as_multiple(dim), dim):
            solution = None if equation is None else _solution(equation)
            if solution is not None:
                self._solve(*solution)
                return True
        self.zero[dim] = None
        return False

    def _as_multiple(self, dim: Dim) -> Dim | None:
        """`a % b - r == 0` as `a - r - b * q == 0`."""
        constant = constant_of(dim)
        atom = single_atom(dim - constant) or single_atom(constant - dim)
        if not isinstance(atom, Remainder):
            return None
        remainder = constant if single_atom(dim - constant) is None else -constant
        a, b = atom.dividend, atom.divisor
        if remainder and not 0 <= remainder < (b.constant or 0):
            return None
        if not self.at_least_zero(a) and self.at_least_zero(-a) and not remainder:
            a = -a
        low = 0 if self.at_least_zero(a) and self.at_least_zero(b - 1) else None
        exact = a - remainder
        return exact - b * of(Factor(exact, b, low))

    def _solve(self, leaf: Leaf, solution: Dim) -> None:
        one = System()
        one.solved = {leaf: solution}
        self.solved = {other: one.rewritten(dim) for other, dim in self.solved.items()}
        self.solved[leaf] = solution
        if leaf.low is not None:
            self._keep_bound(solution - leaf.low)


def _precedence(claim: Claim | Choice) -> int:
    """Plain bounds first: they help to rewrite the others."""
    if isinstance(claim, Choice):
        return 3
    return 2 if claim.sign is Sign.ZERO else int(is_composite(claim.dim))


def _solution(equation: Dim) -> tuple[Leaf, Dim] | None:
    """A leaf that the equation `equation == 0` determines as an expression of the others: the last such by name."""
    candidates = []
    for monomial, coefficient in equation.terms.items():
        if len(monomial.atoms) == 1 and abs(coefficient) == 1 and isinstance(leaf := monomial.atoms[0], Leaf):
            candidates.append((isinstance(leaf, Factor), leaf, coefficient))
    for _, leaf, coefficient in sorted(candidates, key=lambda c: (not c[0], order_of(c[1])), reverse=True):
        rest = equation - of(leaf) * coefficient
        if leaf not in leaves(rest):
            return leaf, -rest if coefficient > 0 else rest
    return None


def _product(bounds: list[int | None]) -> int | None:
    total = 1
    for bound in bounds:
        if bound is None or bound < 0:
            return None
        total *= bound
    return total
