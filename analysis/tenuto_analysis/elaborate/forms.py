"""What an expression becomes: a tensor of the graph, a part of the model, several of these, or a static value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from tenuto_analysis.elaborate.policies import NOTHING, Ruling
from tenuto_analysis.graph import Ssa, dims_in
from tenuto_analysis.types import (
    Float,
    Instance,
    ListValue,
    RecordValue,
    Sequence,
    Tensor,
    TupleValue,
    Value,
)


class Several(Struct, frozen=True, eq=False):
    """A tuple or a list of which some elements are tensors or parts."""

    items: tuple[Form, ...]


class Fields(Struct, frozen=True, eq=False):
    """A record of tensors."""

    fields: Mapping[str, Form]


class Part(Struct, frozen=True):
    """A model that the definition owns, by its path below it, with what its `sub` says of it."""

    path: str
    ruling: Ruling = NOTHING


Form = Ssa | Several | Fields | Part | Value


def is_static(value: Value) -> bool:
    """Whether a value says all that there is to know at compile time."""
    match value:
        case Tensor() | Instance() | Sequence():
            return False
        case Float(value=number):
            return number is not None
        case TupleValue(items=items) | ListValue(items=items):
            return all(map(is_static, items))
        case RecordValue(fields=fields):
            return all(is_static(item) for _, item in fields)
        case _:
            return True


def tensors_in(form: Form) -> Iterator[Ssa]:
    """The tensors of a form, in order."""
    match form:
        case Ssa():
            yield form
        case Several(items=items):
            for item in items:
                yield from tensors_in(item)
        case Fields(fields=fields):
            for item in fields.values():
                yield from tensors_in(item)
        case _:
            pass


def rebuilt(form: Form, tensors: Iterator[Ssa]) -> Form:
    """The same form with other tensors, taken in order."""
    match form:
        case Ssa():
            return next(tensors)
        case Several(items=items):
            return Several(tuple(rebuilt(item, tensors) for item in items))
        case Fields(fields=fields):
            return Fields({name: rebuilt(item, tensors) for name, item in fields.items()})
        case _:
            return form


def is_closed(value: Value) -> bool:
    """Whether a static value mentions no size that only a run knows."""
    return all(dim.constant is not None for dim in dims_in(value))
