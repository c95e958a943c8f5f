"""How each primitive is written in StableHLO, a file a family, named as in `std`."""

from __future__ import annotations

from collections.abc import Mapping

from tenuto_backend.stablehlo.rules import (
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
from tenuto_backend.stablehlo.site import Rule

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

_COUNTED = "how many elements it gives is known only at run time, and the sizes of StableHLO are numbers"

REFUSED: Mapping[str, str] = {"nonzero": _COUNTED, "true_positions": _COUNTED, "compress": _COUNTED}
"""What cannot be said, and why."""
