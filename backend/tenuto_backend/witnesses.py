"""Inputs that really make a deploy go wrong: its graph is run on arrays at the ends of what the inputs declare.

The ranges of a deploy say where numbers may go wrong; a run on such an input proves it. What is large is not run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice, product
from math import prod

import numpy as np

from tenuto_analysis.dims import Dim, Leaf, evaluate, holds
from tenuto_analysis.graph import Call, Graph, Node, Ssa, operands_of, walk
from tenuto_analysis.ranges.sizes import Extent, extents
from tenuto_analysis.ranges.witnesses import Suspect
from tenuto_backend.evaluate import run
from tenuto_backend.reference.dtypes import BOOL, DTYPES, FLOATING, DType
from tenuto_backend.reference.values import Array
from tenuto_backend.weights.materialise import draw

MOST_NUMBERS = 400_000
"""What the values and the weights of a graph may come to, at the sizes that are tried."""
MOST_RUNS = 128
SHOWN = 6
_SHARED = 7  # the patterns that are the same for every input
_APART = 0.004  # of two inputs that are nearly alike, relatively
_OPEN = 4  # what a size without an upper end is tried at


def confirmed(graph: Graph, suspects: Sequence[Suspect], seed: int) -> dict[Suspect, str]:
    """The suspects that a run meets, each with the inputs in words."""
    found: dict[Suspect, str] = {}
    weights: dict[str, Array] | None = None
    for sizes in sizes_tried(graph):
        if _numbers(graph, sizes) > MOST_NUMBERS:
            continue
        if weights is None:
            entry = graph.entry
            weights = {item.path: draw(seed, item.path, item.initialiser, item.value.type) for item in entry.weights}
        for inputs in islice(inputs_tried(graph, sizes), MOST_RUNS):
            met = _met(graph, inputs, weights, [suspect for suspect in suspects if suspect not in found])
            found.update(dict.fromkeys(met, _told(graph, inputs)))
            if len(found) == len(suspects):
                return found
    return found


def sizes_tried(graph: Graph) -> Iterator[dict[Leaf, int]]:
    """The least sizes of at least 1, then the greatest."""
    known = extents(graph.bounds)
    seen: list[dict[Leaf, int]] = []
    for largest in (False, True):
        chosen = {}
        for leaf in graph.entry.symbols:
            extent = known.get(leaf, Extent(1, None))
            low = max(extent.low, 1)
            chosen[leaf] = (extent.high or max(low, _OPEN)) if largest else low
        if chosen not in seen and all(holds(bound, chosen) is not False for bound in graph.bounds):
            seen.append(chosen)
            yield chosen


def inputs_tried(graph: Graph, sizes: Mapping[Leaf, int]) -> Iterator[list[Array]]:
    """Inputs of a graph inside of their ranges: all of one pattern first, then mixed patterns, then at random."""
    patterns = [[*_patterns(ssa, sizes, place)] for place, ssa in enumerate(graph.entry.inputs)]
    yield from ([*row] for row in zip(*patterns, strict=False))
    # What is nearly alike cancels.
    alike = [[*_patterns(ssa, sizes, 0, 1 - _APART * place)] for place, ssa in enumerate(graph.entry.inputs)]
    yield from ([*row] for row in islice(zip(*alike, strict=False), _SHARED, None))
    yield from ([*row] for row in islice(product(*(item[:6] for item in patterns)), MOST_RUNS // 2))
    chance = np.random.default_rng(0)
    while patterns:
        yield [item[int(chance.integers(len(item)))] for item in patterns]


def _met(
    graph: Graph, inputs: Sequence[Array], weights: Mapping[str, Array], suspects: Sequence[Suspect]
) -> list[Suspect]:
    """The suspects at whose operators numbers go wrong that were right before."""
    values: dict[int, Array] = {}
    wanted = {(suspect.place, suspect.calls): suspect for suspect in suspects}
    met: dict[Suspect, None] = {}

    def watch(calls: tuple[Call, ...], node: Node | None, ssa: Ssa, array: Array) -> None:
        values[id(ssa)] = array
        suspect = wanted.get((node.origin, tuple(call.origin for call in calls))) if node is not None else None
        if node is not None and suspect is not None and array.dtype != BOOL:
            given = [values[id(operand)] for operand in operands_of(node) if id(operand) in values]
            if _goes_wrong([item for item in given if item.dtype != BOOL], array, suspect.is_cast):
                met[suspect] = None

    results = run(graph, inputs, weights, watch)
    finite = all(bool(np.isfinite(item.astype(np.float64)).all()) for item in results if item.dtype != BOOL)
    return [suspect for suspect in met if suspect.is_cast or not finite]


def _goes_wrong(given: Sequence[Array], array: Array, is_cast: bool) -> bool:
    found, before = array.astype(np.float64), [item.astype(np.float64) for item in given]
    if array.dtype not in FLOATING:
        return is_cast and any(item.shape == found.shape and bool((np.trunc(item) != found).any()) for item in before)
    if np.isfinite(found).all():
        return False
    if np.isnan(found).any() and not any(np.isnan(item).any() for item in before):
        return True
    return all(bool(np.isfinite(item).all()) for item in before)


def _numbers(graph: Graph, sizes: Mapping[Leaf, int]) -> int:
    """How many numbers the weights and the values of a graph are, sizes that are not known taken for 1."""
    values = [item.value for item in graph.entry.weights]
    values += (result for function in graph.functions for node in walk(function.body) for result in node.results)
    return sum(prod(_shape(ssa, sizes)) for ssa in values)


def _shape(ssa: Ssa, sizes: Mapping[Leaf, int]) -> tuple[int, ...]:
    found = (evaluate(item, sizes) if isinstance(item, Dim) else None for item in ssa.type.shape)
    return tuple(1 if size is None else size for size in found)


# --------------------------------------------------------------------------------------------------------------- inputs


def _patterns(ssa: Ssa, sizes: Mapping[Leaf, int], place: int, factor: float = 1.0) -> Iterator[Array]:
    shape, dtype = _shape(ssa, sizes), DTYPES[str(ssa.type.dtype)]
    low, high = _ends(ssa, sizes, dtype)
    source = np.random.default_rng(place)
    at = np.arange(prod(shape))
    spread = high - low
    patterns: tuple[Callable[[], Array], ...] = (
        lambda: np.full(at.size, low),
        lambda: np.full(at.size, high),
        lambda: np.full(at.size, min(max(0.0, low), high)),
        lambda: np.where(at == 0, high, low),
        lambda: np.where(at % 2 == 0, high, low),
        lambda: np.where(at == at.size - 1, low, high),
        lambda: np.where(at % 3 == 0, low, high),
        *(lambda: np.full(at.size, low + spread * source.random()) for _ in range(24)),
        *(lambda: low + spread * source.random(at.size) for _ in range(8)),
        *(lambda: low + spread * source.random() * (1 + 1e-3 * source.random(at.size)) / 1.001 for _ in range(8)),
    )
    for pattern in patterns:
        yield _typed(pattern() * factor, dtype, low, high).reshape(shape)


def _typed(numbers: Array, dtype: DType, low: float, high: float) -> Array:
    if dtype == BOOL:
        return np.asarray(numbers > 0.5)
    held = np.clip(numbers, low, high)
    return np.asarray(held if dtype in FLOATING else np.rint(held)).astype(dtype)


def _ends(ssa: Ssa, sizes: Mapping[Leaf, int], dtype: DType) -> tuple[float, float]:
    """What an input declares; something ordinary where it declares nothing."""
    if dtype == BOOL:
        return 0.0, 1.0
    within = ssa.type.within
    if within is None:
        return (-1.0, 1.0) if dtype in FLOATING else (0.0, 1.0)
    low, high = (evaluate(end, sizes) if isinstance(end, Dim) else end for end in (within.low, within.high))
    return max(float(low or 0), -1e30), min(float(high or 0), 1e30)


def _told(graph: Graph, inputs: Sequence[Array]) -> str:
    """Inputs as a witness says them."""
    said = []
    for place, (ssa, array) in enumerate(zip(graph.entry.inputs, inputs, strict=True)):
        flat = array.reshape(-1)
        numbers = [str(item) for item in flat[:SHOWN].tolist()]
        if flat.size and (flat == flat[0]).all():
            text = f"all {numbers[0]}" if array.ndim else numbers[0]
        else:
            text = f"[{', '.join([*numbers, *(['...'] if flat.size > SHOWN else [])])}]"
        said.append(f"`{ssa.name or f'input {place}'}` {'is ' if array.ndim == 0 else ''}{text}")
    return ", ".join(said)
