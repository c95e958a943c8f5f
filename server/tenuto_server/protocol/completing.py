"""What is offered while a program is typed: completion, and what a call takes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from lsprotocol import types

from tenuto_analysis.insight.entities import Entity, EntityKind
from tenuto_server.features.completion import completions, explanation
from tenuto_server.features.import_edits import import_edit
from tenuto_server.features.offers import CALLED, Offer
from tenuto_server.features.signature_help import signature_help
from tenuto_server.features.sources import sources
from tenuto_server.protocol.feature import Context, Feature, Page
from tenuto_server.protocol.markup import markup

KINDS = {
    EntityKind.MODULE: types.CompletionItemKind.Module,
    EntityKind.FN: types.CompletionItemKind.Function,
    EntityKind.MODEL: types.CompletionItemKind.Class,
    EntityKind.OP: types.CompletionItemKind.Function,
    EntityKind.RECORD: types.CompletionItemKind.Struct,
    EntityKind.TYPE: types.CompletionItemKind.Interface,
    EntityKind.CONST: types.CompletionItemKind.Constant,
    EntityKind.DEPLOY: types.CompletionItemKind.Module,
    EntityKind.FIELD: types.CompletionItemKind.Field,
    EntityKind.GENERIC: types.CompletionItemKind.TypeParameter,
    EntityKind.PARAMETER: types.CompletionItemKind.Variable,
    EntityKind.SIZE: types.CompletionItemKind.TypeParameter,
    EntityKind.LOCAL: types.CompletionItemKind.Variable,
    EntityKind.VARIABLE: types.CompletionItemKind.Variable,
    EntityKind.PART: types.CompletionItemKind.Property,
    EntityKind.WEIGHT: types.CompletionItemKind.Property,
    EntityKind.INDEX: types.CompletionItemKind.Variable,
    EntityKind.AXIS: types.CompletionItemKind.Variable,
    EntityKind.DTYPE: types.CompletionItemKind.Keyword,
    EntityKind.BUILTIN: types.CompletionItemKind.Function,
    EntityKind.POLICY: types.CompletionItemKind.EnumMember,
    EntityKind.TARGET: types.CompletionItemKind.EnumMember,
    EntityKind.SETTING: types.CompletionItemKind.Property,
}
TRIGGERS = [".", "[", "(", "{", '"', "/", "|", ">"]
_LOOK_AGAIN = 5.0  # seconds after which folders are looked into again
_MOST_FILES = 500  # Files of a workspace whose names are offered.


class Completer:
    """Completes, and remembers for a while which files there are: to look into every folder at each key is too much."""

    def __init__(self) -> None:
        self._files: tuple[str, ...] = ()
        self._folders: tuple[str, ...] = ()
        self._looked = 0.0

    def features(self) -> tuple[Feature, ...]:
        options = types.CompletionOptions(trigger_characters=TRIGGERS, resolve_provider=True)
        return (Feature(types.TEXT_DOCUMENT_COMPLETION, self._completion, options),)

    def _completion(self, context: Context, params: types.CompletionParams) -> types.CompletionList:
        page = context.page(params.text_document.uri)
        found = completions(context.workspace, page.file, page.offset(params.position), self._sources(context))
        if found is None:
            return types.CompletionList(is_incomplete=False, items=[])
        place = page.range(found.span.start, found.span.end)
        takes = _takes(context)
        typed = page.text[found.span.start : page.offset(params.position)].casefold()
        offers = [offer for offer in found.offers if _matches(offer.label.casefold(), typed)]
        offers.sort(key=lambda offer: not offer.label.casefold().startswith(typed))
        items = [_item(context, page, takes, place, rank, offer) for rank, offer in enumerate(offers)]
        defaults = types.CompletionItemDefaults(edit_range=place) if takes.common_range else None
        return types.CompletionList(is_incomplete=False, items=items, item_defaults=defaults)

    def _sources(self, context: Context) -> tuple[str, ...]:
        """The files whose names can be imported, loaded."""
        now = time.monotonic()
        if context.folders != self._folders or now - self._looked > _LOOK_AGAIN:
            self._files = sources(context.folders, context.settings)[:_MOST_FILES]
            self._folders, self._looked = context.folders, now
        for file in self._files:
            context.workspace.load(file)
        return self._files


def _matches(label: str, typed: str) -> bool:
    """Whether the letters that were typed stand in a label in their order: no client shows any other."""
    rest = iter(label)
    return all(letter in rest for letter in typed)


class Takes(NamedTuple):
    """What the client can do with an item."""

    snippets: bool
    common_range: bool  # One place for all items, told once.


def _takes(context: Context) -> Takes:
    document = context.client.capabilities.text_document
    completion = document.completion if document is not None else None
    item = completion.completion_item if completion is not None else None
    listed = completion.completion_list if completion is not None else None
    return Takes(
        item is not None and bool(item.snippet_support),
        listed is not None and "editRange" in (listed.item_defaults or ()),
    )


def _item(
    context: Context, page: Page, takes: Takes, place: types.Range, rank: int, offer: Offer
) -> types.CompletionItem:
    entity = offer.entity
    snippet = offer.snippet if takes.snippets else ""
    text = snippet or offer.text
    edits = None
    if offer.origin:
        edit = import_edit(context.workspace.database, page.file, offer.origin, offer.label)
        edits = [page.text_edit(edit)]
    return types.CompletionItem(
        offer.label,
        kind=KINDS[entity.kind] if entity is not None else types.CompletionItemKind.Keyword,
        detail=offer.detail or None,
        preselect=True if rank == 0 and offer.fit == 0 else None,
        sort_text=f"{rank:04}",
        insert_text_format=types.InsertTextFormat.Snippet if snippet else None,
        text_edit=None if takes.common_range else types.TextEdit(place, text),
        text_edit_text=text if takes.common_range and text != offer.label else None,
        additional_text_edits=edits,
        commit_characters=["("] if entity is not None and entity.kind in CALLED and not snippet else None,
        data=[entity.kind.value, entity.name, entity.file, entity.key] if entity is not None else None,
    )


def resolve(context: Context, item: types.CompletionItem) -> types.CompletionItem:
    """Adds what is said of an item: its declaration and its documentation."""
    entity = _entity(item.data)
    if entity is not None:
        detail, words = explanation(context.workspace, entity)
        item.detail = item.detail or detail or None
        item.documentation = markup(_item_formats(context), words) if words else None
    return item


def _item_formats(context: Context) -> Sequence[types.MarkupKind] | None:
    document = context.client.capabilities.text_document
    item = document.completion.completion_item if document is not None and document.completion is not None else None
    return item.documentation_format if item is not None else None


def _entity(data: object) -> Entity | None:
    """The entity of an item that came back; the client may send anything."""
    try:
        kind, name, file, key = msgspec.convert(data, tuple[str, str, str, str])
        return Entity(EntityKind(kind), name, file, key)
    except (msgspec.ValidationError, ValueError):
        return None


def signatures(context: Context, params: types.SignatureHelpParams) -> types.SignatureHelp | None:
    page = context.page(params.text_document.uri)
    found = signature_help(context.workspace, page.file, page.offset(params.position))
    if found is None:
        return None
    told = _signature_capabilities(context)
    parameter = told.parameter_information if told is not None else None
    # A parameter is found by its place in the label, where the client can: its text may stand there twice.
    offsets = parameter is not None and bool(parameter.label_offset_support)
    parameters = [
        types.ParameterInformation((start, end) if offsets else found.label[start:end])
        for start, end in found.parameters
    ]
    formats = told.documentation_format if told is not None else None
    words = markup(formats, found.documentation) if found.documentation else None
    # A place behind the last parameter marks none.
    active = found.active if found.active is not None else len(parameters)
    return types.SignatureHelp([types.SignatureInformation(found.label, words, parameters, active)], 0, active)


def _signature_capabilities(context: Context) -> types.ClientSignatureInformationOptions | None:
    document = context.client.capabilities.text_document
    help_ = document.signature_help if document is not None else None
    return help_.signature_information if help_ is not None else None


FEATURES = (
    Feature(types.COMPLETION_ITEM_RESOLVE, resolve),
    Feature(
        types.TEXT_DOCUMENT_SIGNATURE_HELP,
        signatures,
        types.SignatureHelpOptions(trigger_characters=["(", "[", ","], retrigger_characters=["=", ")"]),
    ),
)
