"""Edits of files as the client takes them: with the versions of its documents where it knows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lsprotocol import types

from tenuto_server.protocol.feature import Context
from tenuto_server.reports import Edit


def workspace_edit(
    context: Context, edits: Mapping[str, Iterable[Edit]], moves: Iterable[tuple[str, str]] = ()
) -> types.WorkspaceEdit:
    """Edits of files by path, then files that get another path; to a client that knows no versions edits alone."""
    written = {file: [context.page_of(file).text_edit(edit) for edit in found] for file, found in edits.items()}
    workspace = context.client.capabilities.workspace
    takes = workspace.workspace_edit if workspace is not None else None
    if takes is None or not takes.document_changes:
        return types.WorkspaceEdit(changes={context.uri(file): found for file, found in written.items()})
    documents = [
        types.TextDocumentEdit(
            types.OptionalVersionedTextDocumentIdentifier(context.uri(file), context.version(file)), [*found]
        )
        for file, found in written.items()
    ]
    renames = [types.RenameFile(context.uri(old), context.uri(new)) for old, new in moves]
    return types.WorkspaceEdit(document_changes=[*documents, *renames])
