"""What the checker carries while it walks one declaration: names, facts, problems.

A `Context` belongs to one declaration and one pass over it. Names that the declaration binds are in `scopes`; every
other name is asked of `modules.lookup`, and remembered in `used`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from msgspec import Struct, field

from tenuto_analysis.check.recorder import Recorder
from tenuto_analysis.database import Database
from tenuto_analysis.diagnostics.base import Diagnostic, Place, Related
from tenuto_analysis.dims import Constraint, Dim, Leaf, Symbol, leaves, leaves_of_constraint, of
from tenuto_analysis.facts import Proved, Unproved
from tenuto_analysis.shapes import Known
from tenuto_analysis.types import Int, PackVariable, Reference, Shape, Value
from tenuto_grammar import syntax
from tenuto_grammar.text import Span


class Binding(Struct):
    """What a name stands for in a scope, and where it was bound."""

    value: Value
    span: Span
    mutable: bool = False
    used: bool = False
    made_by: syntax.Node | None = None  # The statement that bound it.


class Doubt(Struct, frozen=True):
    """An obligation that was not proved."""

    goal: Constraint
    verdict: Unproved


class Context(Struct):
    db: Database
    file: str
    key: str  # The key of the declaration's chunk, see `modules.py`.
    owner: str  # What tells this declaration's symbols from those of others.
    known: Known = field(default_factory=Known)
    problems: list[Diagnostic] = field(default_factory=list)
    scopes: list[dict[str, Binding]] = field(default_factory=lambda: [{}])
    origins: dict[str, Span] = field(default_factory=dict)  # Where a size's name was declared.
    used: set[str] = field(default_factory=set)  # Names of the file that the declaration mentions.
    lenient: bool = False  # Whether a precision clause lets dtypes meet.
    implied: list[tuple[Constraint, Span]] | None = None  # In a signature: what its arithmetic takes for granted.
    implicit: set[str] | None = None  # In a signature: the names that it quantifies without declaring them.
    mentions: dict[str, int] | None = None  # In a signature: how often each size is mentioned.
    existentials: dict[str, Symbol] = field(default_factory=dict)  # The sizes written `?N`.
    after: dict[str, PackVariable] = field(default_factory=dict)  # Axis parameters, each with the pack before it.
    loops: frozenset[str] = frozenset()  # The names that index the loops of this body.
    indexed: dict[str, tuple[str, Value]] = field(default_factory=dict)  # Variables whose type depends on an index.
    values: list[tuple[Span, Value]] = field(default_factory=list)  # What was inferred, for hover and for tests.
    written: dict[int, tuple[Reference, tuple[Span, ...]]] = field(default_factory=dict)  # Where generics are written.
    where_insert: tuple[int, str, str] | None = None  # Where `where` takes one more constraint.
    model: str = ""  # In a deploy: who owns the sizes that its settings bound.
    statement: syntax.Node | None = None  # What is being checked.
    trace: Callable[[Context, Diagnostic], Diagnostic] = lambda ctx, problem: problem
    run_time: set[str] = field(default_factory=set)  # The names of the sizes that calls brought, known at run time.
    recorder: Recorder | None = None  # In elaboration: who is told of every expression and call.
    serial: int = 0
    steps: int = 0  # Steps of static loops that were checked one by one.

    # --------------------------------------------------------------------------------------------------------- names

    def find(self, name: str) -> Binding | None:
        for scope in reversed(self.scopes):
            binding = scope.get(name)
            if binding is not None:
                return binding
        return None

    def bind(self, name: str, value: Value, span: Span, mutable: bool = False) -> None:
        if name and name != "_":
            self.scopes[-1][name] = Binding(value, span, mutable, made_by=self.statement)

    @contextmanager
    def block(self) -> Iterator[None]:
        """A scope and facts of its own."""
        known = self.known
        self.scopes.append({})
        yield
        self.scopes.pop()
        self.known = known

    def fresh(self, name: str, low: int | None) -> Symbol:
        """A new symbol that prints as `name`."""
        self.serial += 1
        return Symbol(name, f"{self.owner}#{self.serial}", low)

    def fresh_size(self, name: str) -> Symbol:
        """A new size known only at run time; a second one of the name prints as `name'`."""
        while name in self.run_time:
            name += "'"
        self.run_time.add(name)
        return self.fresh(name, 0)

    def size(self, name: str, span: Span, low: int | None = 0) -> Dim:
        """A size that this declaration quantifies."""
        self.origins.setdefault(name, span)
        return of(Symbol(name, self.owner, low))

    def existential(self, name: str, span: Span) -> Symbol:
        """A size written `?N`: named in this scope, known only at run time."""
        symbol = Symbol(name, existential_owner(self.owner), 0)
        self.existentials[name] = symbol
        self.scopes[-1][name] = Binding(Int(of(symbol)), span, used=True)
        self.origins.setdefault(name, span)
        return symbol

    def pack(self, name: str, span: Span) -> Shape:
        self.origins.setdefault(name, span)
        return (PackVariable(name, self.owner),)

    # --------------------------------------------------------------------------------------------------------- facts

    def assume(self, constraint: Constraint) -> None:
        self.known = self.known.assume(constraint)

    def prove(self, constraint: Constraint) -> Doubt | None:
        """None where the constraint holds, else what is known about its failure."""
        verdict = self.known.facts.prove(constraint)
        return None if isinstance(verdict, Proved) else Doubt(constraint, verdict)

    # ------------------------------------------------------------------------------------------------------ problems

    def report(self, problem: Diagnostic) -> None:
        self.problems.append(self.trace(self, problem))

    def place(self, span: Span) -> Place:
        return Place(self.file, self.key, span)

    def origin_of(self, *dims: Dim) -> tuple[Related, ...]:
        """Where the sizes that these expressions mention come from."""
        return self._origins({leaf for dim in dims for leaf in leaves(dim)})

    def origin_of_constraint(self, constraint: Constraint) -> tuple[Related, ...]:
        return self._origins(leaves_of_constraint(constraint))

    def owns(self, leaf: Leaf) -> bool:
        """Whether a leaf is a name that the text of this declaration gives."""
        return owned_by(leaf, self.owner) or owned_by(leaf, self.model)

    def _origins(self, mentioned: Iterable[Leaf]) -> tuple[Related, ...]:
        found: dict[str, Related] = {}
        for leaf in sorted(mentioned, key=str):
            name = str(leaf)
            first = name.split(".")[0].split("[")[0]
            span = self.origins.get(name) or self.origins.get(first)
            if span is not None and self.owns(leaf):
                found[name] = Related(self.place(span), f"`{name}` comes from here")
        return tuple(found.values())


def existential_owner(owner: str) -> str:
    """Who owns the sizes that a definition writes as `?N`: they are solved for where they meet a value."""
    return f"{owner}?"


def owned_by(leaf: Leaf, owner: str) -> bool:
    """Whether a leaf is a name of the given declaration (or a fresh one that it made)."""
    own = getattr(leaf, "owner", owner)
    return isinstance(own, str) and own.split("#")[0] == owner
