"""What a walk over a declaration carries: the names in scope, and the mentions found so far."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tenuto_analysis import modules
from tenuto_analysis.check import builtins
from tenuto_analysis.database import Database
from tenuto_analysis.dtypes import SCALARS
from tenuto_analysis.insight.entities import Entity, EntityKind, Occurrence, Role, Visible
from tenuto_analysis.insight.members import declared
from tenuto_analysis.insight.survey import Survey, survey
from tenuto_analysis.types import Value
from tenuto_grammar import syntax
from tenuto_grammar.text import Span


class Scopes:
    """A walk over a declaration: what it found, and the names in scope where it stands.

    `implicit` is true in a head, where a size is quantified by mentioning it. `known` is what was inferred for the
    syntax, where that is not what the database has.
    """

    def __init__(self, db: Database, file: str, key: str, length: int, known: Survey | None = None) -> None:
        self.db = db
        self.file = file
        self.key = key
        self.found: list[Occurrence] = []
        self.visible: list[Visible] = []
        self.scopes: list[dict[str, Entity]] = [{}]
        self.ends = [length]  # Where each scope ends.
        self.implicit = False
        self.indices: dict[str, Entity] = {}  # Loop variables by name: the type of a `var` may mention a later one.
        self.loops: list[tuple[int, int]] = []  # Around each loop: the scope, and where the loop ends.
        self._survey = known

    def mention(self, span: Span, entity: Entity | None, role: Role = Role.READ) -> None:
        if entity is not None and span.end > span.start:
            self.found.append(Occurrence(span, entity, role))

    def define(self, kind: EntityKind, node: syntax.Identifier, since: int | None = None) -> None:
        """Bind a name in the innermost scope; it can be used from `since` on."""
        if node.text and node.text != "_":
            entity = Entity(kind, node.text, self.file, self.key, node.span)
            self.mention(node.span, entity, Role.DEFINITION)
            self.bind(node.text, entity, node.span.end if since is None else since, -1)

    def bind(self, name: str, entity: Entity, since: int, depth: int) -> None:
        self.scopes[depth][name] = entity
        self.visible.append(Visible(Span(since, self.ends[depth]), entity))

    @contextmanager
    def scope(self, span: Span) -> Iterator[None]:
        self.scopes.append({})
        self.ends.append(span.end)
        yield
        self.scopes.pop()
        self.ends.pop()

    def find(self, name: str) -> Entity | None:
        return next((scope[name] for scope in reversed(self.scopes) if name in scope), None)

    def type_of(self, node: syntax.Expression) -> Value | None:
        if self._survey is None:
            self._survey = survey(self.db, self.file, self.key)
        return self._survey.types.get(node.span)

    def outside(self, name: str) -> Entity | None:
        """What a name means that the declaration does not bind."""
        target = modules.lookup(self.db, self.file, name)
        if target is not None:
            return declared(self.db, target)
        if name in SCALARS or name == "float":
            return Entity(EntityKind.DTYPE, name)
        return Entity(EntityKind.BUILTIN, name) if name in builtins.NAMES or name == "shape" else None

    @contextmanager
    def loop(self, span: Span) -> Iterator[None]:
        self.loops.append((len(self.scopes) - 2, span.end))
        yield
        self.loops.pop()
