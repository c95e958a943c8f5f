"""The weights that a `param` has before a checkpoint gives better ones, by the name of the initialiser."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tenuto_backend.reference.dtypes import DType
from tenuto_backend.reference.values import Array, Refused, Value

Initialiser = Callable[..., Array]


def draw(
    random: np.random.Generator,
    name: str,
    arguments: list[Value],
    named: Mapping[str, Value],
    shape: tuple[int, ...],
    dtype: DType,
) -> Array:
    """A tensor of `shape` and `dtype` from the initialiser `name`."""
    try:
        return INITIALISERS[name](random, shape, *arguments, **named).astype(dtype)
    except TypeError as problem:
        raise Refused(f"`{name}` does not take these arguments") from problem


def draw_unsaid(random: np.random.Generator, shape: tuple[int, ...], dtype: DType) -> Array:
    """A tensor for a `param` that does not say how it is drawn."""
    return draw(random, "normal", [0.02], {}, shape, dtype)


def _zeros(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.zeros(shape)


def _ones(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.ones(shape)


def _constant(random: np.random.Generator, shape: tuple[int, ...], value: float) -> Array:
    return np.full(shape, value)


def _normal(random: np.random.Generator, shape: tuple[int, ...], std: float = 1.0, mean: float = 0.0) -> Array:
    return random.normal(mean, std, shape)


def _uniform(random: np.random.Generator, shape: tuple[int, ...], low: float = 0.0, high: float = 1.0) -> Array:
    # The bounds of a layer without inputs are infinite: `1 / sqrt(0)`.
    return random.uniform(low, high, shape) if np.isfinite(high - low) else np.zeros(shape)


INITIALISERS: Mapping[str, Initialiser] = {
    "zeros": _zeros,
    "ones": _ones,
    "constant": _constant,
    "normal": _normal,
    "uniform": _uniform,
}
