"""The weights of a deploy as arrays, one at a time: from a checkpoint as the plan says, or drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from tenuto_analysis.dims import Dim
from tenuto_analysis.dtypes import Scalar
from tenuto_analysis.graph import Initialiser
from tenuto_analysis.types import Float, Int, Tensor, Value
from tenuto_analysis.weights import Piece, Source, Wanted, numbers_of
from tenuto_backend.reference import initialisers
from tenuto_backend.reference.dtypes import DTYPES, FLOATING, NAMES, DType
from tenuto_backend.reference.values import Array
from tenuto_backend.weights.base import Weights, WeightsError
from tenuto_backend.weights.mapped import read


def loaded(weights: Weights, sources: Mapping[str, Source], wanted: Sequence[Wanted]) -> Iterator[tuple[str, Array]]:
    """Each wanted weight, read when it is its turn: who lets go of one before the next never holds two."""
    for path, type_ in wanted:
        yield path, load(weights, sources[path], path, type_)


def load(weights: Weights, source: Source, path: str, type_: Tensor) -> Array:
    """One weight, in its dtype and shape: a view of the file where it stands there just so."""
    dtype, shape = _dtype(type_), numbers_of(type_)
    pieces = (_converted(weights, piece.name, _piece(weights, piece), dtype) for piece in source.pieces)
    array = next(pieces) if len(source.pieces) == 1 else _joined(pieces, source.axis, dtype, shape)
    assert array.shape == shape, f"{path}: the plan gives {array.shape}, the model wants {shape}"
    return array if array.flags.c_contiguous else np.asarray(read(array), order="C")


def draw(seed: int, path: str, initialiser: Initialiser | None, type_: Tensor) -> Array:
    """One weight from its initialiser: the same for a seed and a path, whatever else is drawn before."""
    random = np.random.default_rng([seed, *path.encode()])
    dtype, shape = _dtype(type_), numbers_of(type_)
    if initialiser is None:
        return initialisers.draw_unsaid(random, shape, dtype)
    arguments = [_number(value) for value in initialiser.arguments]
    named = {name: _number(value) for name, value in initialiser.named}
    return initialisers.draw(random, initialiser.name, [*arguments], named, shape, dtype)


def _piece(weights: Weights, piece: Piece) -> Array:
    array = weights.tensor(piece.name)
    if piece.transposed:
        array = array.swapaxes(-1, -2)
    if piece.cut is None:
        return array
    axis, start, stop = piece.cut
    return array[(slice(None),) * axis + (slice(start, stop),)]


def _joined(pieces: Iterator[Array], axis: int, dtype: DType, shape: tuple[int, ...]) -> Array:
    """The pieces side by side, each gone before the next is there."""
    array = np.empty(shape, dtype)
    end = 0
    for piece in pieces:
        start, end = end, end + piece.shape[axis]
        array[(slice(None),) * axis + (slice(start, end),)] = read(piece)
    assert end == shape[axis], f"the pieces are {end} long, the model wants {shape}"
    return array


def _converted(weights: Weights, name: str, array: Array, dtype: DType) -> Array:
    if array.dtype == dtype:
        return array
    with np.errstate(over="ignore", invalid="ignore"):
        array = read(array)
        result = array.astype(dtype)
    if dtype in FLOATING and dtype.itemsize < array.dtype.itemsize:
        lost = np.count_nonzero(np.isfinite(array)) - np.count_nonzero(np.isfinite(result))
        if lost:
            reason = f"holds {lost} numbers in `{name}` that are too large for `{NAMES[dtype]}`: give it a wider dtype"
            raise WeightsError(weights.path, reason)
    return result


def _dtype(type_: Tensor) -> DType:
    assert isinstance(type_.dtype, Scalar), f"a weight has a dtype of its own: {type_}"
    return DTYPES[type_.dtype.name]


def _number(value: Value) -> int | float:
    match value:
        case Int(value=Dim(constant=int() as number)):
            return number
        case Float(value=float() as number):
            return number
        case _:
            raise AssertionError(f"an initialiser's argument is a number: {value}")
