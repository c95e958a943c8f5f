"""What `tenuto build` makes of a deploy: one artifact, or one for each target that the deploy names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from tenuto.cli.table import table
from tenuto_analysis.database import Database
from tenuto_analysis.targets.analysis import targets_named
from tenuto_analysis.targets.profile import Profile, profile
from tenuto_backend.iree.targets import HOST
from tenuto_backend.legalise import next_command

USUAL = "onnx"


class Aim(NamedTuple):
    """An artifact to make: its form, the stem of its name, the target that it is for, and what machine code is for."""

    form: str
    stem: str
    target: Profile | None
    code: str = HOST


def aims(db: Database, file: str, deploy: str, form: str | None, said: Sequence[str] = ()) -> tuple[Aim, ...]:
    """Of a form, or of the one that each target takes first; `said` are targets of machine code."""
    if form == "vmfb":
        names = said or targets_named(db, file, deploy) or (HOST,)
        return tuple(
            Aim(form, f"{deploy}.{name}" if len(names) > 1 else deploy, profile(db, file, name), name) for name in names
        )
    named = [found for name in targets_named(db, file, deploy) if (found := profile(db, file, name)) is not None]
    if not named:
        return (Aim(form or USUAL, deploy, None),)
    several = len(named) > 1
    return tuple(
        Aim(form or target.artifacts[0], f"{deploy}.{target.name}" if several else deploy, target) for target in named
    )


def left_to_do(made: Iterable[tuple[Aim, str]]) -> Iterator[str]:
    """What comes next for each target whose compiler is its vendor's; `made` are artifacts and their files."""
    rows = []
    for aim, path in made:
        if aim.target is not None and aim.target.compiler == "vendor":
            command = next_command(aim.target, path) if aim.form == aim.target.artifacts[0] else None
            rows.append((aim.target.name, command or f"no public command takes {path}"))
    if rows:
        yield "no binary was made: the vendor's compiler comes next"
        yield from table(rows, right=())
