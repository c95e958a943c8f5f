"""One thing that an editor may offer to do, in plain data."""

from __future__ import annotations

from typing import NamedTuple

from tenuto_server.reports import Edit, Report

# Kinds, as the protocol spells them: a kind contains those that begin with it and a dot.
QUICK_FIX = "quickfix"
EXTRACT = "refactor.extract"
INLINE = "refactor.inline"
REWRITE = "refactor.rewrite"
ORGANIZE = "source.organizeImports"
FIX_ALL = "source.fixAll.tenuto"


class Action(NamedTuple):
    """`edits` are in the file that was asked about. `mends` are the findings that it takes away.

    `preferred` where it cannot miss what was meant; `disabled` says why it cannot be done.
    """

    title: str
    kind: str
    edits: tuple[Edit, ...]
    mends: tuple[Report, ...] = ()
    preferred: bool = False
    disabled: str | None = None


def impossible(title: str, kind: str, why: str) -> Action:
    return Action(title, kind, (), disabled=why)
