"""Findings, told as the client wants to hear them: pushed, or pulled for a document or for the whole workspace.

Whatever runs here in the background goes file by file, so that it yields to requests. Graphs of deploys are looked at
after each change, when nobody waits (`Graphs`); until then a client is told what is known of them.
"""

from __future__ import annotations

from asyncio import TimerHandle, wrap_future
from collections.abc import Callable, Mapping
from functools import partial
from itertools import count
from typing import NamedTuple, cast

from lsprotocol import types

from tenuto_server.features.diagnostics import diagnostics
from tenuto_server.features.sources import sources
from tenuto_server.protocol.feature import Context, Feature, Page
from tenuto_server.protocol.session import Answer, Outdated, Session
from tenuto_server.protocol.uris import file_of
from tenuto_server.reports import Report
from tenuto_server.worker import Urgency

SEVERITIES = {"error": types.DiagnosticSeverity.Error, "warning": types.DiagnosticSeverity.Warning}
UNNECESSARY = ("unused-import", "unused-name", "unused-suppression", "unreachable-statement")  # Editors grey them.
OPTIONS = types.DiagnosticOptions(inter_file_dependencies=True, workspace_diagnostics=True, identifier="tenuto")
AT_ONCE = 16  # files in one message about a workspace
QUIET = 0.4  # seconds without a change after which the graphs of deploys are looked at

DocumentReport = types.RelatedFullDocumentDiagnosticReport | types.RelatedUnchangedDocumentDiagnosticReport
WorkspaceReport = types.WorkspaceFullDocumentDiagnosticReport | types.WorkspaceUnchangedDocumentDiagnosticReport


def found_in(context: Context, file: str) -> list[types.Diagnostic]:
    """What is found in a file, as its settings choose, with what is known of the graphs of its deploys."""
    reports = diagnostics(context.workspace, file, context.settings(file))
    files = {file, *(place.file for report in reports for place in report.related)}
    pages = {file: context.page_of(file) for file in files}
    tags = _tagged(context)
    return [_diagnostic(report, pages, tags) for report in reports]


class Told(NamedTuple):
    """What a client was last told of a file, and by which name it may say that it still knows that."""

    identifier: str
    found: list[types.Diagnostic]


class Graphs:
    """Looks at the graphs of the deploys in open documents once nobody types; `news` is told of a file with others.

    Such a look cannot be stopped everywhere, so that one in each pause between two keys would hold up the next key.
    """

    def __init__(self, session: Session, news: Callable[[str], None]) -> None:
        self._session = session
        self._news = news
        self._waiting: dict[str, Answer] = {}
        self._timers: dict[str, TimerHandle] = {}

    def changed(self, file: str | None) -> None:
        """Something changed: every open document may have other findings now, first of all the one that changed."""
        for other in sorted(self._session.documents, key=lambda other: other != file):
            self.forget(other)
            self._timers[other] = self._session.later(QUIET, partial(self._begin, other))

    def forget(self, file: str) -> None:
        """Nobody waits for those of a file any more."""
        timer = self._timers.pop(file, None)
        if timer is not None:
            timer.cancel()
        waiting = self._waiting.pop(file, None)
        if waiting is not None:
            waiting.cancel()

    def _begin(self, file: str) -> None:
        self._timers.pop(file, None)
        answer = self._waiting[file] = self._session.ask(Urgency.IDLE, partial(_analyse, file=file))
        answer.add_done_callback(partial(self._analysed, file))

    def _analysed(self, file: str, answer: Answer) -> None:
        if answer.cancelled() or file not in self._session.documents:
            return
        self._waiting.pop(file, None)
        error = answer.exception()
        if error is not None:
            self._session.failed(error)
        elif answer.result():
            self._news(file)


def _analyse(context: Context, file: str) -> bool:
    return context.workspace.analyse(file)


class Puller:
    """Answers clients that ask; `told` is the worker's, and `ask_again` has the client ask anew."""

    def __init__(self, session: Session, ask_again: Callable[[], None]) -> None:
        self._session = session
        self._graphs = Graphs(session, lambda file: ask_again())
        self._told: dict[str, Told] = {}
        self._numbers = count(1)

    def changed(self, file: str | None) -> None:
        """Something changed: there may be more to tell than is known at once."""
        self._graphs.changed(file)

    def features(self) -> tuple[Feature, ...]:
        return (Feature(types.TEXT_DOCUMENT_DIAGNOSTIC, self._document, OPTIONS, Urgency.LATER, asks_again=True),)

    def _document(self, context: Context, params: types.DocumentDiagnosticParams) -> DocumentReport:
        file = file_of(params.text_document.uri)
        if types.WORKSPACE_DIAGNOSTIC_REFRESH not in context.client.refreshes:
            context.workspace.analyse(file)  # It will not be asked to ask again.
        told = self._now(context, file)
        if told.identifier == params.previous_result_id:
            return types.RelatedUnchangedDocumentDiagnosticReport(told.identifier)
        return types.RelatedFullDocumentDiagnosticReport(told.found, result_id=told.identifier)

    async def workspace(
        self, params: types.WorkspaceDiagnosticParams, progress: Callable[[types.ProgressToken, object], None]
    ) -> types.WorkspaceDiagnosticReport:
        """The findings in all files of all folders; `progress` sends the client a value for a token."""
        known = {file_of(item.uri): item.value for item in params.previous_result_ids}
        listing = self._session.ask(Urgency.IDLE, lambda context: sources(context.folders, context.settings))
        files = cast(tuple[str, ...], await wrap_future(listing))
        gone = tuple(file for file in known if file not in files)
        if params.work_done_token is not None:
            progress(params.work_done_token, types.WorkDoneProgressBegin("Checking", percentage=0, cancellable=True))
        reports: list[WorkspaceReport] = []
        for number, file in enumerate((*files, *gone)):
            reports.append(await self._of_file(file, known.get(file), number < len(files)))
            if params.partial_result_token is not None and len(reports) == AT_ONCE:
                progress(params.partial_result_token, types.WorkspaceDiagnosticReportPartialResult(reports))
                reports = []
            if params.work_done_token is not None:
                percentage = 100 * (number + 1) // (len(files) + len(gone))
                progress(params.work_done_token, types.WorkDoneProgressReport(percentage=percentage))
        if params.work_done_token is not None:
            progress(params.work_done_token, types.WorkDoneProgressEnd())
        if params.partial_result_token is not None and reports:
            progress(params.partial_result_token, types.WorkspaceDiagnosticReportPartialResult(reports))
            reports = []
        return types.WorkspaceDiagnosticReport(reports)

    async def _of_file(self, file: str, previous: str | None, listed: bool) -> WorkspaceReport:
        """The findings in a file, none in one that is not there any more."""
        while True:
            version = self._session.version(file)
            uri = self._session.uri(file)
            if not listed and version is None:
                return types.WorkspaceFullDocumentDiagnosticReport(uri, [])
            try:
                answer = self._session.ask(Urgency.IDLE, partial(self._whole, file=file), file)
                told = cast(Told, await wrap_future(answer))
            except Outdated:
                continue
            if told.identifier == previous:
                return types.WorkspaceUnchangedDocumentDiagnosticReport(uri, told.identifier, version=version)
            return types.WorkspaceFullDocumentDiagnosticReport(
                uri, told.found, version=version, result_id=told.identifier
            )

    def _whole(self, context: Context, file: str) -> Told:
        context.workspace.analyse(file)
        return self._now(context, file)

    def _now(self, context: Context, file: str) -> Told:
        found = found_in(context, file)
        told = self._told.get(file)
        if told is None or told.found != found:
            told = self._told[file] = Told(str(next(self._numbers)), found)
        return told


class Pusher:
    """Tells clients that do not ask what is found in their open documents, where it is new."""

    def __init__(self, session: Session, publish: Callable[[types.PublishDiagnosticsParams], None]) -> None:
        self._session = session
        self._publish = publish
        self._waiting: dict[str, Answer] = {}
        self._pushed: dict[str, list[types.Diagnostic]] = {}
        self._graphs = Graphs(session, self._look)

    def changed(self, file: str | None) -> None:
        """Something changed: every open document may have other findings now, first of all the one that changed."""
        for other in sorted(self._session.documents, key=lambda other: other != file):
            self._look(other)
        self._graphs.changed(file)

    def _look(self, file: str) -> None:
        waiting = self._waiting.pop(file, None)
        if waiting is not None:
            waiting.cancel()
        answer = self._waiting[file] = self._session.ask(Urgency.LATER, partial(found_in, file=file))
        answer.add_done_callback(partial(self._found, file))

    def closed(self, uri: str) -> None:
        """A closed document has no findings any more."""
        file = file_of(uri)
        waiting = self._waiting.pop(file, None)
        if waiting is not None:
            waiting.cancel()
        self._graphs.forget(file)
        if self._pushed.pop(file, None):
            self._publish(types.PublishDiagnosticsParams(uri, []))

    def _found(self, file: str, answer: Answer) -> None:
        document = self._session.documents.get(file)
        if answer.cancelled() or document is None:
            return
        self._waiting.pop(file, None)
        error = answer.exception()
        if error is not None:
            self._session.failed(error)
            return
        found = cast(list[types.Diagnostic], answer.result())
        if self._pushed.get(file) != found:
            self._pushed[file] = found
            self._publish(types.PublishDiagnosticsParams(document.uri, found, document.version))


def _tagged(context: Context) -> bool:
    """Whether the client knows what a tag is."""
    document = context.client.capabilities.text_document
    told = (document.diagnostic, document.publish_diagnostics) if document is not None else ()
    return any(item is not None and item.tag_support is not None for item in told)


def _diagnostic(report: Report, pages: Mapping[str, Page], tags: bool) -> types.Diagnostic:
    return types.Diagnostic(
        range=pages[report.file].range(report.start, report.end),
        message=report.message if report.help is None else f"{report.message}\n\n{report.help}",
        severity=SEVERITIES[report.severity],
        code=report.rule,
        source="tenuto",
        tags=[types.DiagnosticTag.Unnecessary] if tags and report.rule in UNNECESSARY else None,
        related_information=[
            types.DiagnosticRelatedInformation(pages[at.file].location(at.start, at.end), at.message)
            for at in report.related
        ],
    )
