"""A type that was inferred as source text, where the source can say it at a place without saying more or less."""

from __future__ import annotations

from tenuto_analysis import modules
from tenuto_analysis.check.queries import owner_of
from tenuto_analysis.database import Database
from tenuto_analysis.dims import Dim, Leaf, Symbol, leaves
from tenuto_analysis.dtypes import DType, DTypeVariable, Policy, Quantised, Scalar
from tenuto_analysis.insight.names import names
from tenuto_analysis.types import (
    BoolSymbol,
    Interval,
    IsNone,
    ListElement,
    ListLength,
    PackVariable,
    Tensor,
    TupleValue,
    Value,
)


def source_type(db: Database, file: str, key: str, value: Value, at: int) -> str | None:
    """None where a size has no name there, or another thing has it."""
    return _text(value, owner_of(file, key), _visible(db, file, key, at))


def source_size(db: Database, file: str, key: str, size: Dim, at: int) -> str | None:
    """A size, as a type."""
    return str(size) if _item(size, owner_of(file, key), _visible(db, file, key, at)) else None


def _visible(db: Database, file: str, key: str, at: int) -> frozenset[str]:
    """The names that the declaration binds at a place, without those that mean something else in the file."""
    visible = {item.entity.name for item in names(db, file, key).visible if item.span.start <= at <= item.span.end}
    return frozenset(visible - modules.offered(db, file).keys() - modules.imported_names(db, file).keys())


def _text(value: Value, owner: str, visible: frozenset[str]) -> str | None:
    match value:
        case Tensor(dtype=dtype, shape=shape, within=within):
            sayable = _is_sayable(dtype, visible) and all(_item(item, owner, visible) for item in shape)
            return str(value) if sayable and (within is None or _interval(within, owner, visible)) else None
        case TupleValue(items=(_, _, *_) as items):
            parts = [_text(item, owner, visible) for item in items]
            known = [part for part in parts if part is not None]
            return f"({', '.join(known)})" if len(known) == len(parts) else None
        case _:
            return None


def _is_sayable(dtype: DType, visible: frozenset[str]) -> bool:
    match dtype:
        case DTypeVariable(name=name):
            return name in visible
        case _:
            return isinstance(dtype, Scalar | Policy | Quantised)


def _item(item: object, owner: str, visible: frozenset[str]) -> bool:
    match item:
        case Dim():
            return all(_leaf(leaf, owner, visible) for leaf in leaves(item))
        case PackVariable(name=name, owner=own):
            return own == owner and name in visible
        case _:
            return False


def _leaf(leaf: Leaf, owner: str, visible: frozenset[str]) -> bool:
    match leaf:
        case Symbol(name=path, owner=own) | BoolSymbol(name=path, owner=own) | IsNone(name=path, owner=own):
            return own == owner and path.split(".")[0] in visible
        case ListLength(path=path, owner=own):
            return own == owner and path.split(".")[0] in visible
        case ListElement(path=path, owner=own, index=index):
            return own == owner and path.split(".")[0] in visible and _item(index, owner, visible)
        case _:
            return False


def _interval(within: Interval, owner: str, visible: frozenset[str]) -> bool:
    return all(
        _item(end, owner, visible) if isinstance(end, Dim) else isinstance(end, float)
        for end in (within.low, within.high)
    )
