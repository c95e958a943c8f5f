"""Images at another size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tenuto_analysis.dims import Dim
from tenuto_analysis.dtypes import SCALARS
from tenuto_analysis.patterns import exact_quotient
from tenuto_backend.onnx import sizes
from tenuto_backend.onnx.site import Rule, Site


def resize_nearest(site: Site) -> Sequence[str]:
    """Where both sizes grow by whole numbers ONNX's own operator; elsewhere its rounding could choose a neighbour."""
    scales = [_whole_scale(old, new) for old, new in zip(site.shape("x")[2:], site.result_shape[2:], strict=True)]
    if site.dtype("x").name in ("f32", "f16") and all(scale is not None for scale in scales):
        factors = site.scope.constant(np.asarray(scales, np.float32), SCALARS["f32"])
        return [
            site(
                "Resize",
                site.value("x"),
                "",
                factors,
                axes=[2, 3],
                mode="nearest",
                coordinate_transformation_mode="asymmetric",
                nearest_mode="floor",
            )
        ]
    rows = site("Gather", site.value("x"), _places(site, 2), axis=2)
    return [site("Gather", rows, _places(site, 3), axis=3)]


def _whole_scale(old: Dim, new: Dim) -> int | None:
    factor = exact_quotient(new, old)
    return factor.constant if factor is not None and factor.constant else None


def _places(site: Site, axis: int) -> str:
    """`i * old // new` for each new place."""
    old, new = site.shape("x")[axis], site.result_shape[axis]
    counted = site("Range", site.scope.integer(0), sizes.scalar(site.scope, new), site.scope.integer(1))
    return site("Div", site("Mul", counted, site.size(old)), site.size(new))


def resize_bilinear(site: Site) -> Sequence[str] | None:
    if site.dtype("x").name not in ("f32", "f64", "f16"):
        return None
    return [
        site(
            "Resize",
            site.value("x"),
            "",
            "",
            site.vector(site.result_shape[2:]),
            axes=[2, 3],
            mode="linear",
            coordinate_transformation_mode="align_corners" if site.truth("align_corners") else "half_pixel",
        )
    ]


RULES: Mapping[str, Rule] = {"resize_nearest": resize_nearest, "resize_bilinear": resize_bilinear}
