"""Tensors of small integers with a scale and a zero point."""

from __future__ import annotations

from collections.abc import Mapping

from tests.onnx_suite.cases import Case
from tests.onnx_suite.elementwise import LARGEST
from tests.onnx_suite.saying import Saying, dtype_of


def bounds(dtype: str) -> tuple[str, str]:
    if dtype == "f4e2m1":
        return "-6.0", "6.0"
    if dtype in LARGEST:
        return f"-{LARGEST[dtype]}", LARGEST[dtype]
    bits = int(dtype[1:])
    low, high = (0, 2**bits - 1) if dtype.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return f"{low}.0", f"{high}.0"


def beside(case: Case, name: str, index: int) -> str:
    """A scale or zero point in the shape that it has beside each element."""
    given = case.given(index)
    if given.ndim == 0:
        return name
    if given.size == 1:
        return f"{name}[0]"
    axis = case.attribute("axis", 1) % case.rank
    if given.ndim == 1:
        return f"{name}[{', '.join(':' if i == axis else 'none' for i in range(case.rank))}]"
    return f"repeat({name}, {case.attribute('block_size')}, axis = {axis})"


def quantize(case: Case) -> str:
    to = dtype_of(case.result())
    scaled = f"(x0 / {beside(case, 'x1', 1)})"
    low, high = bounds(to)
    if not to.startswith("f"):
        zero = f" + {beside(case, '(x2 as f32)', 2)}" if case.has(2) else ""
        scaled = f"round({scaled}){zero}"
    return f"clamp({scaled}, {low}, {high}) as {to}"


def dequantize(case: Case) -> str:
    wide = dtype_of(case.given(1))
    zero = f" - {beside(case, f'(x2 as {wide})', 2)}" if case.has(2) else ""
    return f"((x0 as {wide}){zero}) * {beside(case, 'x1', 1)}"


def dynamic(case: Case) -> str:
    return (
        "let low = minimum(min(x0), 0.0) let high = maximum(max(x0), 0.0) let scale = (high - low) / 255.0 "
        "let zero = clamp(round(-low / scale), 0.0, 255.0) "
        "return (clamp(round(x0 / scale) + zero, 0.0, 255.0) as u8, scale, zero as u8)"
    )


def matmul_integer(case: Case) -> str:
    return "(x0 as i32 - (x2 as i32)) @ (x1 as i32 - (x3 as i32))"


SAID: Mapping[str, Saying] = {
    "DequantizeLinear": dequantize,
    "DynamicQuantizeLinear": dynamic,
    "MatMulInteger": matmul_integer,
    "QuantizeLinear": quantize,
}
