"""What the numbers of a dtype are, and how it rounds: to nearest, ties to even, as its casts do.

Computed on Python's floats, which hold every number of every format here exactly. A sum, product, quotient or root of
two numbers of a narrower format, computed in `f64` and then rounded, is the correctly rounded one. What is beyond the
largest number becomes an infinity, NaN where the format has no infinity, or the largest number where it has neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from math import copysign, frexp, inf, isinf, isnan, ldexp, nan

from msgspec import Struct

from tenuto_analysis.dtypes import DType, Kind, Scalar


class Beyond(Enum):
    """What a number that is too large becomes."""

    INFINITY = "inf"
    NAN = "NaN"
    LARGEST = "the largest number"


class Format(Struct, frozen=True):
    """`precision` bits of significand, the leading one counted; steps of `2 ** least` where numbers are smallest."""

    name: str
    precision: int
    least: int
    largest: float
    beyond: Beyond = Beyond.INFINITY

    @property
    def unit(self) -> float:
        """The largest relative error of one rounding."""
        return ldexp(1.0, -self.precision)

    @property
    def smallest(self) -> float:
        """The smallest positive number."""
        return ldexp(1.0, self.least)


FORMATS: Mapping[str, Format] = {
    found.name: found
    for found in (
        Format("f64", 53, -1074, 1.7976931348623157e308),
        Format("f32", 24, -149, 3.4028234663852886e38),
        Format("f16", 11, -24, 65504.0),
        Format("bf16", 8, -133, 3.3895313892515355e38),
        Format("f8e4m3", 4, -9, 448.0, Beyond.NAN),
        Format("f8e5m2", 3, -16, 57344.0),
        Format("f8e4m3fnuz", 4, -10, 240.0, Beyond.NAN),
        Format("f8e5m2fnuz", 3, -17, 57344.0, Beyond.NAN),
        Format("f4e2m1", 2, -1, 6.0, Beyond.LARGEST),
    )
}
"""`f8e8m0` is not here: it holds scales, powers of two without a sign or a zero, and nothing computes in it."""

F32 = FORMATS["f32"]

BOUNDARIES: tuple[float, ...] = tuple(sorted({found.largest for found in FORMATS.values()}))
"""Where the value of a loop that keeps growing is next looked at."""


def rounded(x: float, to: Format) -> float:
    """The number of a format that is nearest to `x`."""
    if x == 0 or to.precision == 53 or isnan(x):
        return x
    if not isinf(x):
        exponent = frexp(x)[1]
        step = max(exponent - to.precision, to.least)
        x = ldexp(round(ldexp(x, -step)), step) or copysign(0.0, x)
    return x if abs(x) <= to.largest else beyond(x, to)


def beyond(x: float, to: Format) -> float:
    """What a format makes of a number larger than all of its own."""
    match to.beyond:
        case Beyond.INFINITY:
            return copysign(inf, x)
        case Beyond.NAN:
            return nan
        case Beyond.LARGEST:
            return copysign(to.largest, x)


def stepped(x: float, to: Format, steps: int) -> float:
    """`x` moved by some steps of a format, to the largest number at most; a positive number of steps moves up."""
    if isinf(x) or isnan(x):
        return x
    step = max(frexp(x)[1] - to.precision, to.least) if x else to.least
    moved = x + steps * ldexp(1.0, step)
    return max(-to.largest, min(to.largest, moved))


def format_of(dtype: DType) -> Format | None:
    """The format of a float dtype that is known here."""
    return FORMATS.get(dtype.name) if isinstance(dtype, Scalar) else None


def integer_bounds(dtype: DType) -> tuple[int, int] | None:
    """The smallest and the largest number of an integer dtype, or of `bool`."""
    match dtype:
        case Scalar(kind=Kind.SIGNED, bits=bits):
            return -(1 << (bits - 1)), (1 << (bits - 1)) - 1
        case Scalar(kind=Kind.UNSIGNED, bits=bits):
            return 0, (1 << bits) - 1
        case Scalar(kind=Kind.BOOL):
            return 0, 1
        case _:
            return None
