"""What size each axis of a pattern literal has in a call."""

from __future__ import annotations

from tenuto_analysis.check.recorder import Resolved
from tenuto_analysis.patterns import parse_pattern, pattern_call
from tenuto_analysis.shapes import Failure, Known
from tenuto_analysis.types import (
    KindValue,
    ListValue,
    PackCall,
    RecordValue,
    Shape,
    ShapeValue,
    StaticKind,
    Str,
    Tensor,
    TupleValue,
    Value,
)

_SIZES = RecordValue("sizes", "", ())


def pattern_axes(call: Resolved, known: Known) -> dict[str, Shape]:
    """The axes that the pattern of a call names, with their sizes, in order; none where there is no pattern.

    Each is the shape that the pattern would give if it kept this axis alone.
    """
    values = {name: value for name, value, _, _ in call.arguments}
    is_pattern = KindValue(StaticKind.PATTERN)
    name = next((item.name for item in call.signature.parameters if item.type == is_pattern), "")
    match values.get(name):
        case Str(value=str(text)):
            pattern = parse_pattern(text)
        case _:
            return {}
    if isinstance(pattern, Failure):
        return {}
    left, _, _ = text.partition("->")
    axes = dict.fromkeys(axis for side in pattern.inputs for group in side for axis in group if axis != "1")
    found = {axis: _alone(known, f"{left}-> {axis}", values) for axis in axes}
    return {axis: shape for axis, shape in found.items() if shape is not None}


def _alone(known: Known, pattern: str, values: dict[str, Value]) -> Shape | None:
    tensors = tuple(value for value in values.values() if isinstance(value, Tensor))
    lists = [value for value in values.values() if isinstance(value, ListValue | TupleValue)]
    sizes = next((value for value in values.values() if isinstance(value, RecordValue)), _SIZES)
    if lists:
        shape = pattern_call(known, "einsum", (Str(pattern), lists[0]))
    elif len(tensors) == 1:
        shape = pattern_call(known, "reduce_pattern", (Str(pattern), ShapeValue(tensors[0].shape), sizes))
    else:
        return None
    if isinstance(shape, Failure) or any(isinstance(item, PackCall) for item in shape):
        return None
    return shape
