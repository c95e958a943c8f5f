"""What follows from known constraints: simplifying under them, proving, and explaining where a proof fails.

Sound before complete: what is called proved holds for all integers that satisfy the facts (and give the goal a value at
all). Work is bounded by counted steps, so an answer never depends on the machine; what was given up is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from msgspec import Struct

from tenuto_analysis.claims import Claim, claims_of, divisors
from tenuto_analysis.counterexample import find_values
from tenuto_analysis.dims import holds, leaves_of_constraint
from tenuto_analysis.linear import Budget, OutOfBudget
from tenuto_analysis.normal_form import ZERO, All, Any_, Compare, Constraint, Dim, Leaf, Not, Relation, Truth, order_of
from tenuto_analysis.prover import search
from tenuto_analysis.suggest import candidates
from tenuto_analysis.system import System

_PROOF_STEPS = 5000
_SHORT_PROOF_STEPS = 1500
_MOST_CANDIDATES = 8
_MOST_SUGGESTIONS = 3
_SUGGESTION_STEPS = 3000
_COUNTEREXAMPLE_TRIES = 1500
_WITNESS_TRIES = 200
_MOST_REMEMBERED = 2000
_PRIMES = (5, 7, 11, 13, 17, 19, 23, 29, 31, 37)


_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Proved(Struct, frozen=True):
    """It holds for all integers that satisfy the facts."""


class Unproved(Struct, frozen=True):
    """No proof was found.

    `counterexample` satisfies every fact and breaks the goal, or leaves it without a value where it divides by 0; it is
    None where none was found. Any one of `suffices` is consistent with the facts and implies the goal. `gave_up` says
    what was not found, where that leaves the answer open.
    """

    counterexample: Mapping[Leaf, int] | None
    refuted_always: bool
    suffices: tuple[Constraint, ...]
    gave_up: str | None


Verdict = Proved | Unproved


class Facts:
    """Constraints taken as true. Immutable; what follows from them is worked out when it is asked for, and kept."""

    __slots__ = (
        "_assumed",
        "_built",
        "_proved",
        "_simplified",
        "_sought_witness",
        "_verdicts",
        "_weaker",
        "_witness",
        "known",
    )

    def __init__(self, weaker: tuple[Facts, Constraint] | None = None) -> None:
        self.known: tuple[Constraint, ...] = () if weaker is None else (*weaker[0].known, weaker[1])
        self._weaker = weaker
        self._built: System | None = None
        self._assumed: dict[Constraint, Facts] = {}
        self._proved: dict[Constraint, bool | None] = {}
        self._verdicts: dict[Constraint, Verdict] = {}
        self._simplified: dict[Dim, Dim] = {}
        self._witness: Mapping[Leaf, int] | None = None
        self._sought_witness = False

    def assume(self, c: Constraint) -> Facts:
        found = self._assumed.get(c)
        if found is None:
            redundant = isinstance(c, Truth) and c.value
            found = self if redundant or c in self.known else Facts((self, c))
            _remember(self._assumed, c, found)
        return found

    def simplify(self, d: Dim) -> Dim:
        """The same value under the facts, in a form as simple as they allow."""
        found = self._simplified.get(d)
        if found is None:
            system = self._system()
            found = system.restored(system.rewritten(d))
            _remember(self._simplified, d, found)
        return found

    def equal(self, a: Dim, b: Dim) -> bool:
        return a is b or self.proves(Compare(Relation.EQ, a, b))

    def proves(self, c: Constraint) -> bool:
        """As `prove`, without the explanation of a failure, which costs more than the question."""
        return self._follows(c) is True

    def prove(self, c: Constraint) -> Verdict:
        found = self._verdicts.get(c)
        if found is None:
            answer = self._follows(c)
            found = _PROVED if answer else self._explained(c, answer is None)
            _remember(self._verdicts, c, found)
        return found

    def contradictory(self) -> bool:
        """Whether no integers satisfy the facts; False where that is not known."""
        return self._follows(Truth(False)) is True

    def _system(self) -> System:
        if self._built is None:
            ancestor, added = self._nearest(lambda facts: facts._built is not None)
            system = System() if ancestor is None or ancestor._built is None else ancestor._built
            self._built = system.extended((claim for c in added for claim in claims_of(c, True)), defined=True)
        return self._built

    def _follows(self, c: Constraint) -> bool | None:
        """Whether `c` is proved; None where the steps were used up."""
        if isinstance(c, Compare):
            difference = c.left - c.right
            if _shown_by_bound(c.op, difference):
                return True
        if c in self._proved:
            return self._proved[c]
        answer = self._follows_from_system(c, Budget(_PROOF_STEPS))
        _remember(self._proved, c, answer)
        return answer

    def _follows_from_system(self, c: Constraint, budget: Budget) -> bool | None:
        if isinstance(c, Truth) and c.value:
            return True
        if isinstance(c, All):
            answers = [self._follows(part) for part in c.parts]
            return False if False in answers else None if None in answers else True
        system = self._system()
        claims = claims_of(c, True)
        if system.contradiction or system.claimed(claims):
            return True
        if self._is_broken_by_witness(c):
            return False
        opposite = claims_of(c, False)
        about = [claim.dim for claim in opposite if isinstance(claim, Claim)]
        try:
            # Facts that no numbers were found for may contradict each other, so that all of them matter.
            relevant = None if not about or self._some_values() is None else about
            return search(system.extended(opposite), budget, relevant) is None
        except OutOfBudget:
            return None

    def _is_broken_by_witness(self, c: Constraint) -> bool:
        """A quick no: one set of sizes that satisfies the facts, with other primes for what they do not mention."""
        witness = self._some_values()
        if witness is None:
            return False
        others = sorted(leaves_of_constraint(c) - witness.keys(), key=order_of)
        values = {leaf: _PRIMES[i % len(_PRIMES)] for i, leaf in enumerate(others)}
        return holds(c, {**values, **witness}) is False

    def _some_values(self) -> Mapping[Leaf, int] | None:
        """Sizes that satisfy the facts, if some are found soon: those of weaker facts where they still do."""
        if not self._sought_witness:
            self._sought_witness = True
            ancestor, added = self._nearest(lambda facts: facts._sought_witness)
            values = ancestor._witness if ancestor is not None else {}
            usable = values is not None and all(holds(c, values) for c in added)
            self._witness = values if usable else find_values(self.known, None, {}, _WITNESS_TRIES)
        return self._witness

    def _nearest(self, ready: Callable[[Facts], bool]) -> tuple[Facts | None, list[Constraint]]:
        """The nearest weaker facts that are `ready`, if any, and what was assumed since then."""
        added: list[Constraint] = []
        facts = self
        while facts._weaker is not None:
            facts, last = facts._weaker
            added.append(last)
            if ready(facts):
                return facts, added[::-1]
        return None, added[::-1]

    def _explained(self, c: Constraint, gave_up: bool) -> Verdict:
        counterexample = find_values(self.known, c, self._hint(c), _COUNTEREXAMPLE_TRIES)
        if counterexample is None:
            counterexample = self._without_value(c)
        always = self._follows_from_system(Not(c), Budget(_SHORT_PROOF_STEPS)) is True
        reason = None
        if counterexample is None:
            sought = "a proof within the steps allowed" if gave_up else "a proof"
            reason = f"found neither {sought} nor a counterexample among small numbers"
        return Unproved(counterexample, always, () if always else self._suggestions(c), reason)

    def _without_value(self, c: Constraint) -> Mapping[Leaf, int] | None:
        """Values that satisfy the facts and make the goal divide by 0."""
        dims = [claim.dim for claim in claims_of(c, True) if isinstance(claim, Claim)]
        zeros = [Compare(Relation.EQ, divisor, ZERO) for dim in dims for divisor in divisors(dim)]
        values = find_values((*self.known, Any_(tuple(zeros))), None, {}, _WITNESS_TRIES)
        if values is None:
            return None
        values = {**dict.fromkeys(leaves_of_constraint(c), 1), **values}
        return values if holds(c, values) is None else None

    def _hint(self, c: Constraint) -> Mapping[Leaf, int]:
        """Values of leaves with which the prover could not refute the opposite of `c`."""
        system = self._system().extended(claims_of(c, False))
        try:
            return search(system, Budget(_SHORT_PROOF_STEPS)) or {}
        except OutOfBudget:
            return {}

    def _suggestions(self, c: Constraint) -> tuple[Constraint, ...]:
        differences = [self.simplify(claim.dim) for claim in claims_of(c, True) if isinstance(claim, Claim)]
        found: list[Facts] = []
        budget = Budget(_SUGGESTION_STEPS)
        for fact in candidates(c, differences)[:_MOST_CANDIDATES]:
            stronger = Facts((self, fact))
            if not stronger._follows_from_system(c, budget):
                continue
            if any(other._follows_from_system(fact, budget) for other in found):
                continue
            if stronger._some_values() is not None:
                found.append(stronger)
            if len(found) == _MOST_SUGGESTIONS:
                break
        return tuple(facts.known[-1] for facts in found)


def _shown_by_bound(op: Relation, difference: Dim) -> bool:
    """Whether the leaves' own bounds show `difference op 0`."""
    if op is Relation.EQ:
        return difference is ZERO
    least = (-difference if op in (Relation.LE, Relation.LT) else difference).lowest
    return least is not None and least >= (op not in (Relation.GE, Relation.LE))


def _remember(memo: dict[_Key, _Value], key: _Key, value: _Value) -> None:
    if len(memo) >= _MOST_REMEMBERED:
        memo.clear()
    memo[key] = value


_PROVED = Proved()
EMPTY = Facts()
