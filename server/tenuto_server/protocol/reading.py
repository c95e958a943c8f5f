"""What is shown beside the words of a program."""

from __future__ import annotations

from lsprotocol import types

from tenuto_server.features.hover import hover
from tenuto_server.protocol.feature import Context, Feature


def hover_at(context: Context, params: types.HoverParams) -> types.Hover | None:
    page = context.page(params.text_document.uri)
    found = hover(context.workspace, page.file, page.offset(params.position))
    if found is None:
        return None
    content = types.MarkupContent(types.MarkupKind.Markdown, found.markdown)
    return types.Hover(content, page.range(found.span.start, found.span.end))


FEATURES = (Feature(types.TEXT_DOCUMENT_HOVER, hover_at),)
