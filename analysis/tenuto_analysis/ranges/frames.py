"""What is known while a function is looked at: the range of each value, and numbers that tell equal values.

Two values have one number where they are computed alike from the same values, so that `exp(z) / sum(exp(z))` is seen to
divide by a sum of what stands above. Numbers are made only where a relation asks for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, isinf, isnan

from msgspec.structs import replace

from tenuto_analysis.diagnostics.base import Place
from tenuto_analysis.dims import Dim, Leaf, Truth
from tenuto_analysis.dtypes import Kind as DTypeKind
from tenuto_analysis.dtypes import Scalar
from tenuto_analysis.graph import Apply, Argument, Call, Function, Literal, Node, Size, Ssa, tensors_of
from tenuto_analysis.ranges.formats import Format, format_of, integer_bounds, rounded
from tenuto_analysis.ranges.sizes import Extent, extent_of
from tenuto_analysis.ranges.values import (
    UNKNOWN,
    Cause,
    Fact,
    Hazard,
    Inherited,
    Kind,
    Number,
    Range,
    shown,
    softened,
    united,
)
from tenuto_analysis.types import Bool, Int, Interval, ListValue, NoneValue, TupleValue

_MOST_PATH = 3


class Frame:
    """One function, looked at for one choice of ranges of what it is given."""

    def __init__(self, function: Function, extents: Mapping[Leaf, Extent], numbers: Numbers, executing: bool) -> None:
        self.function = function
        self.extents = dict(extents)
        self.executing = executing
        """Whether the inputs are single numbers and every operation is carried out, correctly rounded."""
        self.numbers = numbers
        self.ranges: dict[int, Range] = {}
        self.makers: dict[int, Node] = {}
        self.found: dict[Hazard, None] = {}
        self.harmed: set[Inherited] = set()
        self.silent = False
        """Whether what is found is not to be told: where values are computed once more under a condition."""

    def tell(self, hazard: Hazard) -> None:
        if not self.silent:
            self.found[hazard] = None

    def harm(self, causes: tuple[Cause, ...]) -> None:
        """What these causes did reaches something that matters."""
        for cause in causes:
            if isinstance(cause, Hazard):
                self.tell(cause)
            elif not self.silent:
                self.harmed.add(cause)

    def number(self, ssa: Ssa) -> int:
        """The number of a value."""
        found = self.numbers.of.get(id(ssa))
        if found is None:
            found = self.numbers.of[id(ssa)] = self._numbered(ssa)
            self.numbers.alive.append(ssa)
        return found

    def _numbered(self, ssa: Ssa) -> int:
        maker = self.makers.get(id(ssa))
        key: tuple[object, ...]
        match maker:
            case Apply(op=op, arguments=arguments, results=results):
                parts = tuple(self._part(argument) for argument in arguments.values())
                key = (op, parts, str(ssa.type.dtype), _place_of(results, ssa))
            case Literal(value=value):
                key = ("literal", repr(value), str(ssa.type.dtype))
            case Size(dim=dim):
                key = ("size", dim)
            case Call(function=function, operands=operands, weights=weights, results=results):
                inner = tuple(self.number(operand) for operand in (*operands, *weights))
                key = ("call", id(function), inner, _place_of(results, ssa))
            case _:
                key = ("given", id(ssa))
        return self.numbers.known.setdefault(key, len(self.numbers.known))

    def _part(self, argument: Argument) -> object:
        if isinstance(argument, Ssa):
            return self.number(argument)
        if isinstance(argument, tuple):
            return tuple(self._part(item) for item in argument)
        return argument


class Numbers:
    """The numbers of values, shared by all frames, so that a fact means the same in each."""

    def __init__(self) -> None:
        self.of: dict[int, int] = {}
        self.known: dict[tuple[object, ...], int] = {}
        self.alive: list[Ssa] = []


class Step:
    """One application of a primitive, for the function that says what it does to ranges."""

    __slots__ = ("bounds", "causes", "doubtful", "format", "frame", "node", "result", "spread", "tainted")

    def __init__(self, frame: Frame, node: Apply) -> None:
        self.frame = frame
        self.node = node
        self.result = node.results[0]
        dtype = self.result.type.dtype
        self.format: Format | None = format_of(dtype)
        self.bounds: tuple[int, int] | None = integer_bounds(dtype) if self.format is None else None
        given = [self.frame.ranges[id(ssa)] for ssa in self.operands()]
        self.causes = united(*(range_.causes for range_ in given))
        self.tainted = any(range_.tainted for range_ in given)
        self.spread = any(range_.spread for range_ in given)
        self.doubtful = any(range_.doubtful for range_ in given)

    # --------------------------------------------------------------------------------------------- what it is given

    def operands(self) -> list[Ssa]:
        return [ssa for argument in self.node.arguments.values() for ssa in tensors_of(argument)]

    def ssa(self, name: str) -> Ssa:
        found = self.node.arguments[name]
        assert isinstance(found, Ssa)
        return found

    def range(self, name: str) -> Range:
        return self.frame.ranges[id(self.ssa(name))]

    def parts(self, name: str) -> list[Range]:
        return [self.frame.ranges[id(ssa)] for ssa in tensors_of(self.node.arguments[name])]

    def integer(self, name: str, default: int = 0) -> int:
        """A static integer."""
        found = self.node.arguments.get(name)
        if isinstance(found, Int) and found.value.constant is not None:
            return found.value.constant
        return default

    def flag(self, name: str) -> bool:
        found = self.node.arguments.get(name)
        return isinstance(found, Bool) and isinstance(found.value, Truth) and found.value.value

    def axes(self, name: str, rank: int) -> tuple[int, ...]:
        """Axes, counted from 0; all of them where none is named."""
        match self.node.arguments.get(name):
            case Int(value=dim) if dim.constant is not None:
                return (dim.constant % max(rank, 1),)
            case TupleValue(items=items) | ListValue(items=items):
                found = [item.value.constant for item in items if isinstance(item, Int)]
                return tuple(sorted(axis % rank for axis in found if axis is not None))
            case NoneValue() | None:
                return tuple(range(rank))
            case _:
                return tuple(range(rank))

    def extent(self, dim: Dim) -> Extent:
        return extent_of(dim, self.frame.extents)

    def count(self, ssa: Ssa, axes: tuple[int, ...]) -> Extent:
        """How many elements of a value lie along some axes."""
        low, high = 1, 1
        unbounded = False
        for axis in axes:
            item = ssa.type.shape[axis]
            extent = self.extent(item) if isinstance(item, Dim) else Extent(1, None)
            low *= max(extent.low, 1)
            unbounded = unbounded or extent.high is None
            high *= max(extent.high or 1, 1)
        return Extent(low, None if unbounded else high)

    def number(self, name: str) -> int:
        return self.frame.number(self.ssa(name))

    def same(self, a: str, b: str) -> bool:
        first, second = self.ssa(a), self.ssa(b)
        return first is second or self.frame.number(first) == self.frame.number(second)

    def maker(self, ssa: Ssa, op: str) -> Apply | None:
        """What made a value, where that is a primitive of this name; changes of shape and casts are seen through."""
        found = self.frame.makers.get(id(ssa))
        while isinstance(found, Apply) and found.op in _SEEN_THROUGH and found.op != op:
            inner = found.arguments["x"]
            if not isinstance(inner, Ssa):
                return None
            found = self.frame.makers.get(id(inner))
        return found if isinstance(found, Apply) and found.op == op else None

    # ------------------------------------------------------------------------------------------------ what it gives

    def close(
        self,
        low: Number,
        high: Number,
        known: tuple[bool, bool] = (True, True),
        met: tuple[bool, bool] = (False, False),
        finite: tuple[bool, bool] = (True, True),
        nan: bool = False,
        causes: tuple[Cause, ...] = (),
        fixed: bool = False,
        kind: Kind = Kind.OVERFLOW,
    ) -> Range:
        """The range of a result from the exact ends: rounded, or held within the integers of the dtype.

        `finite` says for each end whether what it was computed from is finite: only then an end that the dtype cannot
        hold is an overflow. `causes` are those that arise here besides.
        """
        if self.bounds is not None:
            return self._integers(low, high, known, met, fixed, kind)
        if self.format is None:
            return UNKNOWN
        if isnan(low):
            low = -inf
        if isnan(high):
            high = inf
        ends = [rounded(float(low), self.format), rounded(float(high), self.format)]
        causes = united(self.causes, causes)
        for place, exact in enumerate((low, high)):
            end = ends[place]
            if not isinf(end) and not isnan(end):
                continue
            if isnan(end):  # The format has no infinity.
                nan = True
                ends[place] = -self.format.largest if place == 0 else self.format.largest
            if known[place] and finite[place] and not causes and not self.tainted:
                causes = (self.hazard(kind, self._too_large(exact), definite=met[place]),)
        low_end, high_end = ends
        if low_end == high_end and not nan:
            met = (True, True)
        infinite = nan or isinf(low_end) or isinf(high_end)
        return Range(
            low_end,
            high_end,
            known[0],
            known[1],
            nan,
            low_met=met[0],
            high_met=met[1],
            fixed=fixed,
            causes=causes if causes and infinite else (),
        )

    def _integers(
        self,
        low: Number,
        high: Number,
        known: tuple[bool, bool],
        met: tuple[bool, bool],
        fixed: bool,
        kind: Kind,
    ) -> Range:
        assert self.bounds is not None
        least, largest = self.bounds
        outside = (low < least, high > largest)
        if not any(outside):
            return Range(low, high, known[0], known[1], low_met=met[0], high_met=met[1], fixed=fixed)
        for place, exact in enumerate((low, high)):
            if outside[place] and known[place] and not isinf(exact):
                if not self.tainted:
                    self.frame.tell(self.hazard(kind, self._too_large(exact), definite=met[place]))
                break
        return Range(least, largest, False, False, fixed=fixed, tainted=any(outside))

    def _too_large(self, exact: Number) -> str:
        dtype = self.result.type.dtype
        largest = self.format.largest if self.format is not None else self.bounds[exact > 0] if self.bounds else 0
        end = "largest" if exact > 0 else "lowest"
        reached = f"may reach {shown(exact)}" if not isinf(exact) else f"may be beyond every {dtype}"
        bound = largest if exact > 0 or self.bounds is not None else -largest
        return f"`{self.node.op}` overflows in {dtype}: it {reached}, and the {end} finite {dtype} is {shown(bound)}"

    def hazard(self, kind: Kind, what: str, definite: bool = False, advice: str = "", witness: str = "") -> Hazard:
        return Hazard(kind, self.node.origin, (), what, self.path(), advice, definite, witness, self.doubtful)

    def path(self) -> tuple[str, ...]:
        """The ranges that led here: those of the operands, then of what these were made from."""
        lines: list[str] = []
        waiting = self.operands()
        seen: set[int] = set()
        while waiting and len(lines) < _MOST_PATH:
            ssa = waiting.pop(0)
            if id(ssa) in seen:
                continue
            seen.add(id(ssa))
            maker = self.frame.makers.get(id(ssa))
            range_ = self.frame.ranges.get(id(ssa))
            if range_ is None or isinstance(maker, Literal):
                continue
            what = f"`{ssa.name}`" if ssa.name else f"the result of `{_made_by(maker)}`" if maker else "an input"
            lines.append(f"{what} lies in {range_}" if range_ != UNKNOWN else f"{what} is unknown")
            if isinstance(maker, Apply):
                waiting += [item for argument in maker.arguments.values() for item in tensors_of(argument)]
        return tuple(lines)

    @property
    def struck(self) -> bool:
        """Whether an operand is already the victim of something: what it does here is not told again."""
        return bool(self.causes) or self.tainted

    def tell(self, hazard: Hazard) -> None:
        if not self.struck:
            self.frame.tell(hazard)

    def finished(self, found: Range) -> Range:
        """A result with what all results take from their operands."""
        tainted = self.tainted or found.tainted
        spread = self.spread or found.spread
        doubtful = self.doubtful or found.doubtful
        if (tainted, spread, doubtful) == (found.tainted, found.spread, found.doubtful):
            return found
        return replace(found, spread=spread, doubtful=doubtful, tainted=tainted)

    def kept(self, range_: Range, *, elements: bool = True) -> Range:
        """A range that goes on unchanged; `elements` False where some elements may be left out."""
        if elements or range_.uniform:
            return range_
        return replace(
            range_, low_met=False, high_met=False, some=None, least=None, causes=softened(range_.causes), facts=()
        )


_SEEN_THROUGH = frozenset({"unsqueeze", "expand", "reshape", "cast"})


def _made_by(maker: Node | None) -> str:
    match maker:
        case Apply(op=op):
            return op
        case Call(function=function):
            return function.name
        case None:
            return "?"
        case _:
            return type(maker).__name__.lower()


def _place_of(results: tuple[Ssa, ...], ssa: Ssa) -> int:
    return next(place for place, result in enumerate(results) if result is ssa)


def within_of(interval: Interval, extents: Mapping[Leaf, Extent]) -> tuple[Number, Number]:
    """The ends that a type declares."""
    return _end(interval.low, extents, False), _end(interval.high, extents, True)


def _end(end: Dim | float | None, extents: Mapping[Leaf, Extent], upper: bool) -> Number:
    if isinstance(end, Dim):
        extent = extent_of(end, extents)
        found = extent.high if upper else extent.low
        return found if found is not None else inf
    if end is None:
        return inf if upper else -inf
    return end


def is_float(ssa: Ssa) -> bool:
    dtype = ssa.type.dtype
    return isinstance(dtype, Scalar) and dtype.kind is DTypeKind.FLOAT


def facts_of(range_: Range, *relations: object) -> list[Fact]:
    return [fact for fact in range_.facts if fact.relation in relations]


def place_key(place: Place) -> tuple[str, str, int, int]:
    return place.file, place.declaration, place.span.start, place.span.end
