"""Facts against brute force: nothing false is proved, and simplifying keeps the value where the facts hold."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenuto_analysis.dims import Leaf, Truth, evaluate, holds, leaves, render
from tenuto_analysis.facts import EMPTY, Facts, Proved, Unproved
from tenuto_analysis.linear import Budget, OutOfBudget, Row, row, solve, value_of
from tests.dim_source import constraint, dim, facts, symbol

NAMES = ["A", "B", "c"]
BOX: list[dict[Leaf, int]] = [
    {symbol("A"): a, symbol("B"): b, symbol("c"): c} for a, b, c in product(range(6), range(6), range(-3, 5))
]

ATOMS = st.one_of(st.sampled_from(NAMES), st.integers(0, 6).map(str))


def _grown(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({} {} {})".format, children, st.sampled_from("+-*"), children),
        st.builds("({} * {})".format, st.integers(2, 4), children),
        st.builds("({} {} {})".format, children, st.sampled_from(["//", "%"]), st.integers(2, 6)),
        st.builds("({} {} {})".format, children, st.sampled_from(["//", "%"]), st.sampled_from(["A", "B", "(A + 1)"])),
        st.builds("{}({}, {})".format, st.sampled_from(["min", "max"]), children, children),
        st.builds("({} if {} < {} else {})".format, children, children, ATOMS, children),
    )


TERMS = st.recursive(ATOMS, _grown, max_leaves=5)
SIMPLE = st.one_of(
    st.builds("{} {} {}".format, TERMS, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), TERMS),
    st.builds("{} {} {}".format, st.sampled_from(NAMES), st.sampled_from(["==", "<=", ">=", "<"]), ATOMS),
    st.builds("{} % {} == {}".format, TERMS, st.sampled_from(["2", "3", "4", "A", "B"]), st.sampled_from(["0", "1"])),
)
GOALS = st.one_of(
    SIMPLE,
    st.builds("{} or {}".format, SIMPLE, SIMPLE),
    st.builds("{} and {}".format, SIMPLE, SIMPLE),
    st.builds("not ({} or {})".format, SIMPLE, SIMPLE),
)


def _satisfying(known: Facts) -> list[dict[Leaf, int]]:
    return [values for values in BOX if all(holds(fact, values) for fact in known.known)]


def _check_verdict(known: list[str], text: str) -> None:
    given_facts, goal = facts(*known), constraint(text)
    satisfying = _satisfying(given_facts)
    verdict = given_facts.prove(goal)
    if given_facts.contradictory():
        assert not satisfying
    match verdict:
        case Proved():
            assert all(holds(goal, values) is not False for values in satisfying)
            assert given_facts.proves(goal)
        case Unproved(counterexample, refuted_always, suffices, _):
            if counterexample is not None:
                assert holds(goal, counterexample) is not True
                assert all(holds(fact, counterexample) for fact in given_facts.known)
            if refuted_always:
                assert not any(holds(goal, values) for values in satisfying)
            assert len(suffices) <= 3
            for fact in suffices:
                stronger = [values for values in satisfying if holds(fact, values)]
                assert all(holds(goal, values) is not False for values in stronger)


def _check_simplified(known: list[str], text: str) -> None:
    given_facts, form = facts(*known), dim(text)
    simplified = given_facts.simplify(form)
    assert leaves(simplified) <= {symbol(name) for name in NAMES}
    for values in _satisfying(given_facts)[:60]:
        value = evaluate(form, values)
        assert value is None or evaluate(simplified, values) == value


@given(st.lists(GOALS, max_size=3), GOALS)
@settings(max_examples=250, deadline=None)
def test_what_is_proved_holds_and_what_is_refuted_does_not(known: list[str], goal: str) -> None:
    _check_verdict(known, goal)


@pytest.mark.heavy
@given(st.lists(GOALS, max_size=3), GOALS)
@settings(max_examples=8_000, deadline=None)
def test_what_is_proved_holds_and_what_is_refuted_does_not_often(known: list[str], goal: str) -> None:
    _check_verdict(known, goal)


@given(st.lists(GOALS, max_size=3), TERMS)
@settings(max_examples=250, deadline=None)
def test_simplifying_keeps_the_value_where_the_facts_hold(known: list[str], form: str) -> None:
    _check_simplified(known, form)


@pytest.mark.heavy
@given(st.lists(GOALS, max_size=3), TERMS)
@settings(max_examples=8_000, deadline=None)
def test_simplifying_keeps_the_value_where_the_facts_hold_often(known: list[str], form: str) -> None:
    _check_simplified(known, form)


@pytest.mark.parametrize(
    ("known", "form", "simplified"),
    [
        ("D % H == 0", "(D // H) * H", "D"),
        ("D % H == 0", "(D // H) * H * N + 1", "D*N + 1"),
        ("D % H == 0", "(2 * D) // H", "2*(D//H)"),
        ("D % H == 0", "(2 * D) % H", "0"),
        ("H % 2 == 0", "(H // 2) * 2", "H"),
        ("H % 2 == 0", "(H + 2 * 3 - 7) // 2 + 1", "H // 2"),
        ("H % 2 == 0", "H - H // 2", "H // 2"),
        ("H % 32 == 0", "((((H // 2) // 2) // 2) // 2) // 2", "H // 32"),
        ("N % 6 == 0", "(N // 6) * 3", "N // 2"),
        ("N % 6 == 0", "(N // 6) * 9", "N + N//2"),
        ("M >= 1", "(N * M) // M", "N"),
        ("M >= 1", "(N * M + M) // M", "N + 1"),
        ("", "max(N, 0)", "N"),
        ("N >= 10", "max(N - 10, 0)", "N - 10"),
        ("N <= 4", "min(N, 5)", "N"),
        ("N < 4", "N // 4", "0"),
        ("N < M", "N % M", "N"),
        ("N == 5", "N * M", "5*M"),
        ("N == M + 1", "2 * N", "2*M + 2"),
        ("A < B", "A if A < B else B", "A"),
        ("N >= 4 and N <= 4", "N * M", "4*M"),
    ],
)
def test_forms_are_simplified_by_what_is_known(known: str, form: str, simplified: str) -> None:
    given_facts = facts(known) if known else EMPTY
    assert str(given_facts.simplify(dim(form))) == simplified
    assert given_facts.equal(dim(form), dim(simplified))


@pytest.mark.parametrize(
    ("known", "contradictory"),
    [
        (["N < 0"], True),
        (["N >= 5", "N <= 4"], True),
        (["N == M", "N != M"], True),
        (["N % 2 == 0", "N % 2 == 1"], True),
        (["2 * N == 2 * M + 1"], True),
        (["N % 4 == 1", "N % 2 == 0"], True),
        (["D % H == 0", "H == 0"], True),
        (["N == 1 or N == 2", "N >= 3"], True),
        (["flag_b", "not flag_b"], True),
        (["N >= 5", "N <= 5"], False),
        (["n < 0"], False),
        (["D % H == 0"], False),
        (["N == 1 or N == 2", "N >= 2"], False),
    ],
)
def test_contradictions_are_found(known: list[str], contradictory: bool) -> None:
    assert facts(*known).contradictory() is contradictory


def test_everything_follows_from_a_contradiction() -> None:
    assert facts("N < M", "M < N").proves(constraint("A == B"))


def test_facts_are_immutable_and_assuming_again_changes_nothing() -> None:
    weaker = facts("S <= P")
    stronger = weaker.assume(constraint("P <= 512"))
    assert not weaker.proves(constraint("S <= 512"))
    assert stronger.proves(constraint("S <= 512"))
    assert weaker.assume(constraint("S <= P")) is weaker
    assert weaker.assume(Truth(True)) is weaker
    assert weaker.assume(constraint("P <= 512")) is stronger


def test_a_divisor_that_may_be_zero_is_never_cancelled() -> None:
    assert not EMPTY.equal(dim("(N * M) // M"), dim("N"))
    assert not EMPTY.proves(constraint("N // M <= N"))
    assert not EMPTY.proves(constraint("n % m >= 0"))
    assert facts("m < 0").proves(constraint("n % m <= 0"))
    assert facts("m < 0").equal(dim("(n * m) // m"), dim("n"))


def test_counterexamples_are_small_and_distinct() -> None:
    verdict = facts("H >= 1").prove(constraint("D % H == 0"))
    assert isinstance(verdict, Unproved)
    assert verdict.counterexample == {symbol("H"): 2, symbol("D"): 3}
    verdict = EMPTY.prove(constraint("N == M"))
    assert isinstance(verdict, Unproved)
    assert verdict.counterexample == {symbol("M"): 2, symbol("N"): 3}


def test_counterexamples_satisfy_facts_about_other_sizes_too() -> None:
    verdict = facts("S <= P", "K % 48 == 0", "K >= 1000").prove(constraint("N == M"))
    assert isinstance(verdict, Unproved)
    assert verdict.counterexample is not None
    assert verdict.counterexample[symbol("K")] == 1008


def _hard_goals() -> list[tuple[list[str], str]]:
    return [
        (["(B * 2) % P == 1", "A % 2 == 0", "P == B // 4 or P + c <= 2"], "(A // 6) % 4 >= (B * c) // (A + 1)"),
        ([], "min(min(P, 3), 3 * P) * (4 + c - B) == (3 * A - A // (B + 1)) // 4 or P >= 5 // (A + 1)"),
        (["P * Q == R * S", "Q * R >= P * S", "P * R + Q * S <= 100"], "P * P * Q <= R * R * S + 5"),
        ([f"{x} % {y} == {z}" for x, y, z in zip("ABCDE", "BCDEF", "01230", strict=True)], "A * B * C % F == 0"),
        ([f"max({x}, {y}) + min({y}, {z}) >= {x}" for x, y, z in product("ABC", "BCD", "CDE")], "A + B >= C * D"),
    ]


@pytest.mark.parametrize(("known", "goal"), _hard_goals())
def test_hard_goals_are_answered_within_the_steps(known: list[str], goal: str) -> None:
    verdict = facts(*known).prove(constraint(goal))
    assert isinstance(verdict, Proved) or verdict.counterexample is not None or verdict.gave_up is not None


def test_answers_do_not_depend_on_what_was_asked_before() -> None:
    goal = constraint("(H // 2) * 2 == H")
    first = Facts().prove(goal)
    for text in ("H // 2 == M", "2 * H == M * H", "M // H == 2"):
        Facts().prove(constraint(text))
    second = Facts().prove(goal)
    assert first == second
    assert isinstance(first, Unproved)
    assert [render(fact) for fact in first.suffices] == ["H % 2 == 0"]


# ------------------------------------------------------------------------------------------- the linear question alone

COEFFICIENTS = st.integers(-5, 5)
ROWS = st.builds(
    lambda coefficients, constant: row(enumerate(coefficients), constant),
    st.tuples(COEFFICIENTS, COEFFICIENTS, COEFFICIENTS),
    st.integers(-12, 12),
)
SIDE = 4
WALLS = [row([(v, sign)], SIDE) for v in range(3) for sign in (1, -1)]
POINTS = [dict(enumerate(point)) for point in product(range(-SIDE, SIDE + 1), repeat=3)]


def _check_linear(zeros: list[Row], bounds: list[Row]) -> None:
    def good(model: dict[int, int]) -> bool:
        return all(value_of(r, model) == 0 for r in zeros) and all(value_of(r, model) >= 0 for r in bounds + WALLS)

    try:
        model = solve(zeros, bounds + WALLS, Budget(20_000))
    except OutOfBudget:
        return
    if model is None:
        assert not any(map(good, POINTS))
    else:
        assert good(model)


@given(st.lists(ROWS, max_size=2), st.lists(ROWS, max_size=4))
@settings(max_examples=300, deadline=None)
def test_integer_solutions_are_found_exactly_where_there_are_some(zeros: list[Row], bounds: list[Row]) -> None:
    _check_linear(zeros, bounds)


@pytest.mark.heavy
@given(st.lists(ROWS, max_size=2), st.lists(ROWS, max_size=4))
@settings(max_examples=10_000, deadline=None)
def test_integer_solutions_are_found_exactly_where_there_are_some_often(zeros: list[Row], bounds: list[Row]) -> None:
    _check_linear(zeros, bounds)


def test_steps_bound_the_work() -> None:
    rows = [row([(v, 3 + v), ((v + 1) % 6, -5 - v), ((v + 2) % 6, 7)], v - 3) for v in range(6)]
    rows += [row([(v, -4 - v), ((v + 3) % 6, 9)], 11) for v in range(6)]
    with pytest.raises(OutOfBudget):
        solve([], rows, Budget(3))
