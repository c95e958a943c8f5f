"""Softmax over what a mask shows, by ONNX's own operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf

from tenuto_backend.onnx.schemas import takes
from tenuto_backend.onnx.site import Rule, Site


def masked_softmax(site: Site) -> Sequence[str] | None:
    """What is hidden is `-inf` before and 0 after: of a row that is hidden whole, `Softmax` alone gives no number."""
    if not takes("Softmax", site.scope.unit.opset, site.dtype("x")):
        return None
    x, mask = site.value("x"), site.value("mask")
    shown = site("Where", mask, x, site.number(-inf))
    weights = site("Softmax", shown, axis=site.axis("axis", len(site.result_shape)))
    return [site("Where", mask, weights, site.number(0.0))]


RULES: Mapping[str, Rule] = {"masked_softmax": masked_softmax}
