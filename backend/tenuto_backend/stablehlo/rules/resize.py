"""Images at another size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tenuto_backend.mlir.operations import Value
from tenuto_backend.stablehlo import tensors
from tenuto_backend.stablehlo.site import Rule, Site
from tenuto_backend.stablehlo.types import shape


def _resize_nearest(site: Site) -> Sequence[Value]:
    body, x = site.body, site.value("x")
    for axis in (2, 3):
        own, whole = shape(x)[axis], site.sizes[axis]
        if own != whole:
            x = tensors.taken(body, x, axis, tensors.line(body, [place * own // whole for place in range(whole)]))
    return [x]


RULES: Mapping[str, Rule] = {"resize_nearest": _resize_nearest}
