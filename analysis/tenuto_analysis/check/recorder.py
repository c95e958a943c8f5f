"""What elaboration and editors read off a check: types of expressions, how calls were resolved, what was known."""

from __future__ import annotations

from msgspec import Struct, field

from tenuto_analysis.shapes import Known
from tenuto_analysis.signature import Signature
from tenuto_analysis.types import Value
from tenuto_grammar import syntax
from tenuto_grammar.text import Span


class Resolved(Struct, frozen=True):
    """A call: what is called, what its names stand for there, and which argument each parameter takes.

    An argument is its value and where it is written; the place is None where a default stands in, and the places of
    the elements are known where several arguments make one list.
    """

    signature: Signature
    values: dict[str, Value]
    arguments: tuple[tuple[str, Value, Span | None, tuple[Span, ...]], ...]
    result: Value


class Recorder(Struct):
    """The latest that was inferred for each expression, by its node, for each call and each statement, by its place."""

    types: dict[int, Value] = field(default_factory=dict)
    calls: dict[Span, Resolved] = field(default_factory=dict)
    known: dict[Span, Known] = field(default_factory=dict)  # What is known where a statement begins.

    def type_of(self, node: syntax.Expression) -> Value:
        return self.types[id(node)]
