"""How many arithmetic operations a primitive takes, as a size. `FLOPS` has every primitive.

A product's multiply-add is two, and nothing else of a product counts: so do `torch.utils.flop_counter` and fvcore. The
rest follows XLA (`xla/service/hlo_cost_analysis.cc`): one for each element of the result of an elementwise operation,
be it an exponential or a comparison, one for each element that a reduction takes in, none for what only moves or
converts data. The two are kept apart, since most tools count products alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from tenuto_analysis.cost.bytes import elements
from tenuto_analysis.dims import ZERO, Dim
from tenuto_analysis.dtypes import Quantised
from tenuto_analysis.graph import Apply, Argument, Ssa, dims_of, tensors_of
from tenuto_analysis.patterns import Pattern, Side, parse_pattern
from tenuto_analysis.shapes import product
from tenuto_analysis.types import Int, NoneValue, Str


class Flops(NamedTuple):
    """Operations of products (a multiply-add is two), and all others."""

    products: Dim
    others: Dim


def flops(node: Apply) -> Flops:
    """What an operator of a graph takes."""
    return FLOPS[node.op](node)


# ------------------------------------------------------------------------------------------------------------- families


def _moves(_: Apply) -> Flops:
    return Flops(ZERO, ZERO)


def _each_result(node: Apply) -> Flops:
    """One for each element of the result."""
    return Flops(ZERO, elements(node.results[0].type))


def _each_operand(node: Apply) -> Flops:
    """One for each element of the first operand."""
    return Flops(ZERO, elements(_first(node).type))


def _reduction(node: Apply) -> Flops:
    """All elements that become one take one operation less than they are."""
    return Flops(ZERO, elements(_first(node).type) - elements(node.results[0].type))


def _updates(node: Apply) -> Flops:
    """An addition for each element that is added."""
    return Flops(ZERO, elements(_tensor(node, "updates").type))


def _matmul(node: Apply) -> Flops:
    inner = dims_of(_tensor(node, "a").type)[-1]
    return Flops(2 * elements(node.results[0].type) * inner, ZERO)


def _einsum(node: Apply) -> Flops:
    """Every element of the result sums over all axes that it lost; each operand after the first is multiplied in."""
    written = node.arguments["pattern"]
    pattern = parse_pattern(written.value) if isinstance(written, Str) and written.value is not None else None
    assert isinstance(pattern, Pattern), f"einsum of {written}"
    operands = tuple(tensors_of(node.arguments["parts"]))
    lost = _lost(pattern, operands)
    if len(operands) == 1:
        return Flops(ZERO, elements(operands[0].type) - elements(node.results[0].type))
    return Flops(2 * (len(operands) - 1) * elements(node.results[0].type) * product(tuple(lost.values())), ZERO)


def _lost(pattern: Pattern, operands: tuple[Ssa, ...]) -> dict[str, Dim]:
    """The axes that an einsum sums over, by name, with their sizes."""
    kept = {name for group in pattern.output for name in group}
    found: dict[str, Dim] = {}
    for side, operand in zip(pattern.inputs, operands, strict=True):
        found |= {name: size for name, size in _named(side, dims_of(operand.type)) if name not in kept}
    return found


def _named(side: Side, shape: tuple[Dim, ...]) -> list[tuple[str, Dim]]:
    """The axes of an operand; those that `...` stands for are numbered from the right."""
    names: list[str] = []
    for group in side:
        if group == ("...",):
            names += (f"...{i}" for i in range(len(shape) - len(side) + 1, 0, -1))
        else:
            names.append(" ".join(group))
    return list(zip(names, shape, strict=True))


def _convolution(node: Apply) -> Flops:
    """Each element of the result is a product over a window of its group's channels."""
    window = product(dims_of(_tensor(node, "weight").type)[1:])
    return Flops(2 * elements(node.results[0].type) * window, _bias(node))


def _transposed_convolution(node: Apply) -> Flops:
    """Each element of the operand is spread over a window of its group's channels."""
    window = product(dims_of(_tensor(node, "weight").type)[1:])
    return Flops(2 * elements(_tensor(node, "x").type) * window, _bias(node))


def _cast(node: Apply) -> Flops:
    """Each quantised number is multiplied by its scale."""
    return _each_result(node) if isinstance(_tensor(node, "x").type.dtype, Quantised) else _moves(node)


def _bias(node: Apply) -> Dim:
    return ZERO if isinstance(node.arguments.get("bias"), NoneValue | None) else elements(node.results[0].type)


def _pool(axes: int) -> Callable[[Apply], Flops]:
    """Each element of the result takes in a window of this many axes."""

    def rule(node: Apply) -> Flops:
        return Flops(ZERO, elements(node.results[0].type) * product((_integer(node.arguments["kernel"]),) * axes))

    return rule


_ELEMENTWISE = (
    *("add", "subtract", "multiply", "divide", "floor_divide", "modulo", "power", "negate", "abs", "sign"),
    *("maximum", "minimum", "sqrt", "rsqrt", "exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "erf"),
    *("sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh"),
    *("floor", "ceil", "round", "trunc", "is_nan", "is_inf", "where"),
    *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"),
    *("logical_and", "logical_or", "logical_xor", "logical_not"),
    *("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not", "shift_left", "shift_right"),
)
_MOVES = (
    *(
        "reshape",
        "transpose",
        "permute",
        "swap_axes",
        "rearrange",
        "unsqueeze",
        "expand",
        "tile",
        "flip",
        "roll",
    ),
    *("concat", "stack", "split", "pad", "pad_reflect", "pad_edge", "slice", "select", "take", "gather", "scatter"),
    *("update_slice", "compress", "arange", "resize_nearest"),
)

FLOPS: Mapping[str, Callable[[Apply], Flops]] = {
    "matmul": _matmul,
    "einsum": _einsum,
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), _convolution),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d"), _transposed_convolution),
    **dict.fromkeys(_ELEMENTWISE, _each_result),
    **dict.fromkeys(("sum", "prod", "max", "min", "any", "all", "arg_max", "arg_min", "reduce"), _reduction),
    # The sum, and one division for each result.
    "mean": _each_operand,
    "cumulative_sum": _each_operand,
    **dict.fromkeys(("scatter_add", "index_add"), _updates),
    **{f"{kind}_pool{axes}d": _pool(axes) for kind in ("max", "avg") for axes in (1, 2, 3)},
    # To choose, each element is looked at at least once.
    **dict.fromkeys(("top_k", "nonzero", "true_positions"), _each_operand),
    **dict.fromkeys(_MOVES, _moves),
    "cast": _cast,
    "dequantize": _each_result,
}


# ------------------------------------------------------------------------------------------------------------ arguments


def _tensor(node: Apply, name: str) -> Ssa:
    argument = node.arguments[name]
    assert isinstance(argument, Ssa), f"`{name}` of {node.op} is no tensor"
    return argument


def _first(node: Apply) -> Ssa:
    return next(tensor for argument in node.arguments.values() for tensor in tensors_of(argument))


def _integer(argument: Argument) -> Dim:
    match argument:
        case Int(value=value):
            return value
        case _:
            raise AssertionError(f"{argument} is no size")
