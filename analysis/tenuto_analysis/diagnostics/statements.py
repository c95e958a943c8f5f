"""Diagnostics about statements."""

from __future__ import annotations

from typing import ClassVar

from tenuto_analysis.compat import override
from tenuto_analysis.diagnostics.base import Diagnostic, Edit, Fix, Place, Related, Severity
from tenuto_grammar.text import Span


class LoopChangesType(Diagnostic, frozen=True):
    """A loop that gives a variable another type in each step."""

    rule: ClassVar[str] = "loop-changes-type"

    name: str
    before: str
    after: str

    @property
    @override
    def message(self) -> str:
        return f"the loop changes `{self.name}` from `{self.before}` to `{self.after}`"

    @property
    @override
    def help(self) -> str | None:
        return (
            "a variable keeps its type in a loop whose length is not known here; "
            "make the type depend on the index, or unroll it"
        )


class LoopTooLong(Diagnostic, frozen=True):
    """A loop over too many elements that are not alike to check each step."""

    rule: ClassVar[str] = "loop-too-long"

    length: int

    @property
    @override
    def message(self) -> str:
        return f"the loop has {self.length} different steps, more than are checked one by one"

    @property
    @override
    def help(self) -> str | None:
        return (
            "loop over a range, or over elements of one type; or move a part of the steps into a definition of its own"
        )


class BranchesDiffer(Diagnostic, frozen=True):
    """Two branches that give different types."""

    rule: ClassVar[str] = "branches-differ"

    what: str
    first: str
    second: str

    @property
    @override
    def message(self) -> str:
        return f"{self.what} is `{self.first}` in one branch and `{self.second}` in the other"


class MisplacedStatement(Diagnostic, frozen=True):
    """A statement where it cannot stand."""

    rule: ClassVar[str] = "misplaced-statement"

    reason: str
    remedy: str | None

    @property
    @override
    def message(self) -> str:
        return self.reason

    @property
    @override
    def help(self) -> str | None:
        return self.remedy


class MissingReturn(Diagnostic, frozen=True):
    """A body that may end without a result."""

    rule: ClassVar[str] = "missing-return"

    name: str

    @property
    @override
    def message(self) -> str:
        return f"`{self.name}` may end without a `return`"


class UnreachableStatement(Diagnostic, frozen=True):
    """A statement after a `return`."""

    rule: ClassVar[str] = "unreachable-statement"
    severity: ClassVar[Severity] = Severity.WARNING

    @property
    @override
    def message(self) -> str:
        return "this is never reached"


class NotRebindable(Diagnostic, frozen=True):
    """An assignment to a name that is no `var`."""

    rule: ClassVar[str] = "not-rebindable"

    name: str
    declared: Place | None

    @property
    @override
    def message(self) -> str:
        if self.declared is None:
            return f"`{self.name}` is new: a new value begins with `let`"
        return f"`{self.name}` is not a `var`: it keeps its value"

    @property
    @override
    def help(self) -> str | None:
        if self.declared is None:
            return f"write `let {self.name} = ...`, or `var {self.name} = ...` where it changes later"
        return f"declare it with `var {self.name} = ...`, or give the new value a name with `let`"

    @property
    @override
    def related(self) -> tuple[Related, ...]:
        return () if self.declared is None else (Related(self.declared, f"`{self.name}` is bound here"),)

    @property
    @override
    def fixes(self) -> tuple[Fix, ...]:
        at = Span(self.span.start, self.span.start)
        return (Fix(f"begin with `let {self.name}`", (Edit(at, "let "),)),) if self.declared is None else ()


class WrongCount(Diagnostic, frozen=True):
    """A tuple that is taken apart into another number of names."""

    rule: ClassVar[str] = "wrong-count"

    expected: int
    found: str

    @property
    @override
    def message(self) -> str:
        return f"{self.expected} names are given for `{self.found}`"
