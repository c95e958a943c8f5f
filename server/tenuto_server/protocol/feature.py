"""What an editor feature is here: data in a table, and a function that answers.

A handler runs in the worker's thread, where the program is at rest, and may ask the workspace whatever it likes. It
turns places of the protocol into offsets, asks a module of `features/`, and turns the plain answer into the protocol's
types. Nothing is awaited in it and nothing is caught: what stops it belongs to the server.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, NamedTuple

from lsprotocol import types

from tenuto_grammar.text import Encoding, LineIndex, Position, Span
from tenuto_server.preferences import Preferences
from tenuto_server.protocol.client import Client
from tenuto_server.protocol.uris import file_of
from tenuto_server.reports import Edit
from tenuto_server.settings import Settings
from tenuto_server.worker import Urgency
from tenuto_server.workspace import Workspace


class Refused(Exception):
    """A request that cannot be granted; the message tells the user why."""


class Page(NamedTuple):
    """A file as the client counts it: from its places to offsets, and back."""

    file: str
    uri: str
    lines: LineIndex
    encoding: Encoding

    @property
    def text(self) -> str:
        return self.lines.text

    def offset(self, position: types.Position) -> int:
        return self.lines.offset(Position(position.line, position.character), self.encoding)

    def span(self, place: types.Range) -> Span:
        start, end = self.offset(place.start), self.offset(place.end)
        return Span(min(start, end), max(start, end))

    def position(self, offset: int) -> types.Position:
        found = self.lines.position(offset, self.encoding)
        return types.Position(found.line, found.column)

    def range(self, start: int, end: int) -> types.Range:
        return types.Range(self.position(start), self.position(end))

    def location(self, start: int, end: int) -> types.Location:
        return types.Location(self.uri, self.range(start, end))

    def text_edit(self, edit: Edit) -> types.TextEdit:
        return types.TextEdit(self.range(edit.start, edit.end), edit.text)


class Context(NamedTuple):
    """What a handler works with.

    `settings` gives what the project says of a file, `uri` what the client calls it, `version` the version of a file
    that it has open. `notify` sends the client a notification, or a request whose answer nobody waits for, by its
    method and parameters.
    """

    workspace: Workspace
    client: Client
    preferences: Preferences
    folders: tuple[str, ...]
    settings: Callable[[str], Settings]
    uri: Callable[[str], str]
    version: Callable[[str], int | None]
    open_files: tuple[str, ...]
    notify: Callable[[str, object], None]

    def page(self, uri: str) -> Page:
        """The page of a document, loaded with all that its imports reach."""
        return self.page_of(file_of(uri))

    def page_of(self, file: str) -> Page:
        """The page of a file."""
        self.workspace.load(file)
        return Page(file, self.uri(file), self.workspace.lines(file), self.client.encoding)


# Each handler takes the parameters of its own method; the protocol's types have no common one.
Handler = Callable[[Context, Any], object]
CommandHandler = Callable[[Context, list[Any], types.ProgressToken | None], object]


class Feature(NamedTuple):
    """A request that the server answers, and what it says of that when it starts.

    `asks_again` tells a client whose document changed meanwhile to ask again; others are told that it has changed.
    """

    method: str
    handler: Handler
    options: object = None
    urgency: Urgency = Urgency.NOW
    asks_again: bool = False


class Waiting(NamedTuple):
    """The answer of a handler that something else works out: `answer` makes it of what that gives, or refuses.

    To cancel the request, or the progress of this token, cancels the work.
    """

    work: Future[Any]
    answer: Callable[[Any], object]
    token: types.ProgressToken | None = None


class Command(NamedTuple):
    """A command that the client may have executed, by name.

    The handler gets its arguments, and the token by which the client wants to hear of progress.
    """

    name: str
    handler: CommandHandler
