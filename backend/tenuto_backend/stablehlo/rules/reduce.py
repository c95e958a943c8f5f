"""Fewer elements from many, along axes; over no element each gives its neutral value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

from tenuto_backend.mlir.body import Body
from tenuto_backend.mlir.operations import Scalar, Value
from tenuto_backend.stablehlo import tensors
from tenuto_backend.stablehlo.site import Rule, Site
from tenuto_backend.stablehlo.types import bits, is_float, is_unsigned, shape, wide

_NEUTRAL = {"add": 0, "multiply": 1}
OPERATORS = {"sum": "add", "mean": "add", "max": "maximum", "min": "minimum", "prod": "multiply"}


def along(body: Body, x: Value, axes: Sequence[int], reducer: str, to: Scalar) -> Value:
    """`x` joined along axes, which are gone from the result, by `sum`, `mean`, `max`, `min` or `prod`."""
    operator = OPERATORS[reducer]
    computed = wide(to)
    held = tensors.converted(body, x, computed)
    found = tensors.reduced(body, held, axes, neutral(operator, computed), operator)
    if reducer == "mean":
        count = prod(shape(x)[axis] for axis in axes)
        found = tensors.same(body, "divide", [found, tensors.like(body, float(count), found)])
    return tensors.converted(body, found, to)


def neutral(operator: str, element: Scalar) -> int | float:
    """What an operator leaves as it is."""
    match operator:
        case "maximum":
            return lowest(element)
        case "minimum":
            return highest(element)
        case _:
            return _NEUTRAL[operator]


def lowest(element: Scalar) -> int | float:
    """The value at or below every other of a type."""
    if is_float(element):
        return float("-inf")
    return 0 if is_unsigned(element) else -1 << (bits(element) - 1)


def highest(element: Scalar) -> int | float:
    if is_float(element):
        return float("inf")
    return (1 << (bits(element) if is_unsigned(element) else bits(element) - 1)) - 1


def _axes(site: Site) -> list[int]:
    return [*range(len(site.shape("x")))] if site.is_none("axis") else site.axes(site.arguments["axis"])


def _reduction(reducer: str) -> Rule:
    def rule(site: Site) -> Sequence[Value]:
        found = along(site.body, site.value("x"), _axes(site), reducer, site.element)
        return [tensors.reshaped(site.body, found, site.sizes)]

    return rule


def _truth(operator: str, start: bool) -> Rule:
    def rule(site: Site) -> Sequence[Value]:
        found = tensors.reduced(site.body, site.value("x"), _axes(site), start, operator)
        return [tensors.reshaped(site.body, found, site.sizes)]

    return rule


RULES: Mapping[str, Rule] = {
    **{reducer: _reduction(reducer) for reducer in OPERATORS},
    "any": _truth("or", False),
    "all": _truth("and", True),
}
