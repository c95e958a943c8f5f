"""Reductions of truth values, which ONNX has for numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tenuto_analysis.dtypes import BOOL, SCALARS
from tenuto_backend.onnx.site import Rule, Site


def any_(site: Site) -> Sequence[str]:
    return [_counted(site, "ReduceSum")]


def all_(site: Site) -> Sequence[str]:
    """The product of 0s and 1s; that of nothing is 1."""
    return [_counted(site, "ReduceProd")]


def _counted(site: Site, operator: str) -> str:
    numbers = site.cast(site.value("x"), SCALARS["i32"])
    axes = () if site.is_none("axis") else (site.integers(*site.axes(site.arguments["axis"])),)
    return site.cast(site(operator, numbers, *axes, keepdims=int(site.truth("keepdims"))), BOOL)


RULES: Mapping[str, Rule] = {"any": any_, "all": all_}
