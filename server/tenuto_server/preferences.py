"""What the user of an editor may choose: the section `tenuto` of the client's settings.

The project's own settings (`tenuto.toml`) decide what is found; these only decide what is shown.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct


class InlayHints(Struct, frozen=True, rename="camel"):
    """Which hints stand between the words of a program."""

    types: bool = True
    results: bool = True
    sizes: bool = True
    arguments: bool = True
    casts: bool = True


class Preferences(Struct, frozen=True, rename="camel"):
    """All choices, as they are where the user has made none."""

    inlay_hints: InlayHints = InlayHints()
    code_lens: bool = True


def preferences(section: object) -> tuple[Preferences, str | None]:
    """The choices in the section, and what is wrong with it; a section that cannot be read chooses nothing."""
    if section is None:
        return Preferences(), None
    try:
        return msgspec.convert(section, Preferences), None
    except msgspec.ValidationError as error:
        return Preferences(), f"the settings `tenuto` of the editor cannot be read: {error}"
