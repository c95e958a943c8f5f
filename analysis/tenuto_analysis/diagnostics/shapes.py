"""Diagnostics about sizes, shapes and axes."""

from __future__ import annotations

from typing import ClassVar

from tenuto_analysis.compat import override
from tenuto_analysis.diagnostics.base import Fix
from tenuto_analysis.diagnostics.evidence import Doubtful, Traced


class DimensionMismatch(Doubtful, frozen=True):
    """A size that differs from the one that is needed."""

    rule: ClassVar[str] = "dimension-mismatch"

    what: str
    expected: str
    found: str

    @property
    @override
    def message(self) -> str:
        return f"{self.what} has size `{self.found}`, expected `{self.expected}`"


class RankMismatch(Traced, frozen=True):
    """A tensor with another number of axes than is needed."""

    rule: ClassVar[str] = "rank-mismatch"

    what: str
    expected: str
    found: str

    @property
    @override
    def message(self) -> str:
        return f"{self.what} has the axes `[{self.found}]`, expected `[{self.expected}]`"


class BroadcastMismatch(Doubtful, frozen=True):
    """Two shapes that do not broadcast."""

    rule: ClassVar[str] = "broadcast-mismatch"

    reason: str

    @property
    @override
    def message(self) -> str:
        return self.reason


class ShapeMismatch(Doubtful, frozen=True):
    """Sizes that do not fit an operator."""

    rule: ClassVar[str] = "shape-mismatch"

    reason: str

    @property
    @override
    def message(self) -> str:
        return self.reason


class AxisOutOfRange(Traced, frozen=True):
    """An axis that the tensor does not have."""

    rule: ClassVar[str] = "axis-out-of-range"

    reason: str

    @property
    @override
    def message(self) -> str:
        return self.reason


class BadPattern(Traced, frozen=True):
    """A pattern literal that does not fit."""

    rule: ClassVar[str] = "bad-pattern"

    reason: str

    @property
    @override
    def message(self) -> str:
        return self.reason


class UnmetRequirement(Doubtful, frozen=True):
    """A `where` of the callee that cannot be proved."""

    rule: ClassVar[str] = "unmet-requirement"

    callee: str
    requirement: str
    here: str | None  # The requirement in terms of the caller, where that says more.

    @property
    @override
    def message(self) -> str:
        if self.here is not None:
            return f"`{self.callee}` needs `{self.requirement}`, and here `{self.here}` {self.evidence.verdict}"
        return f"`{self.callee}` needs `{self.requirement}`, which {self.evidence.verdict}"


class OutOfRange(Doubtful, frozen=True):
    """Values that may lie outside of the range that is needed."""

    rule: ClassVar[str] = "out-of-range"

    expected: str
    found: str | None
    is_index: bool = False  # A single index, known at compile time.

    @property
    @override
    def message(self) -> str:
        if self.found is None:
            return f"the values must lie within `{self.expected}`, but nothing says so"
        if self.is_index:
            return f"the index is `{self.found}`, but must lie within `{self.expected}`"
        return f"the values lie within `{self.found}`, but must lie within `{self.expected}`"

    @property
    @override
    def help(self) -> str | None:
        return (
            f"declare the range where the value comes from: `within {self.expected}`"
            if self.found is None
            else self.evidence.words
        )

    @property
    @override
    def fixes(self) -> tuple[Fix, ...]:
        return () if self.found is None else self.evidence.fixes


class NegativeSize(Doubtful, frozen=True):
    """A size that may be negative."""

    rule: ClassVar[str] = "negative-size"

    size: str

    @property
    @override
    def message(self) -> str:
        return f"the size `{self.size}` {'is' if self.evidence.always else 'may be'} negative"


class ZeroDivisor(Doubtful, frozen=True):
    """A division by a size that may be zero."""

    rule: ClassVar[str] = "zero-divisor"

    divisor: str

    @property
    @override
    def message(self) -> str:
        return f"`{self.divisor}` may be zero or negative, and something is divided by it"


class AssertionFails(Doubtful, frozen=True):
    """An `assert` that cannot be proved."""

    rule: ClassVar[str] = "assertion-fails"

    constraint: str

    @property
    @override
    def message(self) -> str:
        return f"`{self.constraint}` {self.evidence.verdict}"
