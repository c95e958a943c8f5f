"""Diagnostics about syntax, and about comments that speak to the checker."""

from __future__ import annotations

from typing import ClassVar

from tenuto_analysis.compat import override
from tenuto_analysis.diagnostics.base import Diagnostic, Edit, Fix, Severity
from tenuto_analysis.diagnostics.words import near_names, replaced


class SyntaxProblem(Diagnostic, frozen=True):
    """Text that the grammar does not allow."""

    rule: ClassVar[str] = "syntax-error"

    text: str
    advice: str | None
    edits: tuple[Edit, ...] = ()

    @property
    @override
    def message(self) -> str:
        return self.text

    @property
    @override
    def help(self) -> str | None:
        return self.advice

    @property
    @override
    def fixes(self) -> tuple[Fix, ...]:
        return (Fix("write it so", self.edits, safe=True),) if self.edits else ()


class UnusedSuppression(Diagnostic, frozen=True):
    """An `allow(...)` comment that silences nothing."""

    rule: ClassVar[str] = "unused-suppression"
    severity: ClassVar[Severity] = Severity.WARNING

    name: str
    known: bool
    of_error: bool
    near: tuple[str, ...]

    @property
    @override
    def message(self) -> str:
        return f"`allow({self.name})` silences nothing here" if self.known else f"`allow({self.name})` names no rule"

    @property
    @override
    def help(self) -> str | None:
        return near_names(self.near) or ("only warnings can be silenced" if self.of_error else None)

    @property
    @override
    def fixes(self) -> tuple[Fix, ...]:
        return replaced(self.span, self.near)
