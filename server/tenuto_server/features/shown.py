"""The answer to a wish to see something."""

from __future__ import annotations

from msgspec import Struct


class Shown(Struct, frozen=True):
    """A whole text."""

    text: str


class NotShown(Struct, frozen=True):
    """Why there is nothing to show, in a sentence for the user."""

    reason: str
