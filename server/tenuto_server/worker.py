"""One thread that computes, so that the thread which talks to the client never waits.

Jobs wait in order of urgency. Changes of the inputs wait too, and are made between jobs, never during one. What arrives
while a job runs may stop it at its next query: a change of an input, its withdrawal, a job more urgent. A job that was
stopped and is still wanted starts again later, and finds most of its queries answered.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from enum import IntEnum
from itertools import count
from threading import Condition, Thread, stack_size

from tenuto_analysis.database import Cancelled, Database

STACK = 64 * 2**20  # bytes; a query waits for others deep in a tree, and some systems give a thread half a megabyte
PATIENCE = 1.0  # seconds for a job to notice that it shall stop


class Urgency(IntEnum):
    """What comes first."""

    NOW = 0  # Somebody waits for the answer.
    SOON = 1  # It decorates what somebody looks at.
    LATER = 2  # Findings of the open documents.
    IDLE = 3  # Everything else.


class Job:
    """Something to compute; `done` is told the result, or what it raised, in the worker's thread."""

    __slots__ = ("_order", "compute", "done", "urgency", "wanted")

    _numbers = count()

    def __init__(
        self, urgency: Urgency, compute: Callable[[], object], done: Callable[[object, BaseException | None], None]
    ) -> None:
        self.urgency = urgency
        self.compute = compute
        self.done = done
        self.wanted = True
        self._order = next(Job._numbers)

    def __lt__(self, other: Job) -> bool:
        return (self.urgency, self._order) < (other.urgency, other._order)


class Worker:
    """The thread. Only it may touch what jobs and changes touch; `failed` is told what a change raised."""

    def __init__(self, database: Database, failed: Callable[[Exception], None]) -> None:
        self._database = database
        self._failed = failed
        self._condition = Condition()
        self._jobs: list[Job] = []
        self._changes: list[Callable[[], None]] = []
        self._running: Job | None = None
        self._stopped = False
        self._thread = Thread(target=self._work, name="worker", daemon=True)
        usual = stack_size(STACK)
        self._thread.start()
        stack_size(usual)

    def submit(self, job: Job) -> None:
        """A job more urgent than what runs stops that."""
        with self._condition:
            heapq.heappush(self._jobs, job)
            if self._running is not None and job.urgency < self._running.urgency:
                self._database.cancelled = True
            self._condition.notify()

    def withdraw(self, job: Job) -> None:
        """Nobody waits for a job any more: it does not start, and stops if it runs."""
        with self._condition:
            job.wanted = False
            if self._running is job:
                self._database.cancelled = True

    def change(self, change: Callable[[], None]) -> None:
        """Has a change of the inputs made, before any job goes on."""
        with self._condition:
            self._changes.append(change)
            if self._running is not None:
                self._database.cancelled = True
            self._condition.notify()

    def stop(self) -> None:
        """Starts no other job, and waits for what runs to notice."""
        with self._condition:
            self._stopped = True
            self._database.cancelled = True
            self._condition.notify()
        self._thread.join(PATIENCE)

    def _work(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._jobs or self._changes or self._stopped)
                if self._stopped:
                    return
                changes, self._changes = self._changes, []
            for change in changes:
                self._make(change)
            job = self._next()
            if job is not None:
                self._run(job)

    def _make(self, change: Callable[[], None]) -> None:
        try:
            change()
        except Exception as error:
            self._failed(error)

    def _next(self) -> Job | None:
        """The most urgent job, unless inputs have changed again."""
        with self._condition:
            if self._changes or not self._jobs or self._stopped:
                return None
            job = heapq.heappop(self._jobs)
            if not job.wanted:
                return None
            self._database.cancelled = False
            self._running = job
            return job

    def _run(self, job: Job) -> None:
        result: object = None
        error: BaseException | None = None
        stopped = False
        try:
            result = job.compute()
        except Cancelled:
            stopped = True
        except Exception as raised:
            error = raised
        with self._condition:
            self._running = None
            if stopped and job.wanted:
                heapq.heappush(self._jobs, job)
            over = stopped or not job.wanted or self._stopped
        if not over:
            job.done(result, error)
        self._database.executed.clear()  # It is kept for tests alone, and would grow for ever.
