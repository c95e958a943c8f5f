"""Softmax over what a mask shows, by ONNX's own operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tenuto_backend.onnx.site import Rule, Site

LOWEST: Mapping[str, float] = {
    "f64": -1.7e308,
    "f32": -3.4e38,
    "bf16": -3.3e38,
    "f16": -65504.0,
}
"""What no score falls below, by dtype."""


def masked_softmax(site: Site) -> Sequence[str] | None:
    """What is hidden is the lowest number before and 0 after, so that a row that is hidden whole is 0.

    It is not `-inf`, of which a row that is hidden whole would make no number on the way.
    """
    dtype = site.dtype("x").name
    if dtype not in LOWEST:
        return None
    x, mask = site.value("x"), site.value("mask")
    shown = site("Where", mask, x, site.number(LOWEST[dtype]))
    weights = site("Softmax", shown, axis=site.axis("axis", len(site.result_shape)))
    return [site("Where", mask, weights, site.number(0.0))]


RULES: Mapping[str, Rule] = {"masked_softmax": masked_softmax}
