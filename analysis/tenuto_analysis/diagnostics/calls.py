"""Diagnostics about arguments."""

from __future__ import annotations

from typing import ClassVar

from tenuto_analysis.compat import override
from tenuto_analysis.diagnostics.base import Diagnostic, Fix, Place, Related
from tenuto_analysis.diagnostics.words import counted, near_names, replaced


class MissingArgument(Diagnostic, frozen=True):
    """A call that leaves out what has no default."""

    rule: ClassVar[str] = "missing-argument"

    callee: str
    name: str
    declared: Place

    @property
    @override
    def message(self) -> str:
        return f"`{self.callee}` needs the argument `{self.name}`"

    @property
    @override
    def related(self) -> tuple[Related, ...]:
        return (Related(self.declared, f"`{self.name}` is declared here"),)


class UnexpectedArgument(Diagnostic, frozen=True):
    """An argument that the callee does not take."""

    rule: ClassVar[str] = "unexpected-argument"

    callee: str
    name: str | None
    takes: tuple[str, ...]
    near: tuple[str, ...]

    @property
    @override
    def message(self) -> str:
        return (
            f"`{self.callee}` takes no more arguments"
            if self.name is None
            else f"`{self.callee}` has no parameter `{self.name}`"
        )

    @property
    @override
    def help(self) -> str | None:
        return near_names(self.near) or self._takes

    @property
    def _takes(self) -> str:
        if all(name.isdigit() for name in self.takes):  # The places of a model type have no names.
            return f"it takes {counted(len(self.takes), 'argument')}"
        return f"it takes {', '.join(self.takes)}"

    @property
    @override
    def fixes(self) -> tuple[Fix, ...]:
        return replaced(self.span, self.near)


class DuplicateArgument(Diagnostic, frozen=True):
    """An argument that is given twice."""

    rule: ClassVar[str] = "duplicate-argument"

    name: str

    @property
    @override
    def message(self) -> str:
        return f"`{self.name}` is given twice"


class UnresolvedGeneric(Diagnostic, frozen=True):
    """A generic argument that neither the call nor its context determines."""

    rule: ClassVar[str] = "unresolved-generic"

    callee: str
    name: str

    @property
    @override
    def message(self) -> str:
        return f"nothing determines the `{self.name}` of `{self.callee}`"

    @property
    @override
    def help(self) -> str | None:
        return f"write it out: `{self.callee}[{self.name} = ...]`"


class ModelNeedsSub(Diagnostic, frozen=True):
    """A model that is called without a place for its weights."""

    rule: ClassVar[str] = "model-needs-sub"

    name: str

    @property
    @override
    def message(self) -> str:
        return f"`{self.name}` is a model: its weights need a name"

    @property
    @override
    def help(self) -> str | None:
        return f"write `sub part = {self.name}` and call `part(...)`"
