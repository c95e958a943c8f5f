"""Finding one's way: outlines, folding, and from one place to another."""

from __future__ import annotations

from lsprotocol import types

from tenuto_server.features.outline import outline
from tenuto_server.protocol.feature import Context, Feature
from tenuto_server.worker import Urgency

KINDS = {
    "type": types.SymbolKind.Interface,
    "record": types.SymbolKind.Struct,
    "const": types.SymbolKind.Constant,
    "fn": types.SymbolKind.Function,
    "model": types.SymbolKind.Class,
    "op": types.SymbolKind.Operator,
    "deploy": types.SymbolKind.Module,
}


def document_symbols(context: Context, params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
    page = context.page(params.text_document.uri)
    return [
        types.DocumentSymbol(
            found.name,
            KINDS[found.keyword],
            page.range(found.start, found.end),
            page.range(found.name_start, found.name_end),
            found.keyword,
        )
        for found in outline(context.workspace, page.file)
    ]


def folding_ranges(context: Context, params: types.FoldingRangeParams) -> list[types.FoldingRange]:
    page = context.page(params.text_document.uri)
    lines = ((page.lines.line(it.start), page.lines.line(it.end)) for it in outline(context.workspace, page.file))
    return [types.FoldingRange(first, last) for first, last in lines if last > first]


FEATURES = (
    Feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL, document_symbols, urgency=Urgency.SOON),
    Feature(types.TEXT_DOCUMENT_FOLDING_RANGE, folding_ranges, urgency=Urgency.SOON),
)
