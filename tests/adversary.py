"""Inputs at the ends of their ranges, and what goes wrong where a deploy runs on them: the oracle of the hazards.

A call of the library is one operator here: a `sigmoid` may compute by way of an infinity.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice, product
from typing import Any

import numpy as np

from tenuto_analysis.database import Database
from tenuto_analysis.diagnostics.base import Place
from tenuto_analysis.dims import Dim, Leaf, evaluate
from tenuto_analysis.elaborate.builder import Refusal
from tenuto_analysis.elaborate.deploys import elaborated
from tenuto_analysis.graph import Apply, Argument, Call, Graph, Literal, Node, Ssa, operands_of
from tenuto_analysis.modules import STD, declaration
from tenuto_backend.evaluate import run
from tenuto_backend.reference.dtypes import BOOL, DTYPES, FLOATING, DType
from tenuto_backend.reference.primitives import PRIMITIVES
from tenuto_backend.reference.values import Array
from tenuto_backend.weights.materialise import draw
from tenuto_backend.witnesses import inputs_tried
from tenuto_grammar import syntax
from tests.generate.inputs import deployed_dims

WRAPPING = frozenset(
    {"add", "subtract", "multiply", "sum", "prod", "cumulative_sum", "matmul", "negate", "abs", "power"}
)
ABSORBING = frozenset({"add", "subtract"})
MOST = 160  # runs of a deploy at one choice of its sizes


class Oracle:
    """The places where runs of a deploy went wrong: in some run, or, for what is absorbed, in every one."""

    def __init__(self, db: Database, file: str, deploy: str) -> None:
        graph = elaborated(db, file, deploy)
        assert not isinstance(graph, Refusal), graph.reason
        self._graph = graph
        self._file = file
        node = declaration(db, file, deploy)
        assert isinstance(node, syntax.Deploy)
        self._ranges = deployed_dims(node)
        self.places: set[Place] = set()
        self.finite = True
        self._kept: set[Place] = set()
        self._lost: set[Place] = set()

    def search(self) -> None:
        weights = drawn(self._graph)
        for sizes in ends_of_sizes(self._graph, self._ranges):
            tried = chain(islice(adversarial(self._graph, sizes), MOST), islice(inputs_tried(self._graph, sizes), MOST))
            for inputs in tried:
                self._try(inputs, weights)
        self.places |= self._lost - self._kept

    def _try(self, inputs: Sequence[Array], weights: Mapping[str, Array]) -> None:
        trace = _Trace(self._file)
        results = run(self._graph, inputs, weights, trace.watch)
        finite = all(bool(np.isfinite(_wide(array)).all()) for array in results)
        self.finite &= finite
        self.places |= trace.wrong if finite else trace.wrong | trace.infinite
        self._kept |= trace.kept
        self._lost |= trace.lost


class _Trace:
    """One run: where the first NaN or infinity arose (`infinite`), and where a number became another (`wrong`)."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._values: dict[int, Array] = {}
        self._tainted: set[int] = set()
        self.infinite: set[Place] = set()
        self.wrong: set[Place] = set()
        self.kept: set[Place] = set()
        self.lost: set[Place] = set()

    def watch(self, calls: tuple[Call, ...], node: Node | None, ssa: Ssa, array: Array) -> None:
        self._values[id(ssa)] = array
        self._tainted.discard(id(ssa))
        if calls and calls[-1].function.file.startswith(str(STD)):
            return
        operands = [*operands_of(node)] if node is not None else []
        if any(id(operand) in self._tainted for operand in operands):
            self._tainted.add(id(ssa))
        match node:
            case Literal(value=value) if _rounded_away(value, array):
                self.wrong.add(self._place(calls, node))
                self._tainted.add(id(ssa))
            case Apply(op=op) if id(ssa) not in self._tainted:
                given = [self._values[id(operand)] for operand in operands]
                if _wraps(node, self._values, array):
                    self.wrong.add(self._place(calls, node))
                self._not_finite(calls, node, ssa, given, array)
                if op in ABSORBING and array.dtype in FLOATING and array.size:
                    (self.lost if _absorbed(given, array) else self.kept).add(self._place(calls, node))
            case Call(function=function) if id(ssa) not in self._tainted and function.file.startswith(str(STD)):
                given = [self._values[id(operand)] for operand in operands]
                self._not_finite(calls, node, ssa, given, array)
            case _:
                pass

    def _not_finite(
        self, calls: tuple[Call, ...], node: Apply | Call, ssa: Ssa, given: Sequence[Array], array: Array
    ) -> None:
        found, before = _wide(array), [_wide(item) for item in given]
        if np.isfinite(found).all():
            return
        new_nan = np.isnan(found).any() and not any(np.isnan(item).any() for item in before)
        if new_nan or all(np.isfinite(item).all() for item in before):
            self.infinite.add(self._place(calls, node))
            self._tainted.add(id(ssa))

    def _place(self, calls: tuple[Call, ...], node: Node) -> Place:
        return next(place for place in (node.origin, *(call.origin for call in reversed(calls))) if self._in(place))

    def _in(self, place: Place) -> bool:
        return place.file == self._file


def _wide(array: Array) -> Array:
    return array.astype(np.float64) if array.dtype != BOOL else np.zeros(1)


def _rounded_away(value: float, array: Array) -> bool:
    stored = float(array.astype(np.float64))
    return (value != 0 and stored == 0) or (np.isfinite(value) != np.isfinite(stored)) or np.isnan(stored)


def _wraps(node: Apply, values: Mapping[int, Array], result: Array) -> bool:
    """Whether an integer is not what exact arithmetic gives; f64 holds every sum that the corpus makes."""
    if result.dtype in FLOATING or result.dtype == BOOL:
        return False
    arguments = {name: _argument(item, values) for name, item in node.arguments.items()}
    if node.op == "cast":
        source = next(item for item in arguments.values() if isinstance(item, np.ndarray))
        return bool((np.trunc(_wide(source)) != _wide(result)).any())
    if node.op not in WRAPPING:
        return False
    tensors = {name: item.astype(np.float64) for name, item in arguments.items() if isinstance(item, np.ndarray)}
    statics = {name: _static(item) for name, item in node.arguments.items() if name not in tensors}
    exact = np.asarray(PRIMITIVES[node.op](**tensors, **statics))
    return bool((exact != _wide(result)).any())


def _argument(item: Argument, values: Mapping[int, Array]) -> Array | None:
    return values[id(item)] if isinstance(item, Ssa) else None


def _static(item: Argument) -> Any:
    from_value = getattr(item, "value", None)
    if isinstance(from_value, Dim):
        return from_value.constant
    if hasattr(item, "items"):
        return tuple(_static(part) for part in item.items)
    return None if from_value is None else getattr(from_value, "value", from_value)


def _absorbed(given: Sequence[Array], result: Array) -> bool:
    """Whether one operand changed nothing, though it is nowhere 0."""
    wide, found = [np.broadcast_to(_wide(item), result.shape) for item in given], _wide(result)
    return any(
        bool((one != 0).all() and (abs(found) == abs(other)).all())
        for one, other in (wide, wide[::-1])
        if len(wide) == 2
    )


# --------------------------------------------------------------------------------------------------------------- inputs


def ends_of_sizes(graph: Graph, ranges: Mapping[str, tuple[int, int]]) -> Iterator[dict[Leaf, int]]:
    """All symbols at their least (of at least 1), and all at their greatest, as the deploy bounds them."""
    for end in (0, 1):
        yield {symbol: max(1, ranges[str(symbol)][end]) for symbol in graph.entry.symbols}


def adversarial(graph: Graph, sizes: Mapping[Leaf, int]) -> Iterator[list[Array]]:
    """Inputs of a graph inside of their ranges: all of a kind first, then every mixture of kinds, then at random."""
    entry = graph.entry
    kinds = [list(_candidates(ssa, sizes, number)) for number, ssa in enumerate(entry.inputs)]
    for row in zip(*kinds, strict=False):
        yield list(row)
    yield from (list(row) for row in islice(product(*(_fewest(kind) for kind in kinds)), MOST // 2))
    chance = random.Random(0)
    while True:
        yield [chance.choice(kind) for kind in kinds]


def _fewest(kind: list[Array]) -> list[Array]:
    return kind[:6]


def _candidates(ssa: Ssa, sizes: Mapping[Leaf, int], number: int) -> Iterator[Array]:
    shape = tuple(evaluate(item, sizes) or 0 for item in ssa.type.shape if isinstance(item, Dim))
    dtype = DTYPES[str(ssa.type.dtype)]
    low, high = _ends(ssa, sizes, dtype)
    source = np.random.default_rng(number)
    size = int(np.prod(shape))
    flat = np.arange(size)
    for pattern in (
        np.full(size, low),
        np.full(size, high),
        np.full(size, min(max(0.0, low), high)),
        np.where(flat == 0, high, low),
        np.where(flat % 2 == 0, high, low),
        np.where(flat == size - 1, low, high),
        np.where(flat % 3 == 0, low, high),
        *(np.full(size, low + (high - low) * part) for part in np.linspace(0.02, 0.98, 33)),
        *(low + (high - low) * source.random(size) for _ in range(6)),
        *(low + (high - low) * source.random() * (1 + 1e-3 * source.random(size)) / 1.001 for _ in range(6)),
    ):
        yield _typed(pattern, dtype, low, high).reshape(shape)


def _typed(numbers: Array, dtype: DType, low: float, high: float) -> Array:
    if dtype == BOOL:
        return np.asarray(numbers > 0.5)
    if dtype not in FLOATING:
        return np.asarray(np.rint(np.clip(numbers, low, high))).astype(dtype)
    return np.asarray(np.clip(numbers, low, high)).astype(dtype)


def _ends(ssa: Ssa, sizes: Mapping[Leaf, int], dtype: DType) -> tuple[float, float]:
    if dtype == BOOL:
        return 0.0, 1.0
    within = ssa.type.within
    if within is None:
        return (-1.0, 1.0) if dtype in FLOATING else (float(np.iinfo(dtype).min), float(np.iinfo(dtype).max))
    found = [evaluate(end, sizes) if isinstance(end, Dim) else end for end in (within.low, within.high)]
    return (float(found[0] or 0), float(found[1] or 0))


def drawn(graph: Graph) -> dict[str, Array]:
    return {item.path: draw(0, item.path, item.initialiser, item.value.type) for item in graph.entry.weights}
