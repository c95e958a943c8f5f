"""What elaboration reads off a check: the type of every expression, and how every call was resolved."""

from __future__ import annotations

from msgspec import Struct, field

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
    """The latest that was inferred for each expression of a body, by its node, and for each call, by its place."""

    types: dict[int, Value] = field(default_factory=dict)
    calls: dict[Span, Resolved] = field(default_factory=dict)

    def type_of(self, node: syntax.Expression) -> Value:
        return self.types[id(node)]
