"""Pooling over all places of a channel: one reduction, whatever the sizes are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tenuto_backend.onnx.schemas import takes
from tenuto_backend.onnx.site import Rule, Site


def global_avg_pool(site: Site) -> Sequence[str] | None:
    return _over_places(site, "ReduceMean")


def global_max_pool(site: Site) -> Sequence[str] | None:
    return _over_places(site, "ReduceMax")


def _over_places(site: Site, operator: str) -> Sequence[str] | None:
    rank = len(site.shape("x"))
    if rank == 2 or not takes(operator, site.scope.unit.opset, site.dtype("x")):
        return None
    return [site(operator, site.value("x"), site.integers(*range(2, rank)), keepdims=0)]


RULES: Mapping[str, Rule] = {"global_avg_pool": global_avg_pool, "global_max_pool": global_max_pool}
