"""Arithmetic on single numbers, chosen by dtype: floats, integers with a sign and without."""

from __future__ import annotations

from tenuto_analysis.dtypes import DType, Kind, Scalar
from tenuto_backend.applied import scalar
from tenuto_backend.mlir.body import Body
from tenuto_backend.mlir.operations import I1, Integer, Value
from tenuto_backend.mlir.types import element

# Of an operator the operation on floats, on signed and on unsigned integers; bools are unsigned integers of one bit.
_F32 = Scalar("f32", Kind.FLOAT, 32)
_BINARY = {
    "add": ("arith.addf", "arith.addi", "arith.addi"),
    "subtract": ("arith.subf", "arith.subi", "arith.subi"),
    "multiply": ("arith.mulf", "arith.muli", "arith.muli"),
    "divide": ("arith.divf", "arith.divsi", "arith.divui"),
    "maximum": ("arith.maximumf", "arith.maxsi", "arith.maxui"),
    "minimum": ("arith.minimumf", "arith.minsi", "arith.minui"),
}
_FLOAT_TESTS = {"equal": 1, "greater": 2, "greater_equal": 3, "less": 4, "less_equal": 5, "not_equal": 13}
_SIGNED_TESTS = {"equal": 0, "not_equal": 1, "less": 2, "less_equal": 3, "greater": 4, "greater_equal": 5}
_UNSIGNED_TESTS = {"equal": 0, "not_equal": 1, "less": 6, "less_equal": 7, "greater": 8, "greater_equal": 9}


def binary(body: Body, operator: str, dtype: DType, a: Value, b: Value) -> Value:
    """`add`, `maximum` and their like of two numbers of a dtype."""
    return body.op(_BINARY[operator][_column(scalar(dtype))], [a, b], element(dtype))


def test(body: Body, operator: str, dtype: DType, a: Value, b: Value) -> Value:
    """`less`, `equal` and their like: an `i1`."""
    column = _column(scalar(dtype))
    if column == 0:
        return body.op("arith.cmpf", [a, b], I1, predicate=Integer(_FLOAT_TESTS[operator]))
    predicates = _SIGNED_TESTS if column == 1 else _UNSIGNED_TESTS
    return body.op("arith.cmpi", [a, b], I1, predicate=Integer(predicates[operator]))


def lowest(dtype: DType) -> int | float:
    """The value at or below every other of a dtype."""
    found = scalar(dtype)
    return float("-inf") if found.kind is Kind.FLOAT else -(2 ** (found.bits - 1)) if found.kind is Kind.SIGNED else 0


def highest(dtype: DType) -> int | float:
    found = scalar(dtype)
    if found.kind is Kind.FLOAT:
        return float("inf")
    # Written as the bits of a signed number, all of them set.
    return 2 ** (found.bits - 1) - 1 if found.kind is Kind.SIGNED else -1


def accumulator(dtype: DType) -> Scalar:
    """The dtype that sums of a dtype are kept in: floats of fewer bits than 32 would lose most of what is added."""
    found = scalar(dtype)
    return _F32 if found.kind is Kind.FLOAT and found.bits < _F32.bits else found


def is_float(dtype: DType) -> bool:
    return scalar(dtype).kind is Kind.FLOAT


def is_signed(dtype: DType) -> bool:
    return scalar(dtype).kind is Kind.SIGNED


def _column(dtype: Scalar) -> int:
    return {Kind.FLOAT: 0, Kind.SIGNED: 1}.get(dtype.kind, 2)


_ROUNDED_UP = {"f8e4m3": (15 * 2.0**-10, 2.0**-6), "f8e5m2": (7 * 2.0**-17, 2.0**-14)}
"""From which number on a dtype rounds up to its smallest normal number, and that number."""


def _rounded_up(body: Body, value: Value, source: Scalar, target: str) -> Value:
    """What becomes the smallest normal number is made that before it is cast: IREE 3.13 makes 0 of it."""
    if target not in _ROUNDED_UP:
        return value
    kind = element(source)
    low, high = (body.constant(number, kind) for number in _ROUNDED_UP[target])
    size = body.op("math.absf", [value], kind)
    ends = [test(body, "greater_equal", source, size, low), test(body, "less", source, size, high)]
    near = body.op("arith.andi", ends, I1)
    return body.op("arith.select", [near, body.op("math.copysign", [high, value], kind), value], kind)


def cast(body: Body, value: Value, dtype: DType, to: DType) -> Value:
    """A number in another dtype; towards zero from float to integer, true where it is not zero."""
    source, target = scalar(dtype), scalar(to)
    kind = element(to)
    if source == target:
        return value
    if target.kind is Kind.BOOL:
        return test(body, "not_equal", dtype, value, body.constant(0, element(dtype)))
    if source.kind is Kind.FLOAT and target.kind is Kind.FLOAT:
        if source.bits == target.bits:
            wide = body.op("arith.extf", [value], element(_F32))
            return body.op("arith.truncf", [_rounded_up(body, wide, _F32, target.name)], kind)
        if target.bits > source.bits:
            return body.op("arith.extf", [value], kind)
        return body.op("arith.truncf", [_rounded_up(body, value, source, target.name)], kind)
    if source.kind is Kind.FLOAT:
        return body.op("arith.fptosi" if target.kind is Kind.SIGNED else "arith.fptoui", [value], kind)
    if target.kind is Kind.FLOAT:
        return body.op("arith.sitofp" if source.kind is Kind.SIGNED else "arith.uitofp", [value], kind)
    width = 1 if source.kind is Kind.BOOL else source.bits
    if width == target.bits:
        return value
    if width > target.bits:
        return body.op("arith.trunci", [value], kind)
    return body.op("arith.extsi" if source.kind is Kind.SIGNED else "arith.extui", [value], kind)
