"""Where things are: definitions, references and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping

from tenuto_server.features.definition import definition
from tests.features.memory import asked, shown
from tests.markdown import Output, Program


def _definition(program: Program) -> str:
    workspace, file, here = asked(program)
    found = definition(workspace, file, here.start)
    return shown(workspace, found.file, found.span) if found is not None else "nothing"


OUTPUTS: Mapping[str, Output] = {"definition": _definition}
