"""The lowerings that are more than a declaration can say: one file for each family of `std`, all in two tables."""

from __future__ import annotations

from collections.abc import Mapping

from tenuto_backend.onnx.rules import (
    attention,
    compare,
    elementwise,
    index,
    linear,
    pool,
    quantised,
    reduce,
    resize,
    rotary,
    shape,
    softmax,
)
from tenuto_backend.onnx.site import Rule

RULES: Mapping[str, Rule] = {
    **elementwise.RULES,
    **compare.RULES,
    **reduce.RULES,
    **shape.RULES,
    **softmax.RULES,
    **index.RULES,
    **resize.RULES,
    **attention.RULES,
    **rotary.RULES,
    **pool.RULES,
    **quantised.RULES,
}
"""What `lower onnx rule` stands for, the two operations that the language writes as an index, and `dequantize`."""

EXCEPTIONS: Mapping[str, Rule] = {
    **elementwise.EXCEPTIONS,
    **linear.EXCEPTIONS,
    **shape.EXCEPTIONS,
}
"""Where a declared operator means something else for some operands, or nothing need be done."""
