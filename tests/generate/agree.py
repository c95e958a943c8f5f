"""Whether a value that a run saw has the type that the checker inferred for it."""

from __future__ import annotations

import numpy as np

from tenuto_analysis import dims, types
from tenuto_analysis import dtypes as dtypes_of_analysis
from tenuto_backend.reference import dtypes
from tenuto_backend.reference.values import Array, Frame, RecordValue, Shape, Value, describe


def contradiction(frame: Frame, inferred: types.Value, value: Value) -> str | None:
    """How `value` contradicts `inferred`; None where it does not, or the run lacks a name that is spoken of."""
    match inferred:
        case types.Tensor(dtype=dtype, shape=shape):
            if not isinstance(value, np.ndarray):
                weak = isinstance(dtype, dtypes_of_analysis.Weak)
                return None if weak else f"{inferred} inferred, {describe(value)} seen"
            return _dtype(frame, dtype, value) or _shape(frame, shape, value.shape)
        case types.Int(value=dim):
            if not isinstance(value, int) or isinstance(value, bool):
                return f"the integer {dim} inferred, {describe(value)} seen"
            expected = _size(frame, dim)
            return None if expected in (None, value) else f"{dim} = {expected} inferred, {value} seen"
        case types.TupleValue(items=items) | types.ListValue(items=items):
            if not isinstance(value, tuple | list) or len(value) != len(items):
                return f"{len(items)} values inferred, {describe(value)} seen"
            found = (contradiction(frame, item, part) for item, part in zip(items, value, strict=True))
            return next((words for words in found if words is not None), None)
        case types.RecordValue(fields=fields):
            if not isinstance(value, RecordValue):
                return f"a record inferred, {describe(value)} seen"
            found = (contradiction(frame, kind, value.fields[name]) for name, kind in fields)
            return next((words for words in found if words is not None), None)
        case types.Sequence(length=length):
            if not isinstance(value, tuple | list):
                return f"a list inferred, {describe(value)} seen"
            expected = _size(frame, length)
            return None if expected in (None, len(value)) else f"{expected} values inferred, {len(value)} seen"
        case _:
            return None


def _dtype(frame: Frame, inferred: dtypes_of_analysis.DType, value: Array) -> str | None:
    match inferred:
        case dtypes_of_analysis.Scalar(name=name):
            expected: Value = dtypes.DTYPES.get(name)
        case dtypes_of_analysis.Policy():
            expected = dtypes.FLOAT
        case dtypes_of_analysis.DTypeVariable(name=name):
            expected = _named(frame, name)
        case _:
            expected = None
    if expected is None or value.dtype == expected:
        return None
    return f"{inferred} inferred, {value.dtype} seen"


def _shape(frame: Frame, inferred: types.Shape, seen: tuple[int, ...]) -> str | None:
    expected: list[int | None] = []
    for item in inferred:
        match item:
            case types.PackVariable(name=name):
                owner = frame.owner(name)
                pack = None if owner is None else owner[name]
                if not isinstance(pack, Shape):
                    return None
                expected += pack.sizes
            case types.PackCall():
                return None
            case _:
                expected.append(_size(frame, item))
    fits = len(expected) == len(seen) and all(size in (None, real) for size, real in zip(expected, seen, strict=True))
    return None if fits else f"the shape [{types.shape_text(inferred)}] = {expected} inferred, {list(seen)} seen"


def _size(frame: Frame, dim: dims.Dim) -> int | None:
    """The dimension with the run's sizes; None where it speaks of a name that the run does not have."""
    values: dict[dims.Leaf, int] = {}
    for leaf in dims.leaves(dim):
        size = _leaf(frame, leaf)
        if size is None:
            return None
        values[leaf] = size
    return dims.evaluate(dim, values)


def _leaf(frame: Frame, leaf: dims.Leaf) -> int | None:
    match leaf:
        case types.PackProduct(shape=(types.PackVariable(name=name),)):
            pack = _named(frame, name)
            return int(np.prod(pack.sizes)) if isinstance(pack, Shape) else None
        case types.PackRank(shape=(types.PackVariable(name=name),)):
            pack = _named(frame, name)
            return len(pack.sizes) if isinstance(pack, Shape) else None
        case dims.Symbol(name=name):
            first, *rest = name.split(".")
            value = _named(frame, first)
            for field in rest:
                value = value.fields.get(field) if isinstance(value, RecordValue) else None
            return int(value) if isinstance(value, int) else None
        case _:
            return None


def _named(frame: Frame, name: str) -> Value:
    owner = frame.owner(name)
    return None if owner is None else owner[name]
