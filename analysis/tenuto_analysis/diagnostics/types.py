"""Diagnostics about types and dtypes."""

from __future__ import annotations

from typing import ClassVar

from tenuto_analysis.compat import override
from tenuto_analysis.diagnostics.base import Diagnostic, Edit, Fix
from tenuto_analysis.diagnostics.evidence import Traced
from tenuto_analysis.diagnostics.words import near_names, quoted, replaced


class TypeMismatch(Traced, frozen=True):
    """A value of one kind where another is needed."""

    rule: ClassVar[str] = "type-mismatch"

    expected: str
    found: str

    @property
    @override
    def message(self) -> str:
        return f"expected {quoted(self.expected)}, found `{self.found}`"

    @property
    @override
    def help(self) -> str | None:
        return "it may be none: test it with `== none` first" if self.found == f"{self.expected}?" else None


class DTypeMismatch(Traced, frozen=True):
    """Two dtypes meet without a cast."""

    rule: ClassVar[str] = "dtype-mismatch"

    expected: str
    found: str
    edits: tuple[Edit, ...] = ()

    @property
    @override
    def message(self) -> str:
        wanted = "`bool`" if self.expected == "bool" else f"`{self.expected}` numbers"
        return f"expected {wanted}, found {quoted(self.found)}"

    @property
    @override
    def help(self) -> str | None:
        return f"dtypes mix only by a cast, such as `(...) as {self.expected}`" if self.edits else None

    @property
    @override
    def fixes(self) -> tuple[Fix, ...]:
        return (Fix(f"cast to `{self.expected}`", self.edits),) if self.edits else ()


class InvalidType(Diagnostic, frozen=True):
    """A type that cannot be written so."""

    rule: ClassVar[str] = "invalid-type"

    reason: str

    @property
    @override
    def message(self) -> str:
        return self.reason


class NotStatic(Diagnostic, frozen=True):
    """A value that is known only at run time where a compile-time one is needed."""

    rule: ClassVar[str] = "not-static"

    wanted: str
    found: str

    @property
    @override
    def message(self) -> str:
        return f"{self.wanted} is needed at compile time, but this is `{self.found}`"


class NotCallable(Diagnostic, frozen=True):
    """A call of something that is no function."""

    rule: ClassVar[str] = "not-callable"

    found: str

    @property
    @override
    def message(self) -> str:
        return f"`{self.found}` cannot be called"


class NotIndexable(Diagnostic, frozen=True):
    """An index into something that has no elements."""

    rule: ClassVar[str] = "not-indexable"

    found: str

    @property
    @override
    def message(self) -> str:
        return f"`{self.found}` cannot be indexed"


class InvalidOperation(Diagnostic, frozen=True):
    """An operator between values that it is not made for."""

    rule: ClassVar[str] = "invalid-operation"

    operator: str
    reason: str

    @property
    @override
    def message(self) -> str:
        return f"`{self.operator}`: {self.reason}"


class InvalidPolicy(Diagnostic, frozen=True):
    """A precision policy that is made of the wrong parts."""

    rule: ClassVar[str] = "invalid-policy"

    reason: str
    remedy: str | None = None

    @property
    @override
    def message(self) -> str:
        return self.reason

    @property
    @override
    def help(self) -> str | None:
        return self.remedy


class UnknownPolicy(Diagnostic, frozen=True):
    """A precision policy, or a part of one, in a form that does not exist."""

    rule: ClassVar[str] = "unknown-policy"

    text: str
    wanted: str
    near: tuple[str, ...]
    known: tuple[str, ...]

    @property
    @override
    def message(self) -> str:
        return f"{self.text} is not a {self.wanted}"

    @property
    @override
    def help(self) -> str | None:
        return near_names(self.near) or (f"known are {', '.join(self.known)}" if self.known else None)

    @property
    @override
    def fixes(self) -> tuple[Fix, ...]:
        return replaced(self.span, self.near)
