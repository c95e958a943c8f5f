"""Why a proof failed, as data that a diagnostic can word, and the two kinds of diagnostics that show it."""

from __future__ import annotations

from msgspec import Struct

from tenuto_analysis.compat import override
from tenuto_analysis.diagnostics.base import Diagnostic, Edit, Fix, Related
from tenuto_grammar.text import Span


class Evidence(Struct, frozen=True):
    """`counterexample` satisfies what is known and breaks the goal; any one of `suffices` would make it hold.

    `insert` is where the definition's `where` clause takes one more constraint, and the text that must precede it.
    """

    counterexample: tuple[tuple[str, int], ...]
    always: bool
    about_sizes: bool
    suffices: tuple[str, ...]
    gave_up: str | None
    insert: tuple[int, str, str] | None

    @property
    def verdict(self) -> str:
        return "does not hold" if self.always else "cannot be proved"

    @property
    def words(self) -> str | None:
        """The lines of help."""
        lines: list[str] = []
        if self.always and self.about_sizes:
            lines.append("it fails for all sizes")
        elif self.counterexample:
            values = ", ".join(f"{name} = {value}" for name, value in self.counterexample)
            lines.append(f"for example, it fails for {values}")
        if self.gave_up is not None:
            lines.append(f"the proof was given up: {self.gave_up}")
        if self.suffices:
            facts = " or ".join(f"`{fact}`" for fact in self.suffices)
            lines.append(f"it would hold if {facts} were known: add it to `where`")
        return "\n".join(lines) or None

    @property
    def fixes(self) -> tuple[Fix, ...]:
        if self.insert is None:
            return ()
        offset, before, after = self.insert
        return tuple(
            Fix(f"add `{fact}` to `where`", (Edit(_at(offset), f"{before}{fact}{after}"),)) for fact in self.suffices
        )


def _at(offset: int) -> Span:
    return Span(offset, offset)


class Traced(Diagnostic, frozen=True, kw_only=True):
    """A problem whose cause may stand elsewhere.

    `origins` are the places that the rule knows of; `trail` those that lead to what the problem is about, which the
    checker adds: what made the values, and so on backwards.
    """

    origins: tuple[Related, ...] = ()
    trail: tuple[Related, ...] = ()

    @property
    @override
    def related(self) -> tuple[Related, ...]:
        return self.origins + self.trail


class Doubtful(Traced, frozen=True, kw_only=True):
    """A problem that is an obligation without a proof."""

    evidence: Evidence

    @property
    @override
    def help(self) -> str | None:
        return self.evidence.words

    @property
    @override
    def fixes(self) -> tuple[Fix, ...]:
        return self.evidence.fixes
