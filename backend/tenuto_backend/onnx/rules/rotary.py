"""Rotary position embedding as one operator, from opset 23 on: four axes, one angle for each place and pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tenuto_backend.onnx.schemas import takes
from tenuto_backend.onnx.site import Rule, Site


def rotary(site: Site) -> Sequence[str] | None:
    return _rotated(site, interleaved=False)


def rotary_interleaved(site: Site) -> Sequence[str] | None:
    return _rotated(site, interleaved=True)


def _rotated(site: Site, interleaved: bool) -> Sequence[str] | None:
    """ONNX wants angles for each sample: those of the places, repeated."""
    shape, dtype = site.shape("x"), site.dtype("x")
    if not takes("RotaryEmbedding", site.scope.unit.opset, dtype) or len(shape) != 4:
        return None
    if any(site.shape(name) != (shape[2], shape[3] // 2) for name in ("cosine", "sine")):
        return None
    wanted = site.vector((shape[0], shape[2], shape[3] // 2))
    angles = [
        site("Expand", site.recast(site.value(name), site.dtype(name), dtype), wanted) for name in ("cosine", "sine")
    ]
    return [site("RotaryEmbedding", site.value("x"), *angles, interleaved=int(interleaved))]


RULES: Mapping[str, Rule] = {"rotary": rotary, "rotary_interleaved": rotary_interleaved}
