"""What is shown beside the words of a program."""

from __future__ import annotations

from lsprotocol import types

from tenuto_analysis.insight import questions
from tenuto_server.features.hover import hover
from tenuto_server.features.inlay_hints import Hint, HintKind, inlay_hints
from tenuto_server.protocol.feature import Context, Feature, Page
from tenuto_server.reports import Edit
from tenuto_server.worker import Urgency


def hover_at(context: Context, params: types.HoverParams) -> types.Hover | None:
    page = context.page(params.text_document.uri)
    found = hover(context.workspace, page.file, page.offset(params.position))
    if found is None:
        return None
    content = types.MarkupContent(types.MarkupKind.Markdown, found.markdown)
    return types.Hover(content, page.range(found.span.start, found.span.end))


# ---------------------------------------------------------------------------------------------------------------- hints

_LONGEST_LABEL = 80
_TOOLTIPS = {
    HintKind.TYPE: "The type that was inferred.",
    HintKind.RESULT: "The result that the body tells.",
    HintKind.SIZE: "What the sizes were solved for.",
    HintKind.ARGUMENT: "What the argument is for.",
}


def hints(context: Context, params: types.InlayHintParams) -> list[types.InlayHint]:
    """The hints of a stretch, of those kinds that the user wants to see."""
    page = context.page(params.text_document.uri)
    wanted = context.preferences.inlay_hints
    shown = {
        HintKind.TYPE: wanted.types,
        HintKind.RESULT: wanted.results,
        HintKind.SIZE: wanted.sizes,
        HintKind.ARGUMENT: wanted.arguments,
    }
    found = inlay_hints(context.workspace, page.file, page.span(params.range))
    return [_hint(context, page, hint) for hint in found if shown[hint.kind]]


def _hint(context: Context, page: Page, hint: Hint) -> types.InlayHint:
    place = questions.place_of(context.workspace.database, hint.entity) if hint.entity is not None else None
    location = context.page_of(place.file).location(*place.span) if place is not None else None
    label = hint.label if len(hint.label) <= _LONGEST_LABEL else f"{hint.label[:_LONGEST_LABEL]}..."
    tooltip = _TOOLTIPS[hint.kind] if label == hint.label else f"{_TOOLTIPS[hint.kind]}\n\n`{hint.label.strip()}`"
    edits = None
    if hint.insert is not None:
        edits = [page.text_edit(Edit(hint.at, hint.at, hint.insert))]
        tooltip += "\n\nA double click writes it."
    return types.InlayHint(
        page.position(hint.at),
        [types.InlayHintLabelPart(label, location=location)],
        types.InlayHintKind.Parameter if hint.kind is HintKind.ARGUMENT else types.InlayHintKind.Type,
        text_edits=edits,
        tooltip=types.MarkupContent(types.MarkupKind.Markdown, tooltip),
    )


FEATURES = (
    Feature(types.TEXT_DOCUMENT_HOVER, hover_at),
    Feature(types.TEXT_DOCUMENT_INLAY_HINT, hints, types.InlayHintOptions(resolve_provider=False), Urgency.SOON),
)
