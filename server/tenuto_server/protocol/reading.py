"""What is shown beside the words of a program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lsprotocol import types

from tenuto_analysis.insight import questions
from tenuto_server.features.code_lens import lenses, told
from tenuto_server.features.hover import hover
from tenuto_server.features.inlay_hints import Hint, HintKind, inlay_hints
from tenuto_server.protocol.feature import Context, Feature, Page
from tenuto_server.protocol.markup import markup
from tenuto_server.protocol.uris import file_of
from tenuto_server.reports import Edit
from tenuto_server.worker import Urgency


def hover_at(context: Context, params: types.HoverParams) -> types.Hover | None:
    page = context.page(params.text_document.uri)
    found = hover(context.workspace, page.file, page.offset(params.position))
    if found is None:
        return None
    document = context.client.capabilities.text_document
    formats = document.hover.content_format if document is not None and document.hover is not None else None
    return types.Hover(markup(formats, found.markdown), page.range(found.span.start, found.span.end))


# ---------------------------------------------------------------------------------------------------------------- hints

_LONGEST_LABEL = 80
_TOOLTIPS = {
    HintKind.TYPE: "The type that was inferred.",
    HintKind.RESULT: "The result that the body tells.",
    HintKind.SIZE: "What the sizes were solved for.",
    HintKind.ARGUMENT: "What the argument is for.",
    HintKind.CAST: "The dtype in which the policy reads it.",
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
        HintKind.CAST: wanted.casts,
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


# --------------------------------------------------------------------------------------------------------------- lenses

_NOTHING = ""  # The command of a lens that only tells.
_DEPLOY_COMMANDS = {"tenuto.build": "Build", "tenuto.run": "Run", "tenuto.showGraph": "Graph"}


def lenses_of(context: Context, params: types.CodeLensParams) -> list[types.CodeLens]:
    """What stands above models and deploys; the words come when a lens is seen."""
    if not context.preferences.code_lens:
        return []
    page = context.page(params.text_document.uri)
    found: list[types.CodeLens] = []
    for lens in lenses(context.workspace, page.file):
        place = page.range(lens.span.start, lens.span.end)
        found.append(types.CodeLens(place, data=[page.uri, lens.name]))
        if lens.is_deploy:
            found += (
                types.CodeLens(place, types.Command(title, command, arguments=[page.uri, lens.name]))
                for command, title in _DEPLOY_COMMANDS.items()
                if command in _known_commands(context)
            )
    return found


def _known_commands(context: Context) -> frozenset[str]:
    """What the server answers, and what the client says that it does itself: to run something is its affair."""
    experimental = context.client.capabilities.experimental
    own = experimental.get("commands") if isinstance(experimental, Mapping) else None
    told = own if isinstance(own, Sequence) else ()
    return frozenset({"tenuto.showGraph", *(name for name in told if isinstance(name, str))})


def lens_resolved(context: Context, lens: types.CodeLens) -> types.CodeLens:
    """Adds the words."""
    match lens.data:
        case [str(uri), str(name)]:
            words = told(context.workspace, file_of(uri), name)
        case _:
            words = None
    lens.command = types.Command(words or "nothing is known", _NOTHING)
    return lens


FEATURES = (
    Feature(types.TEXT_DOCUMENT_HOVER, hover_at),
    Feature(types.TEXT_DOCUMENT_INLAY_HINT, hints, types.InlayHintOptions(resolve_provider=False), Urgency.SOON),
    Feature(types.TEXT_DOCUMENT_CODE_LENS, lenses_of, types.CodeLensOptions(resolve_provider=True), Urgency.SOON),
    Feature(types.CODE_LENS_RESOLVE, lens_resolved, urgency=Urgency.SOON),
)
