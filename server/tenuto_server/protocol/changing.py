"""What changes a program: its layout, fixes, commands."""

from __future__ import annotations

from lsprotocol import types

from tenuto_server.features.formatting import formatting
from tenuto_server.protocol import showing
from tenuto_server.protocol.feature import Command, Context, Feature, Refused


def format_document(context: Context, params: types.DocumentFormattingParams) -> list[types.TextEdit]:
    page = context.page(params.text_document.uri)
    edit = formatting(page.text)
    return [page.text_edit(edit)] if edit is not None else []


COMMANDS: tuple[Command, ...] = showing.COMMANDS


def execute(context: Context, params: types.ExecuteCommandParams) -> object:
    for command in COMMANDS:
        if command.name == params.command:
            return command.handler(context, list(params.arguments or ()))
    raise Refused(f"there is no command `{params.command}`")


FEATURES = (
    Feature(types.TEXT_DOCUMENT_FORMATTING, format_document),
    Feature(types.WORKSPACE_EXECUTE_COMMAND, execute),
)
