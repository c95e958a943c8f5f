"""Which values are in memory when: the graph flattened into the order in which it runs, calls written out.

A value lives from the operator that makes it to the last one that reads it. An operator holds what it reads and what it
makes at once; nothing is computed in place. What a caller gives to the entry and what that returns stay to the end.
A reshape, and the transpose that a product takes, are views of the same bytes. Weights are not counted here, nor are
numbers without axes that the program writes. Of a loop one step stands here, of a branch both sides, each without what
only the other holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from tenuto_analysis.cost.bytes import bytes_of
from tenuto_analysis.cost.sizes import never_more
from tenuto_analysis.cost.unknown import Largest
from tenuto_analysis.diagnostics.base import Place
from tenuto_analysis.dims import ZERO, Dim, Leaf, evaluate, leaves, maximum, substitute
from tenuto_analysis.graph import Apply, Block, Call, Function, Graph, If, Literal, Loop, Node, Size, Ssa, operands_of

VIEWS = frozenset({"reshape", "unsqueeze", "transpose"})
"""What gives the same bytes under another shape; a product reads a matrix either way round, so that none is turned."""


class Step(Struct, frozen=True, eq=False):
    """One operator in the order of a run, and the bytes that are live while it runs.

    `part` is the path of the model part that it stands in; `origin` its place, and `calls` those of the calls that lead
    there, from the outermost inwards. The first step is the start, which has no operator: the inputs are there.
    """

    op: str
    part: str
    origin: Place | None
    calls: tuple[Place, ...]
    live: Dim


def timeline(graph: Graph) -> tuple[Step, ...]:
    """The steps of a run of a graph, in order; never empty."""
    return timeline_of(graph.entry)


def timeline_of(entry: Function, pause: Callable[[], None] = lambda: None) -> tuple[Step, ...]:
    """The steps of a run of a function; `pause` is called before each call that it makes, and may raise."""
    return tuple(_Flattening(entry, pause).steps())


def peak(steps: Iterable[Step], sizes: Mapping[Leaf, int]) -> tuple[int, Step] | None:
    """The most bytes that are ever live, and the first step at which they are; None where a size is not known."""
    found: tuple[int, Step] | None = None
    for step in steps:
        live = evaluate(step.live, sizes)
        if live is None:
            return None
        if found is None or live > found[0]:
            found = (live, step)
    return found


def peak_formulas(steps: Iterable[Step]) -> tuple[Dim, ...]:
    """The largest of these is the most that is ever live, in bytes: what another step always exceeds is left out."""
    kept: list[Dim] = []
    for live in dict.fromkeys(step.live for step in steps):
        if any(never_more(live, other) for other in kept):
            continue
        kept = [other for other in kept if not never_more(other, live)]
        kept.append(live)
    return tuple(kept)


# A value that takes no memory of its own, such as a weight.
_NOWHERE = -1


class _Happening(Struct):
    """A step whose live bytes are not known yet."""

    op: str
    part: str
    origin: Place | None
    calls: tuple[Place, ...]


class _Scope(Struct, frozen=True):
    """Where the walk is: the sizes of this function in terms of the entry, the calls and the loops that led here.

    `unknown` has the largest of the sizes that only a run knows. A loop is the number of its step and its length; a
    size that depends on the step counts as the larger of those of the first and of the last.
    """

    sizes: Mapping[Leaf, Dim] = {}
    unknown: Mapping[Leaf, Dim] = {}
    part: str = ""
    calls: tuple[Place, ...] = ()
    loops: tuple[tuple[Leaf, Dim], ...] = ()

    def dim(self, dim: Dim) -> Dim:
        """A size of this function in terms of the entry."""
        found = substitute(dim, self.unknown.get) if self.unknown else dim
        found = substitute(found, self.sizes.get) if self.sizes else found
        for step, length in reversed(self.loops):
            if step in leaves(found):
                first, last = (substitute(found, {step: number}.get) for number in (ZERO, length - 1))
                found = maximum(first, last)
        return found


class _Flattening:
    """Steps, and for each buffer its size, the step that makes it and the last that reads it."""

    def __init__(self, entry: Function, pause: Callable[[], None]) -> None:
        self.pause = pause
        self.happenings = [_Happening("start", "", None, ())]
        self.sizes: list[Dim] = []
        self.born: list[int] = []
        self.last: list[int] = []
        self.where: dict[int, int] = {}
        self.largest = Largest()
        scope = _Scope(unknown=self.largest.of(entry))
        inputs = [self._make(value, scope) for value in entry.inputs]
        results = self._function(entry, inputs, scope)
        for buffer in (*inputs, *results):
            self._read(buffer)

    def steps(self) -> Iterator[Step]:
        births: dict[int, Dim] = {}
        deaths: dict[int, Dim] = {}
        for size, born, last in zip(self.sizes, self.born, self.last, strict=True):
            births[born] = births.get(born, ZERO) + size
            deaths[last] = deaths.get(last, ZERO) + size
        live = ZERO
        for number, happening in enumerate(self.happenings):
            live = live + births.get(number, ZERO)
            yield Step(happening.op, happening.part, happening.origin, happening.calls, live)
            live = live - deaths.get(number, ZERO)

    # -------------------------------------------------------------------------------------------------------- buffers

    def _make(self, value: Ssa, scope: _Scope) -> int:
        """A buffer that the present step fills."""
        self.sizes.append(scope.dim(bytes_of(value.type)))
        self.born.append(len(self.happenings) - 1)
        self.last.append(len(self.happenings) - 1)
        self.where[id(value)] = len(self.sizes) - 1
        return len(self.sizes) - 1

    def _read(self, buffer: int) -> None:
        """The present step reads a buffer."""
        if buffer != _NOWHERE:
            self.last[buffer] = len(self.happenings) - 1

    def _step(self, op: str, origin: Place, scope: _Scope) -> None:
        self.happenings.append(_Happening(op, scope.part, origin, scope.calls))

    # ----------------------------------------------------------------------------------------------------------- walk

    def _function(self, function: Function, operands: list[int], scope: _Scope) -> list[int]:
        """Walks a function whose inputs stand in these buffers; returns those of its results."""
        values = (*function.inputs, *(value for _, value in function.size_inputs))
        # The sizes of an entry come beside its inputs, as numbers.
        buffers = [*operands, *([_NOWHERE] * (len(values) - len(operands)))]
        for value, buffer in zip(values, buffers, strict=True):
            self.where[id(value)] = buffer
        for weight in function.weights:
            self.where[id(weight.value)] = _NOWHERE
        self._block(function.body, scope)
        return [self.where[id(result)] for result in function.results]

    def _block(self, block: Block, scope: _Scope) -> None:
        for node in block.nodes:
            self._node(node, scope)

    def _node(self, node: Node, scope: _Scope) -> None:
        match node:
            case Literal(result=result) | Size(result=result):
                self.where[id(result)] = _NOWHERE
            case Apply(op=op, arguments=arguments, results=(result,)) if op in VIEWS:
                viewed = arguments["x"]
                assert isinstance(viewed, Ssa)
                self.where[id(result)] = self.where[id(viewed)]
            case Apply(op=op, results=results, origin=origin):
                self._step(op, origin, scope)
                for operand in operands_of(node):
                    self._read(self.where[id(operand)])
                for result in results:
                    self._make(result, scope)
            case Call():
                self._call(node, scope)
            case If():
                self._branch(node, scope)
            case Loop():
                self._loop(node, scope)

    def _call(self, node: Call, scope: _Scope) -> None:
        self.pause()
        sizes = {leaf: scope.dim(size) for leaf, size in node.sizes.items()}
        part = ".".join(filter(None, (scope.part, node.part)))
        inner = _Scope(sizes, self.largest.of(node.function), part, (*scope.calls, node.origin), scope.loops)
        found = self._function(node.function, [self.where[id(value)] for value in node.operands], inner)
        for result, buffer in zip(node.results, found, strict=True):
            self.where[id(result)] = buffer

    def _branch(self, node: If, scope: _Scope) -> None:
        self._step("if", node.origin, scope)
        for operand in operands_of(node):
            self._read(self.where[id(operand)])
        for side in (node.then, node.otherwise):
            self._block(side, scope)
            for result in side.results:
                self._read(self.where[id(result)])
        self._step("join", node.origin, scope)
        for result in node.results:
            self._make(result, scope)

    def _loop(self, node: Loop, scope: _Scope) -> None:
        for value in node.initial:
            self._read(self.where[id(value)])
        self._step("loop", node.origin, scope)
        inside = scope
        if node.length is not None:
            inside = replace(scope, loops=(*scope.loops, (node.symbol, scope.dim(node.length))))
        self.where[id(node.index)] = _NOWHERE
        for value in node.carried:
            self._make(value, scope)
        collected = [self._make(value, scope) for value in node.results[len(node.carried) :]]
        if node.test is not None:
            self._block(node.test, inside)
        self._block(node.body, inside)
        for value in node.body.results:
            self._read(self.where[id(value)])
        self._step("join", node.origin, scope)
        for value in node.results[: len(node.carried)]:
            self._make(value, scope)
        for buffer in collected:
            self._read(buffer)
