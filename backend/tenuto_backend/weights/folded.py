"""Weights with normalisations folded into them: `passes/batch_norm.py` says which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from msgspec import Struct

from tenuto_analysis.compat import override
from tenuto_backend.reference.values import Array
from tenuto_backend.weights.mapped import read


class FoldedKernel(Struct, frozen=True):
    """The kernel of a layer with the scale of a normalisation in it; the parts are paths."""

    kernel: str
    weight: str
    variance: str
    eps: float

    @property
    def parts(self) -> tuple[str, ...]:
        return (self.kernel, self.weight, self.variance)


class FoldedBias(Struct, frozen=True):
    """The bias that goes with such a kernel; `before` is that of the layer itself, where it has one."""

    before: str | None
    weight: str
    bias: str
    mean: str
    variance: str
    eps: float

    @property
    def parts(self) -> tuple[str, ...]:
        before = () if self.before is None else (self.before,)
        return (*before, self.weight, self.bias, self.mean, self.variance)


Fold = FoldedKernel | FoldedBias


class FoldedWeights(Mapping[str, Array]):
    """Weights by path, some of which are folded: each of those is computed anew whenever it is asked for."""

    def __init__(self, weights: Mapping[str, Array], paths: Sequence[str], folds: Mapping[str, Fold]) -> None:
        self._weights = weights
        self._paths = paths
        self._folds = folds

    @override
    def __getitem__(self, path: str) -> Array:
        fold = self._folds.get(path)
        return self._weights[path] if fold is None else folded(fold, self._weights)

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    @override
    def __len__(self) -> int:
        return len(self._paths)


def folded(fold: Fold, weights: Mapping[str, Array]) -> Array:
    """One folded weight. What belongs to a channel is computed in double precision."""

    def wide(path: str) -> Array:
        return read(weights[path]).astype(np.float64)

    with np.errstate(all="ignore"):  # Whatever a run would make of a variance that is none.
        scale = wide(fold.weight) / np.sqrt(wide(fold.variance) + fold.eps)
    match fold:
        case FoldedKernel(kernel=path):
            given = weights[path]
            kernel = read(given)
            # What was read from a file is nobody else's, and becomes the result: no kernel is twice in memory.
            result = kernel if kernel is not given else np.empty_like(kernel)
            np.multiply(kernel, scale.astype(kernel.dtype).reshape(-1, *[1] * (kernel.ndim - 1)), out=result)
            return result
        case FoldedBias(before=before, bias=bias, mean=mean):
            shifted = -wide(mean) if before is None else wide(before) - wide(mean)
            return (shifted * scale + wide(bias)).astype(weights[bias].dtype)
