"""How each primitive is written in MLIR, a file a family, named as in `std`."""

from __future__ import annotations

from collections.abc import Mapping

from tenuto_backend.mlir.rules import (
    compare,
    conv,
    elementwise,
    index,
    linear,
    order,
    pool,
    quantised,
    reduce,
    resize,
    shape,
)
from tenuto_backend.mlir.site import Rule

RULES: Mapping[str, Rule] = {
    **elementwise.RULES,
    **compare.RULES,
    **reduce.RULES,
    **linear.RULES,
    **shape.RULES,
    **index.RULES,
    **order.RULES,
    **conv.RULES,
    **pool.RULES,
    **resize.RULES,
    **quantised.RULES,
}
