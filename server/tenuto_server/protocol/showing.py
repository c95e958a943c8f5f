"""Commands that answer with a text to be shown: what a deploy becomes.

What makes it is loaded when it is asked for, because it needs packages that a server may lack.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from lsprotocol import types

from tenuto.extras import needed
from tenuto_server.features.shown import NotShown, Shown
from tenuto_server.protocol.feature import Command, Context, Refused
from tenuto_server.protocol.uris import file_of


def show_graph(context: Context, arguments: list[Any]) -> str:
    """`[URI, DEPLOY]`: the graph of a deploy, as an HTML page."""
    match arguments:
        case [str(uri), str(deploy)]:
            return _text(_loaded("graph_page").graph_page(context.workspace, file_of(uri), deploy))
        case _:
            raise Refused("`tenuto.showGraph` takes the URI of a file and the name of a deploy")


def show_lowered(context: Context, arguments: list[Any]) -> str:
    """`[URI, POSITION]`: what the definition at a place becomes, as ONNX's own text."""
    match arguments:
        case [str(uri), {"line": int(line), "character": int(character)}] if line >= 0 and character >= 0:
            page = context.page(uri)
            offset = page.offset(types.Position(line, character))
            return _text(_loaded("lowered").lowered(context.workspace, page.file, offset))
        case _:
            raise Refused("`tenuto.showLowered` takes the URI of a file and a position in it")


def _loaded(feature: str) -> Any:
    try:
        return import_module(f"tenuto_server.features.{feature}")
    except ModuleNotFoundError as error:
        told = needed(error)
        if told is None:
            raise
        raise Refused(told) from error


def _text(answer: Shown | NotShown) -> str:
    match answer:
        case Shown(text=text):
            return text
        case NotShown(reason=reason):
            raise Refused(reason)


COMMANDS = (Command("tenuto.showGraph", show_graph), Command("tenuto.showLowered", show_lowered))
