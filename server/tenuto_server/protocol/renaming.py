"""Giving names: what an editor asks before and for a rename, and what it tells of files that get other paths."""

from __future__ import annotations

from lsprotocol import types

from tenuto_server.features.file_moves import moved_files
from tenuto_server.features.linked import WORD, linked
from tenuto_server.features.meaning import Change
from tenuto_server.features.rename import Refusal, prepare_rename, rename
from tenuto_server.features.sources import sources
from tenuto_server.protocol.edits import workspace_edit
from tenuto_server.protocol.feature import Context, Feature, Refused
from tenuto_server.protocol.navigation import files_of
from tenuto_server.protocol.uris import file_of

# Files that imports or paths of data may name.
NAMED = "**/*.{ten,json,safetensors,npz,npy,gguf,onnx,pth,pt,bin}"
MOVES = types.FileOperationRegistrationOptions(
    [
        types.FileOperationFilter(
            types.FileOperationPattern(NAMED, types.FileOperationPatternKind.File), scheme="file"
        ),
        types.FileOperationFilter(
            types.FileOperationPattern("**", types.FileOperationPatternKind.Folder), scheme="file"
        ),
    ]
)

# What a client tells of such files when it was done, for those that watch no files.
MOVED = (types.WORKSPACE_DID_CREATE_FILES, types.WORKSPACE_DID_RENAME_FILES, types.WORKSPACE_DID_DELETE_FILES)


def prepare(context: Context, params: types.PrepareRenameParams) -> types.PrepareRenamePlaceholder:
    page = context.page(params.text_document.uri)
    found = prepare_rename(context.workspace, page.file, page.offset(params.position))
    if isinstance(found, Refusal):
        raise Refused(found.reason)
    return types.PrepareRenamePlaceholder(page.range(*found.span), found.name)


def rename_everywhere(context: Context, params: types.RenameParams) -> types.WorkspaceEdit:
    page = context.page(params.text_document.uri)
    files = files_of(context, page.file)
    found = rename(context.workspace, files, page.file, page.offset(params.position), params.new_name)
    if isinstance(found, Refusal):
        raise Refused(found.reason)
    if found.moves and not _renames_files(context):
        raise Refused("this editor does not rename files: rename the file of the module")
    return _workspace_edit(context, found, with_moves=True)


def will_rename_files(context: Context, params: types.RenameFilesParams) -> types.WorkspaceEdit:
    pairs = tuple((file_of(item.old_uri.rstrip("/")), file_of(item.new_uri.rstrip("/"))) for item in params.files)
    files = tuple(dict.fromkeys((*context.open_files, *sources(context.folders, context.settings))))
    return _workspace_edit(context, moved_files(context.workspace, files, pairs), with_moves=False)


def linked_ranges(context: Context, params: types.LinkedEditingRangeParams) -> types.LinkedEditingRanges | None:
    page = context.page(params.text_document.uri)
    found = linked(context.workspace, page.file, page.offset(params.position))
    return types.LinkedEditingRanges([page.range(*span) for span in found], WORD) if found else None


def _workspace_edit(context: Context, change: Change, with_moves: bool) -> types.WorkspaceEdit:
    """The change in the form that the client takes."""
    return workspace_edit(context, change.edits, change.moves if with_moves else ())


def _renames_files(context: Context) -> bool:
    workspace = context.client.capabilities.workspace
    takes = workspace.workspace_edit if workspace is not None else None
    kinds = takes.resource_operations if takes is not None and takes.document_changes else None
    return types.ResourceOperationKind.Rename in (kinds or ())


FEATURES = (
    Feature(types.TEXT_DOCUMENT_PREPARE_RENAME, prepare),
    Feature(types.TEXT_DOCUMENT_RENAME, rename_everywhere, types.RenameOptions(prepare_provider=True)),
    Feature(types.WORKSPACE_WILL_RENAME_FILES, will_rename_files, MOVES),
    Feature(types.TEXT_DOCUMENT_LINKED_EDITING_RANGE, linked_ranges),
)
