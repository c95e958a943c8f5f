"""What is shown beside the words of a program."""

from __future__ import annotations

from tenuto_server.protocol.feature import Feature

FEATURES: tuple[Feature, ...] = ()
