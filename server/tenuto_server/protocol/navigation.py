"""Finding one's way: outlines, folding, and from one place to another."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lsprotocol import types

from tenuto_analysis.insight.entities import EntityKind
from tenuto_analysis.insight.questions import Place
from tenuto_grammar.text import Span
from tenuto_server.features.calls import Call, Caller, caller_at, incoming, outgoing
from tenuto_server.features.definition import declaration, definition
from tenuto_server.features.folding import FoldKind, folding
from tenuto_server.features.implementations import implementations
from tenuto_server.features.links import links
from tenuto_server.features.references import highlights, references
from tenuto_server.features.selection import selection
from tenuto_server.features.sources import sources
from tenuto_server.features.symbols import Symbol, document_symbols, workspace_symbols
from tenuto_server.features.type_definition import type_definition
from tenuto_server.protocol.feature import Context, Feature, Page
from tenuto_server.worker import Urgency
from tenuto_server.workspace import Workspace

KINDS = {
    EntityKind.TYPE: types.SymbolKind.Interface,
    EntityKind.RECORD: types.SymbolKind.Struct,
    EntityKind.CONST: types.SymbolKind.Constant,
    EntityKind.FN: types.SymbolKind.Function,
    EntityKind.MODEL: types.SymbolKind.Class,
    EntityKind.OP: types.SymbolKind.Operator,
    EntityKind.DEPLOY: types.SymbolKind.Module,
    EntityKind.FIELD: types.SymbolKind.Field,
    EntityKind.PARAMETER: types.SymbolKind.Variable,
    EntityKind.PART: types.SymbolKind.Object,
    EntityKind.WEIGHT: types.SymbolKind.Property,
}
FOLDS = {
    FoldKind.CODE: None,
    FoldKind.IMPORTS: types.FoldingRangeKind.Imports,
    FoldKind.COMMENT: types.FoldingRangeKind.Comment,
}


def files_of(context: Context, first: str) -> tuple[str, ...]:
    """A file, all others that are open, and those below the folders of the workspace."""
    return tuple(dict.fromkeys((first, *context.open_files, *sources(context.folders, context.settings))))


# ------------------------------------------------------------------------------------------------ from place to place


def _to_one(
    answer: Callable[[Workspace, str, int], Place | None],
) -> Callable[[Context, types.TextDocumentPositionParams], types.Location | None]:
    def handler(context: Context, params: types.TextDocumentPositionParams) -> types.Location | None:
        page = context.page(params.text_document.uri)
        place = answer(context.workspace, page.file, page.offset(params.position))
        return _location(context, place) if place is not None else None

    return handler


def go_to_type(context: Context, params: types.TypeDefinitionParams) -> list[types.Location]:
    page = context.page(params.text_document.uri)
    found = type_definition(context.workspace, page.file, page.offset(params.position))
    return [_location(context, place) for place in found]


def go_to_implementations(context: Context, params: types.ImplementationParams) -> list[types.Location]:
    page = context.page(params.text_document.uri)
    files = files_of(context, page.file)
    found = implementations(context.workspace, files, page.file, page.offset(params.position))
    return [_location(context, place) for place in found]


def find_references(context: Context, params: types.ReferenceParams) -> list[types.Location]:
    page = context.page(params.text_document.uri)
    with_definition = params.context.include_declaration
    files = files_of(context, page.file)
    found = references(context.workspace, files, page.file, page.offset(params.position), with_definition)
    return [_location(context, place) for place in found]


def document_highlights(context: Context, params: types.DocumentHighlightParams) -> list[types.DocumentHighlight]:
    page = context.page(params.text_document.uri)
    read, write = types.DocumentHighlightKind.Read, types.DocumentHighlightKind.Write
    return [
        types.DocumentHighlight(page.range(*item.span), write if item.writes else read)
        for item in highlights(context.workspace, page.file, page.offset(params.position))
    ]


def document_links(context: Context, params: types.DocumentLinkParams) -> list[types.DocumentLink]:
    page = context.page(params.text_document.uri)
    found = links(context.workspace, page.file)
    return [types.DocumentLink(page.range(*link.span), context.uri(link.target)) for link in found]


def _location(context: Context, place: Place) -> types.Location:
    return context.page_of(place.file).location(*place.span)


# -------------------------------------------------------------------------------------------------------------- calls


def prepare_calls(context: Context, params: types.CallHierarchyPrepareParams) -> list[types.CallHierarchyItem]:
    page = context.page(params.text_document.uri)
    caller = caller_at(context.workspace, page.file, page.offset(params.position))
    return [_call_item(context, caller)] if caller is not None else []


def incoming_calls(
    context: Context, params: types.CallHierarchyIncomingCallsParams
) -> list[types.CallHierarchyIncomingCall]:
    caller = _same_caller(context, params.item)
    if caller is None:
        return []
    found = incoming(context.workspace, files_of(context, caller.file), caller.file, caller.key)
    return [
        types.CallHierarchyIncomingCall(
            _call_item(context, call.other), _ranges(context.page_of(call.other.file), call)
        )
        for call in found
    ]


def outgoing_calls(
    context: Context, params: types.CallHierarchyOutgoingCallsParams
) -> list[types.CallHierarchyOutgoingCall]:
    caller = _same_caller(context, params.item)
    if caller is None:
        return []
    page = context.page_of(caller.file)
    found = outgoing(context.workspace, caller.file, caller.key)
    return [types.CallHierarchyOutgoingCall(_call_item(context, call.other), _ranges(page, call)) for call in found]


def _same_caller(context: Context, item: types.CallHierarchyItem) -> Caller | None:
    page = context.page(item.uri)
    return caller_at(context.workspace, page.file, page.offset(item.selection_range.start))


def _call_item(context: Context, caller: Caller) -> types.CallHierarchyItem:
    page = context.page_of(caller.file)
    return types.CallHierarchyItem(
        caller.name,
        KINDS[caller.kind],
        page.uri,
        page.range(*caller.span),
        page.range(*caller.name_span),
        detail=caller.kind.value,
    )


def _ranges(page: Page, call: Call) -> list[types.Range]:
    return [page.range(*span) for span in call.places]


# ------------------------------------------------------------------------------------------------------------- outlines


def outline(
    context: Context, params: types.DocumentSymbolParams
) -> list[types.DocumentSymbol] | list[types.SymbolInformation]:
    page = context.page(params.text_document.uri)
    found = document_symbols(context.workspace, page.file)
    document = context.client.capabilities.text_document
    symbols = document.document_symbol if document is not None else None
    if symbols is not None and symbols.hierarchical_document_symbol_support:
        return [_symbol(page, symbol) for symbol in found]
    return [
        types.SymbolInformation(page.location(*symbol.span), symbol.name, KINDS[symbol.kind], container_name=container)
        for symbol, container in _flat(found, None)
    ]


def _symbol(page: Page, symbol: Symbol) -> types.DocumentSymbol:
    return types.DocumentSymbol(
        symbol.name,
        KINDS[symbol.kind],
        page.range(*symbol.span),
        page.range(*symbol.name_span),
        symbol.detail,
        children=[_symbol(page, child) for child in symbol.children],
    )


def _flat(symbols: tuple[Symbol, ...], container: str | None) -> Iterator[tuple[Symbol, str | None]]:
    for symbol in symbols:
        yield symbol, container
        yield from _flat(symbol.children, symbol.name)


def search(context: Context, params: types.WorkspaceSymbolParams) -> list[types.WorkspaceSymbol]:
    files = tuple(dict.fromkeys((*context.open_files, *sources(context.folders, context.settings))))
    return [
        types.WorkspaceSymbol(
            _location(context, found.place), found.name, KINDS[found.kind], container_name=found.module
        )
        for found in workspace_symbols(context.workspace, files, params.query)
    ]


def folding_ranges(context: Context, params: types.FoldingRangeParams) -> list[types.FoldingRange]:
    page = context.page(params.text_document.uri)
    found = folding(context.workspace, page.file)
    return [types.FoldingRange(fold.first, fold.last, kind=FOLDS[fold.kind]) for fold in found]


def selection_ranges(context: Context, params: types.SelectionRangeParams) -> list[types.SelectionRange]:
    page = context.page(params.text_document.uri)
    places = (selection(context.workspace, page.file, page.offset(position)) for position in params.positions)
    return [_selection(page, spans) for spans in places]


def _selection(page: Page, spans: tuple[Span, ...]) -> types.SelectionRange:
    """The innermost, which knows what is round it."""
    found: types.SelectionRange | None = None
    for span in reversed(spans):
        found = types.SelectionRange(page.range(*span), found)
    assert found is not None, "the whole file is round every place"
    return found


FEATURES = (
    Feature(types.TEXT_DOCUMENT_DEFINITION, _to_one(definition)),
    Feature(types.TEXT_DOCUMENT_DECLARATION, _to_one(declaration)),
    Feature(types.TEXT_DOCUMENT_TYPE_DEFINITION, go_to_type),
    Feature(types.TEXT_DOCUMENT_IMPLEMENTATION, go_to_implementations),
    Feature(types.TEXT_DOCUMENT_REFERENCES, find_references),
    Feature(types.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT, document_highlights, urgency=Urgency.SOON),
    Feature(types.TEXT_DOCUMENT_DOCUMENT_LINK, document_links, urgency=Urgency.SOON),
    Feature(types.TEXT_DOCUMENT_PREPARE_CALL_HIERARCHY, prepare_calls),
    Feature(types.CALL_HIERARCHY_INCOMING_CALLS, incoming_calls),
    Feature(types.CALL_HIERARCHY_OUTGOING_CALLS, outgoing_calls),
    Feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL, outline, urgency=Urgency.SOON),
    Feature(types.WORKSPACE_SYMBOL, search),
    Feature(types.TEXT_DOCUMENT_FOLDING_RANGE, folding_ranges, urgency=Urgency.SOON),
    Feature(types.TEXT_DOCUMENT_SELECTION_RANGE, selection_ranges),
)
