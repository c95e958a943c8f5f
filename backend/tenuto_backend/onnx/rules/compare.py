"""Comparison that is more than one operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tenuto_backend.onnx.site import Rule, Site


def not_equal(site: Site) -> Sequence[str]:
    return [site("Not", site("Equal", site.value("a"), site.value("b")))]


RULES: Mapping[str, Rule] = {"not_equal": not_equal}
