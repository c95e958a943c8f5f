"""Operators: arithmetic, comparison and logic, on tensors and on values known at compile time.

An infix operator means the function of the same name in `std`; its typing is here because it is the busiest rule of
all.
"""

from __future__ import annotations

import math

from tenuto_analysis.check import expressions, matching, quantised
from tenuto_analysis.check.context import Context
from tenuto_analysis.check.evidence import evidence_of, failure_of
from tenuto_analysis.diagnostics.base import Related
from tenuto_analysis.diagnostics.shapes import DimensionMismatch, RankMismatch, ZeroDivisor
from tenuto_analysis.diagnostics.types import DTypeMismatch, InvalidOperation
from tenuto_analysis.dims import (
    ONE,
    All,
    Any_,
    Compare,
    Constraint,
    Dim,
    Flag,
    Relation,
    Truth,
    power,
)
from tenuto_analysis.dtypes import (
    BOOL,
    FLOAT,
    SCALARS,
    UNKNOWN_DTYPE,
    WEAK_FLOAT,
    DType,
    DTypeClass,
    Kind,
    Quantised,
    UnknownDType,
    Weak,
    accumulated,
    in_class,
    kinds,
)
from tenuto_analysis.shapes import Failure, broadcast
from tenuto_analysis.substitute import same_pack
from tenuto_analysis.types import (
    UNKNOWN,
    Bool,
    DTypeValue,
    Float,
    Int,
    Interval,
    NoneValue,
    OptionalValue,
    Shape,
    ShapeValue,
    StaticTest,
    Str,
    Tensor,
    Unknown,
    Value,
    shape_text,
)
from tenuto_grammar import syntax
from tenuto_grammar.syntax import BinaryOperator, Comparison, UnaryOperator
from tenuto_grammar.text import Span

RELATIONS = {
    Comparison.EQUAL: Relation.EQ,
    Comparison.NOT_EQUAL: Relation.NE,
    Comparison.LESS: Relation.LT,
    Comparison.LESS_EQUAL: Relation.LE,
    Comparison.GREATER: Relation.GT,
    Comparison.GREATER_EQUAL: Relation.GE,
}
_CLASSES = {BinaryOperator.DIVIDE: DTypeClass.FLOATING}


def at_most(low: Dim, high: Dim) -> Constraint:
    return Compare(Relation.LE, low, high)


def met_dtype(ctx: Context, left: DType, right: DType) -> DType | None:
    """The dtype in which two tensors meet, None where they need a cast."""
    return matching.meet(left, right, ctx.lenient)


def binary(ctx: Context, node: syntax.Binary) -> Value:
    left, right = expressions.infer(ctx, node.left), expressions.infer(ctx, node.right)
    if left == UNKNOWN or right == UNKNOWN:
        return UNKNOWN
    operator = node.operator
    if operator is BinaryOperator.AND or operator is BinaryOperator.OR:
        return _logic(ctx, node, left, right)
    if isinstance(left, Int | Float) and isinstance(right, Int | Float):
        return _static(ctx, node, left, right)
    if isinstance(left, ShapeValue) and isinstance(right, ShapeValue) and operator is BinaryOperator.ADD:
        return ShapeValue(left.shape + right.shape)
    if operator is BinaryOperator.MATMUL:
        return _matmul(ctx, node, left, right)
    bound = _CLASSES.get(operator, DTypeClass.NUMBER)
    result = _elementwise(ctx, node.operator.value, node.span, (node.left, left), (node.right, right), bound)
    if isinstance(result, Tensor) and isinstance(result.dtype, Weak):
        return Float(None) if result.dtype == WEAK_FLOAT and not result.shape else result
    return result


def _elementwise(
    ctx: Context,
    operator: str,
    span: Span,
    left: tuple[syntax.Expression, Value],
    right: tuple[syntax.Expression, Value],
    bound: DTypeClass,
) -> Value:
    a, b = _operand(ctx, operator, *left), _operand(ctx, operator, *right)
    if a is None or b is None:
        return UNKNOWN
    for node, tensor in ((left[0], a), (right[0], b)):
        if isinstance(tensor.dtype, Quantised):
            quantised.refuse(ctx, node.span, f"`{operator}`", tensor.dtype)
            return UNKNOWN
    dtype = met_dtype(ctx, a.dtype, b.dtype)
    if dtype is None:
        _report_dtypes(ctx, (left[0], a.dtype), (right[0], b.dtype))
        dtype = UNKNOWN_DTYPE
    elif not in_class(dtype, bound):
        wanted = bound.value if bound is not DTypeClass.NUMBER else "number"
        culprit = left if not in_class(a.dtype, bound) else right
        ctx.report(DTypeMismatch(culprit[0].span, wanted, str(dtype)))
        dtype = UNKNOWN_DTYPE
    shape = broadcast(ctx.known, a.shape, b.shape)
    if isinstance(shape, Failure):
        ctx.report(failure_of(ctx, shape, span, _origins(ctx, left[0], a, right[0], b)))
        return UNKNOWN
    return Tensor(dtype, shape, _interval(operator, a, b))


def _origins(
    ctx: Context, left: syntax.Expression, a: Tensor, right: syntax.Expression, b: Tensor
) -> tuple[Related, ...]:
    return (
        Related(ctx.place(left.span), f"this is `{a.dtype}[{shape_text(a.shape)}]`"),
        Related(ctx.place(right.span), f"this is `{b.dtype}[{shape_text(b.shape)}]`"),
    )


def _operand(ctx: Context, operator: str, node: syntax.Expression, value: Value) -> Tensor | None:
    tensor = matching.as_tensor(value)
    if tensor is None:
        reason = (
            f"`{value}` may be none: test it with `== none` first"
            if isinstance(value, OptionalValue)
            else f"`{value}` is no number and no tensor"
        )
        ctx.report(InvalidOperation(node.span, operator, reason))
    return tensor


def _report_dtypes(ctx: Context, left: tuple[syntax.Expression, DType], right: tuple[syntax.Expression, DType]) -> None:
    (_, wanted), (culprit, found) = (right, left) if isinstance(left[1], Weak) else (left, right)
    related = (Related(ctx.place(left[0].span), f"this is `{left[1]}`"),) if culprit is not left[0] else ()
    edits = () if isinstance(found, Weak) else matching.cast_edits(culprit.span, wanted)
    ctx.report(DTypeMismatch(culprit.span, str(wanted), str(found), origins=related, edits=edits))


def _interval(operator: str, a: Tensor, b: Tensor) -> Interval | None:
    """The range of a sum or difference of integers with known ranges."""
    if a.within is None or b.within is None or operator not in "+-" or Kind.FLOAT in kinds(a.dtype) | kinds(b.dtype):
        return None
    ends = (a.within.low, a.within.high, b.within.low, b.within.high)
    low, high, other_low, other_high = (end if isinstance(end, Dim) else None for end in ends)
    if low is None or high is None or other_low is None or other_high is None:
        return None
    if operator == "+":
        return Interval(low + other_low, high + other_high)
    return Interval(low - other_high, high - other_low)


# --------------------------------------------------------------------------------------------------------------- static


def _static(ctx: Context, node: syntax.Binary, left: Int | Float, right: Int | Float) -> Value:
    operator = node.operator
    if isinstance(left, Int) and isinstance(right, Int):
        a, b = left.value, right.value
        match operator:
            case BinaryOperator.ADD:
                return Int(a + b)
            case BinaryOperator.SUBTRACT:
                return Int(a - b)
            case BinaryOperator.MULTIPLY:
                return Int(a * b)
            case BinaryOperator.FLOOR_DIVIDE:
                require_divisor(ctx, b, node.right.span)
                return Int(ctx.known.facts.simplify(a // b))
            case BinaryOperator.MODULO:
                require_divisor(ctx, b, node.right.span)
                return Int(a % b)
            case BinaryOperator.POWER:
                return Int(power(a, b)) if b.constant is None or b.constant >= 0 else Float(None)
            case _:
                pass
    x, y = _number(left), _number(right)
    if x is None or y is None:
        return Float(None)
    try:
        return Float(_compute(operator, x, y))
    except (ZeroDivisionError, OverflowError, ValueError):
        ctx.report(InvalidOperation(node.span, operator.value, f"{x} {operator.value} {y} has no value"))
        return UNKNOWN


def _number(value: Int | Float) -> float | None:
    if isinstance(value, Float):
        return value.value
    return None if value.value.constant is None else float(value.value.constant)


def _compute(operator: BinaryOperator, x: float, y: float) -> float | None:
    match operator:
        case BinaryOperator.ADD:
            return x + y
        case BinaryOperator.SUBTRACT:
            return x - y
        case BinaryOperator.MULTIPLY:
            return x * y
        case BinaryOperator.DIVIDE:
            return x / y
        case BinaryOperator.FLOOR_DIVIDE:
            return float(x // y)
        case BinaryOperator.MODULO:
            return math.fmod(x, y)
        case BinaryOperator.POWER:
            return math.pow(x, y)
        case _:
            return None


def require_divisor(ctx: Context, divisor: Dim, span: Span) -> None:
    """`a // b` and `a % b` oblige `b >= 1`: implied by a signature, proved in a body."""
    if divisor.constant is not None and divisor.constant >= 1:
        return
    goal = Compare(Relation.GE, divisor, ONE)
    if ctx.implied is not None:
        ctx.implied.append((goal, span))
        return
    unproved = ctx.prove(goal)
    if unproved is not None:
        ctx.report(ZeroDivisor(span, str(divisor), evidence=evidence_of(ctx, unproved), origins=ctx.origin_of(divisor)))
        ctx.assume(goal)


# --------------------------------------------------------------------------------------------------------------- matmul


def _matmul(ctx: Context, node: syntax.Binary, left: Value, right: Value) -> Value:
    for operand, value in ((node.left, left), (node.right, right)):
        if not isinstance(value, Tensor):
            ctx.report(InvalidOperation(operand.span, "@", f"`{value}` is no tensor"))
            return UNKNOWN
    assert isinstance(left, Tensor)
    assert isinstance(right, Tensor)
    matrix = len(right.shape) == 2
    for operand, tensor, axes in (
        (node.left, left, 1 if matrix or len(left.shape) == 1 else 2),
        (node.right, right, 2),
    ):
        if len(tensor.shape) < axes or not all(isinstance(item, Dim) for item in tensor.shape[-axes:]):
            shown = shape_text(tensor.shape)
            wanted = "..., M, N" if axes == 2 else "..., N"
            ctx.report(RankMismatch(operand.span, "the operand of `@`", wanted, shown, origins=()))
            return UNKNOWN
    kinds_read = quantised.as_factor(left.dtype, right.dtype), quantised.as_factor(right.dtype, left.dtype)
    left, right = Tensor(kinds_read[0], left.shape, left.within), Tensor(kinds_read[1], right.shape, right.within)
    for operand, tensor in ((node.left, left), (node.right, right)):
        if isinstance(tensor.dtype, Quantised):
            quantised.refuse(ctx, operand.span, "`@` of two quantised tensors", tensor.dtype)
            return UNKNOWN
        if not in_class(tensor.dtype, DTypeClass.NUMBER):
            ctx.report(DTypeMismatch(operand.span, "number", str(tensor.dtype)))
            return UNKNOWN
    dtype = met_dtype(ctx, left.dtype, right.dtype)
    if dtype is None:
        _report_dtypes(ctx, (node.left, left.dtype), (node.right, right.dtype))
        dtype = UNKNOWN_DTYPE
    inner, other = left.shape[-1], right.shape[-2]
    assert isinstance(inner, Dim)
    assert isinstance(other, Dim)
    if not ctx.known.equal(inner, other):
        unproved = ctx.prove(Compare(Relation.EQ, inner, other))
        if unproved is not None:
            origins = (*_origins(ctx, node.left, left, node.right, right), *ctx.origin_of(inner, other))
            what = "the inner axis of the right operand of `@`"
            ctx.report(
                DimensionMismatch(
                    node.span, what, str(inner), str(other), evidence=evidence_of(ctx, unproved), origins=origins
                )
            )
            return UNKNOWN
    if matrix or len(left.shape) == 1:
        rest = left.shape[:-1] if matrix else right.shape[:-2]
        return Tensor(accumulated(dtype), (*rest, right.shape[-1]))
    batch = broadcast(ctx.known, left.shape[:-2], right.shape[:-2])
    if isinstance(batch, Failure):
        ctx.report(failure_of(ctx, batch, node.span, _origins(ctx, node.left, left, node.right, right)))
        return UNKNOWN
    result: Shape = (*batch, left.shape[-2], right.shape[-1])
    return Tensor(accumulated(dtype), result)


# ---------------------------------------------------------------------------------------------------- logic, comparison


def _logic(ctx: Context, node: syntax.Binary, left: Value, right: Value) -> Value:
    if isinstance(left, Bool) and isinstance(right, Bool):
        both = node.operator is BinaryOperator.AND
        sides = (left.value, right.value)
        if Truth(not both) in sides:
            return Bool(Truth(not both))
        parts = tuple(side for side in sides if side != Truth(both))
        if len(parts) < 2:
            return Bool(parts[0] if parts else Truth(both))
        return Bool(All(parts) if both else Any_(parts))
    for operand, value in ((node.left, left), (node.right, right)):
        tensor = _operand(ctx, node.operator.value, operand, value)
        if tensor is None:
            return UNKNOWN
        if tensor.dtype != BOOL and not isinstance(tensor.dtype, UnknownDType):
            ctx.report(DTypeMismatch(operand.span, "bool", str(tensor.dtype)))
            return UNKNOWN
    return _elementwise(ctx, node.operator.value, node.span, (node.left, left), (node.right, right), DTypeClass.ANY)


def unary(ctx: Context, node: syntax.Unary) -> Value:
    value = expressions.infer(ctx, node.operand)
    if value == UNKNOWN:
        return UNKNOWN
    if node.operator is UnaryOperator.NOT:
        if isinstance(value, Bool):
            return Bool(
                Truth(not value.value.value) if isinstance(value.value, Truth) else expressions.negated(value.value)
            )
        tensor = _operand(ctx, "not", node.operand, value)
        if tensor is not None and tensor.dtype != BOOL:
            ctx.report(DTypeMismatch(node.operand.span, "bool", str(tensor.dtype)))
            return UNKNOWN
        return tensor or UNKNOWN
    match value:
        case Int(value=dim):
            return Int(-dim)
        case Float(value=number):
            return Float(None if number is None else -number)
        case _:
            tensor = _operand(ctx, "-", node.operand, value)
            if tensor is None:
                return UNKNOWN
            if not in_class(tensor.dtype, DTypeClass.NUMBER):
                ctx.report(DTypeMismatch(node.operand.span, "number", str(tensor.dtype)))
                return UNKNOWN
            return Tensor(tensor.dtype, tensor.shape)


def compare(ctx: Context, node: syntax.Compare) -> Value:
    """A chain `a <= b < c` means what it means in mathematics."""
    values = [expressions.infer(ctx, operand) for operand in node.operands]
    if UNKNOWN in values:
        return UNKNOWN
    results: list[Value] = []
    for i, operator in enumerate(node.operators):
        pair = (node.operands[i], values[i]), (node.operands[i + 1], values[i + 1])
        results.append(_compare(ctx, operator, node.span, *pair))
    if all(isinstance(result, Bool) for result in results):
        parts = tuple(result.value for result in results if isinstance(result, Bool))
        return Bool(parts[0] if len(parts) == 1 else All(parts))
    result = results[0]
    for other in results[1:]:
        shape_a, shape_b = matching.as_tensor(result), matching.as_tensor(other)
        if shape_a is None or shape_b is None:
            return UNKNOWN
        met = broadcast(ctx.known, shape_a.shape, shape_b.shape)
        if isinstance(met, Failure):
            ctx.report(failure_of(ctx, met, node.span))
            return UNKNOWN
        result = Tensor(BOOL, met)
    return result


def _compare(
    ctx: Context,
    operator: Comparison,
    span: Span,
    left: tuple[syntax.Expression, Value],
    right: tuple[syntax.Expression, Value],
) -> Value:
    equality = operator in (Comparison.EQUAL, Comparison.NOT_EQUAL)
    test: Constraint
    match left[1], right[1]:
        case Int(value=a), Int(value=b):
            return Bool(Compare(RELATIONS[operator], a, b))
        case (OptionalValue(flag=flag), NoneValue()) | (NoneValue(), OptionalValue(flag=flag)) if equality:
            test = Flag(flag) if flag is not None else Truth(False)
        case (NoneValue(), NoneValue()) if equality:
            test = Truth(True)
        case (NoneValue(), _) | (_, NoneValue()) if equality:
            test = Truth(False)
        case (ShapeValue(shape=a_shape), ShapeValue(shape=b_shape)) if equality:
            test = same_pack(ctx.known, a_shape, b_shape)
        case (Str(value=str(a_text)), Str(value=str(b_text))) if equality:
            test = Truth(a_text == b_text)
        case (Str(), Str()) if equality:
            test = Flag(StaticTest(f"{left[1]} == {right[1]}", ctx.owner))
        case (Bool(value=a_test), Bool(value=Truth(value=b_flag))) if equality:
            test = a_test if b_flag else expressions.negated(a_test)
        case (Int() | Float(), Int() | Float()):
            a_number, b_number = left[1], right[1]
            assert isinstance(a_number, Int | Float)
            assert isinstance(b_number, Int | Float)
            return Bool(_compare_numbers(ctx, operator, a_number, b_number))
        case _:
            result = _elementwise(ctx, operator.value, span, left, right, DTypeClass.ANY)
            return Tensor(BOOL, result.shape) if isinstance(result, Tensor) else UNKNOWN
    return Bool(test if operator is Comparison.EQUAL else expressions.negated(test))


def _compare_numbers(ctx: Context, operator: Comparison, left: Int | Float, right: Int | Float) -> Constraint:
    a, b = _number(left), _number(right)
    if a is None or b is None:
        return Flag(StaticTest(f"{left} {operator.value} {right}", ctx.owner))
    return Truth(
        {
            Comparison.EQUAL: a == b,
            Comparison.NOT_EQUAL: a != b,
            Comparison.LESS: a < b,
            Comparison.LESS_EQUAL: a <= b,
            Comparison.GREATER: a > b,
            Comparison.GREATER_EQUAL: a >= b,
        }[operator]
    )


# ----------------------------------------------------------------------------------------------------------------- cast


def cast(ctx: Context, node: syntax.Cast) -> Value:
    value = expressions.infer(ctx, node.value)
    text = node.dtype.text
    dtype: DType
    if text == "float":
        dtype = FLOAT
    elif text in SCALARS:
        dtype = SCALARS[text]
    else:
        found = expressions.path_value(ctx, node.dtype)
        if not isinstance(found, DTypeValue):
            if found is not None:
                ctx.report(InvalidOperation(node.dtype.span, "as", f"`{text}` is no dtype"))
            return UNKNOWN
        dtype = found.dtype
    match value:
        case Unknown():
            return UNKNOWN
        case _:
            tensor = _operand(ctx, "as", node.value, value)
            if tensor is None:
                return UNKNOWN
            if isinstance(dtype, Quantised) or (isinstance(tensor.dtype, Quantised) and not _is_float(dtype)):
                quantised.refuse(ctx, node.span, f"a cast to `{dtype}`", tensor.dtype)
                return UNKNOWN
            whole = Kind.FLOAT not in kinds(tensor.dtype) | kinds(dtype)
            return Tensor(dtype, tensor.shape, tensor.within if whole else None)


def _is_float(dtype: DType) -> bool:
    return kinds(dtype) == {Kind.FLOAT}
