"""What every diagnostic has in common. The catalogue is the subclasses, one file a family.

A diagnostic is a frozen struct whose fields are typed facts; its words stand in properties. Its spans are relative
to the declaration that it is about, so that an edit elsewhere leaves it equal; `model.py` turns it into a `Finding`,
which is plain data with absolute spans, for the command line and the editors.
"""

from __future__ import annotations

from abc import abstractmethod
from enum import Enum
from importlib.resources import files
from typing import ClassVar

from msgspec import Struct
from msgspec.structs import replace

from tenuto_analysis.compat import override
from tenuto_grammar.text import Span


class Severity(Enum):
    ERROR = "error"
    WARNING = "warning"


class Place(Struct, frozen=True):
    """A span in a declaration of some file; `declaration` is the index of its chunk's key (see `modules.py`)."""

    file: str
    declaration: str
    span: Span


class Related(Struct, frozen=True):
    """A second place in the source that helps to understand the first."""

    place: Place
    message: str


class Edit(Struct, frozen=True):
    """Replace `span` (relative to the declaration, as the diagnostic's own span) by `text`."""

    span: Span
    text: str


class Fix(Struct, frozen=True):
    """What would mend a problem; `safe` where it keeps the meaning that the author had in mind, whatever that was.

    `tenuto check --fix` applies the safe ones; editors offer all.
    """

    title: str
    edits: tuple[Edit, ...]
    safe: bool = False


class Diagnostic(Struct, frozen=True):
    """A problem in the user's source. Fields hold facts; `message` words them."""

    rule: ClassVar[str]
    severity: ClassVar[Severity] = Severity.ERROR

    span: Span

    @property
    def told_as(self) -> Severity:
        """How serious this one is; `severity` is how serious its rule is."""
        return self.severity

    @property
    @abstractmethod
    def message(self) -> str:
        """What is wrong: one line, readable alone, without a final stop."""

    @property
    def help(self) -> str | None:
        """Why, and what to do: one or more lines, or None."""
        return None

    @property
    def related(self) -> tuple[Related, ...]:
        return ()

    @property
    def fixes(self) -> tuple[Fix, ...]:
        return ()

    @classmethod
    def explanation(cls) -> str:
        """The Markdown page that `tenuto explain` prints and the tests run."""
        return files("tenuto_analysis.diagnostics").joinpath(f"explain/{cls.rule}.md").read_text(encoding="utf-8")


class GraphProblem(Diagnostic, frozen=True, kw_only=True):
    """A problem that the graph of a deploy shows, at the place in the source that causes it.

    That may be in another file than the deploy, or in the library. `calls` are the places that lead there: the deploy's
    name, then calls, from the outermost inwards. `moved` is set where the problem is told at one of them.
    """

    place: Place
    calls: tuple[Place, ...]
    moved: bool = False

    @property
    @override
    def related(self) -> tuple[Related, ...]:
        return (Related(self.place, "it happens here"),) if self.moved else ()

    @property
    def mends(self) -> tuple[Fix, ...]:
        """The fixes, where the problem is told at its own place."""
        return ()

    @property
    @override
    def fixes(self) -> tuple[Fix, ...]:
        return () if self.moved else self.mends


def seen_from(problem: GraphProblem, file: str) -> tuple[str, GraphProblem]:
    """A problem as a file tells it, with the declaration that it is told in: at its place, or at the innermost call."""
    place = next(place for place in (problem.place, *reversed(problem.calls)) if place.file == file)
    if place == problem.place:
        return place.declaration, problem
    return place.declaration, replace(problem, span=place.span, moved=True)


# ------------------------------------------------------------------------------------- what leaves analysis: plain data


class RelatedFinding(Struct, frozen=True):
    file: str
    span: Span
    message: str


class Finding(Struct, frozen=True):
    """A diagnostic as the world sees it: spans are absolute offsets in the file's text, edits too."""

    file: str
    span: Span
    rule: str
    severity: Severity
    message: str
    help: str | None
    related: tuple[RelatedFinding, ...]
    fixes: tuple[Fix, ...]
