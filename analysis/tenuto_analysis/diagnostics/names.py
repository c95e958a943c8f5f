"""Diagnostics about names, imports and modules."""

from __future__ import annotations

from typing import ClassVar

from tenuto_analysis.compat import override
from tenuto_analysis.diagnostics.base import Diagnostic, Edit, Fix, Place, Related, Severity
from tenuto_analysis.diagnostics.words import near_names, replaced


class UnknownName(Diagnostic, frozen=True):
    """A name that nothing declares; `module` is one that could be imported for it."""

    rule: ClassVar[str] = "unknown-name"

    name: str
    near: tuple[str, ...]
    module: str | None = None

    @property
    @override
    def message(self) -> str:
        return f"nothing is called `{self.name}` here"

    @property
    @override
    def help(self) -> str | None:
        if self.module is not None:
            return f"`{self.module}` has it: `import {self.module} {{ {self.name} }}`"
        return near_names(self.near)

    @property
    @override
    def fixes(self) -> tuple[Fix, ...]:
        return replaced(self.span, self.near)


class UnknownModule(Diagnostic, frozen=True):
    """An import of a file that is not there."""

    rule: ClassVar[str] = "unknown-module"

    path: str
    file: str
    near: tuple[str, ...]

    @property
    @override
    def message(self) -> str:
        return f"there is no module `{self.path}`"

    @property
    @override
    def help(self) -> str | None:
        return near_names(self.near) or (f"it would be the file `{self.file}`" if self.file else None)


class UnknownImport(Diagnostic, frozen=True):
    """An imported name that the module does not declare."""

    rule: ClassVar[str] = "unknown-import"

    module: str
    name: str
    near: tuple[str, ...]

    @property
    @override
    def message(self) -> str:
        return f"the module `{self.module}` declares no `{self.name}`"

    @property
    @override
    def help(self) -> str | None:
        return near_names(self.near)

    @property
    @override
    def fixes(self) -> tuple[Fix, ...]:
        return replaced(self.span, self.near)


class ImportCycle(Diagnostic, frozen=True):
    """Files that import each other."""

    rule: ClassVar[str] = "import-cycle"

    modules: tuple[str, ...]

    @property
    @override
    def message(self) -> str:
        return f"the imports go in a circle: {' -> '.join(self.modules)}"

    @property
    @override
    def help(self) -> str | None:
        return "move what both need into a module of its own"


class DuplicateName(Diagnostic, frozen=True):
    """Two declarations, parameters or fields under one name."""

    rule: ClassVar[str] = "duplicate-name"

    name: str
    first: Place

    @property
    @override
    def message(self) -> str:
        return f"`{self.name}` is declared twice"

    @property
    @override
    def related(self) -> tuple[Related, ...]:
        return (Related(self.first, f"`{self.name}` is first declared here"),)


class ShadowedName(Diagnostic, frozen=True):
    """A generic that hides a name of the file."""

    rule: ClassVar[str] = "shadowed-name"

    name: str

    @property
    @override
    def message(self) -> str:
        return f"the generic `{self.name}` hides the `{self.name}` that the file declares or imports"

    @property
    @override
    def help(self) -> str | None:
        return "call one of them something else"


class UnboundSize(Diagnostic, frozen=True):
    """A size that no parameter determines."""

    rule: ClassVar[str] = "unbound-size"

    name: str
    only_in: str | None

    @property
    @override
    def message(self) -> str:
        return (
            f"nothing determines `{self.name}`: it stands in {self.only_in} only"
            if self.only_in is not None
            else f"nothing determines `{self.name}`: it never stands alone in a parameter's shape"
        )

    @property
    @override
    def help(self) -> str | None:
        return f"declare it as a generic, `[{self.name}]`, or give it an axis of its own"


class UnknownField(Diagnostic, frozen=True):
    """A field that a record, module or model does not have."""

    rule: ClassVar[str] = "unknown-field"

    owner: str
    name: str
    near: tuple[str, ...]

    @property
    @override
    def message(self) -> str:
        return f"`{self.owner}` has no `{self.name}`"

    @property
    @override
    def help(self) -> str | None:
        return near_names(self.near)

    @property
    @override
    def fixes(self) -> tuple[Fix, ...]:
        return replaced(self.span, self.near)


class UnusedImport(Diagnostic, frozen=True):
    """An imported name that the file does not use."""

    rule: ClassVar[str] = "unused-import"
    severity: ClassVar[Severity] = Severity.WARNING

    name: str
    edit: Edit

    @property
    @override
    def message(self) -> str:
        return f"`{self.name}` is imported but not used"

    @property
    @override
    def fixes(self) -> tuple[Fix, ...]:
        return (Fix(f"remove the import of `{self.name}`", (self.edit,), safe=True),)


class UnusedName(Diagnostic, frozen=True):
    """A local name that is never read."""

    rule: ClassVar[str] = "unused-name"
    severity: ClassVar[Severity] = Severity.WARNING

    name: str

    @property
    @override
    def message(self) -> str:
        return f"`{self.name}` is never used"

    @property
    @override
    def help(self) -> str | None:
        return "remove it, or call it `_`"

    @property
    @override
    def fixes(self) -> tuple[Fix, ...]:
        return (Fix("call it `_`", (Edit(self.span, "_"),)),)


class SuspiciousName(Diagnostic, frozen=True):
    """A size that is mentioned once and nearly called like another."""

    rule: ClassVar[str] = "suspicious-name"
    severity: ClassVar[Severity] = Severity.WARNING

    name: str
    near: str

    @property
    @override
    def message(self) -> str:
        return f"`{self.name}` is a size of its own, mentioned once; is it `{self.near}`?"

    @property
    @override
    def help(self) -> str | None:
        return "a name in a shape that nothing declares is a new size"

    @property
    @override
    def fixes(self) -> tuple[Fix, ...]:
        return replaced(self.span, (self.near,))


class ForeignOperator(Diagnostic, frozen=True):
    """An `op` outside of the standard library."""

    rule: ClassVar[str] = "foreign-operator"

    name: str

    @property
    @override
    def message(self) -> str:
        return f"`{self.name}` is an `op`: only the standard library declares primitives"

    @property
    @override
    def help(self) -> str | None:
        return "write a `fn` with a body made of the operators that there are"


class RecursiveDefinition(Diagnostic, frozen=True):
    """A declaration that needs itself."""

    rule: ClassVar[str] = "recursive-definition"

    name: str
    through: tuple[str, ...]

    @property
    @override
    def message(self) -> str:
        by = f", by way of {' and '.join(f'`{name}`' for name in self.through)}" if self.through else ""
        return f"`{self.name}` is defined by itself{by}"

    @property
    @override
    def help(self) -> str | None:
        return "nothing is recursive: repeat with a loop, or with a list of models for weights of their own"
