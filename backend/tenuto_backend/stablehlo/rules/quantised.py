"""Numbers times their scales, element by element."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tenuto_backend.mlir.operations import Value
from tenuto_backend.stablehlo import tensors
from tenuto_backend.stablehlo.site import Rule, Site


def _dequantize(site: Site) -> Sequence[Value]:
    body, sizes = site.body, site.sizes
    numbers, scale = tensors.converted(body, site.value("x"), site.element), site.value("scale")
    if site.is_none("axis"):
        axes: list[int] = []
    elif site.is_none("group"):
        axes = [site.integer("axis")]
    else:
        # Groups on an axis of their own, behind that of their places.
        axis, group = site.integer("axis"), site.integer("group")
        apart = (*sizes[:axis], sizes[axis] // group, group, *sizes[axis + 1 :])
        scale = tensors.stretched(body, scale, apart, [at for at in range(len(apart)) if at != axis + 1])
        return [tensors.same(body, "multiply", [numbers, tensors.reshaped(body, scale, sizes)])]
    return [tensors.same(body, "multiply", [numbers, tensors.stretched(body, scale, sizes, axes)])]


RULES: Mapping[str, Rule] = {"dequantize": _dequantize}
