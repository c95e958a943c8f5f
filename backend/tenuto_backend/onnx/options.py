"""What whoever builds may choose: the profile, the opset, which operators replace library calls, what is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum

from msgspec import Struct, field

from tenuto_analysis.dtypes import Scalar
from tenuto_analysis.graph import Function, Graph, walk
from tenuto_analysis.types import Tensor
from tenuto_backend.onnx.dtypes import OPSET_OF_DTYPE
from tenuto_backend.weights.beside import ArtifactError


class Profile(Enum):
    """The operators that a model may use: those of opset 21, which most tools know, or newer ones too."""

    PORTABLE = "portable"
    MODERN = "modern"


class Options(Struct, frozen=True):
    """`checkpoints` says for a weight's path which tensors of a file it is made of."""

    profile: Profile = Profile.PORTABLE
    opset: int | None = None
    recognise: bool = True
    ledger: bool = True
    checkpoints: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class OnnxError(ArtifactError):
    """The graph cannot be written as asked: the message says what to change."""


LOWEST_OPSET = 21
HIGHEST_OPSET = 26
IR_OF_OPSET: Mapping[int, int] = {21: 10, 22: 10, 23: 11, 24: 12, 25: 13, 26: 13}

OPSET_OF_PROFILE: Mapping[Profile, int] = {Profile.PORTABLE: LOWEST_OPSET, Profile.MODERN: 23}


def opset_for(graph: Graph, options: Options) -> int:
    """The lowest opset of the profile that knows every dtype in the graph, or the one that was asked for."""
    newest = max((OPSET_OF_DTYPE.get(name, 0), name) for name in _dtypes(graph))
    if options.opset is None:
        return max(OPSET_OF_PROFILE[options.profile], newest[0])
    if not LOWEST_OPSET <= options.opset <= HIGHEST_OPSET:
        raise OnnxError(f"opset {options.opset} cannot be built: choose one from {LOWEST_OPSET} to {HIGHEST_OPSET}")
    if options.opset < newest[0]:
        raise OnnxError(f"opset {options.opset} does not know {newest[1]}: choose {newest[0]} or later")
    return options.opset


def _dtypes(graph: Graph) -> set[str]:
    """The names of the dtypes of all values."""
    return {
        dtype.name
        for function in graph.functions
        for tensor in _tensors(function)
        if isinstance(dtype := tensor.dtype, Scalar)
    }


def _tensors(function: Function) -> Iterator[Tensor]:
    for value in function.inputs:
        yield value.type
    for weight in function.weights:
        yield weight.value.type
    for node in walk(function.body):
        for value in node.results:
            yield value.type
