"""How long a run takes at least on a target: for each operator the longer one of computing and moving bytes.

The model is the roofline of Williams, Waterman and Patterson (CACM 52(4), 2009): a target has a peak rate for a dtype
and a bandwidth to its main memory; neither caches nor fusion count. What a profile does not say takes no time, and the
sum is then marked as not whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from msgspec import Struct

from tenuto_analysis.cost.unknown import Largest
from tenuto_analysis.cost.work import Numbers, Precision, at, precision_of, steps_of, work_of
from tenuto_analysis.diagnostics.base import Place
from tenuto_analysis.dims import Dim, Leaf, evaluate
from tenuto_analysis.graph import Apply, Block, Call, Function, If, Literal, Loop, Node, Size, Ssa, dims_of
from tenuto_analysis.shapes import product
from tenuto_analysis.targets.profile import Profile


class Operation(Struct, frozen=True, eq=False):
    """An operator of a run, with its work in one step and how often it runs; `part` and `calls` say where it stands.

    `block` gives `M`, `K` and `N` of a product `[M, K] @ [K, N]`.
    """

    op: str
    part: str
    origin: Place
    calls: tuple[Place, ...]
    work: Numbers
    precision: Precision
    times: int
    block: tuple[int, int, int] | None


class Time(Struct, frozen=True):
    """Seconds; `whole` where the target's figures are known for everything.

    `computing` is the share of the time in which arithmetic, and not memory, is what is waited for.
    """

    seconds: float
    whole: bool
    computing: float


class UnknownSize(Exception):
    """A size has no number."""


def operations(
    function: Function, sizes: Mapping[Leaf, int], pause: Callable[[], None] = lambda: None
) -> tuple[Operation, ...] | None:
    """Every operator of a run at these sizes, calls written out, in order; None where a size has no number.

    Of a branch those of the side with more operations, of a loop those of its middle step. `pause` is called before
    each call, and may raise.
    """
    try:
        return tuple(_Walk(pause).function(function, sizes, _Where()))
    except UnknownSize:
        return None


def time_on(profile: Profile, run: Iterable[Operation]) -> Time:
    """The least time of a run on a target."""
    total = computing = 0.0
    whole = True
    for operation in run:
        if not operation.work.flops and not operation.work.moved:
            continue
        computed, moved = seconds_of(profile, operation)
        whole = whole and computed is not None and moved is not None
        longest = max(computed or 0.0, moved or 0.0) * operation.times
        total += longest
        computing += longest if (computed or 0.0) >= (moved or 0.0) else 0.0
    return Time(total, whole, computing / total if total else 0.0)


def seconds_of(profile: Profile, operation: Operation) -> tuple[float | None, float | None]:
    """How long a target computes, in whole tiles, and moves bytes in one step; None where it does not say."""
    computed: float | None = 0.0
    for count, rate in zip(
        (operation.work.products, operation.work.others), rates(profile, operation.precision.compute.name), strict=True
    ):
        if count:
            computed = computed + count / rate if computed is not None and rate is not None else None
    if computed is not None and operation.block is not None:
        computed *= padding(profile, operation.precision.compute.name, operation.block)
    bandwidth = profile.bandwidth
    return computed, operation.work.moved / bandwidth if bandwidth is not None else None


def padding(profile: Profile, dtype: str, block: tuple[int, int, int]) -> float:
    """By how much a product grows where its sizes are padded to the tiles of a target."""
    grown = 1.0
    for tile in profile.tiles:
        if dtype in tile.dtypes:
            for size, multiple in zip(block, (tile.m, tile.k, tile.n), strict=True):
                if size and multiple is not None:
                    grown *= -(-size // multiple) * multiple / size
    return grown


def rates(profile: Profile, dtype: str) -> tuple[float | None, float | None]:
    """Operations a second of products and of others; others run at that of products where no other is known."""
    found = profile.dtypes.get(dtype)
    peak = found.peak.value if found is not None and found.peak is not None else None
    vector = found.vector.value if found is not None and found.vector is not None else None
    return peak, vector if vector is not None else peak


class _Where(Struct, frozen=True):
    part: str = ""
    calls: tuple[Place, ...] = ()
    times: int = 1


class _Walk:
    def __init__(self, pause: Callable[[], None]) -> None:
        self.pause = pause
        self.largest = Largest()

    def function(self, function: Function, sizes: Mapping[Leaf, int], where: _Where) -> Iterator[Operation]:
        known = dict(sizes)
        for leaf, most in self.largest.of(function).items():
            known[leaf] = _number(most, known)
        yield from self.block(function.body, known, where)

    def block(self, block: Block, sizes: Mapping[Leaf, int], where: _Where) -> Iterator[Operation]:
        for node in block.nodes:
            yield from self.node(node, sizes, where)

    def node(self, node: Node, sizes: Mapping[Leaf, int], where: _Where) -> Iterator[Operation]:
        match node:
            case Literal() | Size():
                pass
            case Apply():
                work = at(work_of(node), sizes)
                if work is None:
                    raise UnknownSize
                precision, block = precision_of(node), _block(node, sizes)
                yield Operation(node.op, where.part, node.origin, where.calls, work, precision, where.times, block)
            case Call(function=function):
                self.pause()
                inside = {leaf: _number(size, sizes) for leaf, size in node.sizes.items()}
                part = ".".join(filter(None, (where.part, node.part)))
                yield from self.function(function, inside, _Where(part, (*where.calls, node.origin), where.times))
            case If():
                sides = [list(self.block(side, sizes, where)) for side in (node.then, node.otherwise)]
                yield from max(sides, key=lambda side: sum(item.work.flops * item.times for item in side))
            case Loop():
                length = _number(steps_of(node), sizes)
                inside = {**sizes, node.symbol: max(length - 1, 0) // 2}
                repeated = _Where(where.part, where.calls, where.times * length)
                for part_of_step in (node.test, node.body):
                    yield from self.block(part_of_step, inside, repeated) if part_of_step is not None else ()


def _block(node: Apply, sizes: Mapping[Leaf, int]) -> tuple[int, int, int] | None:
    """The leading axes of a left operand are rows, where the right one is a matrix."""
    a, b = node.arguments.get("a"), node.arguments.get("b")
    if node.op != "matmul" or not isinstance(a, Ssa) or not isinstance(b, Ssa):
        return None
    left, right = dims_of(a.type), dims_of(b.type)
    rows = product(left[:-1]) if len(right) == 2 else product(left[-2:-1])
    return _number(rows, sizes), _number(left[-1], sizes), _number(right[-1], sizes)


def _number(size: Dim, sizes: Mapping[Leaf, int]) -> int:
    found = evaluate(size, sizes)
    if found is None:
        raise UnknownSize
    return found
