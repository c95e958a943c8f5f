"""What a client says of itself when it starts."""

from __future__ import annotations

from typing import NamedTuple

from lsprotocol import types

from tenuto_grammar.text import Encoding
from tenuto_server.protocol.uris import file_of


class Client(NamedTuple):
    """What a client can do, and how it counts; `capabilities` says the rest."""

    capabilities: types.ClientCapabilities
    encoding: Encoding
    pulls_diagnostics: bool
    gives_configuration: bool
    watches_files: bool
    refreshes: tuple[str, ...]  # The requests by which it can be told to ask anew.


NOBODY = Client(types.ClientCapabilities(), Encoding.UTF16, False, False, False, ())


def client_of(params: types.InitializeParams, encoding: str | types.PositionEncodingKind | None) -> Client:
    capabilities = params.capabilities
    document, workspace = capabilities.text_document, capabilities.workspace
    watched = workspace.did_change_watched_files if workspace is not None else None
    return Client(
        capabilities,
        _encoding(encoding),
        document is not None and document.diagnostic is not None,
        workspace is not None and bool(workspace.configuration),
        watched is not None and bool(watched.dynamic_registration),
        tuple(_refreshes(workspace)) if workspace is not None else (),
    )


def folders_of(params: types.InitializeParams) -> tuple[str, ...]:
    """The folders that the client works in."""
    if params.workspace_folders:
        return tuple(file_of(folder.uri) for folder in params.workspace_folders)
    if params.root_uri:
        return (file_of(params.root_uri),)
    return (params.root_path,) if params.root_path else ()


def _encoding(name: str | types.PositionEncodingKind | None) -> Encoding:
    value = name.value if isinstance(name, types.PositionEncodingKind) else name
    return Encoding(value) if value is not None else Encoding.UTF16


def _refreshes(workspace: types.WorkspaceClientCapabilities) -> list[str]:
    offered = {
        types.WORKSPACE_DIAGNOSTIC_REFRESH: workspace.diagnostics,
        types.WORKSPACE_INLAY_HINT_REFRESH: workspace.inlay_hint,
        types.WORKSPACE_CODE_LENS_REFRESH: workspace.code_lens,
        types.WORKSPACE_SEMANTIC_TOKENS_REFRESH: workspace.semantic_tokens,
    }
    return [method for method, says in offered.items() if says is not None and says.refresh_support]
