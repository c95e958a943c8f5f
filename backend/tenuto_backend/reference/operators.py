"""The signs of the language between values: static ones are computed here, tensors go to the standard library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tenuto_backend.reference import functions
from tenuto_backend.reference.program import STANDARD
from tenuto_backend.reference.values import (
    Applied,
    Declared,
    Frame,
    Refused,
    Size,
    Undetermined,
    Value,
    WrongByExecution,
    describe,
    is_weak,
)
from tenuto_grammar import syntax
from tenuto_grammar.syntax import BinaryOperator, Comparison, UnaryOperator
from tenuto_grammar.text import Span

OPERATORS: Mapping[BinaryOperator | Comparison | UnaryOperator, str] = {
    BinaryOperator.ADD: "add",
    BinaryOperator.SUBTRACT: "subtract",
    BinaryOperator.MULTIPLY: "multiply",
    BinaryOperator.DIVIDE: "divide",
    BinaryOperator.FLOOR_DIVIDE: "floor_divide",
    BinaryOperator.MODULO: "modulo",
    BinaryOperator.MATMUL: "matmul",
    BinaryOperator.POWER: "power",
    BinaryOperator.AND: "logical_and",
    BinaryOperator.OR: "logical_or",
    UnaryOperator.NOT: "logical_not",
    UnaryOperator.NEGATE: "negate",
    Comparison.EQUAL: "equal",
    Comparison.NOT_EQUAL: "not_equal",
    Comparison.LESS: "less",
    Comparison.LESS_EQUAL: "less_equal",
    Comparison.GREATER: "greater",
    Comparison.GREATER_EQUAL: "greater_equal",
}
"""The operator of the standard library that each sign means between tensors."""


def unary(frame: Frame, span: Span, operator: UnaryOperator, value: Value) -> Value:
    match operator, value:
        case UnaryOperator.NOT, bool():
            return not value
        case UnaryOperator.NEGATE, bool():
            raise WrongByExecution(frame.place(span), "a `bool` has no sign")
        case UnaryOperator.NEGATE, Size():
            return Size(-value)
        case UnaryOperator.NEGATE, int() | float():
            return -value
        case _, np.ndarray():
            return apply(frame, OPERATORS[operator], [value], span)
        case _:
            raise WrongByExecution(frame.place(span), f"`{operator.value}` does not take {describe(value)}")


def binary(frame: Frame, span: Span, operator: BinaryOperator, first: Value, second: Value) -> Value:
    if is_weak(first) and is_weak(second):
        return guarded(frame, span, lambda: functions.arithmetic(operator, first, second))
    if isinstance(first, list) and isinstance(second, list) and operator is BinaryOperator.ADD:
        return first + second
    if all(isinstance(value, np.ndarray) or is_weak(value) for value in (first, second)):
        return apply(frame, OPERATORS[operator], [first, second], span)
    raise WrongByExecution(
        frame.place(span), f"`{operator.value}` does not take {describe(first)} and {describe(second)}"
    )


def compare(frame: Frame, span: Span, values: Sequence[Value], signs: Sequence[Comparison]) -> Value:
    """A chain of comparisons, which holds where each of them does."""
    found: Value = True
    for sign, first, second in zip(signs, values, values[1:], strict=False):
        step = _comparison(frame, span, sign, first, second)
        if isinstance(found, bool):
            found = step if found or isinstance(step, np.ndarray) else False
        elif isinstance(step, np.ndarray):
            found = apply(frame, OPERATORS[BinaryOperator.AND], [found, step], span)
    return found


def _comparison(frame: Frame, span: Span, operator: Comparison, first: Value, second: Value) -> Value:
    tensors = [isinstance(value, np.ndarray) for value in (first, second)]
    if any(tensors) and all(tensor or is_weak(value) for tensor, value in zip(tensors, (first, second), strict=True)):
        return apply(frame, OPERATORS[operator], [first, second], span)
    if any(tensors) and (first is None or second is None):
        return operator is Comparison.NOT_EQUAL
    if any(tensors):
        raise WrongByExecution(frame.place(span), f"{describe(first)} does not compare with {describe(second)}")
    return guarded(frame, span, lambda: functions.compare(operator, first, second))


def apply(frame: Frame, name: str, arguments: list[Value], span: Span) -> Value:
    """Call `name` of the standard library."""
    found = frame.run.find(STANDARD, name)
    if not isinstance(found, Declared) or not isinstance(found.declaration, syntax.Definition):
        raise Undetermined(f"the standard library has no `{name}`")
    return frame.run.call(frame, Applied(found.file, found.declaration, {}), arguments, {}, frame.place(span))


def guarded(frame: Frame, span: Span, action: functions.Action) -> Value:
    try:
        return action()
    except (Refused, TypeError, ValueError, ZeroDivisionError) as problem:
        raise WrongByExecution(frame.place(span), str(problem)) from problem
