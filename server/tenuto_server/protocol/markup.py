"""Text in the form that a client can show."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lsprotocol import types

_FENCE = re.compile(r"^```\w*\n", re.MULTILINE)


def markup(formats: Sequence[types.MarkupKind] | None, markdown: str) -> types.MarkupContent:
    """Markdown, or without its marks where the client says that it shows other forms alone."""
    if formats is None or types.MarkupKind.Markdown in formats:
        return types.MarkupContent(types.MarkupKind.Markdown, markdown)
    plain = _FENCE.sub("", f"{markdown}\n").replace("`", "").rstrip("\n")
    return types.MarkupContent(types.MarkupKind.PlainText, plain)
