"""Numbers times their scales, which is one operator: runtimes put it into the product that reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tenuto_backend.onnx.scope import Attribute
from tenuto_backend.onnx.site import Rule, Site


def dequantize(site: Site) -> Sequence[str]:
    attributes: dict[str, Attribute] = {}
    if not site.is_none("axis"):
        attributes["axis"] = site.integer("axis")
    if not site.is_none("group"):
        attributes["block_size"] = site.integer("group")
    return [site("DequantizeLinear", site.value("x"), site.value("scale"), **attributes)]


RULES: Mapping[str, Rule] = {"dequantize": dequantize}
