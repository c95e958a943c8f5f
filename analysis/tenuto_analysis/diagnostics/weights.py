"""Diagnostics about a checkpoint that a deploy names: what its header says against what the model wants.

Many of one kind are one diagnostic: it tells the first few and counts the rest.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from tenuto_analysis.compat import override
from tenuto_analysis.diagnostics.base import Diagnostic, GraphProblem, Severity
from tenuto_analysis.diagnostics.words import counted

FEW = 3


class Missing(Struct, frozen=True):
    """A weight that the file lacks, and the names in the file that look like it."""

    path: str
    near: tuple[str, ...] = ()


class Leftover(Struct, frozen=True):
    """A tensor that nothing takes; `path` is the weight that it would be after renaming."""

    name: str
    path: str

    @override
    def __str__(self) -> str:
        return f"`{self.name}`" if self.name == self.path else f"`{self.name}` (as `{self.path}`)"


class Misfit(Struct, frozen=True):
    """Tensors, what they are, and the weights that they should give; `transposed` where the transpose would fit."""

    names: tuple[str, ...]
    found: str
    wanted: tuple[tuple[str, str], ...]
    transposed: bool = False

    @override
    def __str__(self) -> str:
        names = " and ".join(f"`{name}`" for name in self.names)
        if len(self.wanted) == 1 and self.names == (self.wanted[0][0],):
            return f"{names} is {self.found}, the model wants `{self.wanted[0][1]}`"
        wanted = ", ".join(f"`{type_}` for `{path}`" for path, type_ in self.wanted)
        return f"{names} {'is' if len(self.names) == 1 else 'are'} {self.found}, the model wants {wanted}"


class InvalidWeights(Diagnostic, frozen=True):
    """A file of weights that cannot be read; `reason` goes on from the file's name."""

    rule: ClassVar[str] = "invalid-weights"

    file: str
    reason: str

    @property
    @override
    def message(self) -> str:
        return f"`{self.file}` {self.reason}"


class MissingWeight(Diagnostic, frozen=True):
    """Weights of the model that the file does not have."""

    rule: ClassVar[str] = "missing-weight"

    file: str
    missing: tuple[Missing, ...]
    count: int
    prefix: str | None = None

    @property
    @override
    def message(self) -> str:
        names = _listed(tuple(f"`{item.path}`" for item in self.missing), self.count)
        what = "" if self.count == 1 else f"{counted(self.count, 'weight')} of the model: "
        return f"`{self.file}` lacks {what}{names}"

    @property
    @override
    def help(self) -> str | None:
        if self.prefix is not None:
            return f'the file has them below `{self.prefix}`: `load("{self.file}", prefix = "{self.prefix}")` takes it'
        lines = [
            f"`{item.path}`: the file has {' and '.join(f'`{name}`' for name in item.near)}, which nothing takes"
            for item in self.missing
            if item.near
        ]
        return "\n".join([*lines, "`rename` maps names of the file to the model's"]) if lines else None


class UnusedWeight(Diagnostic, frozen=True):
    """Tensors of the file that the model does not take."""

    rule: ClassVar[str] = "unused-weight"

    file: str
    unused: tuple[Leftover, ...]
    count: int

    @property
    @override
    def message(self) -> str:
        names = _listed(tuple(map(str, self.unused)), self.count)
        if self.count == 1:
            return f"the model leaves {names} of `{self.file}` unused"
        return f"the model leaves {counted(self.count, 'tensor')} of `{self.file}` unused: {names}"

    @property
    @override
    def help(self) -> str | None:
        return "name what is left out on purpose: `unused = [...]` in `load`"


class WeightShape(Diagnostic, frozen=True):
    """Tensors of the file that have another shape than the model wants."""

    rule: ClassVar[str] = "weight-shape"

    file: str
    misfits: tuple[Misfit, ...]
    count: int
    prefix: str

    @property
    @override
    def message(self) -> str:
        return _listed(tuple(map(str, self.misfits)), self.count, "; ")

    @property
    @override
    def help(self) -> str | None:
        turned = [name.removeprefix(self.prefix) for item in self.misfits if item.transposed for name in item.names]
        names = [f'"{name}"' for name in turned]
        return f"the transpose would fit: `transpose = [{', '.join(names)}]` in `load`" if names else None


class WeightDtype(Diagnostic, frozen=True):
    """Tensors of the file whose numbers are of another kind than the model wants."""

    rule: ClassVar[str] = "weight-dtype"

    file: str
    misfits: tuple[Misfit, ...]
    count: int

    @property
    @override
    def message(self) -> str:
        return _listed(tuple(map(str, self.misfits)), self.count, "; ")

    @property
    @override
    def help(self) -> str | None:
        return "floats are converted to floats of another width, integers only where no value can be lost"


class NotFinite(Struct, frozen=True):
    """A tensor of which `nans` numbers are NaN; `infinite` where others are infinite."""

    name: str
    nans: int
    infinite: bool

    @override
    def __str__(self) -> str:
        said = [f"{self.nans:,} NaN"] if self.nans else []
        return f"`{self.name}` ({' and '.join([*said, *(['infinities'] if self.infinite else [])])})"


class WeightNotFinite(GraphProblem, frozen=True):
    """Tensors that the model takes from the file hold NaN or infinities."""

    rule: ClassVar[str] = "weight-not-finite"

    file: str
    found: tuple[NotFinite, ...]
    count: int

    @property
    @override
    def message(self) -> str:
        return f"`{self.file}` holds what is no finite number: {_listed(tuple(map(str, self.found)), self.count)}"

    @property
    @override
    def help(self) -> str | None:
        return "what such a weight meets becomes NaN: take an earlier checkpoint, or one that was not converted to f16"


class UnmatchedPattern(Diagnostic, frozen=True):
    """A name or pattern in `load(...)` that no tensor of the file has."""

    rule: ClassVar[str] = "unmatched-pattern"
    severity: ClassVar[Severity] = Severity.WARNING

    file: str
    argument: str
    pattern: str
    near: tuple[str, ...]

    @property
    @override
    def message(self) -> str:
        return f"`{self.argument}` names `{self.pattern}`, and `{self.file}` has no such tensor"

    @property
    @override
    def help(self) -> str | None:
        return f"it has {' and '.join(f'`{name}`' for name in self.near)}" if self.near else None


def _listed(items: tuple[str, ...], count: int, separator: str = ", ") -> str:
    rest = count - len(items)
    return separator.join(items) + (f" and {rest} more" if rest else "")
