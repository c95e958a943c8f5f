"""Where a range should be declared: values that nobody bounds, at the operators that not every value suits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tenuto_analysis.graph import Apply, Graph, Ssa, walk
from tenuto_analysis.modules import STD
from tenuto_analysis.ranges.analysis import Analysis, Finding
from tenuto_analysis.ranges.frames import is_float
from tenuto_analysis.ranges.values import Hazard, Kind, Range

PRONE: Mapping[str, str] = {
    **dict.fromkeys(("log", "log1p", "log2", "log10", "sqrt", "rsqrt", "asin", "acos", "acosh", "atanh", "tan"), "x"),
    **dict.fromkeys(("exp", "exp2", "expm1", "sinh", "cosh"), "x"),
    "divide": "b",
    "floor_divide": "b",
    "modulo": "b",
    "power": "base",
}
"""The primitives that not every value suits, with the operand that matters."""


def unbounded(graph: Graph, analysis: Analysis) -> Iterator[Finding]:
    """The operators of the program's own definitions whose operand nobody bounds as far as the operator needs it."""
    for function in graph.functions:
        if function.file.startswith(str(STD)):
            continue
        for node in walk(function.body):
            operand = node.arguments.get(PRONE.get(node.op, "")) if isinstance(node, Apply) else None
            if not isinstance(node, Apply) or not isinstance(operand, Ssa) or not is_float(operand):
                continue
            range_ = analysis.ranges.get(id(operand))
            if range_ is not None and not _suits(node.op, range_):
                yield Finding(_hazard(node, operand, range_), False, "")


def _suits(op: str, range_: Range) -> bool:
    """Whether what is known of an operand is enough for the operator."""
    match op:
        case "exp" | "exp2" | "expm1":
            return range_.high_known
        case "log" | "log1p" | "log2" | "log10" | "rsqrt" | "acosh":
            return range_.low_known or range_.low > 0
        case "sqrt":
            return range_.low_known or range_.low >= 0
        case "divide" | "floor_divide" | "modulo":
            return range_.known or range_.low > 0 or range_.high < 0
        case _:
            return range_.known


def _hazard(node: Apply, operand: Ssa, range_: Range) -> Hazard:
    name = f"`{operand.name}`" if operand.name else "its argument"
    what = f"nothing says how large {name} of `{node.op}` may be"
    advice = "declare the range where the value comes in: `x: float[N] within -10.0 .. 10.0`"
    return Hazard(Kind.UNKNOWN_RANGE, node.origin, (), what, (f"{name} lies in {range_}",), advice)
