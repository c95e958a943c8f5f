"""Weights in small numbers: how each is rounded, and what scale its numbers share.

Symmetric, without a zero point, and rounded to even. A scale takes the largest magnitude to the largest number: 127 of
8-bit integers, whose -128 stays unused (Jacob et al. 2018, section 3), the largest finite one of floats (Micikevicius
et al. 2022, section 4). Where there are 16 integers or fewer, the largest magnitude costs the others too much: of a few
fractions of that scale each group has the one with the least squared error (Lin et al. 2023 choose clips so), and -8 is
used too. A scale that is a power of two is the one of section 6.3 of OCP's Microscaling Formats 1.0: that of the
largest magnitude, less that of the largest number; what is beyond saturates.

A scale is rounded to its own dtype first, and numbers are divided by what it then is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tenuto_analysis.compat import override
from tenuto_analysis.dtypes import Kind, Quantised
from tenuto_analysis.quantised import scale_of, scaled_axis
from tenuto_backend.passes.scales import Stored, has_factor
from tenuto_backend.reference.dtypes import DTYPES
from tenuto_backend.reference.quantised import dequantize
from tenuto_backend.reference.values import Array
from tenuto_backend.weights.beside import ArtifactError
from tenuto_backend.weights.mapped import read

LARGEST: Mapping[str, float] = {
    "i8": 127,
    "i4": 7,
    "i2": 1,
    "f8e4m3": 448.0,
    "f8e5m2": 57344.0,
    "f8e4m3fnuz": 240.0,
    "f8e5m2fnuz": 57344.0,
    "f4e2m1": 6.0,
}
"""The largest number that is stored, by dtype."""


FRACTIONS = (0.95, 0.9, 0.875, 0.85, 0.8)
"""How much smaller than it might be a scale of few numbers is tried."""


class Numbers(NamedTuple):
    """A quantised weight: what `reference/quantised.py` multiplies. `factor` is one for all scales, mostly absent."""

    numbers: Array
    scale: Array
    factor: Array | None


class NotFinite(Exception):
    """A weight has infinities or NaN, which no scale reaches."""


def quantise(array: Array, dtype: Quantised) -> Numbers:
    """The numbers of a float tensor and their scales; raises `NotFinite`."""
    axis = scaled_axis(dtype, array.ndim)
    apart = _grouped(array.astype(np.float32), axis, dtype.group)
    largest = _joined(np.max, np.abs(apart), axis, dtype.group)
    if not np.all(np.isfinite(largest)):
        raise NotFinite
    scale, factor = _scales(largest, dtype)
    numbers = _rounded(apart, _whole(scale, factor), dtype)
    if dtype.storage.kind is not Kind.FLOAT and dtype.storage.bits <= 4:
        error = _joined(np.sum, np.square(numbers * _whole(scale, factor) - apart), axis, dtype.group)
        for fraction in FRACTIONS:
            other, factor = _scales(largest * np.float32(fraction), dtype)
            found = _rounded(apart, _whole(other, factor), dtype)
            theirs = _joined(np.sum, np.square(found * _whole(other, factor) - apart), axis, dtype.group)
            better = theirs < error
            scale, error = np.where(better, other, scale), np.where(better, theirs, error)
            numbers = np.where(better, found, numbers)
    stored = numbers.astype(np.int8) if dtype.storage.kind is not Kind.FLOAT else numbers
    return Numbers(
        stored.astype(DTYPES[dtype.storage.name]).reshape(array.shape), _flat(scale, axis, dtype.group), factor
    )


def back(found: Numbers, dtype: Quantised) -> Array:
    """The floats that numbers and scales stand for."""
    axis = scaled_axis(dtype, found.numbers.ndim)
    return dequantize(found.numbers, _whole(found.scale, found.factor), axis, dtype.group)


def _whole(scale: Array, factor: Array | None) -> Array:
    return scale.astype(np.float32) if factor is None else scale.astype(np.float32) * factor


def _rounded(apart: Array, scale: Array, dtype: Quantised) -> Array:
    """The numbers, as f32."""
    top = LARGEST[dtype.storage.name]
    bottom = -top - 1 if dtype.storage.kind is not Kind.FLOAT and dtype.storage.bits <= 4 else -top
    with np.errstate(all="ignore"):
        scaled = np.clip(apart / scale, bottom, top)
    return scaled if dtype.storage.kind is Kind.FLOAT else np.rint(scaled)


def _grouped(array: Array, axis: int | None, group: int | None) -> Array:
    """With groups on an axis of their own, behind that of their places."""
    if axis is None or group is None:
        return array
    return array.reshape(*array.shape[:axis], array.shape[axis] // group, group, *array.shape[axis + 1 :])


def _joined(join: Callable[..., Array], apart: Array, axis: int | None, group: int | None) -> Array:
    """The largest, or the sum, of what shares a scale; axes stay, with size 1."""
    if axis is None:
        axes = tuple(range(apart.ndim))
    elif group is None:
        axes = tuple(at for at in range(apart.ndim) if at != axis)
    else:
        axes = (axis + 1,)
    return np.asarray(join(apart, axis=axes, keepdims=True, initial=0.0))


def _scales(largest: Array, dtype: Quantised) -> tuple[Array, Array | None]:
    """The scales in their dtype, and what they are relative to; 1 where all numbers are 0."""
    top, kept = LARGEST[dtype.storage.name], DTYPES[scale_of(dtype).name]
    wanted = np.where(largest > 0, largest / np.float32(top), np.float32(1))
    if scale_of(dtype).name == "f8e8m0":
        exponent = np.floor(np.log2(np.where(largest > 0, largest, 1.0))) - np.floor(np.log2(top))
        return np.exp2(np.clip(exponent, -127, 127)).astype(np.float32).astype(kept), None
    if not has_factor(dtype):
        # A scale that a short float cannot hold is the smallest one that it can.
        with np.errstate(over="ignore", under="ignore"):
            scale = wanted.astype(kept)
        smallest = np.asarray(np.float32(2.0**-24)).astype(kept)
        return np.where(scale.astype(np.float32) > 0, scale, smallest).astype(kept), None
    factor = np.asarray(np.max(wanted, initial=0.0) / LARGEST[scale_of(dtype).name] or 1.0, np.float32)
    scale = (wanted / factor).astype(kept)
    smallest = np.asarray(np.float32(2.0**-9 if kept == DTYPES["f8e4m3"] else 2.0**-16)).astype(kept)
    return np.where(scale.astype(np.float32) > 0, scale, smallest).astype(kept), factor


def _flat(scale: Array, axis: int | None, group: int | None) -> Array:
    """In the shape that the type says: a number, one axis, or that of the tensor with groups for numbers."""
    if axis is None:
        return scale.reshape(())
    return scale.reshape(-1) if group is None else np.squeeze(scale, axis + 1)


class QuantisedWeights(Mapping[str, Array]):
    """Weights by path, some of which are stored quantised: their parts are made anew whenever they are asked for."""

    def __init__(self, weights: Mapping[str, Array], paths: Sequence[str], stored: Sequence[Stored]) -> None:
        self._weights = weights
        self._paths = paths
        self._parts = {path: (item, at) for item in stored for at, path in enumerate(item.paths)}

    @override
    def __getitem__(self, path: str) -> Array:
        found = self._parts.get(path)
        if found is None:
            return self._weights[path]
        item, at = found
        part = of_weight(self._weights, item)[at]
        assert part is not None, path
        return part

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    @override
    def __len__(self) -> int:
        return len(self._paths)


def of_weight(weights: Mapping[str, Array], item: Stored) -> Numbers:
    """The parts of one weight; raises `ArtifactError` where it cannot be quantised."""
    try:
        return quantise(read(weights[item.path]), item.dtype)
    except NotFinite:
        reason = f"the weight {item.path} has infinities or NaN, which no scale of `{item.dtype}` reaches"
        raise ArtifactError(f"{reason}: give it another precision") from None
