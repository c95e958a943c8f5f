"""The search for a contradiction among claims: what proves a goal, whose opposite is claimed with the facts.

Each monomial counts as one integer variable. What ties them together is added as linear claims: the definition of a
quotient by its remainder's bounds, an extreme as a bound on each of its arguments, products of what is known not to be
negative. Cases are split only where the numbers found so far break a choice. The linear question is `linear.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tenuto_analysis.claims import Choice, Claim, Claims, Sign, claims_of
from tenuto_analysis.dims import evaluate, leaves
from tenuto_analysis.linear import Budget, Model, OutOfBudget, Row, row, solve, value_of
from tenuto_analysis.normal_form import (
    Atom,
    Conditional,
    Dim,
    Extreme,
    Leaf,
    Monomial,
    Power,
    Quotient,
    Remainder,
    literal,
    of_atom,
    of_terms,
    ordered_terms,
    product_of,
)
from tenuto_analysis.system import System

_MOST_PRODUCTS = 120
_CASE_COST = 40
_SIGN_STEPS = 400


def search(
    system: System, budget: Budget, about: Iterable[Dim] | None = None, deep: bool = True
) -> Mapping[Leaf, int] | None:
    """None where the claims contradict each other: a proof. Else numbers that the search could not refute.

    The numbers are no proof of the opposite: products and the like were only approximated. Only claims that are
    connected with `about` count, if given; only a `deep` one asks whether divisors are positive. Raises `OutOfBudget`.
    """
    if system.contradiction:
        return None
    relevant = _Relevant(system, about)
    variables = _Variables(system, budget, deep)
    for dim in relevant.zero:
        variables.add(dim, True)
    for form, bound in relevant.at_least:
        variables.add(form - bound, False)
    for dim in relevant.not_zero:
        variables.add_choice(_sides(dim))
    for choice in relevant.choices:
        variables.add_choice(choice)
    variables.add_products()
    budget.spend(_CASE_COST + sum(dim.size for dim in (*variables.zero, *variables.at_least)) // 2)
    numbering = variables.numbering()
    model = solve(
        [_row(dim, numbering) for dim in variables.zero],
        [_row(dim, numbering) for dim in variables.at_least],
        budget,
    )
    if model is None:
        return None
    for choice in variables.choices:
        if not any(_satisfied(claims, variables, numbering, model) for claims in choice.alternatives):
            return _search_cases(system, choice, budget, about, deep)
    return _leaf_values(system, numbering, model)


def _search_cases(
    system: System, choice: Choice, budget: Budget, about: Iterable[Dim] | None, deep: bool
) -> Mapping[Leaf, int] | None:
    for claims in choice.alternatives:
        extended = system.extended(claims)
        extended.choices.pop(choice, None)
        found = search(extended, budget, None if about is None else [*about, *_dims_of(claims)], deep)
        if found is not None:
            return found
    return None


def _sides(dim: Dim) -> Choice:
    return Choice(((Claim(Sign.AT_LEAST_ZERO, dim - 1),), (Claim(Sign.AT_LEAST_ZERO, -dim - 1),)))


class _Relevant:
    """The claims that share leaves, directly or through others, with what is asked."""

    zero: list[Dim]
    at_least: list[tuple[Dim, int]]
    not_zero: list[Dim]
    choices: list[Choice]

    def __init__(self, system: System, about: Iterable[Dim] | None) -> None:
        self.zero, self.not_zero = list(system.zero), list(system.not_zero)
        self.at_least, self.choices = list(system.at_least.items()), list(system.choices)
        if about is None:
            return
        groups = [leaves(dim) for dim in (*system.zero, *system.at_least, *system.not_zero)]
        groups += [_leaves_before_and_after(system, _dims_of_choice(choice)) for choice in system.choices]
        reached = _leaves_before_and_after(system, about)
        while groups:
            touching = [group for group in groups if not group.isdisjoint(reached)]
            if not touching:
                break
            groups = [group for group in groups if group.isdisjoint(reached)]
            reached = reached.union(*touching)
        self.zero = [dim for dim in self.zero if not leaves(dim).isdisjoint(reached)]
        self.at_least = [(form, bound) for form, bound in self.at_least if not leaves(form).isdisjoint(reached)]
        self.not_zero = [dim for dim in self.not_zero if not leaves(dim).isdisjoint(reached)]
        self.choices = [c for c in self.choices if any(not leaves(d).isdisjoint(reached) for d in _dims_of_choice(c))]


def _leaves_before_and_after(system: System, dims: Iterable[Dim]) -> frozenset[Leaf]:
    return frozenset[Leaf]().union(*(leaves(dim) | leaves(system.rewritten(dim)) for dim in dims))


class _Variables:
    """Linear claims over monomials, growing by the definitions of the atoms that are met."""

    def __init__(self, system: System, budget: Budget, deep: bool) -> None:
        self.system = system
        self.deep = deep
        self.budget = budget
        self.zero: dict[Dim, None] = {}
        self.at_least: dict[Dim, None] = {}
        self.choices: dict[Choice, None] = {}
        self.met: set[Atom] = set()

    def add(self, dim: Dim, is_zero: bool) -> None:
        dim = self.without_remainders(dim)
        known = self.zero if is_zero else self.at_least
        if dim in known:
            return
        known[dim] = None
        for monomial, _ in ordered_terms(dim):
            for atom in monomial.atoms:
                if atom not in self.met:
                    self.met.add(atom)
                    self._define(atom)

    def add_choice(self, choice: Choice) -> None:
        self.choices[choice] = None

    def without_remainders(self, dim: Dim) -> Dim:
        """`a % b` as `a - b * (a // b)`, wherever it is a factor."""
        total = dim
        for monomial, coefficient in dim.terms.items():
            if any(isinstance(atom, Remainder) for atom in monomial.atoms):
                product = literal(coefficient)
                for atom in monomial.atoms:
                    factor = of_atom(atom)
                    if isinstance(atom, Remainder):
                        quotient = self.system.divided(atom.dividend, atom.divisor)
                        factor = self.without_remainders(atom.dividend - atom.divisor * quotient)
                    product = product * factor
                total = total - of_terms({monomial: coefficient}) + product
        return total

    def numbering(self) -> dict[Monomial, int]:
        monomials = {m for dim in (*self.zero, *self.at_least) for m in dim.terms if m.atoms}
        return {m: i for i, m in enumerate(sorted(monomials, key=lambda m: (len(m.atoms), m.order)))}

    def _define(self, atom: Atom) -> None:
        """Add what ties the atom to its operands."""
        self.budget.spend(3)
        value = of_atom(atom)
        least = self.system.atom_least(atom)
        if least is not None:
            self.add(value - least, False)
        match atom:
            case Quotient(a, b):
                self._define_quotient(value, a, b)
            case Extreme(largest, arguments):
                for argument in arguments:
                    self.add(value - argument if largest else argument - value, False)
                self.add_choice(_cases_of_extreme(largest, arguments, value))
            case Conditional(test, then, otherwise):
                self.add_choice(
                    Choice(
                        (
                            (*claims_of(test, True), Claim(Sign.ZERO, value - then)),
                            (*claims_of(test, False), Claim(Sign.ZERO, value - otherwise)),
                        )
                    )
                )
            case Power(base, exponent):
                if self.system.at_least_zero(base - 2):
                    self.add(value - exponent - 1, False)
            case Leaf() | Remainder():
                pass

    def _define_quotient(self, value: Dim, a: Dim, b: Dim) -> None:
        if self._is_negative(b):
            a, b = -a, -b
        elif not self._is_positive(b):
            return
        self.add(a - b * value, False)
        self.add(b * value + b - 1 - a, False)
        if b.constant is None and self.system.at_least_zero(a):
            self.add(value, False)
            self.add(a - value, False)

    def _is_positive(self, b: Dim) -> bool:
        if b.constant is not None:
            return b.constant > 0
        return self.system.at_least_zero(b - 1) or self._follows(b, Claim(Sign.AT_LEAST_ZERO, -b))

    def _is_negative(self, b: Dim) -> bool:
        return b.lowest is None and self._follows(b, Claim(Sign.AT_LEAST_ZERO, b))

    def _follows(self, about: Dim, opposite: Claim) -> bool:
        if not self.deep:
            return False
        share = Budget(min(_SIGN_STEPS, self.budget.left))
        try:
            answer = search(self.system.extended((opposite,)), share, (about,), False) is None
        except OutOfBudget:
            answer = False
        self.budget.spend(min(_SIGN_STEPS, self.budget.left) - max(share.left, 0))
        return answer

    def add_products(self) -> None:
        """Products of claims with what is not negative, as far as they speak of products that are met."""
        goals = {m: None for dim in (*self.zero, *self.at_least) for m in dim.terms if len(m.atoms) > 1}
        if not goals:
            return
        made = 0
        queue = sorted(goals, key=lambda m: (len(m.atoms), m.order))
        while queue and made < _MOST_PRODUCTS:
            goal = queue.pop()
            if len(goal.atoms) == 2:
                self._add_corners(*goal.atoms)
            self.budget.spend(1 + (len(self.zero) + len(self.at_least)) // 3)
            for claims, is_zero in ((list(self.zero), True), (list(self.at_least), False)):
                for claim in claims:
                    for factor in self._cofactors(claim, goal, is_zero):
                        product = claim * of_terms({factor: 1})
                        new = [m for m in product.terms if len(m.atoms) > 1 and m not in goals]
                        if any(len(m.atoms) > len(goal.atoms) for m in new):
                            continue
                        self.budget.spend(3)
                        made += 1
                        self.add(product, is_zero)
                        for monomial in new:
                            goals[monomial] = None
                            queue.append(monomial)

    def _cofactors(self, claim: Dim, goal: Monomial, is_zero: bool) -> list[Monomial]:
        """What a term of the claim must be multiplied with to give `goal`, if its sign allows it."""
        found: dict[Monomial, None] = {}
        for monomial in claim.terms:
            if monomial.atoms and len(monomial.atoms) < len(goal.atoms):
                others = list(goal.atoms)
                if all(_removed(others, atom) for atom in monomial.atoms) and (
                    is_zero or all(self._is_natural(atom) for atom in others)
                ):
                    found[product_of(others)] = None
        return list(found)

    def _is_natural(self, atom: Atom) -> bool:
        least = self.system.atom_least(atom)
        return least is not None and least >= 0

    def _add_corners(self, a: Atom, b: Atom) -> None:
        """The products of the distances of two factors from their bounds."""
        for x in self._distances(a):
            for y in self._distances(b):
                self.add(x * y, False)
        if a == b:
            square, x = of_atom(a) * of_atom(a), of_atom(a)
            self.add(square - x, False)
            self.add(square + x, False)

    def _distances(self, atom: Atom) -> list[Dim]:
        value, least, most = of_atom(atom), self.system.atom_least(atom), self.system.atom_most(atom)
        found = [] if least is None else [value - least]
        return found if most is None else [*found, most - value]


def _removed(atoms: list[Atom], atom: Atom) -> bool:
    if atom not in atoms:
        return False
    atoms.remove(atom)
    return True


def _cases_of_extreme(largest: bool, arguments: tuple[Dim, ...], value: Dim) -> Choice:
    alternatives = []
    for chosen in arguments:
        others = [other for other in arguments if other is not chosen]
        claims = [Claim(Sign.AT_LEAST_ZERO, chosen - other if largest else other - chosen) for other in others]
        alternatives.append((*claims, Claim(Sign.ZERO, value - chosen)))
    return Choice(tuple(alternatives))


def _row(dim: Dim, numbering: Mapping[Monomial, int]) -> Row:
    constant = 0
    coefficients = []
    for monomial, coefficient in dim.terms.items():
        if monomial.atoms:
            coefficients.append((numbering[monomial], coefficient))
        else:
            constant = coefficient
    return row(coefficients, constant)


def _satisfied(claims: Claims, variables: _Variables, numbering: Mapping[Monomial, int], model: Model) -> bool:
    """Whether the numbers found make all of these true; False where they do not tell."""
    for claim in claims:
        if isinstance(claim, Choice):
            if not any(_satisfied(part, variables, numbering, model) for part in claim.alternatives):
                return False
            continue
        dim = variables.without_remainders(variables.system.rewritten(claim.dim))
        if any(monomial.atoms and monomial not in numbering for monomial in dim.terms):
            return False
        if not _has_sign(value_of(_row(dim, numbering), model), claim.sign):
            return False
    return True


def _has_sign(value: int, sign: Sign) -> bool:
    match sign:
        case Sign.ZERO:
            return value == 0
        case Sign.NOT_ZERO:
            return value != 0
        case Sign.AT_LEAST_ZERO:
            return value >= 0


def _leaf_values(system: System, numbering: Mapping[Monomial, int], model: Model) -> Mapping[Leaf, int]:
    values: dict[Leaf, int] = {}
    for monomial, variable in numbering.items():
        if len(monomial.atoms) == 1 and isinstance(leaf := monomial.atoms[0], Leaf):
            values[leaf] = model.get(variable, max(leaf.low or 0, 0))
    determined = {leaf: evaluate(dim, values) for leaf, dim in system.solved.items()}
    return {**values, **{leaf: value for leaf, value in determined.items() if value is not None}}


def _dims_of(claims: Claims) -> list[Dim]:
    dims = []
    for claim in claims:
        dims += _dims_of_choice(claim) if isinstance(claim, Choice) else [claim.dim]
    return dims


def _dims_of_choice(choice: Choice) -> list[Dim]:
    return [dim for claims in choice.alternatives for dim in _dims_of(claims)]
