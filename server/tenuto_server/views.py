"""Views of a program, made in a process of their own: what takes long, or much memory, neither stops nor ends a server.

The texts come from the server, so that what is shown is what the editor shows.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module

import msgspec

from tenuto.extras import needed
from tenuto_server.features.shown import NotShown, Shown, Wanted
from tenuto_server.profiles import targets_of
from tenuto_server.settings import Settings, SettingsError, SettingsFinder
from tenuto_server.texts import Decoded
from tenuto_server.workspace import Workspace

# The module and the function that makes a view; what they load is in an extra.
VIEWS: Mapping[str, tuple[str, str]] = {
    "graph": ("tenuto_server.features.graph_page", "graph_page"),
    "lowered": ("tenuto_server.features.lowered", "lowered"),
}


def main() -> None:
    """Reads what is wanted from standard input, and writes the answer."""
    answer = show(msgspec.json.decode(sys.stdin.buffer.read(), type=Wanted))
    sys.stdout.buffer.write(msgspec.json.encode(answer))


def show(wanted: Wanted) -> Shown | NotShown:
    """The view, made from the texts that are given and nothing else."""
    texts = wanted.files
    settings = _settings()
    workspace = Workspace(
        lambda file: Decoded(texts[file], None) if file in texts else None,
        lambda file: settings(file).root,
        targets=lambda file: settings(file).targets,
    )
    module, function = VIEWS[wanted.view]
    try:
        view: Callable[[Workspace, Wanted], Shown | NotShown] = getattr(import_module(module), function)
    except ModuleNotFoundError as error:
        reason = needed(error)
        if reason is None:
            raise
        return NotShown(reason)
    for file in texts:
        workspace.load(file)
    return view(workspace, wanted)


def _settings() -> Callable[[str], Settings]:
    finder = SettingsFinder()

    def settings(file: str) -> Settings:
        """The settings of a file; the server has told of a mistake in them."""
        try:
            found = finder.of(file)
            targets_of(found)
        except SettingsError:
            return Settings("")
        return found

    return settings
