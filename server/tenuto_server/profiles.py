"""The targets that a project describes in its settings."""

from __future__ import annotations

from collections.abc import Mapping

from tenuto_analysis.targets.profile import ProfileError, checked
from tenuto_server.settings import Settings, SettingsError


def targets_of(settings: Settings) -> Mapping[str, object]:
    """The profiles of a project, each held against what a profile may say; raises `SettingsError`."""
    try:
        checked(settings.targets)
    except ProfileError as error:
        raise SettingsError(f"{settings.path}: {error}") from error
    return settings.targets
