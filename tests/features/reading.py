"""What is shown beside the words of a program, and what is offered while it is typed."""

from __future__ import annotations

from collections.abc import Mapping

from tenuto_server.features.hover import hover
from tests.features.memory import asked
from tests.markdown import Output, Program


def _hover(program: Program) -> str:
    workspace, file, here = asked(program)
    found = hover(workspace, file, here.start)
    if found is None:
        return "nothing"
    # Fences stand in a fence: their marks are written with `'`.
    text = found.markdown.replace("```tenuto\n", "'''\n").replace("```", "'''")
    return f"{workspace.text(file)[slice(*found.span)]}\n---\n{text}"


OUTPUTS: Mapping[str, Output] = {"hover": _hover}
