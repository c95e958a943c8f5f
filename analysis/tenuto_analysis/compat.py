"""What Python 3.11 lacks of later versions: `override`, which marks a method that replaces an inherited one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import override
else:

    def override(method):
        return method


__all__ = ["override"]
