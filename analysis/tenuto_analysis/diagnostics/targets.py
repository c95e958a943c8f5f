"""Diagnostics about what a target cannot do: each at the place of the program that asks for it."""

from __future__ import annotations

from typing import ClassVar

from tenuto_analysis.compat import override
from tenuto_analysis.diagnostics.base import Edit, Fix, GraphProblem, Severity
from tenuto_analysis.diagnostics.words import counted
from tenuto_grammar.text import Span


class TargetDynamicSize(GraphProblem, frozen=True):
    """A size that stays open where the target wants it fixed, or bounded, before it runs.

    `value` is what the deploy says of it; `size` is empty where an operator makes a size that only a run knows.
    """

    rule: ClassVar[str] = "target-dynamic-size"

    target: str
    size: str
    op: str
    bounded: bool
    most: int | None
    value: Span | None

    @property
    @override
    def message(self) -> str:
        if not self.size:
            return f"a result of `{self.op}` has a size that only a run knows, and `{self.target}` must know all sizes"
        if self.bounded:
            return f"`{self.size}` has no largest value, which `{self.target}` needs"
        return f"`{self.size}` is open, and `{self.target}` takes fixed sizes alone"

    @property
    @override
    def help(self) -> str | None:
        if not self.size:
            return None
        value = f"1 .. {self._number}" if self.bounded else f"{self._number}"
        return f"say it in the deploy: `dims: {{ {self.size}: {value} }}`"

    @property
    @override
    def mends(self) -> tuple[Fix, ...]:
        if self.value is None or self.bounded:
            return ()
        return (Fix(f"fix `{self.size}` at {self._number}", (Edit(self.value, f"{self._number}"),)),)

    @property
    def _number(self) -> int:
        return self.most if self.most is not None else 128


class TargetDtype(GraphProblem, frozen=True):
    """A dtype that the target does not have, or that the operator does not take there.

    `what` names the input, the weight or the operator; `others` are dtypes that would do; `written` is where the source
    names the dtype itself.
    """

    rule: ClassVar[str] = "target-dtype"

    target: str
    what: str
    dtype: str
    known: bool
    others: tuple[str, ...]
    written: Span | None

    @property
    @override
    def message(self) -> str:
        if self.known:
            return f"`{self.target}` has no {self.what} of `{self.dtype}`"
        return f"`{self.target}` has no `{self.dtype}`, the dtype of {self.what}"

    @property
    @override
    def help(self) -> str | None:
        if not self.others:
            return None
        if self.known:
            return f"there it takes {', '.join(f'`{other}`' for other in self.others)}"
        return f"it has {', '.join(f'`{other}`' for other in self.others)}"

    @property
    @override
    def mends(self) -> tuple[Fix, ...]:
        if self.written is None:
            return ()
        return tuple(Fix(f"write `{other}`", (Edit(self.written, other),)) for other in self.others)


class TargetConverts(GraphProblem, frozen=True):
    """A dtype that the target does not have, or the operator does not take there, and that becomes another.

    The fields are those of `TargetDtype`.
    """

    rule: ClassVar[str] = "target-converts"
    severity: ClassVar[Severity] = Severity.WARNING

    target: str
    what: str
    dtype: str
    known: bool
    to: str
    written: Span | None

    @property
    @override
    def message(self) -> str:
        if self.known:
            return f"`{self.target}` has no {self.what} of `{self.dtype}`: it is computed in `{self.to}` there"
        return f"`{self.target}` has no `{self.dtype}`, the dtype of {self.what}: it becomes `{self.to}` there"

    @property
    @override
    def help(self) -> str | None:
        return f"write `{self.to}`, so that ranges and results are those that you see"

    @property
    @override
    def mends(self) -> tuple[Fix, ...]:
        return (Fix(f"write `{self.to}`", (Edit(self.written, self.to),)),) if self.written is not None else ()


class TargetAccumulation(GraphProblem, frozen=True):
    """A product whose sums the target does not keep in that dtype."""

    rule: ClassVar[str] = "target-accumulation"

    target: str
    op: str
    dtype: str
    sums: str
    others: tuple[str, ...]

    @property
    @override
    def message(self) -> str:
        return f"`{self.target}` does not keep sums of products of `{self.dtype}` in `{self.sums}`"

    @property
    @override
    def help(self) -> str | None:
        kept = ", ".join(f"`{other}`" for other in self.others)
        return f"it keeps them in {kept}: say `accumulate = {self.others[0]}` in the policy" if self.others else None


class TargetOperator(GraphProblem, frozen=True):
    """An operator that the target lacks, for this dtype or for all (`dtype` is then empty)."""

    rule: ClassVar[str] = "target-operator"

    target: str
    op: str
    dtype: str

    @property
    @override
    def message(self) -> str:
        of = f" of `{self.dtype}`" if self.dtype else ""
        return f"`{self.target}` has no `{self.op}`{of}"


class TargetRank(GraphProblem, frozen=True):
    """A tensor of more axes than the target takes."""

    rule: ClassVar[str] = "target-rank"

    target: str
    what: str
    rank: int
    most: int

    @property
    @override
    def message(self) -> str:
        return f"{self.what} has {counted(self.rank, 'axis')}, and a tensor of `{self.target}` at most {self.most}"


class TargetSize(GraphProblem, frozen=True):
    """An axis that is longer than the target takes."""

    rule: ClassVar[str] = "target-size"

    target: str
    what: str
    size: int
    most: int

    @property
    @override
    def message(self) -> str:
        return f"{self.what} has an axis of {self.size:,}, and the longest of `{self.target}` is {self.most:,}"


class TargetAlignment(GraphProblem, frozen=True):
    """A size of a product that must be a multiple and is none."""

    rule: ClassVar[str] = "target-alignment"

    target: str
    op: str
    axis: str
    size: int
    multiple: int

    @property
    @override
    def message(self) -> str:
        wanted = f"`{self.target}` wants a multiple of {self.multiple}"
        return f"{self.axis} = {self.size} of this product is not aligned: {wanted}"

    @property
    @override
    def help(self) -> str | None:
        return f"pad it to {padded(self.size, self.multiple)}"


class TileWaste(GraphProblem, frozen=True):
    """A size of a product that fills the blocks badly in which the target computes."""

    rule: ClassVar[str] = "tile-waste"
    severity: ClassVar[Severity] = Severity.WARNING

    target: str
    axis: str
    size: int
    tile: int

    @property
    @override
    def message(self) -> str:
        return f"{self.axis} = {self.size} on a {self.tile} tile of `{self.target}` wastes {self._waste:.0%}"

    @property
    def _waste(self) -> float:
        return waste(self.size, self.tile)

    @property
    @override
    def help(self) -> str | None:
        return f"the hardware pads it to {padded(self.size, self.tile)}: a size up to that costs the same"


class TargetMemory(GraphProblem, frozen=True):
    """Weights and activations that the memory of the target does not hold; all in bytes.

    `activations` is None where a size has no largest value.
    """

    rule: ClassVar[str] = "target-memory"

    target: str
    memory: str
    holds: int
    weights: int
    activations: int | None
    heaviest: tuple[tuple[str, int], ...]

    @property
    @override
    def message(self) -> str:
        need = self.weights + (self.activations or 0)
        return f"it needs {shown(need)} of memory, and {self.memory} of `{self.target}` holds {shown(self.holds)}"

    @property
    @override
    def help(self) -> str | None:
        parts = ", ".join(f"`{name}` {shown(size)}" for name, size in self.heaviest)
        activations = f"; activations {shown(self.activations)}" if self.activations is not None else ""
        return f"weights {shown(self.weights)}{f', of which {parts}' if parts else ''}{activations}"


def padded(size: int, multiple: int) -> int:
    """The next multiple."""
    return -(-size // multiple) * multiple


def waste(size: int, tile: int) -> float:
    """The share of what is computed for a size that is padding."""
    return 1 - size / padded(size, tile) if size else 0.0


def shown(number: int) -> str:
    """Bytes for a reader: 230 MB."""
    for unit, name in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "KB")):
        if number >= unit:
            value = number / unit
            return f"{value:.0f} {name}" if value >= 100 else f"{value:.1f} {name}"
    return f"{number} B"
