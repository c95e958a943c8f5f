"""What each primitive of `std` does to ranges, by the family that it stands in; and the formulas that are unstable."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from tenuto_analysis.ranges import forms
from tenuto_analysis.ranges.frames import Step
from tenuto_analysis.ranges.transfer.choosing import CHOOSING
from tenuto_analysis.ranges.transfer.elementary import ELEMENTARY, square_root
from tenuto_analysis.ranges.transfer.moving import MOVING
from tenuto_analysis.ranges.transfer.products import PRODUCTS, divide
from tenuto_analysis.ranges.transfer.summing import SUMMING
from tenuto_analysis.ranges.transfer.sums import SUMS, subtract
from tenuto_analysis.ranges.values import Hazard, Range

Transfer = Callable[[Step], Range | tuple[Range, ...]]


def _divide(step: Step) -> Range:
    form = forms.at_divide(step)
    found = divide(step)
    return _instead(found, form) if form is not None else found


def _logarithm(step: Step) -> Range:
    form = forms.at_log(step, step.range("x"))
    found = ELEMENTARY[step.node.op](step)
    return _instead(found, form) if form is not None else found


def _square_root(step: Step) -> Range:
    form = forms.at_sqrt(step)
    found = square_root(step)
    return _instead(found, form) if form is not None else found


def _subtract(step: Step) -> Range:
    form = forms.at_subtract(step)
    found = subtract(step)
    if form is not None:
        step.frame.tell(form)
    return replace(found, doubtful=True) if forms.not_negative(step) else found


def _instead(found: Range, form: Hazard) -> Range:
    """A result for whose infinities the form is to blame, not what stands inside of it."""
    return replace(found, causes=(form,), nan=True)


TRANSFERS: Mapping[str, Transfer] = {
    **SUMS,
    **PRODUCTS,
    **ELEMENTARY,
    **CHOOSING,
    **SUMMING,
    **MOVING,
    "divide": _divide,
    "log": _logarithm,
    "log1p": _logarithm,
    "sqrt": _square_root,
    "subtract": _subtract,
}
