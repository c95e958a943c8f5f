"""`tenuto check --watch`: checks again whenever a source or a settings file changes; only what changed is analysed."""

from __future__ import annotations

import os
import sys

from watchfiles import Change
from watchfiles import watch as changes_below

from tenuto.cli.check import Options, check_once
from tenuto.cli.misuse import Misuse
from tenuto.cli.run import Checker
from tenuto.cli.sources import find_sources
from tenuto_server.files import SUFFIX
from tenuto_server.settings import SettingsError

_WAIT_MS = 100
SETTINGS_FILES = ("tenuto.toml", "pyproject.toml")


def watch(checker: Checker, options: Options) -> int:
    """Runs until it is interrupted."""
    folders = {checker.settings.of(source.file).root for source in find_sources(options.paths, checker.settings)}
    folders |= {os.path.abspath(path) for path in options.paths if os.path.isdir(path)}
    watching = changes_below(*folders, watch_filter=_matters, rust_timeout=_WAIT_MS, yield_on_timeout=True)
    next(watching)  # It listens from here on: no change during the first check is lost.
    check_once(checker, options)
    for changes in watching:
        if not changes:
            continue
        for _, path in changes:
            if os.path.basename(path) in SETTINGS_FILES:
                checker.forget_settings()
            else:
                checker.reread(path)
        print("", file=sys.stderr)
        try:
            check_once(checker, options)
        except (Misuse, SettingsError) as error:
            print(f"tenuto: {error}", file=sys.stderr)
    return 0


def _matters(change: Change, path: str) -> bool:
    return path.endswith(SUFFIX) or os.path.basename(path) in SETTINGS_FILES
