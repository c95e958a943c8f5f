"""Elements chosen, placed or ordered by index and by mask."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tenuto_backend.reference.dtypes import working
from tenuto_backend.reference.values import Array


def _take(x: Array, index: Array, axis: int = 0) -> Array:
    return np.asarray(np.take(x, index.astype(np.int64), axis))


def _gather(x: Array, index: Array, axis: int = -1) -> Array:
    return np.asarray(x[_grid(index, axis)])


def _scatter(x: Array, index: Array, updates: Array, axis: int = -1) -> Array:
    found = x.copy()
    found[_grid(index, axis)] = updates
    return found


def _scatter_add(x: Array, index: Array, updates: Array, axis: int = -1) -> Array:
    found = x.astype(working(x.dtype))
    np.add.at(found, _grid(index, axis), updates.astype(found.dtype))
    return found.astype(x.dtype)


def _index_add(x: Array, index: Array, updates: Array, axis: int = 0) -> Array:
    found = np.moveaxis(x.astype(working(x.dtype)), axis, 0)
    np.add.at(found, index.astype(np.int64), np.moveaxis(updates.astype(found.dtype), axis, 0))
    return np.moveaxis(found, 0, axis).astype(x.dtype)


def _grid(index: Array, axis: int) -> tuple[Array, ...]:
    """For each axis the place in it: its own place, and along `axis` what `index` says."""
    places: list[Array] = list(np.indices(index.shape))
    places[axis] = index.astype(np.int64)
    return tuple(places)


def _update_slice(x: Array, values: Array, start: Array, axis: int) -> Array:
    found = x.copy()
    places = [slice(None)] * x.ndim
    places[axis] = slice(int(start), int(start) + values.shape[axis])
    found[tuple(places)] = values
    return found


def _top_k(x: Array, k: int, largest: bool = True) -> tuple[Array, Array]:
    wide = x.astype(working(x.dtype))
    ascending = np.argsort(wide, axis=-1, kind="stable")
    if largest:
        # Sorted from the end, the first of equals must still come first.
        mirrored = np.argsort(np.flip(wide, -1), axis=-1, kind="stable")
        ascending = np.flip(x.shape[-1] - 1 - mirrored, -1)
    places = ascending[..., :k].astype(np.int64)
    return np.take_along_axis(x, places, -1), places


def _nonzero(x: Array) -> Array:
    return np.argwhere(x).astype(np.int64)


def _true_positions(keep: Array) -> Array:
    return np.flatnonzero(keep).astype(np.int64)


def _compress(x: Array, keep: Array) -> Array:
    return x[keep]


PRIMITIVES: Mapping[str, Callable[..., Array | tuple[Array, Array]]] = {
    "take": _take,
    "gather": _gather,
    "scatter": _scatter,
    "scatter_add": _scatter_add,
    "index_add": _index_add,
    "update_slice": _update_slice,
    "top_k": _top_k,
    "nonzero": _nonzero,
    "true_positions": _true_positions,
    "compress": _compress,
}
