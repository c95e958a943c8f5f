"""An array in one line: its type and its numbers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tenuto_backend.reference.dtypes import FLOATING
from tenuto_backend.reference.values import Array
from tenuto_backend.runtime.sizes import shown_array

_FIRST = 4


class Summary(NamedTuple):
    """`f32[2, 10]`, the least, the mean, the greatest, and the first elements; empty where there are none."""

    type: str
    least: str
    mean: str
    greatest: str
    first: str


def summary(array: Array) -> Summary:
    if array.size == 0:
        return Summary(shown_array(array), "", "", "", "")
    flat = array.reshape(-1)
    wide = flat.astype(np.float64)
    with np.errstate(all="ignore"):
        mean = f"{wide.mean():.6g}"
    least, greatest = (_text(array, number) for number in (flat[wide.argmin()], flat[wide.argmax()]))
    first = ", ".join(_text(array, number) for number in flat[:_FIRST])
    return Summary(shown_array(array), least, mean, greatest, first + (", ..." if flat.size > _FIRST else ""))


def _text(array: Array, number: object) -> str:
    assert isinstance(number, np.generic)
    if array.dtype in FLOATING:
        return f"{float(number):.6g}"
    return str(bool(number)).lower() if array.dtype == np.bool_ else str(int(number))
