"""Memoised queries over changing inputs.

An *input* is a fact that the outside world sets: the text of a file, a folder's settings. A *query* is a pure
function of the database and hashable arguments. The database records what each query read. Setting an input marks
what depends on it, directly or not, as doubtful; the rest costs nothing when it is asked for again. A doubtful query
runs again only if something that it read has really changed, so that work stops where a new result equals the old
one.

Invariant: a query reads no disk, no clock and no global that changes. An edit that arrives while a query runs sets
`cancelled`; the query stops where it next needs another one that must run, or asks `stop_if_cancelled`. Inputs are at
hand and never stop anything, so that setting one is never left half done.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Hashable
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, cast

P = ParamSpec("P")
K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

# A query may wait for another, that for a third, and each may stand deep in a tree: Python's own limit is too low.
sys.setrecursionlimit(max(sys.getrecursionlimit(), 10_000))


class Cancelled(Exception):
    """An edit arrived while a query ran: its answer would be stale."""


class QueryCycle(Exception):
    """A query asked for its own result."""


class Query(Generic[P, T]):
    """A memoised function of the database; `@query` makes one.

    One that `shields` its readers is asked again as soon as it is in doubt, and they are in doubt only if its value has
    changed. It is for what a whole file has in common, which nearly all that is known of the file reads and which an
    edit nearly never changes. A query that shields may read only what itself reads no query that shields.
    """

    __slots__ = ("compute", "name", "shields")

    def __init__(self, compute: Callable[Concatenate[Database, P], T], shields: bool = False) -> None:
        self.compute = compute
        self.name = compute.__name__
        self.shields = shields

    def __call__(self, db: Database, *args: P.args, **kwargs: P.kwargs) -> T:
        assert not kwargs, "query arguments are positional"
        return cast(T, db.fetch((self, args)))


class Input(Query[[K], T]):
    """A fact about a key, set by `Database.set`; the decorated function gives the value of a key that was never set.

    `spread` sets other inputs that follow from this one: the declarations of a file from its text.
    """

    __slots__ = ("spread",)

    def __init__(self, compute: Callable[[Database, K], T]) -> None:
        super().__init__(compute)
        self.spread: Callable[[Database, K, T], None] | None = None


query = Query
input_fact = Input


def shielding_query(compute: Callable[Concatenate[Database, P], T]) -> Query[P, T]:
    """A query that shields its readers."""
    return Query(compute, shields=True)


Call = tuple[Query[Any, Any], tuple[object, ...]]


class Memo:
    """A result, what it was computed from, who used it, and whether it may have become wrong."""

    __slots__ = ("changed_at", "doubtful", "readers", "reads", "value", "verified_at")

    def __init__(self, value: object, reads: tuple[Call, ...], readers: set[Call], changed_at: int, now: int) -> None:
        self.value = value
        self.reads = reads
        self.readers = readers
        self.changed_at = changed_at  # The last revision in which `value` became different.
        self.verified_at = now  # The last revision for which `value` is known to be right.
        self.doubtful = False


class Database:
    """The memory of all queries; one for a run of the command line, one for the life of a server.

    What is asked `within` a query or a job of another database stops with that.
    """

    def __init__(self, within: Database | None = None) -> None:
        self.revision = 0
        self._within = within
        self.cancelled = False
        self.executed: list[Call] = []  # The calls that really ran, in order of completion.
        self._memos: dict[Call, Memo] = {}
        self._running: dict[Call, dict[Call, None]] = {}  # Active calls and what each read.
        self._unsettled: dict[Call, int] = {}  # Shields in doubt, and when each had changed at last.

    def set(self, fact: Input[K, T], key: K, value: T) -> None:
        """Set an input. Must not be called while a query runs."""
        assert not self._running, "inputs change between queries, never during one"
        call: Call = (fact, (key,))
        old = self._memos.get(call)
        if old is None and fact(self, key) == value:
            old = self._memos[call]
        if old is None or old.value != value:
            self.revision += 1
            readers = old.readers if old is not None else set()
            self._memos[call] = Memo(value, (), readers, self.revision, self.revision)
            self._doubt(readers)
        if fact.spread is not None:
            fact.spread(self, key, value)

    def fetch(self, call: Call) -> object:
        """The value of a call, computed only if what it read has changed."""
        running = self._running
        if running:
            running[next(reversed(running))][call] = None
        elif self._unsettled and not isinstance(call[0], Input):
            self._settle()
        memo = self._memos.get(call)
        if memo is None or memo.doubtful:
            memo = self._up_to_date(call, memo)
        return memo.value

    def forget_unused(self, age: int) -> None:
        """Forgets what has not been asked for in so many revisions, and is not known to be read by what has.

        Whatever is asked for after all is computed again. A server that lives for weeks would else keep each name that
        was ever typed.
        """
        oldest = self.revision - age
        unused = [
            call
            for call, memo in self._memos.items()
            if memo.verified_at < oldest
            and call not in self._unsettled
            and (memo.doubtful or not memo.readers)
            and (not isinstance(call[0], Input) or call[0].compute(self, *call[1]) == memo.value)
        ]
        for call in unused:
            for read in self._memos.pop(call).reads:
                known = self._memos.get(read)
                if known is not None:
                    known.readers.discard(call)

    def executed_names(self) -> list[str]:
        """What ran, as `query(arguments)`, for tests that assert on it."""
        return [f"{query.name}({', '.join(map(str, args))})" for query, args in self.executed]

    def _doubt(self, calls: Collection[Call]) -> None:
        waiting: list[Call] = [*calls]
        while waiting:
            call = waiting.pop()
            memo = self._memos.get(call)
            if memo is not None and not memo.doubtful:
                memo.doubtful = True
                if call[0].shields:
                    self._unsettled[call] = memo.changed_at
                else:
                    waiting += memo.readers

    def _settle(self) -> None:
        """Asks the shields that are in doubt, and lets through the doubts that were right."""
        while self._unsettled:
            call, changed_at = next(iter(self._unsettled.items()))
            memo = self._memos[call]
            if memo.doubtful:
                memo = self._up_to_date(call, memo)
            del self._unsettled[call]
            if memo.changed_at != changed_at:
                self._doubt(memo.readers)

    def _up_to_date(self, call: Call, memo: Memo | None) -> Memo:
        if memo is None or not self._still_right(memo):
            return self._execute(call, memo)
        memo.doubtful = False
        memo.verified_at = self.revision
        return memo

    def stop_if_cancelled(self) -> None:
        """Raises `Cancelled` where what runs shall stop: for what takes long without asking for anything."""
        if self.cancelled or (self._within is not None and self._within.cancelled):
            raise Cancelled

    def _still_right(self, memo: Memo) -> bool:
        for read in memo.reads:
            current = self._memos.get(read)
            if current is None or current.doubtful:
                current = self._up_to_date(read, current)
            if current.changed_at > memo.verified_at:
                return False
        return True

    def _execute(self, call: Call, old: Memo | None) -> Memo:
        if not isinstance(call[0], Input):
            self.stop_if_cancelled()
        if call in self._running:
            raise QueryCycle(call[0].name)
        reads: dict[Call, None] = {}
        self._running[call] = reads
        try:
            value = call[0].compute(self, *call[1])
        finally:
            del self._running[call]
        self.executed.append(call)
        unchanged = old is not None and old.value == value
        changed_at = old.changed_at if old is not None and unchanged else self.revision
        memo = Memo(value, tuple(reads), old.readers if old is not None else set(), changed_at, self.revision)
        self._memos[call] = memo
        self._note_reader(call, old, reads)
        return memo

    def _note_reader(self, call: Call, old: Memo | None, reads: dict[Call, None]) -> None:
        for read in old.reads if old is not None else ():
            if read not in reads and read in self._memos:
                self._memos[read].readers.discard(call)
        for read in reads:
            self._memos[read].readers.add(call)
