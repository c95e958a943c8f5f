"""Integer linear arithmetic: whether equalities and inequalities have a common integer solution.

The method is Pugh's Omega test: equalities are solved by Euclid's algorithm on coefficients, inequalities by
eliminating one variable after another, exactly where a coefficient is 1, else by the shadows that bound the answer from
both sides and, between them, by cases. It is complete; only the budget of steps, which raises `OutOfBudget`, ends it.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from math import gcd
from typing import NamedTuple


class Row(NamedTuple):
    """A linear form: coefficients by variable, in the variables' order and without zeros, and a constant."""

    coefficients: tuple[tuple[int, int], ...]
    constant: int


Model = dict[int, int]


class OutOfBudget(Exception):
    """The steps are used up: the question stays open."""


class Budget:
    """Steps that may still be taken. Counted, not timed, so that an answer is the same on every machine."""

    __slots__ = ("left",)

    def __init__(self, steps: int) -> None:
        self.left = steps

    def spend(self, steps: int) -> None:
        self.left -= steps
        if self.left < 0:
            raise OutOfBudget


def row(coefficients: Iterable[tuple[int, int]], constant: int) -> Row:
    return Row(tuple(sorted((v, c) for v, c in coefficients if c)), constant)


def solve(zeros: list[Row], at_least_zero: list[Row], budget: Budget) -> Model | None:
    """Integers that make each of `zeros` 0 and each of `at_least_zero` 0 or more, or None where there are none.

    A variable that the model leaves out may have any value.
    """
    used = (v for r in (*zeros, *at_least_zero) for v, _ in r.coefficients)
    return _solve(zeros, at_least_zero, budget, count(max(used, default=0) + 1))


def value_of(form: Row, model: Model) -> int:
    return form.constant + sum(c * model.get(v, 0) for v, c in form.coefficients)


def _solve(zeros: list[Row], at_least_zero: list[Row], budget: Budget, fresh: count[int]) -> Model | None:
    if not zeros:
        return _solve_inequalities(at_least_zero, budget, fresh)
    chosen: Row | None = None
    for zero in zeros:
        divisor = gcd(*(c for _, c in zero.coefficients))
        if divisor == 0:
            if zero.constant:
                return None
            continue
        if zero.constant % divisor:
            return None
        reduced = Row(tuple((v, c // divisor) for v, c in zero.coefficients), zero.constant // divisor)
        if chosen is None or _hardness(reduced) < _hardness(chosen):
            chosen = reduced
    if chosen is None:
        return _solve([], at_least_zero, budget, fresh)
    variable, pivot = min(chosen.coefficients, key=lambda term: (abs(term[1]), term[0]))
    # variable = t - sum((c // pivot) * v) for a new t turns the row into pivot*t + sum((c % pivot) * v): Euclid's step.
    quotients = [(v, -(c // pivot)) for v, c in chosen.coefficients if v != variable]
    constant = -(chosen.constant // pivot)
    if abs(pivot) > 1:
        quotients.append((next(fresh), 1))
    solution = row(quotients, constant)
    budget.spend(len(zeros) + len(at_least_zero))
    model = _solve(
        [_replaced(r, variable, solution) for r in zeros],
        [_replaced(r, variable, solution) for r in at_least_zero],
        budget,
        fresh,
    )
    if model is not None:
        model[variable] = value_of(solution, model)
    return model


def _hardness(zero: Row) -> tuple[int, int]:
    return min(abs(c) for _, c in zero.coefficients), len(zero.coefficients)


def _replaced(form: Row, variable: int, solution: Row) -> Row:
    for v, c in form.coefficients:
        if v == variable:
            merged = dict(form.coefficients)
            del merged[variable]
            for w, d in solution.coefficients:
                merged[w] = merged.get(w, 0) + c * d
            return row(merged.items(), form.constant + c * solution.constant)
    return form


def _solve_inequalities(rows: list[Row], budget: Budget, fresh: count[int]) -> Model | None:
    budget.spend(1 + len(rows) // 2)
    tightest = _tightened(rows)
    if tightest is None:
        return None
    equalities = []
    for coefficients, constant in tightest.items():
        opposite = tightest.get(tuple((v, -c) for v, c in coefficients))
        if opposite is not None:
            if constant + opposite < 0:
                return None
            if constant + opposite == 0 and coefficients[0][1] > 0:
                equalities.append(Row(coefficients, constant))
    kept = [Row(coefficients, constant) for coefficients, constant in tightest.items()]
    if equalities:
        return _solve(equalities, kept, budget, fresh)
    if not kept:
        return {}
    variable = _best_variable(kept)
    lower, upper, others = _split(kept, variable)
    if not lower or not upper:
        model = _solve_inequalities(others, budget, fresh)
    elif all(c == 1 for c, _ in lower) or all(c == 1 for c, _ in upper):
        model = _solve_inequalities(others + _shadow(lower, upper, False, budget), budget, fresh)
    else:
        return _solve_inexactly(kept, variable, budget, fresh)
    return None if model is None else _with_value(model, variable, lower, upper)


def _solve_inexactly(rows: list[Row], variable: int, budget: Budget, fresh: count[int]) -> Model | None:
    lower, upper, others = _split(rows, variable)
    if _solve_inequalities(others + _shadow(lower, upper, False, budget), budget, fresh) is None:
        return None
    model = _solve_inequalities(others + _shadow(lower, upper, True, budget), budget, fresh)
    if model is not None:
        return _with_value(model, variable, lower, upper)
    # A solution that the dark shadow misses lies close above one of the lower bounds.
    largest = max(c for c, _ in upper)
    for c, rest in lower:
        for offset in range((largest * c - largest - c) // largest + 1):
            on_bound = row((*rest.coefficients, (variable, c)), rest.constant - offset)
            model = _solve([on_bound], rows, budget, fresh)
            if model is not None:
                return model
    return None


def _tightened(rows: list[Row]) -> dict[tuple[tuple[int, int], ...], int] | None:
    """The strongest row for each list of coefficients, with common factors divided out; None where one cannot hold."""
    tightest: dict[tuple[tuple[int, int], ...], int] = {}
    for coefficients, constant in rows:
        if not coefficients:
            if constant < 0:
                return None
            continue
        divisor = gcd(*(c for _, c in coefficients))
        if divisor > 1:
            coefficients = tuple((v, c // divisor) for v, c in coefficients)
            constant //= divisor
        known = tightest.get(coefficients)
        if known is None or constant < known:
            tightest[coefficients] = constant
    return tightest


def _best_variable(rows: list[Row]) -> int:
    """One without bounds on a side if there is one, else one whose elimination is exact and makes the fewest rows."""
    below: dict[int, list[int]] = {}
    above: dict[int, list[int]] = {}
    for coefficients, _ in rows:
        for v, c in coefficients:
            (below if c > 0 else above).setdefault(v, []).append(abs(c))

    def cost(v: int) -> tuple[bool, int, int]:
        lower, upper = below.get(v, []), above.get(v, [])
        exact = not lower or not upper or max(lower) == 1 or max(upper) == 1
        return (not exact, len(lower) * len(upper) - len(lower) - len(upper), v)

    return min({**below, **above}, key=cost)


def _split(rows: list[Row], variable: int) -> tuple[list[tuple[int, Row]], list[tuple[int, Row]], list[Row]]:
    """Rows that bound the variable from below, from above (each with its positive coefficient), and the others."""
    lower: list[tuple[int, Row]] = []
    upper: list[tuple[int, Row]] = []
    others: list[Row] = []
    for r in rows:
        coefficient = next((c for v, c in r.coefficients if v == variable), 0)
        if coefficient:
            rest = Row(tuple(term for term in r.coefficients if term[0] != variable), r.constant)
            (lower if coefficient > 0 else upper).append((abs(coefficient), rest))
        else:
            others.append(r)
    return lower, upper, others


def _shadow(lower: list[tuple[int, Row]], upper: list[tuple[int, Row]], dark: bool, budget: Budget) -> list[Row]:
    """What the pairs of bounds say of the other variables: real numbers between them, or (dark) surely an integer."""
    budget.spend(len(lower) * len(upper))
    rows = []
    for a, low in lower:
        for b, high in upper:
            merged = {v: b * c for v, c in low.coefficients}
            for v, c in high.coefficients:
                merged[v] = merged.get(v, 0) + a * c
            slack = (a - 1) * (b - 1) if dark else 0
            rows.append(row(merged.items(), b * low.constant + a * high.constant - slack))
    return rows


def _with_value(model: Model, variable: int, lower: list[tuple[int, Row]], upper: list[tuple[int, Row]]) -> Model:
    if lower:
        model[variable] = max(-(value_of(rest, model) // c) for c, rest in lower)
    else:
        model[variable] = min((value_of(rest, model) // c for c, rest in upper), default=0)
    return model
