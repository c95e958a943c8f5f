"""Functions of static values: arithmetic, comparison, and the functions of dimensions and shapes that types may name.

Each function of shapes says what the operator of the same name does to shapes, and is written from that operator's
meaning in NumPy, not from the checker's rules.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import TypeAlias

import numpy as np

from tenuto_backend.reference import pattern
from tenuto_backend.reference.values import (
    Array,
    Refused,
    Shape,
    Size,
    Value,
    is_weak,
)
from tenuto_grammar.syntax import BinaryOperator, Comparison

Action: TypeAlias = Callable[[], Value]
Static: TypeAlias = Callable[..., Value]


class Steps(list[Value]):
    """What `range` of a dimension gives, and a tensor: the steps of a real loop."""


def static(name: str, positional: Sequence[Value], named: Mapping[str, Value]) -> Static | None:
    """The static function `name` for these arguments; None where the name means an operator, or nothing."""
    if named:
        return None
    if name in ("min", "max", "sqrt", "exp", "log"):
        numbers = 2 if name in ("min", "max") else 1
        return FUNCTIONS[name] if len(positional) == numbers and all(map(is_weak, positional)) else None
    if name in SHAPES and not any(isinstance(value, np.ndarray) for value in _flat(positional)):
        return SHAPES[name]
    return FUNCTIONS.get(name)


def arithmetic(operator: BinaryOperator, left: Value, right: Value) -> Value:
    """An operator between static numbers."""
    if operator in (BinaryOperator.AND, BinaryOperator.OR):
        if isinstance(left, bool) and isinstance(right, bool):
            return left and right if operator is BinaryOperator.AND else left or right
        raise Refused(f"`{operator.value}` needs two of `bool`")
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        raise Refused(f"`{operator.value}` needs numbers")
    if isinstance(left, bool) or isinstance(right, bool):
        raise Refused(f"`{operator.value}` needs numbers, not `bool`")
    if operator is BinaryOperator.DIVIDE:
        with np.errstate(all="ignore"):
            return float(np.float64(left) / np.float64(right))
    found = _number(operator, left, right)
    from_dimension = isinstance(left, Size) or isinstance(right, Size)
    return Size(found) if from_dimension and isinstance(found, int) else found


def _number(operator: BinaryOperator, left: int | float, right: int | float) -> int | float:
    match operator:
        case BinaryOperator.ADD:
            return left + right
        case BinaryOperator.SUBTRACT:
            return left - right
        case BinaryOperator.MULTIPLY:
            return left * right
        case BinaryOperator.FLOOR_DIVIDE:
            return left // right
        case BinaryOperator.MODULO:
            return left % right
        case BinaryOperator.POWER:
            if isinstance(right, int) and right < 0:
                return float(left) ** right
            return int(left) ** right if isinstance(left, int) and isinstance(right, int) else float(left) ** right
        case BinaryOperator.MATMUL | BinaryOperator.DIVIDE | BinaryOperator.AND | BinaryOperator.OR:
            raise Refused(f"`{operator.value}` needs tensors")


def compare(operator: Comparison, left: Value, right: Value) -> bool:
    """A comparison of static values."""
    if operator in (Comparison.EQUAL, Comparison.NOT_EQUAL):
        return _equal(left, right) is (operator is Comparison.EQUAL)
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        raise Refused(f"`{operator.value}` needs numbers")
    match operator:
        case Comparison.LESS:
            return left < right
        case Comparison.LESS_EQUAL:
            return left <= right
        case Comparison.GREATER:
            return left > right
        case _:
            return left >= right


def _equal(left: Value, right: Value) -> bool:
    left, right = (value.sizes if isinstance(value, Shape) else value for value in (left, right))
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(_equal, left, right))
    return bool(left == right)


def _flat(values: Sequence[Value]) -> list[Value]:
    found: list[Value] = []
    for value in values:
        found += _flat(value) if isinstance(value, list | tuple) else [value]
    return found


# ------------------------------------------------------------------------------------------------------ plain functions


def _range(*bounds: Value) -> Value:
    ends = [_integer(bound) for bound in bounds]
    if not 1 <= len(ends) <= 3:
        raise Refused("`range` takes one to three integers")
    real = any(isinstance(bound, Size) for bound in bounds)
    return Steps(map(Size, range(*ends))) if real else list(range(*ends))


def _zip(*lists: Value) -> Value:
    items = [_items(value) for value in lists]
    if len({len(item) for item in items}) > 1:
        raise Refused("`zip` needs lists of one length")
    return list(zip(*items, strict=True))


def _enumerate(value: Value) -> Value:
    return list(enumerate(_items(value)))


def _len(value: Value) -> Value:
    return len(_items(value))


def _smallest(left: Value, right: Value) -> Value:
    return _of_dimension(left if compare(Comparison.LESS_EQUAL, left, right) else right, left, right)


def _largest(left: Value, right: Value) -> Value:
    return _of_dimension(left if compare(Comparison.GREATER_EQUAL, left, right) else right, left, right)


def _of_dimension(chosen: Value, left: Value, right: Value) -> Value:
    """What is made of a dimension is one, even where the number beside it was chosen."""
    is_size = isinstance(left, Size) or isinstance(right, Size)
    return Size(chosen) if is_size and isinstance(chosen, int) else chosen


def _by(function: Callable[[float], float]) -> Static:
    def of_number(value: Value) -> Value:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Refused("a number is needed")
        return function(value)

    return of_number


FUNCTIONS: Mapping[str, Static] = {
    "range": _range,
    "zip": _zip,
    "enumerate": _enumerate,
    "len": _len,
    "min": _smallest,
    "max": _largest,
    "sqrt": _by(math.sqrt),
    "exp": _by(math.exp),
    "log": _by(math.log),
}


# -------------------------------------------------------------------------------------------------- functions of shapes


def _integer(value: Value) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    raise Refused("an integer is needed")


def _items(value: Value) -> list[Value]:
    if isinstance(value, list | tuple):
        return list(value)
    raise Refused("a list is needed")


def sizes_of(value: Value) -> tuple[int, ...]:
    """The sizes of a pack, or of a list of integers."""
    if isinstance(value, Shape):
        return value.sizes
    if isinstance(value, list | tuple):
        return tuple(map(_integer, value))
    raise Refused("a shape is needed")


def axes_of(axes: Value, rank: int) -> tuple[int, ...]:
    """`axes` counted from 0: all axes where none is given."""
    if axes is None:
        return tuple(range(rank))
    found = tuple(axis_of(axis, rank) for axis in (axes if isinstance(axes, list | tuple) else [axes]))
    if len(set(found)) != len(found):
        raise Refused("an axis is given twice")
    return found


def axis_of(axis: Value, rank: int) -> int:
    place = _integer(axis)
    if not -rank <= place < rank:
        raise Refused(f"there is no axis {place} of {rank}")
    return place % rank


def _broadcast(*shapes: Value) -> Value:
    try:
        return Shape(tuple(map(int, np.broadcast_shapes(*map(sizes_of, shapes)))))
    except ValueError as problem:
        raise Refused(
            f"shapes that do not broadcast: {', '.join(str(sizes_of(shape)) for shape in shapes)}"
        ) from problem


def _matmul(left: Value, right: Value) -> Value:
    """The axes before the last of a matrix product: those of a vector are empty, those of a single matrix too."""
    before, batch = sizes_of(left), sizes_of(right)
    if not before or not batch:
        return Shape(before or batch)
    joined = _broadcast(Shape(before[:-1]), Shape(batch))
    return Shape((*sizes_of(joined), before[-1]))


def _product(shape: Value) -> Value:
    return Size(prod(sizes_of(shape)))


def _rank(shape: Value) -> Value:
    return len(sizes_of(shape))


def _reduce(shape: Value, axes: Value, keepdims: Value) -> Value:
    sizes = sizes_of(shape)
    gone = axes_of(axes, len(sizes))
    if keepdims is True:
        return Shape(tuple(1 if at in gone else size for at, size in enumerate(sizes)))
    return Shape(tuple(size for at, size in enumerate(sizes) if at not in gone))


def _permute(shape: Value, order: Value) -> Value:
    sizes = sizes_of(shape)
    return Shape(tuple(sizes[axis] for axis in axes_of(order, len(sizes))))


def _swap(shape: Value, first: Value, second: Value) -> Value:
    sizes = list(sizes_of(shape))
    a, b = axis_of(first, len(sizes)), axis_of(second, len(sizes))
    sizes[a], sizes[b] = sizes[b], sizes[a]
    return Shape(tuple(sizes))


def _insert(shape: Value, axis: Value) -> Value:
    sizes = list(sizes_of(shape))
    sizes.insert(axis_of(axis, len(sizes) + 1), 1)
    return Shape(tuple(sizes))


def _pad(shape: Value, before: Value, after: Value) -> Value:
    ends = zip(sizes_of(before), sizes_of(shape), sizes_of(after), strict=True)
    return Shape(tuple(low + size + high for low, size, high in ends))


def _tile(shape: Value, repeats: Value) -> Value:
    return Shape(tuple(size * times for size, times in zip(sizes_of(shape), sizes_of(repeats), strict=True)))


def _concat(parts: Value, axis: Value) -> Value:
    shapes = [tensor.shape for tensor in _tensors(parts)]
    place = axis_of(axis, len(shapes[0]))
    others = {shape[:place] + shape[place + 1 :] for shape in shapes}
    if len(others) != 1:
        raise Refused(f"shapes that cannot be joined along axis {place}: {shapes}")
    joined = sum(shape[place] for shape in shapes)
    return Shape((*shapes[0][:place], joined, *shapes[0][place + 1 :]))


def _stack(parts: Value, axis: Value) -> Value:
    tensors = _tensors(parts)
    if len({tensor.shape for tensor in tensors}) != 1:
        raise Refused("tensors of several shapes cannot be stacked")
    sizes = list(tensors[0].shape)
    sizes.insert(axis_of(axis, len(sizes) + 1), len(tensors))
    return Shape(tuple(sizes))


def _tensors(parts: Value) -> list[Array]:
    tensors = [part for part in _items(parts) if isinstance(part, np.ndarray)]
    if not tensors:
        raise Refused("at least one tensor is needed")
    return tensors


def _einsum(text: Value, parts: Value) -> Value:
    rule = pattern.parse(str(text))
    tensors = _tensors(parts)
    if len(rule.inputs) != len(tensors):
        raise Refused(f"the pattern {text!r} is for {len(rule.inputs)} tensors, not {len(tensors)}")
    known = {
        name: size
        for side, tensor in zip(rule.inputs, tensors, strict=True)
        for name, size in zip(pattern.spread(side, tensor.ndim, str(text)).names, tensor.shape, strict=True)
    }
    return Shape(tuple(known[name] for name in rule.output.names))


def _rearrange(text: Value, shape: Value, named: Value) -> Value:
    sizes = sizes_of(shape)
    rule = pattern.parse(str(text))
    left = pattern.spread(rule.inputs[0], len(sizes), str(text))
    known = pattern.solve(left, sizes, named if isinstance(named, dict) else {}, str(text))
    right = rule.output
    if (pattern.ELLIPSIS,) in right.axes:
        right = pattern.replace_ellipsis(right, len(sizes) - len(rule.inputs[0].axes) + 1)
    return Shape(tuple(prod(known[name] for name in axis) for axis in right.axes))


def _is_permutation(order: Value, rank: Value) -> Value:
    count = _integer(rank)
    return sorted(axis_of(axis, count) for axis in _items(order)) == list(range(count))


SHAPES: Mapping[str, Static] = {
    "broadcast": _broadcast,
    "matmul": _matmul,
    "product": _product,
    "rank": _rank,
    "reduce": _reduce,
    "permute": _permute,
    "is_permutation": _is_permutation,
    "swap": _swap,
    "insert": _insert,
    "pad": _pad,
    "tile": _tile,
    "concat": _concat,
    "stack": _stack,
    "einsum": _einsum,
    "rearrange": _rearrange,
    "reduce_pattern": _rearrange,
}
"""Functions of shapes that a type may name; given a tensor, a name that is also an operator's means the operator."""
