"""From a text and what it shall be to edits that touch little, so that an editor keeps cursors and folds."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from tenuto_server.reports import Edit

_LINE = re.compile(r"[^\n]*\n|[^\n]+")


def minimal(old: str, new: str, offset: int = 0) -> tuple[Edit, ...]:
    """Edits that make `new` of `old`, line by line and without what lines have in common; `old` begins at `offset`."""
    before, after = _LINE.findall(old), _LINE.findall(new)
    same = _common_start(before, after)
    end = _common_start(before[same:][::-1], after[same:][::-1])
    matcher = SequenceMatcher(None, before[same : len(before) - end], after[same : len(after) - end], autojunk=False)
    starts = [offset]
    for line in before:
        starts.append(starts[-1] + len(line))
    found: list[Edit] = []
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag != "equal":
            pairs = [(i, j, k, m)] if j - i != m - k else [(i + n, i + n + 1, k + n, k + n + 1) for n in range(j - i)]
            found += (
                _trimmed("".join(before[same + a : same + b]), "".join(after[same + c : same + d]), starts[same + a])
                for a, b, c, d in pairs
            )
    return tuple(found)


def _trimmed(old: str, new: str, start: int) -> Edit:
    """The replacement of a text that begins at `start`, without what is the same at both ends."""
    same = _common_start(old, new)
    end = _common_start(old[same:][::-1], new[same:][::-1])
    return Edit(start + same, start + len(old) - end, new[same : len(new) - end])


def _common_start(left: str | list[str], right: str | list[str]) -> int:
    """How much two texts, or two lists of lines, begin with alike."""
    pairs = enumerate(zip(left, right, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(left), len(right)))
