"""Images at another size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tenuto_backend.mlir.body import Body
from tenuto_backend.mlir.layout import gathered
from tenuto_backend.mlir.operations import INDEX, Value
from tenuto_backend.mlir.site import Rule, Site


def _resize_nearest(site: Site) -> Sequence[Value]:
    x = site.value("x")
    own = [site.size(dim) for dim in x.dims[2:]]
    whole = [site.size(dim) for dim in site.result_shape[2:]]

    def places(body: Body, at: Sequence[Value]) -> Sequence[Value]:
        scaled = [body.op("arith.muli", [place, size], INDEX) for place, size in zip(at[2:], own, strict=True)]
        return [*at[:2], *(body.op("arith.divui", [a, b], INDEX) for a, b in zip(scaled, whole, strict=True))]

    return [gathered(site, x, places)]


RULES: Mapping[str, Rule] = {"resize_nearest": _resize_nearest}
