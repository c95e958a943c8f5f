"""Diagnostics about quantised types and weights."""

from __future__ import annotations

from typing import ClassVar

from tenuto_analysis.compat import override
from tenuto_analysis.diagnostics.base import Diagnostic, GraphProblem
from tenuto_analysis.diagnostics.evidence import Doubtful


class UngroupedWeight(GraphProblem, frozen=True):
    """A weight whose policy asks for groups that do not fill its axis."""

    rule: ClassVar[str] = "ungrouped-weight"

    path: str
    shape: str
    group: int
    size: int
    axis: int

    @property
    @override
    def message(self) -> str:
        return (
            f"groups of {self.group} do not fill axis {self.axis} of the weight `{self.path}`, which is "
            f"`[{self.shape}]`: {self.size} is no multiple of {self.group}"
        )

    @property
    @override
    def help(self) -> str:
        fitting = next((size for size in range(min(self.group, self.size), 1, -1) if self.size % size == 0), None)
        other = f"take groups of {fitting}, or " if fitting is not None else ""
        return f"{other}give this part another precision: `sub ... precision f32`"


class InvalidQuantised(Diagnostic, frozen=True):
    """A quantised type that no tensor has."""

    rule: ClassVar[str] = "invalid-quantised"

    dtype: str
    reason: str

    @property
    @override
    def message(self) -> str:
        return f"`{self.dtype}`: {self.reason}"


class GroupMisfit(Doubtful, frozen=True):
    """Groups that do not fill the axis along which they run."""

    rule: ClassVar[str] = "group-misfit"

    group: int
    size: str

    @property
    @override
    def message(self) -> str:
        return f"groups of {self.group} do not fill an axis of `{self.size}`"


class QuantisedOperand(Diagnostic, frozen=True):
    """A quantised tensor where scales would be lost, or would have to be made up."""

    rule: ClassVar[str] = "quantised-operand"

    what: str
    dtype: str

    @property
    @override
    def message(self) -> str:
        return f"{self.what} does not take `{self.dtype}`"

    @property
    @override
    def help(self) -> str:
        return "cast it first: `x as f32`; `transpose`, `permute`, `swap_axes` and `@` take it as it is"
