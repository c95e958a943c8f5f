"""How large and how small the numbers of a deploy's weights are: as its file holds them, or as they are drawn.

To read a file takes time and NumPy, so its extremes are an input of the database, which may be missing: the weights are
then as unknown as those that a normal distribution draws.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import inf, isfinite

from msgspec import Struct

from tenuto_analysis import modules
from tenuto_analysis.check import loading
from tenuto_analysis.check.initialisers import INITIALISERS
from tenuto_analysis.database import Database, input_fact
from tenuto_analysis.diagnostics.base import GraphProblem, Place
from tenuto_analysis.diagnostics.weights import FEW, NotFinite, WeightNotFinite
from tenuto_analysis.dims import Dim
from tenuto_analysis.graph import Graph, Initialiser
from tenuto_analysis.types import Float, Int, Value
from tenuto_analysis.weights import Checkpoint, Source, plan


class Extreme(Struct, frozen=True):
    """The least and the greatest number of a tensor of a file, which `nans` others are not; inf and -inf of none."""

    name: str
    low: float
    high: float
    nans: int = 0


@input_fact
def weight_extremes(db: Database, path: str) -> tuple[Extreme, ...] | None:
    """The extremes of the tensors of a file of weights, None where nobody has read it."""
    return None


def weight_ranges(db: Database, file: str, name: str, graph: Graph) -> dict[str, tuple[float, float]]:
    """The ends of the range of each weight of a deploy, by its path, before they are rounded to the weight's dtype.

    A weight of which nothing is known is left out, and one that is NaN somewhere.
    """
    setting = loading.setting_of(db, file, name)
    if not isinstance(setting, Checkpoint):
        drawn = ((weight.path, _drawn(weight.initialiser)) for weight in graph.entry.weights)
        return {path: ends for path, ends in drawn if ends is not None}
    _, sources, extremes = _stored(db, file, name, graph)
    found: dict[str, tuple[float, float]] = {}
    for path, source in sources.items():
        pieces = [extremes.get(piece.name) for piece in source.pieces]
        known = [piece for piece in pieces if piece is not None and not piece.nans]
        if len(known) == len(pieces):
            found[path] = (min(piece.low for piece in known), max(piece.high for piece in known))
    return {path: ends for path, ends in found.items() if ends[0] <= ends[1]}


def not_finite(db: Database, file: str, name: str, graph: Graph) -> Iterator[GraphProblem]:
    """That the file of a deploy holds weights that are NaN or infinite."""
    checkpoint, sources, extremes = _stored(db, file, name, graph)
    if checkpoint is None:
        return
    names = dict.fromkeys(piece.name for source in sources.values() for piece in source.pieces)
    found = [extremes[name] for name in names if name in extremes]
    wrong = [NotFinite(item.name, item.nans, inf in (-item.low, item.high)) for item in found if _is_wrong(item)]
    if wrong:
        place = Place(file, name, checkpoint.span)
        yield WeightNotFinite(checkpoint.span, checkpoint.file, tuple(wrong[:FEW]), len(wrong), place=place, calls=())


def _is_wrong(item: Extreme) -> bool:
    return item.nans > 0 or (item.low <= item.high and not (isfinite(item.low) and isfinite(item.high)))


def _stored(
    db: Database, file: str, name: str, graph: Graph
) -> tuple[Checkpoint | None, Mapping[str, Source], Mapping[str, Extreme]]:
    """The file of a deploy, what each weight is made of, the extremes of its tensors; nothing where one is missing."""
    named = loading.known_file(db, file, name)
    if named is None:
        return None, {}, {}
    checkpoint, header = named
    extremes = weight_extremes(db, modules.data_file(file, checkpoint.file))
    if extremes is None:
        return None, {}, {}
    wanted = [(weight.path, weight.value.type) for weight in graph.entry.weights]
    return checkpoint, plan(checkpoint, header, wanted)[0], {item.name: item for item in extremes}


# ---------------------------------------------------------------------------------------------------------------- drawn


def _drawn(initialiser: Initialiser | None) -> tuple[float, float] | None:
    """The ends of what an initialiser draws; a normal distribution has none, and it draws where none is named."""
    if initialiser is None:
        return None
    given = dict(zip(INITIALISERS[initialiser.name], initialiser.arguments, strict=False)) | dict(initialiser.named)
    numbers = {key: _number(value) for key, value in given.items()}
    match initialiser.name:
        case "zeros":
            return 0.0, 0.0
        case "ones":
            return 1.0, 1.0
        case "constant":
            value = numbers.get("value")
            return None if value is None else (value, value)
        case "uniform":
            low, high = numbers.get("low", 0.0), numbers.get("high", 1.0)
            if low is None or high is None:
                return None
            return (low, high) if isfinite(high - low) else (0.0, 0.0)
        case _:
            return None


def _number(value: Value) -> float | None:
    match value:
        case Int(value=Dim(constant=int() as number)):
            return number
        case Float(value=number):
            return number
        case _:
            return None
