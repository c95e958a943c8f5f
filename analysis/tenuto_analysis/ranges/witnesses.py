"""Who runs a deploy to see whether a hazard is met: NumPy is no part of the analysis, so that nobody may be there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from tenuto_analysis.database import Database, input_fact
from tenuto_analysis.diagnostics.base import Place
from tenuto_analysis.graph import Graph
from tenuto_analysis.ranges.values import Hazard, Kind


class Suspect(Struct, frozen=True):
    """An operator at which numbers may go wrong, and the calls that lead there; `is_cast` where it is a cast."""

    place: Place
    calls: tuple[Place, ...]
    is_cast: bool


Confirm = Callable[[Sequence[Suspect]], Mapping[Suspect, str]]
"""Gives inputs, in words, for those of the suspects that a run on them met."""

Runner = Callable[[Graph, Sequence[Suspect], int], Mapping[Suspect, str]]
"""The same for any graph, whose weights are drawn from a seed."""


def nobody(suspects: Sequence[Suspect]) -> Mapping[Suspect, str]:
    return {}


def suspect_of(hazard: Hazard) -> Suspect:
    return Suspect(hazard.place, hazard.calls, hazard.kind in (Kind.CAST_OUT_OF_RANGE, Kind.SATURATION))


@input_fact
def runner(db: Database, name: str) -> Runner | None:
    """Who runs graphs, None where nobody can. There is one, whose name is empty."""
    return None
