"""Diagnostics about deploys and constants."""

from __future__ import annotations

from typing import ClassVar

from tenuto_analysis.compat import override
from tenuto_analysis.diagnostics.base import Diagnostic, Fix
from tenuto_analysis.diagnostics.words import near_names, replaced


class UnknownSetting(Diagnostic, frozen=True):
    """A setting that a deploy does not have."""

    rule: ClassVar[str] = "unknown-setting"

    name: str
    near: tuple[str, ...]

    @property
    @override
    def message(self) -> str:
        return f"a deploy has no setting `{self.name}`"

    @property
    @override
    def help(self) -> str | None:
        return near_names(self.near) or "settings are weights, precision, target, dims"

    @property
    @override
    def fixes(self) -> tuple[Fix, ...]:
        return replaced(self.span, self.near)


class InvalidSetting(Diagnostic, frozen=True):
    """A setting with a value that it cannot have."""

    rule: ClassVar[str] = "invalid-setting"

    name: str
    reason: str

    @property
    @override
    def message(self) -> str:
        return f"`{self.name}`: {self.reason}"


class UnknownDimension(Diagnostic, frozen=True):
    """A range for a size that the model does not have."""

    rule: ClassVar[str] = "unknown-dimension"

    name: str
    model: str
    sizes: tuple[str, ...]
    near: tuple[str, ...]

    @property
    @override
    def message(self) -> str:
        return f"`{self.model}` has no size `{self.name}`"

    @property
    @override
    def help(self) -> str | None:
        sizes = ", ".join(f"`{size}`" for size in self.sizes)
        return near_names(self.near) or (f"its open sizes are {sizes}" if sizes else "all its sizes are fixed")

    @property
    @override
    def fixes(self) -> tuple[Fix, ...]:
        return replaced(self.span, self.near)


class InvalidConfiguration(Diagnostic, frozen=True):
    """A configuration file that does not fit its record."""

    rule: ClassVar[str] = "invalid-configuration"

    reason: str

    @property
    @override
    def message(self) -> str:
        return self.reason


class CannotBuild(Diagnostic, frozen=True):
    """A program without a mistake that asks for more than a build can give."""

    rule: ClassVar[str] = "cannot-build"

    reason: str

    @property
    @override
    def message(self) -> str:
        return self.reason
