"""What changes a program: its layout, and the actions that are offered at a place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from lsprotocol import types

from tenuto_server.features.action import FIX_ALL, ORGANIZE, Action
from tenuto_server.features.actions import KINDS, actions, wanted
from tenuto_server.features.diagnostics import diagnostics
from tenuto_server.features.fixes import fix_all
from tenuto_server.features.formatting import TYPED, formatting, formatting_of, formatting_typed
from tenuto_server.features.imports import organized
from tenuto_server.features.sources import sources
from tenuto_server.protocol.edits import workspace_edit
from tenuto_server.protocol.feature import Context, Feature, Page
from tenuto_server.reports import Edit, Report
from tenuto_server.worker import Urgency

APPLY = "tenuto.applyEdit"  # For clients that know commands, but no actions.

# Actions on the whole file: they are worked out when one is chosen, where the client can wait until then.
WHOLE = {FIX_ALL: "fix all that can be fixed", ORGANIZE: "put the imports in order"}


def format_document(context: Context, params: types.DocumentFormattingParams) -> list[types.TextEdit]:
    page = context.page(params.text_document.uri)
    return _text_edits(page, formatting(page.text))


def format_range(context: Context, params: types.DocumentRangeFormattingParams) -> list[types.TextEdit]:
    page = context.page(params.text_document.uri)
    return _text_edits(page, formatting_of(context.workspace, page.file, page.span(params.range)))


def format_typed(context: Context, params: types.DocumentOnTypeFormattingParams) -> list[types.TextEdit]:
    page = context.page(params.text_document.uri)
    return _text_edits(page, formatting_typed(context.workspace, page.file, page.offset(params.position), params.ch))


def code_actions(context: Context, params: types.CodeActionParams) -> list[types.CodeAction | types.Command]:
    page = context.page(params.text_document.uri)
    only = [str(kind.value if isinstance(kind, types.CodeActionKind) else kind) for kind in params.context.only or ()]
    reports = diagnostics(context.workspace, page.file, context.settings(page.file))
    found = actions(context.workspace, page.file, page.span(params.range), reports, _others(context), only or None)
    told = _sent(page, reports, params)
    shown = [_shown(context, page, action, told) for action in found if _is_shown(context, action)]
    for kind, edits in _whole(context, page, reports):
        if wanted(kind, only or None):
            shown.append(_whole_action(context, page, kind, edits))
    return shown


def resolve(context: Context, params: types.CodeAction) -> types.CodeAction:
    """The edits of an action on the whole file."""
    data = params.data if isinstance(params.data, dict) else {}
    uri, kind = data.get("uri"), data.get("kind")
    if not isinstance(uri, str) or kind not in WHOLE:
        return params
    page = context.page(uri)
    reports = diagnostics(context.workspace, page.file, context.settings(page.file))
    edits = dict(_whole(context, page, reports)).get(kind, tuple)()
    return types.CodeAction(params.title, params.kind, edit=workspace_edit(context, {page.file: edits}))


# --------------------------------------------------------------------------------------------------------- the actions


def _text_edits(page: Page, edits: Iterable[Edit]) -> list[types.TextEdit]:
    return [page.text_edit(edit) for edit in edits]


def _others(context: Context) -> Callable[[], Iterable[str]]:
    return lambda: sources(context.folders, context.settings)


def _whole(
    context: Context, page: Page, reports: tuple[Report, ...]
) -> Iterator[tuple[str, Callable[[], tuple[Edit, ...]]]]:
    """The actions on a file that have something to do."""

    def again() -> tuple[Report, ...]:
        return diagnostics(context.workspace, page.file, context.settings(page.file))

    if any(fix.safe for report in reports for fix in report.fixes):
        yield FIX_ALL, lambda: fix_all(context.workspace, page.file, again)
    imports = organized(context.workspace, page.file)
    if imports:
        yield ORGANIZE, lambda: imports


def _whole_action(
    context: Context, page: Page, kind: str, edits: Callable[[], tuple[Edit, ...]]
) -> types.CodeAction | types.Command:
    if _resolves(context):
        return types.CodeAction(WHOLE[kind], kind, data={"uri": page.uri, "kind": kind})
    return _shown(context, page, Action(WHOLE[kind], kind, edits()), {})


def _shown(
    context: Context, page: Page, action: Action, told: dict[Report, types.Diagnostic]
) -> types.CodeAction | types.Command:
    if not _knows_actions(context):
        places = [page.text_edit(edit) for edit in action.edits]
        plain = [
            [at.range.start.line, at.range.start.character, at.range.end.line, at.range.end.character, at.new_text]
            for at in places
        ]
        return types.Command(action.title, APPLY, arguments=[page.uri, context.version(page.file), plain])
    return types.CodeAction(
        action.title,
        action.kind,
        diagnostics=[told[report] for report in action.mends if report in told] or None,
        is_preferred=action.preferred or None,
        disabled=types.CodeActionDisabled(action.disabled) if action.disabled is not None else None,
        edit=workspace_edit(context, {page.file: action.edits}) if action.disabled is None else None,
    )


def _is_shown(context: Context, action: Action) -> bool:
    """One that cannot be done is for clients that can say so."""
    support = _support(context)
    return action.disabled is None or (support is not None and bool(support.disabled_support))


def _sent(page: Page, reports: Iterable[Report], params: types.CodeActionParams) -> dict[Report, types.Diagnostic]:
    """The diagnostics that the client asks about, by what they report: an action links to those."""
    known = {(str(item.code), page.offset(item.range.start)): item for item in params.context.diagnostics}
    keyed = ((report, known.get((report.rule, report.start))) for report in reports)
    return {report: item for report, item in keyed if item is not None}


def _support(context: Context) -> types.CodeActionClientCapabilities | None:
    document = context.client.capabilities.text_document
    return document.code_action if document is not None else None


def _knows_actions(context: Context) -> bool:
    support = _support(context)
    return support is not None and support.code_action_literal_support is not None


def _resolves(context: Context) -> bool:
    support = _support(context)
    lazily = support.resolve_support if support is not None else None
    return lazily is not None and bool(support and support.data_support) and "edit" in lazily.properties


FEATURES = (
    Feature(types.TEXT_DOCUMENT_FORMATTING, format_document),
    Feature(types.TEXT_DOCUMENT_RANGE_FORMATTING, format_range),
    Feature(
        types.TEXT_DOCUMENT_ON_TYPE_FORMATTING, format_typed, types.DocumentOnTypeFormattingOptions(TYPED[0], TYPED[1:])
    ),
    Feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        code_actions,
        types.CodeActionOptions(list(KINDS), resolve_provider=True),
        Urgency.SOON,
    ),
    Feature(types.CODE_ACTION_RESOLVE, resolve),
)
