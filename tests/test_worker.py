"""The worker: what comes first, what stops what runs, and that changes are made between jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from queue import Queue
from threading import Event

import pytest

from tenuto_analysis.database import Database, input_fact, query
from tenuto_server.worker import Job, Urgency, Worker

PATIENCE = 60.0


class Hold:
    """Something that runs until it is let go."""

    def __init__(self) -> None:
        self.started = Event()
        self.released = Event()

    def __call__(self) -> None:
        self.started.set()
        assert self.released.wait(PATIENCE)


@input_fact
def number(db: Database, key: str) -> int:
    return 0


@query
def next_number(db: Database, key: str) -> int:
    return number(db, key) + 1


class Bench:
    """A worker, its database, and what its jobs said."""

    def __init__(self) -> None:
        self.database = Database()
        self.failures: Queue[Exception] = Queue()
        self.worker = Worker(self.database, self.failures.put)
        self.said: Queue[tuple[str, object]] = Queue()

    def job(self, name: str, urgency: Urgency, compute: Callable[[], object] = lambda: None) -> Job:
        """Submits a job that says its name and what came of it."""
        job = Job(urgency, compute, lambda result, error: self.said.put((name, error or result)))
        self.worker.submit(job)
        return job

    def heard(self) -> tuple[str, object]:
        return self.said.get(timeout=PATIENCE)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.worker.stop()


def test_what_is_urgent_comes_first(bench: Bench) -> None:
    hold = Hold()
    bench.job("first", Urgency.NOW, hold)
    assert hold.started.wait(PATIENCE)
    for name, urgency in [("idle", Urgency.IDLE), ("later", Urgency.LATER), ("now", Urgency.NOW), ("new", Urgency.NOW)]:
        bench.job(name, urgency)
    hold.released.set()
    assert [bench.heard()[0] for _ in range(5)] == ["first", "now", "new", "later", "idle"]


def test_a_change_stops_what_runs_and_is_made_before_it_goes_on(bench: Bench) -> None:
    hold = Hold()

    def compute() -> int:
        hold()
        return next_number(bench.database, "a")

    bench.job("job", Urgency.NOW, compute)
    assert hold.started.wait(PATIENCE)
    bench.worker.change(lambda: bench.database.set(number, "a", 41))
    assert bench.database.cancelled
    hold.released.set()
    assert bench.heard() == ("job", 42)


def test_what_is_more_urgent_stops_what_runs(bench: Bench) -> None:
    hold = Hold()
    runs: list[int] = []

    def compute() -> int:
        runs.append(1)
        hold()
        return next_number(bench.database, "a")

    bench.job("idle", Urgency.IDLE, compute)
    assert hold.started.wait(PATIENCE)
    bench.job("idle too", Urgency.IDLE)
    assert not bench.database.cancelled, "what is no more urgent waits"
    bench.job("now", Urgency.NOW)
    hold.released.set()
    assert [bench.heard() for _ in range(3)] == [("now", None), ("idle", 1), ("idle too", None)]
    assert len(runs) == 2


def test_what_nobody_wants_stops_and_says_nothing(bench: Bench) -> None:
    hold = Hold()
    reached: list[int] = []

    def compute() -> None:
        hold()
        next_number(bench.database, "a")
        reached.append(1)

    running = bench.job("running", Urgency.NOW, compute)
    assert hold.started.wait(PATIENCE)
    waiting = bench.job("waiting", Urgency.NOW)
    bench.job("last", Urgency.NOW)
    bench.worker.withdraw(running)
    bench.worker.withdraw(waiting)
    hold.released.set()
    assert bench.heard() == ("last", None)
    assert not reached


def test_what_fails_is_told_and_the_next_runs(bench: Bench) -> None:
    def fail() -> None:
        raise ValueError("no")

    bench.job("bad", Urgency.NOW, fail)
    name, error = bench.heard()
    assert (name, str(error)) == ("bad", "no")
    bench.worker.change(fail)
    assert str(bench.failures.get(timeout=PATIENCE)) == "no"
    bench.job("good", Urgency.NOW)
    assert bench.heard() == ("good", None)


def test_a_worker_that_stopped_starts_nothing(bench: Bench) -> None:
    hold = Hold()
    bench.job("running", Urgency.NOW, hold)
    bench.job("waiting", Urgency.NOW)
    assert hold.started.wait(PATIENCE)
    hold.released.set()
    bench.worker.stop()
    bench.worker.stop()
    names = []
    while not bench.said.empty():
        names.append(bench.heard()[0])
    assert "waiting" not in names
