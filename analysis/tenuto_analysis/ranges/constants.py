"""Numbers written in a program that their dtype does not hold."""

from __future__ import annotations

from math import isinf, isnan

from tenuto_analysis.diagnostics.base import Place
from tenuto_analysis.ranges.formats import FORMATS
from tenuto_analysis.ranges.values import Hazard, Kind, shown


def constant_hazard(exact: float, number: float, dtype: str, place: Place) -> Hazard | None:
    """What is wrong with a constant that a dtype does not hold."""
    if isnan(exact) or exact == number:
        return None
    if number == 0:
        what = f"{shown(exact)} is 0 in {dtype}"
        advice = "use an epsilon that the dtype can hold, or compute this in a wider dtype: `precision f32`"
        return Hazard(Kind.LOST_EPSILON, place, (), what, (), advice, True)
    if isinf(number) or isnan(number):
        what = f"{shown(exact)} is {shown(number) if isinf(number) else 'NaN'} in {dtype}"
        largest = shown(FORMATS[dtype].largest)
        advice = f"the largest finite {dtype} is {largest}; mask with `masked_softmax`, or with a smaller constant"
        return Hazard(Kind.INFINITE_CONSTANT, place, (), what, (), advice, True)
    return None
