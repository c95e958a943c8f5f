"""Quantised types: where they are written, and what becomes of them in a call.

The scaled axis is part of the type. What moves axes moves it; a product reads a quantised factor as the floats that it
stands for; a cast makes floats of it. Everything else would need scales that the type does not say, and is refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from tenuto_analysis.check.arguments import Bound
from tenuto_analysis.check.context import Context
from tenuto_analysis.check.evidence import evidence_of
from tenuto_analysis.diagnostics.quantised import GroupMisfit, InvalidQuantised, QuantisedOperand
from tenuto_analysis.dims import ZERO, Compare, Dim, Relation, literal
from tenuto_analysis.dtypes import UNKNOWN_DTYPE, DType, DTypeVariable, Kind, Policy, Quantised, Scalar
from tenuto_analysis.modules import STD
from tenuto_analysis.quantised import normal, permuted, scaled_axis
from tenuto_analysis.signature import Signature
from tenuto_analysis.types import UNKNOWN, Int, ListValue, Shape, Tensor, TupleValue, Value, shape_text
from tenuto_grammar.text import Span

STORAGE = ("i8", "i4", "i2", "f8e4m3", "f8e5m2", "f8e4m3fnuz", "f8e5m2fnuz", "f4e2m1")
"""What numbers may be stored in: what has a sign, or is a float, and at most 8 bits."""

SCALES = ("f32", "f16", "bf16", "f8e4m3", "f8e5m2", "f8e8m0")

_MOVES = frozenset({"transpose", "permute", "swap_axes"})


def written(ctx: Context, span: Span, dtype: DType, shape: Shape) -> DType:
    """The dtype of a tensor of this shape, as it is written in one way; a mistake in it is reported."""
    if not isinstance(dtype, Quantised):
        return dtype
    reason = _wrong(dtype)
    sizes = [item for item in shape if isinstance(item, Dim)]
    if reason is None and len(sizes) == len(shape):
        rank = len(sizes)
        if (dtype.axis is not None and not -rank <= dtype.axis < rank) or (dtype.group is not None and rank == 0):
            axis = dtype.axis if dtype.axis is not None else -1
            reason = f"`[{shape_text(shape)}]` has no axis {axis}"
        else:
            dtype = normal(dtype, rank)
            axis_of_groups = scaled_axis(dtype, rank)
            if dtype.group is not None and axis_of_groups is not None:
                return dtype if _divides(ctx, span, dtype, sizes[axis_of_groups]) else UNKNOWN_DTYPE
    if reason is not None:
        ctx.report(InvalidQuantised(span, str(dtype), reason))
        return UNKNOWN_DTYPE
    return dtype


def _wrong(dtype: Quantised) -> str | None:
    """What is wrong with a quantised dtype, whatever it is of."""
    if dtype.storage.name not in STORAGE:
        return f"numbers are stored in one of {', '.join(STORAGE)}, not in {dtype.storage}"
    if dtype.scale is not None and dtype.scale.name not in SCALES:
        return f"a scale is one of {', '.join(SCALES)}, not {dtype.scale}"
    if dtype.group is not None and dtype.group < 1:
        return f"a group has at least one number, not {dtype.group}"
    return None


def _divides(ctx: Context, span: Span, dtype: Quantised, size: Dim) -> bool:
    """Whether groups fill an axis: taken for granted by a signature, as `a // b` takes `b >= 1`; proved in a body."""
    assert dtype.group is not None
    goal = Compare(Relation.EQ, size % literal(dtype.group), ZERO)
    if size.constant is None and ctx.implied is not None:
        ctx.implied.append((goal, span))
        return True
    unproved = ctx.prove(goal)
    if unproved is None:
        return True
    origins = ctx.origin_of(size)
    ctx.report(GroupMisfit(span, dtype.group, str(size), evidence=evidence_of(ctx, unproved), origins=origins))
    return False


def result_of(ctx: Context, signature: Signature, bound: Sequence[Bound], result: Value) -> Value:
    """What a call gives: where axes were moved, in the type that says so. Other quantised operands are reported."""
    for item in bound:
        wanted, given = item.parameter.type, item.value
        if not isinstance(given, Tensor) or not isinstance(given.dtype, Quantised):
            continue
        if not isinstance(wanted, Tensor) or not isinstance(wanted.dtype, DTypeVariable):
            continue  # A parameter of this very type.
        order = _order(signature, bound, given.shape)
        if order is None or not isinstance(result, Tensor):
            refuse(ctx, item.span, f"`{signature.name}`", given.dtype)
            return UNKNOWN
        return Tensor(permuted(given.dtype, order), result.shape)
    return result


def refuse(ctx: Context, span: Span, what: str, dtype: DType) -> None:
    ctx.report(QuantisedOperand(span, what, str(dtype)))


def as_factor(dtype: DType, other: DType) -> DType:
    """What a product reads a factor as: a quantised one as the floats that it meets."""
    is_float = isinstance(other, Policy) or (isinstance(other, Scalar) and other.kind is Kind.FLOAT)
    return other if isinstance(dtype, Quantised) and is_float else dtype


def _order(signature: Signature, bound: Sequence[Bound], shape: Shape) -> list[int] | None:
    """Where each axis of the result was before; None where it is no move of axes, or one that is not known."""
    rank = len(shape)
    if not signature.file.startswith(str(STD)) or signature.name not in _MOVES:
        return None
    if not all(isinstance(item, Dim) for item in shape):
        return None
    order = list(range(rank))
    values = {item.parameter.name: item.value for item in bound}
    match signature.name, values:
        case "transpose", _ if rank >= 2:
            order[-1], order[-2] = order[-2], order[-1]
            return order
        case "swap_axes", {"a": Int(value=Dim(constant=int() as a)), "b": Int(value=Dim(constant=int() as b))}:
            order[a], order[b] = order[b], order[a]
            return order
        case "permute", {"order": TupleValue(items=items) | ListValue(items=items)}:
            places = [item.value.constant for item in items if isinstance(item, Int)]
            return [place % rank for place in places if place is not None]
        case _:
            return None
