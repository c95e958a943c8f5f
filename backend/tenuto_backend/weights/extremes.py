"""The least and the greatest number of each tensor of a file of weights.

They are read in pieces that stay in the processor's cache. A tensor that no weight can be made of has none.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

import numpy as np

from tenuto_analysis.extremes import Extreme
from tenuto_backend.reference.dtypes import BOOL, DTYPES, FLOATING
from tenuto_backend.reference.values import Array
from tenuto_backend.weights.base import Weights
from tenuto_backend.weights.mapped import read

_CHUNK = 1 << 18  # numbers
_NATIVE = frozenset(DTYPES[name] for name in ("f64", "f32"))


def extremes_of(weights: Weights) -> Iterator[Extreme | None]:
    """The extremes of the tensors of a file, in its order; None after each piece, so that who asks may stop."""
    for stored in weights.header.tensors:
        if stored.dtype not in DTYPES or DTYPES[stored.dtype] == BOOL:
            continue
        low, high, nans = inf, -inf, 0
        flat = weights.tensor(stored.name).reshape(-1)
        for start in range(0, len(flat), _CHUNK):
            least, greatest, missing = _of_piece(read(flat[start : start + _CHUNK]))
            low, high, nans = min(low, least), max(high, greatest), nans + missing
            yield None
        yield Extreme(stored.name, low, high, nans)


def _of_piece(numbers: Array) -> tuple[float, float, int]:
    # NumPy compares the shorter floats one by one.
    wide = numbers.astype(np.float32) if numbers.dtype in FLOATING - _NATIVE else numbers
    if wide.dtype.kind not in "iuf":
        wide = wide.astype(np.int64)
    low, high = float(wide.min()), float(wide.max())
    if low == low and high == high:
        return low, high, 0
    found = wide[~np.isnan(wide)]
    missing = wide.size - found.size
    return (float(found.min()), float(found.max()), missing) if found.size else (inf, -inf, missing)
