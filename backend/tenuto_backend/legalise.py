"""A graph as the compiler of a target takes it: what the profile says becomes another dtype is that dtype.

A target that takes fixed sizes gets numbers in every function. Whether it can run the rest is for the analysis to say,
before anything is built.
"""

from __future__ import annotations

from collections.abc import Mapping

from tenuto_analysis.dtypes import SCALARS, DType, Quantised, Scalar
from tenuto_analysis.graph import Apply, Argument, Block, Function, Graph, Loop, Ssa, blocks_of, given
from tenuto_analysis.targets.profile import Profile
from tenuto_analysis.types import DTypeValue, Tensor
from tenuto_analysis.verify import verify
from tenuto_backend.bound import bound
from tenuto_backend.weights.beside import ArtifactError


def legalised(graph: Graph, profile: Profile) -> Graph:
    """The graph with the dtypes and sizes of a target; the same graph where nothing is to be changed."""
    others = {
        name: SCALARS[conversion.to] for name, conversion in profile.converts.items() if name not in profile.dtypes
    }
    if not others and profile.sizes.open != "static":
        return graph
    copy = bound(graph, {})
    for function in copy.functions:
        _Conversion(others).function(function)
    return verify(copy)


def refuse_binary(profile: Profile) -> None:
    """Raises `ArtifactError` where no compiler that Tenuto can start makes a program for the target."""
    if not profile.compiled_here:
        raise ArtifactError(no_binary(profile))


def takes_opset(profile: Profile, opset: int) -> None:
    """Raises `ArtifactError` where the target does not take models of an opset."""
    known = profile.opset
    if known is not None and not known.lowest <= opset <= known.highest:
        raise ArtifactError(f"`{profile.name}` takes opsets {known.lowest} to {known.highest}, not {opset}")


def no_binary(profile: Profile) -> str:
    """Why Tenuto makes no program for a target, and what to build instead."""
    if profile.compiler == "none":
        return f"there is no binary for `{profile.name}`: build what it takes, with --emit {profile.artifacts[0]}"
    return (
        f"Tenuto makes no binary for `{profile.name}`: only {profile.vendor}'s compiler does. Build what it takes, "
        f"with --emit {profile.artifacts[0]}"
    )


def next_command(profile: Profile, model: str) -> str | None:
    """The vendor's command for an artifact, by the path of its file; None where no public one takes it."""
    if profile.next is None:
        return None
    return profile.next.command.format(model=model, stem=model.removesuffix(".mlir").rsplit(".", 1)[0])


class _Conversion:
    """Puts dtypes in the place of others, in a function of its own."""

    def __init__(self, others: Mapping[str, Scalar]) -> None:
        self._others = others

    def function(self, function: Function) -> None:
        for ssa in given(function):
            self._ssa(ssa)
        self._block(function.body)

    def _block(self, block: Block) -> None:
        for node in block.nodes:
            for result in node.results:
                self._ssa(result)
            if isinstance(node, Loop):
                for ssa in (node.index, *node.carried):
                    self._ssa(ssa)
            if isinstance(node, Apply):
                node.arguments = {name: self._argument(item) for name, item in node.arguments.items()}
            for inner in blocks_of(node):
                self._block(inner)

    def _ssa(self, ssa: Ssa) -> None:
        ssa.type = Tensor(self._dtype(ssa.type.dtype), ssa.type.shape, ssa.type.within)

    def _argument(self, argument: Argument) -> Argument:
        match argument:
            case DTypeValue(dtype=dtype):
                return DTypeValue(self._dtype(dtype))
            case _:
                return argument

    def _dtype(self, dtype: DType) -> DType:
        match dtype:
            case Scalar(name=name):
                return self._others.get(name, dtype)
            case Quantised(storage=storage, axis=axis, group=group, scale=scale):
                kept, scaled = self._dtype(storage), self._dtype(scale) if scale is not None else None
                assert isinstance(kept, Scalar)
                assert scaled is None or isinstance(scaled, Scalar)
                return Quantised(kept, axis, group, scaled)
            case _:
                return dtype
