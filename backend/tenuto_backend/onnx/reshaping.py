"""Another shape in few nodes: a size that stays in its place, or that the others tell, is no node."""

from __future__ import annotations

from collections.abc import Sequence

from tenuto_analysis.dims import Dim
from tenuto_backend.onnx import sizes
from tenuto_backend.onnx.scope import Scope


def reshape(scope: Scope, value: str, shape: Sequence[Dim], to: Sequence[Dim]) -> str:
    """`value`, whose shape is `shape`, in the shape `to`."""
    if list(shape) == list(to):
        return value
    plain = _plain(shape, to)
    if plain is not None:
        return scope.op("Reshape", value, scope.integers(plain))
    return scope.op("Reshape", value, sizes.shape(scope, to), allowzero=1)


def permute(scope: Scope, value: str, order: Sequence[int]) -> str:
    if list(order) == list(range(len(order))):
        return value
    return scope.op("Transpose", value, perm=list(order))


def _plain(shape: Sequence[Dim], to: Sequence[Dim]) -> list[int] | None:
    """`to` in numbers, where 0 keeps the size of that place and -1 is the rest; None where that says too little.

    A rest cannot be told beside a size that may be 0.
    """
    found: list[int] = []
    open_places = 0
    for at, dim in enumerate(to):
        if dim.constant:
            found.append(dim.constant)
        elif dim.constant is None and at < len(shape) and shape[at] is dim:
            found.append(0)
        elif dim.constant is None:
            found.append(-1)
            open_places += 1
        else:
            return None
    return found if not open_places or (open_places == 1 and 0 not in found) else None
