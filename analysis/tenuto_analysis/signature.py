"""What a definition promises: its generics, parameters, result and requirements, as values.

A signature holds no syntax, so that it stays equal when a body changes; spans are relative to the declaration.
"""

from __future__ import annotations

from msgspec import Struct

from tenuto_analysis.dims import Constraint
from tenuto_analysis.types import Value
from tenuto_grammar.syntax import Keyword
from tenuto_grammar.text import Span


class GenericSignature(Struct, frozen=True):
    """One generic; `kind` is a `KindValue`, `DTypeKind`, `RecordKind`, `ModelBound` or `ListKind`; packs have none."""

    name: str
    kind: Value
    default: Value | None
    pack: bool
    span: Span


class ParameterSignature(Struct, frozen=True):
    """One parameter. `default` is its value where the call gives none; None where the call must give one."""

    name: str
    type: Value
    default: Value | None
    span: Span

    @property
    def optional(self) -> bool:
        return self.default is not None


class Requirement(Struct, frozen=True):
    """A constraint that a caller must meet: of the `where`, or implied by the arithmetic of the signature."""

    constraint: Constraint
    span: Span
    text: str


class Signature(Struct, frozen=True):
    """`owner` owns the names; `result` is None where the body tells it; `existential` sizes are new at each call."""

    name: str
    file: str
    key: str
    owner: str
    keyword: Keyword
    generics: tuple[GenericSignature, ...]
    parameters: tuple[ParameterSignature, ...]
    result: Value | None
    result_span: Span
    requirements: tuple[Requirement, ...]
    promises: tuple[Constraint, ...]
    existential: tuple[str, ...]
    lenient: bool

    @property
    def is_model(self) -> bool:
        return self.keyword is Keyword.MODEL
