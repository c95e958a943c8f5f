"""The shape functions that no signature can express: `broadcast`, `reduce`, `concat`, ...

Each takes what is known and its arguments as values, and gives the shape, or a `Failure` in words, or None where the
arguments are not known well enough: the shape then stays a `PackCall`. `FUNCTIONS` lists them all. Pattern literals are
in `patterns.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from functools import reduce as fold

from msgspec import Struct

from tenuto_analysis.dims import ONE, ZERO, All, Compare, Constraint, Dim, Flag, Relation, Truth, literal, of
from tenuto_analysis.facts import EMPTY, Facts
from tenuto_analysis.types import (
    NONE,
    AxisSize,
    Bool,
    Int,
    ListValue,
    PackCall,
    PackProduct,
    PackRank,
    PackVariable,
    SamePack,
    Sequence,
    Shape,
    ShapeItem,
    ShapeValue,
    Tensor,
    TupleValue,
    Value,
    shape_text,
)


class FailureKind(Enum):
    """Which rule a failed shape function reports."""

    BROADCAST = "broadcast"
    SIZES = "sizes"
    AXIS = "axis"
    RANK = "rank"
    PATTERN = "pattern"


class Failure(Struct, frozen=True):
    """Why a shape function has no result. `obligation` is what would have to hold, where that can be said."""

    kind: FailureKind
    message: str
    obligation: Constraint | None = None


class Known(Struct, frozen=True):
    """What is known at a place: facts about sizes, and what residual shape functions are equal to."""

    facts: Facts = EMPTY
    packs: tuple[tuple[Shape, Shape], ...] = ()

    def assume(self, constraint: Constraint) -> Known:
        match constraint:
            case Flag(leaf=SamePack(left=left, right=right)):
                return Known(self.facts.assume(constraint), (*self.packs, (left, right)))
            case All(parts=parts):
                return fold(Known.assume, parts, self)
            case _:
                return Known(self.facts.assume(constraint), self.packs)

    def equal(self, left: Dim, right: Dim) -> bool:
        return left is right or self.facts.equal(left, right)

    def rewrite(self, shape: Shape) -> Shape | None:
        """What the facts say that this residual shape is."""
        return next((right for left, right in self.packs if left == shape), None)


Result = Shape | Failure | None


def has_pack(shape: Shape) -> bool:
    return any(not isinstance(item, Dim) for item in shape)


def product(shape: Shape) -> Dim:
    """The number of elements."""
    total = ONE
    for item in shape:
        total = total * (item if isinstance(item, Dim) else of(PackProduct((item,))))
    return total


def rank(shape: Shape) -> Dim:
    total = ZERO
    for item in shape:
        total = total + (ONE if isinstance(item, Dim) else of(PackRank((item,))))
    return total


def axis_size(known: Known, shape: Shape, axis: Dim) -> Dim | Failure:
    """`S[axis]`."""
    if axis.constant is None:
        return of(AxisSize(shape, axis))
    position = axis_position(shape, axis.constant)
    if isinstance(position, Failure):
        return position
    if position is None:
        return of(AxisSize(shape, axis))
    item = shape[position]
    assert isinstance(item, Dim)
    return item


def axis_position(shape: Shape, axis: int, extra: int = 0) -> int | Failure | None:
    """Where an axis stands in a shape (`extra` = 1: a place for a new axis); None where a pack hides it."""
    length = len(shape)
    if not has_pack(shape):
        if -length - extra <= axis < length + extra:
            return axis if axis >= 0 else axis + length + extra
        axes = "no axis" if length == 0 else "one axis" if length == 1 else f"{length} axes"
        return Failure(FailureKind.AXIS, f"axis {axis} is outside of `[{shape_text(shape)}]`, which has {axes}")
    if axis >= 0:
        before = shape[: axis + 1 - extra]
        return axis if len(before) == axis + 1 - extra and not has_pack(before) else None
    position = length + axis + extra
    return position if position >= 0 and not has_pack(shape[position:]) else None


def broadcast(known: Known, left: Shape, right: Shape) -> Shape | Failure:
    """NumPy's rule, where it can be proved: aligned from the right, sizes are equal, or one is the literal 1."""
    if left == right:
        return left
    i, j = len(left), len(right)
    found: list[ShapeItem] = []
    while i and j:
        a, b = left[i - 1], right[j - 1]
        if isinstance(a, Dim) and isinstance(b, Dim):
            if a is b or b is ONE:
                found.append(a)
            elif a is ONE:
                found.append(b)
            elif known.facts.equal(a, b) or known.facts.equal(b, ONE):
                found.append(a)
            elif known.facts.equal(a, ONE):
                found.append(b)
            else:
                return Failure(
                    FailureKind.BROADCAST,
                    f"`[{shape_text(left)}]` and `[{shape_text(right)}]` do not broadcast: `{a}` meets `{b}`",
                    Compare(Relation.EQ, a, b),
                )
        elif a == b:
            found.append(a)
        else:
            rest = _broadcast_packs(known, left[:i], right[:j])
            return rest if isinstance(rest, Failure) else (*rest, *reversed(found))
        i -= 1
        j -= 1
    return (*left[:i], *right[:j], *reversed(found))


def _broadcast_packs(known: Known, left: Shape, right: Shape) -> Shape | Failure:
    if left == right:
        return left
    for one, other in ((left, right), (right, left)):
        match one:
            case (PackCall(function="reduce", arguments=(ShapeValue(shape=shape), _, Bool(value=Truth(value=True)))),):
                if shape == other:
                    return other
            case _:
                pass
        residual: Shape = (PackCall("broadcast", (ShapeValue(one), ShapeValue(other))),)
        fact = known.rewrite(residual)
        if fact is not None:
            return fact
    return Failure(
        FailureKind.BROADCAST,
        f"nothing tells that `[{shape_text(left)}]` and `[{shape_text(right)}]` broadcast",
        Flag(SamePack((PackCall("broadcast", (ShapeValue(left), ShapeValue(right))),), left)),
    )


def call(known: Known, function: str, arguments: tuple[Value, ...]) -> Shape | Failure:
    """The shape that a shape function gives; a residual `PackCall` where too little is known."""
    result = FUNCTIONS[function](known, arguments)
    if result is None:
        residual: Shape = (PackCall(function, arguments),)
        return known.rewrite(residual) or residual
    return result


# -------------------------------------------------------------------------------------------------------- the functions


def _broadcast(known: Known, arguments: tuple[Value, ...]) -> Result:
    result: Shape = ()
    for argument in arguments:
        if not isinstance(argument, ShapeValue):
            return None
        if _opaque(argument.shape) and result not in ((), argument.shape):
            met = _broadcast_packs(known, result, argument.shape)
        else:
            met = broadcast(known, result, argument.shape)
        if isinstance(met, Failure):
            return None if met.obligation is not None and isinstance(met.obligation, Flag) else met
        result = met
    return result


def _opaque(shape: Shape) -> bool:
    return len(shape) == 1 and isinstance(shape[0], PackVariable)


def _reduce(known: Known, arguments: tuple[Value, ...]) -> Result:
    match arguments:
        case (ShapeValue(shape=shape), axes, Bool(value=Truth(value=keep))):
            pass
        case _:
            return None
    if axes == NONE:
        if not keep:
            return ()
        return None if has_pack(shape) else (ONE,) * len(shape)
    numbers = integers(axes)
    if numbers is None:
        return None
    positions = _positions(shape, numbers)
    if positions is None or isinstance(positions, Failure):
        return positions
    if keep:
        return tuple(ONE if i in positions else item for i, item in enumerate(shape))
    return tuple(item for i, item in enumerate(shape) if i not in positions)


def _positions(shape: Shape, axes: tuple[int, ...]) -> set[int] | Failure | None:
    positions: set[int] = set()
    for axis in axes:
        position = axis_position(shape, axis)
        if position is None or isinstance(position, Failure):
            return position
        if position in positions:
            return Failure(FailureKind.AXIS, f"axis {axis} is named twice")
        positions.add(position)
    return positions


def _permute(known: Known, arguments: tuple[Value, ...]) -> Result:
    match arguments:
        case (ShapeValue(shape=shape), order):
            numbers = integers(order)
        case _:
            return None
    if numbers is None or has_pack(shape):
        return None
    positions = [axis_position(shape, axis) for axis in numbers]
    if len(numbers) != len(shape):
        return Failure(FailureKind.AXIS, f"{len(numbers)} axes are named, but `[{shape_text(shape)}]` has {len(shape)}")
    picked: list[ShapeItem] = []
    for position in positions:
        if position is None or isinstance(position, Failure):
            return position
        picked.append(shape[position])
    if len(set(map(str, positions))) != len(positions):
        return Failure(FailureKind.AXIS, f"{list(numbers)} names an axis twice")
    return tuple(picked)


def _concat(known: Known, arguments: tuple[Value, ...]) -> Result:
    match arguments:
        case (Sequence(element=Tensor(shape=shape), length=length), Int(value=axis)):
            position = axis_position(shape, axis.constant) if axis.constant is not None else None
            if position is None or isinstance(position, Failure):
                return position
            size = shape[position]
            assert isinstance(size, Dim)
            return (*shape[:position], size * length, *shape[position + 1 :])
        case (ListValue() | TupleValue() as parts, Int(value=axis)) if axis.constant is not None:
            shapes = [part.shape for part in parts.items if isinstance(part, Tensor)]
            if len(shapes) != len(parts.items):
                return None
            return _join(known, shapes, axis.constant)
        case _:
            return None


def _join(known: Known, shapes: list[Shape], axis: int) -> Result:
    if not shapes:
        return Failure(FailureKind.RANK, "there is nothing to join")
    first, *others = shapes
    position = axis_position(first, axis)
    if position is None or isinstance(position, Failure):
        return position
    total = first[position]
    assert isinstance(total, Dim)
    for other in others:
        place = axis_position(other, axis)
        if isinstance(place, Failure):
            return place
        if place is None or len(other) != len(first):
            return Failure(
                FailureKind.RANK,
                f"`[{shape_text(first)}]` and `[{shape_text(other)}]` do not join: they have different numbers of axes",
            )
        for i, (a, b) in enumerate(zip(first, other, strict=True)):
            if i != place and a != b:
                failed = same_item(known, a, b)
                if failed is not None:
                    return Failure(
                        FailureKind.SIZES,
                        f"`[{shape_text(first)}]` and `[{shape_text(other)}]` do not join along axis {axis}: "
                        f"`{a}` meets `{b}` at axis {i}",
                        failed,
                    )
        size = other[place]
        assert isinstance(size, Dim)
        total = total + size
    return (*first[:position], total, *first[position + 1 :])


def same_item(known: Known, left: ShapeItem, right: ShapeItem) -> Constraint | None:
    """None where two items are equal, else what would have to hold."""
    if isinstance(left, Dim) and isinstance(right, Dim):
        return None if known.equal(left, right) else Compare(Relation.EQ, left, right)
    if left == right or known.rewrite((left,)) == (right,) or known.rewrite((right,)) == (left,):
        return None
    return Flag(SamePack((left,), (right,)))


def _stack(known: Known, arguments: tuple[Value, ...]) -> Result:
    match arguments:
        case (Sequence(element=Tensor(shape=shape), length=length), Int(value=axis)) if axis.constant is not None:
            return _inserted(shape, axis.constant, length)
        case (ListValue() | TupleValue() as parts, Int(value=axis)) if axis.constant is not None:
            shapes = [part.shape for part in parts.items if isinstance(part, Tensor)]
            if len(shapes) != len(parts.items):
                return None
            if not shapes:
                return Failure(FailureKind.RANK, "there is nothing to stack")
            for other in shapes[1:]:
                failed = same_shape(known, shapes[0], other)
                if failed is not None:
                    return failed
            return _inserted(shapes[0], axis.constant, literal(len(shapes)))
        case _:
            return None


def same_shape(known: Known, left: Shape, right: Shape) -> Failure | None:
    """None where two shapes are equal for all sizes that the facts admit."""
    if left == right:
        return None
    text = f"`[{shape_text(left)}]` and `[{shape_text(right)}]` differ"
    if len(left) != len(right):
        for one, other in ((left, right), (right, left)):
            fact = known.rewrite(one)
            if fact is not None and fact == other:
                return None
        return Failure(FailureKind.RANK, text)
    for i, (a, b) in enumerate(zip(left, right, strict=True)):
        failed = same_item(known, a, b)
        if failed is not None:
            return Failure(FailureKind.SIZES, f"{text} at axis {i}: `{a}` is not `{b}`", failed)
    return None


def _inserted(shape: Shape, axis: int, size: Dim) -> Result:
    position = axis_position(shape, axis, extra=1)
    if position is None or isinstance(position, Failure):
        return position
    return (*shape[:position], size, *shape[position:])


def _insert(known: Known, arguments: tuple[Value, ...]) -> Result:
    match arguments:
        case (ShapeValue(shape=shape), Int(value=axis)) if axis.constant is not None:
            return _inserted(shape, axis.constant, ONE)
        case _:
            return None


def _swap(known: Known, arguments: tuple[Value, ...]) -> Result:
    match arguments:
        case (ShapeValue(shape=shape), Int(value=a), Int(value=b)) if a.constant is not None and b.constant is not None:
            positions = axis_position(shape, a.constant), axis_position(shape, b.constant)
        case _:
            return None
    found = list(shape)
    numbers: list[int] = []
    for position in positions:
        if position is None or isinstance(position, Failure):
            return position
        numbers.append(position)
    i, j = numbers
    found[i], found[j] = found[j], found[i]
    return tuple(found)


def _matmul(known: Known, arguments: tuple[Value, ...]) -> Result:
    """The axes of a product before the last: `A` without its inner axis, met with those of `B` without its matrix."""
    match arguments:
        case (ShapeValue(shape=left), ShapeValue(shape=right)):
            pass
        case _:
            return None
    if not right or not left:
        return left or right
    if not isinstance(left[-1], Dim):
        return None
    batch = broadcast(known, left[:-1], right)
    return batch if isinstance(batch, Failure) else (*batch, left[-1])


def _pad(known: Known, arguments: tuple[Value, ...]) -> Result:
    match arguments:
        case (ShapeValue(shape=shape), before, after):
            first, last = sizes(before), sizes(after)
        case _:
            return None
    if first is None or last is None or has_pack(shape):
        return None
    if len(first) != len(shape) or len(last) != len(shape):
        return Failure(FailureKind.RANK, f"`before` and `after` need one size for each axis of `[{shape_text(shape)}]`")
    return tuple(
        item + before_size + after_size
        for item, before_size, after_size in zip(shape, first, last, strict=True)
        if isinstance(item, Dim)
    )


def _tile(known: Known, arguments: tuple[Value, ...]) -> Result:
    match arguments:
        case (ShapeValue(shape=shape), repeats):
            counts = sizes(repeats)
        case _:
            return None
    if counts is None or has_pack(shape):
        return None
    if len(counts) != len(shape):
        return Failure(FailureKind.RANK, f"`repeats` needs one number for each axis of `[{shape_text(shape)}]`")
    return tuple(item * count for item, count in zip(shape, counts, strict=True) if isinstance(item, Dim))


def integers(value: Value) -> tuple[int, ...] | None:
    """The literal integers of a number or a list of them."""
    found = sizes(value)
    if found is None:
        return None
    numbers = [item.constant for item in found]
    return tuple(number for number in numbers if number is not None) if None not in numbers else None


def sizes(value: Value) -> tuple[Dim, ...] | None:
    """The static integers of a number or a list of them."""
    match value:
        case Int(value=dim):
            return (dim,)
        case ListValue(items=items) | TupleValue(items=items):
            found = tuple(item.value for item in items if isinstance(item, Int))
            return found if len(found) == len(items) else None
        case ShapeValue(shape=shape):
            return None if has_pack(shape) else tuple(item for item in shape if isinstance(item, Dim))
        case _:
            return None


FUNCTIONS: Mapping[str, Callable[[Known, tuple[Value, ...]], Result]] = {
    "broadcast": _broadcast,
    "reduce": _reduce,
    "permute": _permute,
    "concat": _concat,
    "stack": _stack,
    "pad": _pad,
    "insert": _insert,
    "swap": _swap,
    "matmul": _matmul,
    "tile": _tile,
}
