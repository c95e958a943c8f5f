"""What a graph costs as a whole and by its parts, in terms of its sizes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from msgspec import Struct

from tenuto_analysis.cost.bytes import bytes_of, elements
from tenuto_analysis.cost.liveness import Step, timeline_of
from tenuto_analysis.cost.work import Counter, Work, mapped, over_steps, steps_of, total
from tenuto_analysis.dims import ZERO, Dim, Leaf, leaves
from tenuto_analysis.graph import Block, Call, Function, Loop, Node


class Part(Struct, frozen=True, eq=False):
    """A part of a model, or several that are alike: `layer.*` for `layer.0` and `layer.1`.

    `paths` are those of the parts that it stands for; a model's own operators have its path. `model` names the
    definition. The numbers are those of all of them together.
    """

    name: str
    paths: tuple[str, ...]
    model: str
    parameters: Dim
    work: Work


class Cost(Struct, frozen=True, eq=False):
    """What a function costs: its weights in numbers and in bytes, the work of a run, and what is in memory when."""

    parameters: Dim
    weight_bytes: Dim
    work: Work
    steps: tuple[Step, ...]

    @property
    def leaves(self) -> frozenset[Leaf]:
        """The sizes that the work depends on."""
        return frozenset[Leaf]().union(*map(leaves, self.work.parts))


def cost_of(function: Function, pause: Callable[[], None] = lambda: None) -> Cost:
    """What the entry of a graph costs; `pause` is called now and then, and may raise."""
    return Cost(
        _sum(elements(weight.value.type) for weight in function.weights),
        _sum(bytes_of(weight.value.type) for weight in function.weights),
        Counter().function(function),
        timeline_of(function, pause),
    )


def parts_of(function: Function, depth: int) -> tuple[Part, ...]:
    """The parts of a model down to some depth of calls, in the order of a run, and the operators beside them.

    Their work adds up to that of the whole. Parts that differ in a number of their path alone are one.
    """
    rows: dict[str, tuple[str, Work]] = {}
    for path, model, work in _Parts().function(function, "", function.name, depth):
        before = rows.get(path)
        rows[path] = (model, work if before is None else total((before[1], work)))
    owned = _owned(function, list(rows))
    alike: dict[tuple[str, str, Dim, Work], list[str]] = {}
    for path, (model, work) in rows.items():
        alike.setdefault((_pattern(path), model, owned[path], work), []).append(path)
    return tuple(
        Part(
            pattern if len(paths) > 1 else paths[0],
            tuple(paths),
            model,
            parameters * len(paths),
            total([work] * len(paths)),
        )
        for (pattern, model, parameters, work), paths in alike.items()
    )


def nearest(paths: Mapping[str, object], path: str) -> str:
    """The longest of the paths of some parts that a path lies in; the empty one holds everything."""
    while path and path not in paths:
        path = path.rpartition(".")[0]
    return path


class _Parts:
    """Walks calls of parts down to a depth; everything else is its caller's own."""

    def __init__(self) -> None:
        self.counter = Counter()

    def function(self, function: Function, path: str, model: str, depth: int) -> Iterator[tuple[str, str, Work]]:
        largest = self.counter.largest.of(function)
        for row, name, work in self.block(function.body, path, model, depth):
            yield row, name, mapped(work, largest)

    def block(self, block: Block, path: str, model: str, depth: int) -> Iterator[tuple[str, str, Work]]:
        for node in block.nodes:
            yield from self.node(node, path, model, depth)

    def node(self, node: Node, path: str, model: str, depth: int) -> Iterator[tuple[str, str, Work]]:
        match node:
            case Call(function=function, part=part, sizes=sizes) if part and depth:
                inside = f"{path}.{part}" if path else part
                for row, name, work in self.function(function, inside, function.name, depth - 1):
                    yield row, name, mapped(work, sizes)
            case Loop(symbol=symbol):
                for block in (node.test, node.body):
                    for row, name, work in self.block(block, path, model, depth) if block is not None else ():
                        length = steps_of(node)
                        yield row, name, Work(*(over_steps(part, symbol, length) for part in work.parts))
            case _:
                yield path, model, self.counter.node(node)


def _owned(function: Function, rows: list[str]) -> dict[str, Dim]:
    """The weights of each part that no deeper one of the rows has."""
    found: dict[str, Dim] = dict.fromkeys(rows, ZERO)
    for weight in function.weights:
        owner = nearest(found, weight.path.rpartition(".")[0])
        found[owner] = found.get(owner, ZERO) + elements(weight.value.type)
    return found


def _pattern(path: str) -> str:
    return re.sub(r"(?<![^.])\d+(?![^.])", "*", path)


def _sum(dims: Iterable[Dim]) -> Dim:
    found = ZERO
    for dim in dims:
        found = found + dim
    return found
