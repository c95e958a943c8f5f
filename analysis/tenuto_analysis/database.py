"""Memoised queries over changing inputs.

An *input* is a fact that the outside world sets: the text of a file, a folder's settings. A *query* is a pure
function of the database and hashable arguments. The database records what each query read; after an edit it runs
again only the queries that read something that changed, and it stops where a new result equals the old one.

Invariant: a query reads no disk, no clock and no global that changes. An edit that arrives while a query runs sets
`cancelled`; the query stops at its next read.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, cast

P = ParamSpec("P")
K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Cancelled(Exception):
    """An edit arrived while a query ran: its answer would be stale."""


class QueryCycle(Exception):
    """A query asked for its own result."""


class Query(Generic[P, T]):
    """A memoised function of the database; `@query` makes one."""

    __slots__ = ("compute", "name")

    def __init__(self, compute: Callable[Concatenate[Database, P], T]) -> None:
        self.compute = compute
        self.name = compute.__name__

    def __call__(self, db: Database, *args: P.args, **kwargs: P.kwargs) -> T:
        assert not kwargs, "query arguments are positional"
        return cast(T, db.fetch((self, args)))


class Input(Query[[K], T]):
    """A fact about a key, set by `Database.set`; the decorated function gives the value of a key that was never set."""

    __slots__ = ()


query = Query
input_fact = Input

Call = tuple[Query[Any, Any], tuple[object, ...]]


class Memo:
    """A result, what it was computed from, and since when it is so."""

    __slots__ = ("changed_at", "reads", "value", "verified_at")

    def __init__(self, value: object, reads: tuple[Call, ...], changed_at: int, verified_at: int) -> None:
        self.value = value
        self.reads = reads
        self.changed_at = changed_at  # The last revision in which `value` became different.
        self.verified_at = verified_at  # The last revision for which `value` is known to be right.


class Database:
    """The memory of all queries; one for a run of the command line, one for the life of a server."""

    def __init__(self) -> None:
        self.revision = 0
        self.cancelled = False
        self.executed: list[Call] = []  # The calls that really ran, in order of completion.
        self._memos: dict[Call, Memo] = {}
        self._running: dict[Call, dict[Call, None]] = {}  # Active calls and what each read.

    def set(self, fact: Input[K, T], key: K, value: T) -> None:
        """Set an input. Must not be called while a query runs."""
        assert not self._running, "inputs change between queries, never during one"
        if fact(self, key) != value:
            self.revision += 1
            self._memos[(fact, (key,))] = Memo(value, (), self.revision, self.revision)

    def fetch(self, call: Call) -> object:
        """The value of a call, computed only if what it read has changed."""
        running = self._running
        if running:
            running[next(reversed(running))][call] = None
        memo = self._memos.get(call)
        if memo is None or memo.verified_at != self.revision:
            memo = self._up_to_date(call, memo)
        return memo.value

    def executed_names(self) -> list[str]:
        """What ran, as `query(arguments)`, for tests that assert on it."""
        return [f"{query.name}({', '.join(map(str, args))})" for query, args in self.executed]

    def _up_to_date(self, call: Call, memo: Memo | None) -> Memo:
        if memo is None or not self._still_right(memo):
            memo = self._memos[call] = self._execute(call, memo)
        memo.verified_at = self.revision
        return memo

    def _still_right(self, memo: Memo) -> bool:
        for read in memo.reads:
            current = self._memos.get(read)
            if current is None or current.verified_at != self.revision:
                current = self._up_to_date(read, current)
            if current.changed_at > memo.verified_at:
                return False
        return True

    def _execute(self, call: Call, old: Memo | None) -> Memo:
        if self.cancelled:
            raise Cancelled
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
        return Memo(value, tuple(reads), changed_at, self.revision)
