"""Replaces files so that nobody ever sees half of one."""

from __future__ import annotations

import os
import shutil


def replace_file(file: str, content: bytes) -> None:
    """Gives a file a new content at once, or makes it; its mode stays, and a link still leads to it. Raises OSError."""
    target = os.path.realpath(file)
    temporary = f"{target}.{os.getpid()}.new"
    try:
        with open(temporary, "xb") as opened:
            opened.write(content)
        if os.path.exists(target):
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    finally:
        if os.path.lexists(temporary):
            os.remove(temporary)
