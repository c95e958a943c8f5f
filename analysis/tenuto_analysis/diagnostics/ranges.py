"""Diagnostics about the numbers of a deploy: what overflows, vanishes or has no value in its dtypes.

Each is *proved*, an error, where a run on some input within the declared ranges meets it, or *possible*, a warning.
"""

from __future__ import annotations

from typing import ClassVar

from tenuto_analysis.compat import override
from tenuto_analysis.diagnostics.base import Fix, GraphProblem, Severity
from tenuto_grammar.text import Span


class RangeProblem(GraphProblem, frozen=True, kw_only=True):
    """A numerical hazard: what happens, the ranges that lead there, what to do, and the inputs that show it."""

    severity: ClassVar[Severity] = Severity.WARNING

    what: str
    path: tuple[str, ...]
    advice: str
    proved: bool
    witness: str
    repairs: tuple[Fix, ...] = ()
    """At its place; where that is in the library, at the call that leads there."""
    repaired: Span | None = None

    @property
    @override
    def fixes(self) -> tuple[Fix, ...]:
        return self.repairs if self.span == self.repaired else ()

    @property
    @override
    def told_as(self) -> Severity:
        return Severity.ERROR if self.proved else Severity.WARNING

    @property
    @override
    def message(self) -> str:
        return self.what

    @property
    @override
    def help(self) -> str | None:
        lines = []
        if self.witness:
            lines.append(f"proved: {self.witness}")
        elif self.proved:
            lines.append("proved: it happens whatever the inputs are")
        else:
            lines.append("possible: no input was found that shows it")
        lines += self.path
        if self.advice:
            lines.append(self.advice)
        return "\n".join(lines)


class Overflow(RangeProblem, frozen=True, kw_only=True):
    """A result that is larger than the largest finite number of its dtype."""

    rule: ClassVar[str] = "overflow"


class LostEpsilon(RangeProblem, frozen=True, kw_only=True):
    """A small constant that is 0 in its dtype, or is gone once it is added."""

    rule: ClassVar[str] = "lost-epsilon"


class OutsideDomain(RangeProblem, frozen=True, kw_only=True):
    """An argument for which a function has no finite value: the log of 0, the root of a negative number, 1 / 0."""

    rule: ClassVar[str] = "outside-domain"


class CastOutOfRange(RangeProblem, frozen=True, kw_only=True):
    """A cast to a dtype that cannot hold the values."""

    rule: ClassVar[str] = "cast-out-of-range"


class Saturation(RangeProblem, frozen=True, kw_only=True):
    """A cast to a float of 8 bits or less that holds the values at its largest number, or makes them NaN."""

    rule: ClassVar[str] = "saturation"


class LongSum(RangeProblem, frozen=True, kw_only=True):
    """A sum of more terms than the dtype that keeps it can count."""

    rule: ClassVar[str] = "long-sum"


class Cancellation(RangeProblem, frozen=True, kw_only=True):
    """Two nearly equal numbers taken from each other, so that mostly their rounding errors are left."""

    rule: ClassVar[str] = "cancellation"


class InfiniteConstant(RangeProblem, frozen=True, kw_only=True):
    """A finite constant that is infinite in its dtype."""

    rule: ClassVar[str] = "infinite-constant"


class MaskedRow(RangeProblem, frozen=True, kw_only=True):
    """A softmax over a row that may be masked whole."""

    rule: ClassVar[str] = "masked-row"


class InfinitiesMeet(RangeProblem, frozen=True, kw_only=True):
    """Infinities whose sum, product or quotient is NaN."""

    rule: ClassVar[str] = "infinities-meet"


class UnknownRange(RangeProblem, frozen=True, kw_only=True):
    """A value that nobody bounds where only some values are safe; told where ranges shall be strict."""

    rule: ClassVar[str] = "unknown-range"


class UnstableForm(RangeProblem, frozen=True, kw_only=True):
    """A formula that fails on ordinary arguments, for which the library has a stable form."""

    rule: ClassVar[str] = "unstable-form"
