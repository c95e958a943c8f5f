"""Convolution, channels first, over any number of axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tenuto_backend.reference.dtypes import DType, summing
from tenuto_backend.reference.elementwise import Primitive
from tenuto_backend.reference.values import Array


def windows(x: Array, kernel: Sequence[int], stride: int, dilation: int) -> Array:
    """Every window of the axes after the first two, its places as new last axes."""
    spans = tuple(dilation * (size - 1) + 1 for size in kernel)
    axes = tuple(range(2, x.ndim))
    every = sliding_window_view(x, spans, axes)
    steps = (slice(None), slice(None), *[slice(None, None, stride)] * len(spans))
    return every[(*steps, *[slice(None, None, dilation)] * len(spans))]


def padded(x: Array, padding: int, value: float) -> Array:
    """The axes after the first two with `padding` more elements at both ends."""
    return np.pad(x, [(0, 0), (0, 0), *[(padding, padding)] * (x.ndim - 2)], constant_values=value)


def _conv(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
    result: DType | None = None,
) -> Array:
    kernel, target = weight.shape[2:], x.dtype if result is None else result
    wide = windows(padded(x.astype(summing(x.dtype, weight.dtype, target)), padding, 0.0), kernel, stride, dilation)
    taps = weight.astype(wide.dtype)
    rank = len(kernel)
    inputs, outputs = x.shape[1] // groups, weight.shape[0] // groups
    found = []
    for group in range(groups):
        part = wide[:, group * inputs : (group + 1) * inputs]
        filters = taps[group * outputs : (group + 1) * outputs]
        axes = [1, *range(2 + rank, 2 + 2 * rank)], [1, *range(2, 2 + rank)]
        found.append(np.moveaxis(np.tensordot(part, filters, axes), -1, 1))
    return _biased(np.concatenate(found, 1), bias).astype(target)


def _conv_transpose(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: int = 1,
    padding: int = 0,
    output_padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
    result: DType | None = None,
) -> Array:
    kernel, target = weight.shape[2:], x.dtype if result is None else result
    wide = x.astype(summing(x.dtype, weight.dtype, target))
    taps = weight.astype(wide.dtype)
    inputs, outputs = x.shape[1] // groups, weight.shape[1]
    sizes = [
        (size - 1) * stride + dilation * (places - 1) + 1 + output_padding
        for size, places in zip(x.shape[2:], kernel, strict=True)
    ]
    found = np.zeros((x.shape[0], outputs * groups, *[max(size, 0) for size in sizes]), wide.dtype)
    places = list(product(*map(range, kernel)))
    for group, (number, place) in product(range(groups), enumerate(places)):
        part = wide[:, group * inputs : (group + 1) * inputs]
        filters = taps[group * inputs : (group + 1) * inputs].reshape(inputs, outputs, len(places))[..., number]
        added = np.moveaxis(np.tensordot(part, filters, ([1], [0])), -1, 1)
        reached = [
            slice(at * dilation, at * dilation + (size - 1) * stride + 1, stride) if size else slice(0, 0)
            for at, size in zip(place, x.shape[2:], strict=True)
        ]
        found[(slice(None), slice(group * outputs, (group + 1) * outputs), *reached)] += added
    inside = [slice(padding, max(size - padding, 0)) for size in sizes]
    return _biased(found[(slice(None), slice(None), *inside)], bias).astype(target)


def _biased(x: Array, bias: Array | None) -> Array:
    if bias is None:
        return x
    return np.asarray(x + bias.astype(x.dtype).reshape(-1, *[1] * (x.ndim - 2)))


PRIMITIVES: Mapping[str, Primitive] = {
    "conv1d": _conv,
    "conv2d": _conv,
    "conv3d": _conv,
    "conv_transpose1d": _conv_transpose,
    "conv_transpose2d": _conv_transpose,
}
