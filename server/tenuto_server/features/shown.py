"""A wish to see what a program becomes, and the answer to it: plain data that goes from process to process."""

from __future__ import annotations

from msgspec import Struct

from tenuto_grammar.text import Encoding
from tenuto_server.files import SUFFIX
from tenuto_server.workspace import Workspace


class Wanted(Struct, frozen=True):
    """A view of a place in a file, or of the deploy of a name; `files` are the texts of all files, by path.

    `form` chooses among the forms that a view has: of what a program becomes `onnx` or `mlir`; columns are counted in
    `encoding`.
    """

    view: str
    file: str
    files: dict[str, str]
    deploy: str | None = None
    offset: int | None = None
    form: str = "onnx"
    encoding: Encoding = Encoding.UTF32


class Origin(Struct, frozen=True):
    """Where a line of a text comes from: a file, and a line and a column there; all are counted from 0."""

    at: int
    file: str
    line: int
    column: int


class Shown(Struct, frozen=True, tag=True):
    """A whole text, with the origins of those of its lines that have one."""

    text: str
    origins: tuple[Origin, ...] = ()


class NotShown(Struct, frozen=True, tag=True):
    """Why there is nothing to show, in a sentence for the user."""

    reason: str


def has_errors(workspace: Workspace, file: str) -> bool:
    """Whether something stands in the way of a build: an error in the file, or in one that it imports."""
    reached = [file, *(name for name in workspace.load(file) if name.endswith(SUFFIX) and name != file)]
    return any(report.severity == "error" for name in reached for report in workspace.reports(name))
