"""The query database: what an edit runs again, and that what it answers is what a computation from scratch would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenuto_analysis.database import Cancelled, Database, Query, QueryCycle, input_fact, query, shielding_query


@input_fact
def text(db: Database, name: str) -> str:
    return ""


@query
def words(db: Database, name: str) -> tuple[str, ...]:
    return tuple(text(db, name).split())


@query
def count(db: Database, name: str) -> int:
    return len(words(db, name))


@query
def is_long(db: Database, name: str) -> bool:
    return count(db, name) > 3


@query
def any_long(db: Database, *names: str) -> bool:
    return any(is_long(db, name) for name in names)


def ran(db: Database, ask: Callable[[], object]) -> list[str]:
    """What a question made run."""
    db.executed.clear()
    ask()
    return db.executed_names()


def test_an_answer_is_computed_once() -> None:
    db = Database()
    db.set(text, "a", "one two")
    assert ran(db, lambda: count(db, "a")) == ["words(a)", "count(a)"]
    assert ran(db, lambda: count(db, "a")) == []
    assert count(db, "a") == 2


def test_what_was_never_set_has_the_value_of_its_function() -> None:
    db = Database()
    assert count(db, "a") == 0
    db.set(text, "a", "one")
    assert count(db, "a") == 1


def test_setting_the_same_value_is_no_edit() -> None:
    db = Database()
    db.set(text, "a", "one")
    count(db, "a")
    before = db.revision
    db.set(text, "a", "one")
    db.set(text, "b", "")  # what it was before anybody said so
    assert db.revision == before
    assert ran(db, lambda: count(db, "a")) == []


def test_work_stops_where_a_result_equals_the_old_one() -> None:
    db = Database()
    db.set(text, "a", "one two")
    is_long(db, "a")
    db.set(text, "a", "one  two")
    assert ran(db, lambda: is_long(db, "a")) == ["words(a)"]
    db.set(text, "a", "one three")
    assert ran(db, lambda: is_long(db, "a")) == ["words(a)", "count(a)"]
    db.set(text, "a", "one two three four")
    assert ran(db, lambda: is_long(db, "a")) == ["words(a)", "count(a)", "is_long(a)"]
    assert is_long(db, "a")


def test_an_edit_runs_only_what_depends_on_it() -> None:
    db = Database()
    for name in "abc":
        db.set(text, name, name)
    any_long(db, "a", "b", "c")
    db.set(text, "b", "b b b b")
    assert ran(db, lambda: any_long(db, "a", "b", "c")) == ["words(b)", "count(b)", "is_long(b)", "any_long(a, b, c)"]


def test_an_edit_of_what_is_no_longer_read_runs_nothing() -> None:
    db = Database()
    db.set(text, "a", "")
    assert not any_long(db, "a", "b")
    db.set(text, "a", "a long one it is")
    assert any_long(db, "a", "b")  # it stops at `a` now
    db.set(text, "b", "b b b b b")
    assert ran(db, lambda: any_long(db, "a", "b")) == []


def test_an_edit_that_nobody_asks_about_costs_nothing() -> None:
    db = Database()
    db.set(text, "a", "one")
    count(db, "a")
    assert ran(db, lambda: db.set(text, "a", "one two")) == []
    assert ran(db, lambda: count(db, "b")) == ["text(b)", "words(b)", "count(b)"]


def test_edits_between_questions_are_taken_together() -> None:
    db = Database()
    db.set(text, "a", "one")
    count(db, "a")
    for more in ("one two", "one two three", "four five"):
        db.set(text, "a", more)
    assert ran(db, lambda: count(db, "a")) == ["words(a)", "count(a)"]
    assert count(db, "a") == 2


def test_a_doubt_that_was_settled_reaches_those_who_ask_later() -> None:
    """`count` is asked between the edit and `is_long`: what it learned must not be lost."""
    db = Database()
    db.set(text, "a", "one")
    is_long(db, "a")
    db.set(text, "a", "one two three four five")
    assert count(db, "a") == 5
    db.set(text, "z", "unrelated")
    assert is_long(db, "a")


# ------------------------------------------------------------------------------------------- inputs that follow others


@input_fact
def document(db: Database, name: str) -> str:
    return ""


@input_fact
def line(db: Database, place: tuple[str, int]) -> str:
    return ""


def _spread(db: Database, name: str, content: str) -> None:
    for number, item in enumerate(content.split("\n")):
        db.set(line, (name, number), item)


document.spread = _spread


@query
def shouted(db: Database, name: str, number: int) -> str:
    return line(db, (name, number)).upper()


def test_an_input_may_set_the_inputs_that_follow_from_it() -> None:
    db = Database()
    db.set(document, "d", "one\ntwo\nthree")
    assert [shouted(db, "d", number) for number in range(3)] == ["ONE", "TWO", "THREE"]
    db.set(document, "d", "one\n2\nthree")
    assert ran(db, lambda: [shouted(db, "d", number) for number in range(3)]) == ["shouted(d, 1)"]


# ---------------------------------------------------------------------------------------------- cycles, edits meanwhile


@query
def ring(db: Database, place: int) -> int:
    return ring(db, (place + 1) % 3) if text(db, "closed") else place


def test_a_query_that_needs_itself_is_refused_and_may_be_asked_again() -> None:
    db = Database()
    db.set(text, "closed", "yes")
    with pytest.raises(QueryCycle):
        ring(db, 0)
    db.set(text, "closed", "")
    assert ring(db, 0) == 0
    assert ring(db, 2) == 2


@shielding_query
def total(db: Database, *names: str) -> int:
    """How many words there are, in tens."""
    return sum(count(db, name) for name in names) // 10


@query
def share(db: Database, name: str, *names: str) -> tuple[int, int]:
    return count(db, name), total(db, *names)


def test_a_query_that_shields_keeps_doubts_from_its_readers() -> None:
    db = Database()
    names = ("a", "b", "c")
    for name in names:
        db.set(text, name, "one two")
        share(db, name, *names)
    db.set(text, "a", "one two three")
    assert ran(db, lambda: [share(db, name, *names) for name in names]) == [
        "words(a)",
        "count(a)",
        "total(a, b, c)",
        "share(a, a, b, c)",
    ]
    db.set(text, "a", "one")
    assert share(db, "b", *names) == (2, 0)
    db.set(text, "a", "one " * 20)
    assert share(db, "b", *names) == (2, 2)


def test_a_shield_that_was_stopped_is_asked_again() -> None:
    db = Database()
    names = ("a", "b")
    share(db, "b", *names)
    db.set(text, "a", "one " * 20)
    db.cancelled = True
    with pytest.raises(Cancelled):
        share(db, "b", *names)
    db.cancelled = False
    assert share(db, "b", *names) == (0, 2)


def test_what_nobody_asks_for_is_forgotten() -> None:
    db = Database()
    db.set(text, "kept", "one two")
    for number in range(20):
        db.set(text, "typed", " ".join(["one"] * number))
        db.set(text, f"{number}", "one")
        is_long(db, "typed")
        count(db, "kept")
        count(db, f"{number}")
        db.set(text, f"{number}", "")
    known = len(db._memos)
    db.forget_unused(5)
    assert len(db._memos) < known / 2
    assert ran(db, lambda: is_long(db, "typed")) == []
    assert count(db, "kept") == 2
    assert count(db, "0") == 0


@query
def interrupted(db: Database, name: str) -> int:
    found = count(db, name)
    if text(db, "edit") == "now":
        db.cancelled = True
    return found + count(db, "other")


def test_a_query_stops_at_its_next_read_and_is_whole_when_asked_again() -> None:
    db = Database()
    db.set(text, "a", "one two")
    db.set(text, "edit", "now")
    with pytest.raises(Cancelled):
        interrupted(db, "a")
    db.cancelled = False
    db.set(text, "edit", "")
    db.set(text, "other", "three")
    assert interrupted(db, "a") == 3


def test_what_was_known_before_an_edit_arrives_is_still_told() -> None:
    db = Database()
    db.set(text, "a", "one two")
    count(db, "a")
    db.cancelled = True
    assert count(db, "a") == 2
    with pytest.raises(Cancelled):
        count(db, "b")


def test_an_input_cannot_change_while_a_query_runs() -> None:
    def meddle(db: Database) -> None:
        db.set(text, "a", "changed")

    with pytest.raises(AssertionError):
        Query(meddle)(Database())


# ------------------------------------------------------------------------------------------------------ random programs


@dataclass(frozen=True)
class Node:
    """A query of a random program: it sums what it reads, and reads `more` only where that is odd."""

    reads: tuple[int, ...]
    more: tuple[int, ...]
    kept: int  # the sum modulo this: where it is small, most changes end here
    shields: bool = False


@dataclass(frozen=True)
class Program:
    inputs: int
    nodes: tuple[Node, ...]


@st.composite
def programs(draw: st.DrawFn) -> Program:
    inputs = draw(st.integers(1, 4))
    nodes = []
    behind: set[int] = set()
    for place in range(inputs, inputs + draw(st.integers(1, 12))):
        below = st.lists(st.integers(0, place - 1), max_size=4).map(tuple)
        reads, more = draw(below), draw(below)
        # What shields reads nothing, at whatever distance, that shields.
        shields = not {*reads, *more} & behind and draw(st.booleans())
        if shields or {*reads, *more} & behind:
            behind.add(place)
        nodes.append(Node(reads, more, draw(st.sampled_from((1, 2, 3, 1000))), shields))
    return Program(inputs, tuple(nodes))


def value(program: Program, facts: list[int], place: int) -> int:
    """What a place is, from scratch."""
    if place < program.inputs:
        return facts[place]
    return _sum(program.nodes[place - program.inputs], lambda read: value(program, facts, read))


def _sum(node: Node, read: Callable[[int], int]) -> int:
    total = sum(read(place) for place in node.reads)
    if total % 2:
        total += sum(read(place) for place in node.more)
    return total % node.kept


@input_fact
def fact(db: Database, place: int) -> int:
    return 0


class Runner:
    """A random program in a database; `seen` holds what each place read when it last ran."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.facts = [0] * program.inputs
        self.db = Database()
        self.seen: dict[int, list[tuple[int, int]]] = {}
        self.ran_again: list[tuple[int, list[tuple[int, int]]]] = []
        self.stop_after: int | None = None
        self._place = Query(self._compute)
        self._shield = Query(self._compute, shields=True)

    def _compute(self, db: Database, place: int) -> int:
        if place in self.seen:
            self.ran_again.append((place, self.seen[place]))
        if self.stop_after is not None:
            self.stop_after -= 1
            db.cancelled = self.stop_after < 0
        reads: list[tuple[int, int]] = []

        def read(other: int) -> int:
            found = self.ask(other)
            reads.append((other, found))
            return found

        result = _sum(self.program.nodes[place - self.program.inputs], read)
        self.seen[place] = reads
        return result

    def ask(self, place: int) -> int:
        if place < self.program.inputs:
            return fact(self.db, place)
        shields = self.program.nodes[place - self.program.inputs].shields
        return (self._shield if shields else self._place)(self.db, place)

    def edit(self, place: int, new: int) -> None:
        self.facts[place] = new
        self.db.set(fact, place, new)

    def places(self) -> range:
        return range(self.program.inputs + len(self.program.nodes))


edits = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 5), st.lists(st.integers(0, 15), max_size=3), st.integers(0, 20)),
    max_size=12,
)


@settings(max_examples=300, deadline=None)
@given(programs(), edits)
def test_after_any_edits_every_answer_is_the_one_from_scratch(
    program: Program, steps: list[tuple[int, int, list[int], int]]
) -> None:
    runner = Runner(program)
    for place, new, asked, patience in steps:
        runner.edit(place % program.inputs, new)
        if new == 0:
            runner.db.forget_unused(patience // 4)
        runner.stop_after = patience if patience < 10 else None  # now and then an edit arrives in the middle
        for question in asked:
            question %= len(runner.places())
            try:
                assert runner.ask(question) == value(program, runner.facts, question)
            except Cancelled:
                assert runner.stop_after is not None
        runner.stop_after, runner.db.cancelled = None, False
    for question in runner.places():
        assert runner.ask(question) == value(program, runner.facts, question)


@settings(max_examples=300, deadline=None)
@given(programs(), edits)
def test_nothing_runs_again_unless_something_that_it_read_is_different(
    program: Program, steps: list[tuple[int, int, list[int], int]]
) -> None:
    runner = Runner(program)
    for place, new, _, _ in steps:
        runner.edit(place % program.inputs, new)
        runner.ran_again.clear()
        now = {question: runner.ask(question) for question in runner.places()}
        for _, before in runner.ran_again:
            assert any(now[read] != found for read, found in before)


@query
def link(db: Database, place: int) -> int:
    """One of a chain of queries, each of which reads the one before."""
    return (link(db, place - 1) if place else count(db, "a")) % 2


def test_an_edit_costs_what_depends_on_it_not_what_there_is() -> None:
    db = Database()
    db.set(text, "a", "one")
    links = range(100)
    for place in links:
        link(db, place)
    db.set(text, "a", "one two three")
    assert ran(db, lambda: [link(db, place) for place in links]) == ["words(a)", "count(a)", "link(0)"]
