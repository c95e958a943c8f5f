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
    if site.dtype("x").name not in LOWEST:
        return None
    axis = site.axis("axis", len(site.result_shape))
    return [softmax_of_shown(site, site.value("x"), site.value("mask"), axis, rows_may_be_hidden=True)]


def softmax_of_shown(site: Site, scores: str, mask: str, axis: int, rows_may_be_hidden: bool) -> str:
    """What is hidden is the lowest number before and 0 after, so that a row that is hidden whole is 0.

    It is not `-inf`, of which a row that is hidden whole would make no number on the way.
    """
    shown = site("Where", mask, scores, site.number(LOWEST[str(site.result.dtype)]))
    weights = site("Softmax", shown, axis=axis)
    return site("Where", mask, weights, site.number(0.0)) if rows_may_be_hidden else weights


RULES: Mapping[str, Rule] = {"masked_softmax": masked_softmax}
