"""Diagnostics about quantised types and weights."""

from __future__ import annotations

from typing import ClassVar

from tenuto_analysis.compat import override
from tenuto_analysis.diagnostics.base import GraphProblem


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
