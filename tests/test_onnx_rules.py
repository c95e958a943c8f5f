"""Every primitive as ONNX runs it: what comes out is what our reference gives, at two sizes of everything.

One node each, in a graph made by hand with symbolic sizes; onnxruntime and onnx's own evaluator run the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from tenuto_analysis import modules
from tenuto_analysis.database import Database
from tenuto_analysis.graph import Graph, Ssa
from tenuto_analysis.targets.profile import read
from tenuto_analysis.types import Reference
from tenuto_backend.onnx.declared import declared
from tenuto_backend.onnx.options import Options, Profile
from tenuto_backend.onnx.rules import EXCEPTIONS, RULES
from tenuto_grammar import syntax
from tests.one_node import (
    BINDINGS,
    RUNNERS,
    SYMBOLS,
    Case,
    Given,
    Static,
    agree,
    built,
    dtype_value,
    expected,
    feeds_of,
    one_node,
    random_array,
    sizes,
)

STD = str(modules.STD / "reduce.ten")
K, N, S = SYMBOLS["K"], SYMBOLS["N"], SYMBOLS["S"]

FLOATS = ("f32", "f64", "f16", "bf16")
NUMBERS = ("f32", "f64", "f16", "i64", "i32", "i8", "u8", "u64", "bf16")
INTEGERS = ("i64", "i32", "i8", "u8", "u64", "u16")
ANY = ("f32", "i64", "u8", "bool", "bf16")


def binary(op: str, dtypes: Sequence[str], result: str = "T", low: float | None = None) -> Case:
    return Case(op, {"a": Given("T[B, M, N]", low), "b": Given("T[M, 1]", low)}, [f"{result}[B, M, N]"], dtypes=dtypes)


def unary(op: str, low: float = -2.0, high: float = 2.0, dtypes: Sequence[str] = FLOATS, result: str = "T") -> Case:
    return Case(op, {"x": Given("T[M, N]", low, high)}, [f"{result}[M, N]"], dtypes=dtypes)


ELEMENTWISE = [
    *(binary(op, NUMBERS) for op in ("add", "subtract", "multiply", "maximum", "minimum")),
    Case("divide", {"a": "T[M, N]", "b": Given("T[B, 1, N]", 0.5, 2.0)}, ["T[B, M, N]"], dtypes=FLOATS),
    *(
        Case(op, {"a": Given("T[M, N]", -9, 9), "b": Given("T[N]", low, high)}, ["T[M, N]"], dtypes=dtypes)
        for op in ("floor_divide", "modulo")
        for low, high, dtypes in ((1, 4, ("i64", "i32", "f32", "f64")), (-4, -1, ("i64", "i32", "f32")))
    ),
    *(
        Case(op, {"a": Given("T[M, N]", 0, 9), "b": Given("T[N]", 1, 4)}, ["T[M, N]"], dtypes=("u8", "u64", "u32"))
        for op in ("floor_divide", "modulo")
    ),
    Case("power", {"base": Given("T[M, N]", 0.1, 2.0), "exponent": "T[N]"}, ["T[M, N]"], dtypes=("f32", "f64", "f16")),
    Case(
        "power", {"base": Given("T[M, N]", -4, 4), "exponent": Given("T[N]", -2, 5)}, ["T[M, N]"], dtypes=("i64", "i32")
    ),
    unary("negate", -9, 9, ("f32", "f64", "f16", "i64", "i32", "i8", "u8", "u64")),
    unary("abs", -9, 9, ("f32", "f64", "f16", "i64", "i32", "i8")),
    unary("sign", -2, 2, ("f32", "f64", "f16", "i64", "i32", "i8")),
    *(unary(op, 0.1, 9.0) for op in ("sqrt", "rsqrt", "log", "log2", "log10")),
    *(unary(op) for op in ("exp", "exp2", "expm1", "sin", "cos", "atan", "sinh", "cosh", "tanh", "asinh", "erf")),
    unary("expm1", -1e-4, 1e-4, ("f32", "f64")),
    unary("log1p", -0.5, 9.0),
    unary("log1p", -1e-5, 1e-5, ("f32", "f64")),
    unary("tan", -1.0, 1.0),
    *(unary(op, -0.9, 0.9) for op in ("asin", "acos", "atanh")),
    unary("acosh", 1.1, 9.0),
    *(unary(op, -4.0, 4.0) for op in ("floor", "ceil", "round", "trunc")),
    Case("atan2", {"y": "T[M, N]", "x": "T[N]"}, ["T[M, N]"], dtypes=FLOATS),
    Case("atan2", {"y": "T[M, N]", "x": Given("T[N]", 0.0, 0.0)}, ["T[M, N]"], dtypes=("f32",)),
    *(unary(op, result="bool") for op in ("is_nan", "is_inf")),
    *(
        Case("cast", {"x": Given("T[M, N]", 0, 7)}, [f"{to}[M, N]"], {"U": dtype_value(to)}, dtypes)
        for to, dtypes in (
            ("i64", ("f32", "f16", "i8", "bool", "u8")),
            ("f32", ("i64", "bf16", "bool", "f64")),
            ("bool", ("f32", "i64", "u8")),
            ("bf16", ("f32", "f16")),
            ("u8", ("i64", "f32")),
            ("f8e4m3", ("f32",)),
            ("f16", ("f8e5m2", "i32")),
        )
    ),
    Case("where", {"condition": "bool[M, 1]", "a": "T[B, M, N]", "b": "T[N]"}, ["T[B, M, N]"], dtypes=ANY),
]

COMPARE = [
    *(binary(op, ("f32", "f64", "i64", "i32", "u8", "bool", "bf16"), "bool") for op in ("equal", "not_equal")),
    *(
        binary(op, ("f32", "f64", "i64", "i32", "u8", "bf16"), "bool")
        for op in ("less", "less_equal", "greater", "greater_equal")
    ),
    *(binary(op, ("bool",)) for op in ("logical_and", "logical_or", "logical_xor")),
    unary("logical_not", dtypes=("bool",)),
    *(binary(op, INTEGERS) for op in ("bitwise_and", "bitwise_or", "bitwise_xor")),
    unary("bitwise_not", 0, 9, INTEGERS),
    *(
        Case(op, {"x": Given("T[M, N]", 0, 200), "by": Given("T[N]", 0, 7)}, ["T[M, N]"], dtypes=("u8", "u32", "u64"))
        for op in ("shift_left", "shift_right")
    ),
]

LINEAR = [
    Case("matmul", {"a": "T[B, M, K]", "b": "T[K, N]"}, ["T[B, M, N]"], dtypes=("f32", "f64", "f16", "i64", "i32")),
    Case("matmul", {"a": "T[K]", "b": "T[B, K, N]"}, ["T[B, N]"]),
    Case("matmul", {"a": "T[B, 1, M, K]", "b": "T[A, K, N]"}, ["T[B, A, M, N]"]),
    Case("matmul", {"a": "T[M, K]", "b": "T[K, N]"}, ["i32[M, N]"], dtypes=("i8", "u8", "i16")),
    Case(
        "einsum",
        {"parts": ("T[B, M, K]", "T[B, K, N]")},
        ["T[B, N, M]"],
        {"pattern": "b in_ k, b k out -> b out in_"},
        ("f32", "f64", "i64"),
    ),
    Case("einsum", {"parts": ("T[M, K]",)}, ["T[K]"], {"pattern": "m k -> k"}),
]

SHORT = ("bf16", "f16", "f8e4m3", "f8e5m2")
CONVOLVED = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
ENLARGED = {**CONVOLVED, "output_padding": 0}

MIXED = [
    Case("matmul", {"a": "T[B, M, K]", "b": "T[K, N]"}, ["f32[B, M, N]"], dtypes=SHORT),
    Case("matmul", {"a": "T[K]", "b": "T[B, K, N]"}, ["f64[B, N]"], dtypes=("f32", "bf16")),
    Case("matmul", {"a": "T[M, K]", "b": "T[K, N]"}, ["f16[M, N]"], dtypes=("f8e4m3", "f8e5m2", "bf16")),
    Case("matmul", {"a": "T[M, K]", "b": "T[K, N]"}, ["bf16[M, N]"], dtypes=("f8e4m3", "f16")),
    Case("matmul", {"a": "T[M, K]", "b": "f8e5m2[K, N]"}, ["f32[M, N]"], dtypes=("f8e4m3", "bf16", "f32")),
    Case(
        "einsum",
        {"parts": ("T[B, M, K]", "bf16[B, K, N]")},
        ["f32[B, N, M]"],
        {"pattern": "b in_ k, b k out -> b out in_"},
        ("bf16", "f8e4m3", "f32"),
    ),
    Case(
        "conv1d",
        {"x": "T[B, 4, L]", "weight": "T[6, 2, 3]", "bias": "T[6]"},
        ["f32[B, 6, L - 2]"],
        {**CONVOLVED, "groups": 2},
        SHORT,
    ),
    Case(
        "conv2d",
        {"x": "T[B, 3, H, W]", "weight": "f8e4m3[5, 3, 3, 2]", "bias": "f32[5]"},
        ["f32[B, 5, H - 2, W - 1]"],
        CONVOLVED,
        ("f8e4m3", "bf16"),
    ),
    Case(
        "conv_transpose1d",
        {"x": "T[B, 4, L]", "weight": "T[4, 3, 2]"},
        ["f32[B, 3, 2 * L]"],
        {**ENLARGED, "stride": 2, "bias": None},
        ("bf16", "f16"),
    ),
]
"""Products whose sums are kept in another dtype than their operands have."""

REDUCE = [
    Case(op, {"x": Given("T[B, M, N]", low, high)}, [result], {"axis": axis, "keepdims": keep}, dtypes)
    for op, low, high, dtypes in (
        ("sum", -2, 2, ("f32", "f64", "f16", "i64", "i32", "i8", "u8")),
        ("mean", -2, 2, ("f32", "f64", "f16")),
        ("max", -9, 9, ("f32", "f64", "f16", "i64", "i32", "i8")),
        ("min", -9, 9, ("f32", "f64", "f16", "i64", "i32", "i8")),
        ("prod", 1, 2, ("f32", "f64", "i64", "i32")),
        ("any", 0, 1, ("bool",)),
        ("all", 0, 1, ("bool",)),
    )
    for axis, keep, result in (
        (None, False, "T[]"),
        (1, False, "T[B, N]"),
        ((0, -1), True, "T[1, M, 1]"),
        (-1, True, "T[B, M, 1]"),
    )
] + [
    *(
        Case(op, {"x": Given("T[B, M, N]", -2, 2)}, ["i64[B, N]"], {"axis": 1}, ("f32", "f64", "i64", "i32"))
        for op in ("arg_max", "arg_min")
    ),
    *(
        Case(
            "cumulative_sum",
            {"x": "T[B, M]"},
            ["T[B, M]"],
            {"axis": -1, "exclusive": exclusive, "reverse": reverse},
            ("f32", "f64", "i64", "i32", "f16", "u8"),
        )
        for exclusive in (False, True)
        for reverse in (False, True)
    ),
]


def rearrange(shape: str, pattern: str, result: str, dtypes: Sequence[str] = ("f32",), **given: int) -> Case:
    return Case("rearrange", {"x": shape}, [result], {"pattern": pattern, "sizes": sizes(**given)}, dtypes)


def reduction(reducer: str, shape: str, pattern: str, result: str, **given: int) -> Case:
    statics: dict[str, Static] = {"pattern": pattern, "reducer": Reference(STD, reducer), "sizes": sizes(**given)}
    return Case("reduce", {"x": shape}, [result], statics, ("f32", "i64") if reducer != "mean" else ("f32",))


SHAPE = [
    Case("reshape", {"x": "T[B, 3, 4]"}, ["T[B, 12]"], {"to": (SYMBOLS["B"], -1)}, ANY),
    Case("reshape", {"x": "T[B, 3, 4]"}, ["T[B * 12]"], {"to": (-1,)}),
    Case("reshape", {"x": "T[B, M, N]"}, ["T[N, B, M]"], {"to": (N, SYMBOLS["B"], SYMBOLS["M"])}),
    Case("reshape", {"x": "T[B, S]"}, ["T[S // 3, B * 3]"], {"to": (S // 3, SYMBOLS["B"] * 3)}),
    Case("transpose", {"x": "T[B, M, N]"}, ["T[B, N, M]"], dtypes=ANY),
    Case("permute", {"x": "T[B, M, N]"}, ["T[N, B, M]"], {"order": (-1, 0, 1)}, ANY),
    Case("permute", {"x": "T[B, M]"}, ["T[B, M]"], {"order": (0, 1)}),
    Case("swap_axes", {"x": "T[B, M, N]"}, ["T[N, M, B]"], {"a": 0, "b": -1}, ANY),
    rearrange("T[B, S, 12]", "b s (h d) -> b h s d", "T[B, 4, S, 3]", ANY, h=4),
    rearrange("T[B, 4, S, 3]", "b h s d -> b s (h d)", "T[B, S, 12]"),
    rearrange("T[B, S]", "b (s r) -> (b r) s", "T[B * 2, S // 2]", r=2),
    rearrange("T[A, B, M, N]", "a ... n -> ... 1 (n a)", "T[B, M, 1, N * A]"),
    rearrange("T[A, 1, B]", "a 1 b -> b a", "T[B, A]"),
    *(reduction(name, "T[B, S, M]", "b (s r) m -> m b s", "T[M, B, S // 2]", r=2) for name in ("sum", "mean", "max")),
    *(reduction(name, "T[B, M, N]", "b ... -> ...", "T[M, N]") for name in ("min", "prod")),
    reduction("sum", "T[B, S]", "b (s r) -> s r b", "T[S // 3, 3, B]", r=3),
    Case("concat", {"parts": ("T[B, M]", "T[B, N]", "T[B, 1]")}, ["T[B, M + N + 1]"], {"axis": -1}, ANY),
    Case("stack", {"parts": ("T[B, M]", "T[B, M]")}, ["T[B, 2, M]"], {"axis": 1}, ANY),
    Case("stack", {"parts": ("T[M]", "T[M]", "T[M]")}, ["T[M, 3]"], {"axis": -1}),
    Case("split", {"x": "T[B, S]"}, ["T[B, S // 3]"] * 3, {"n": 3, "axis": -1}, ANY),
    Case(
        "pad",
        {"x": "T[B, M]", "value": "T[]"},
        ["T[B + 1, M + 3]"],
        {"before": (0, 1), "after": (1, 2)},
        ("f32", "i64", "u8"),
    ),
    Case(
        "pad",
        {"x": "T[B, M]", "value": "T[]"},
        ["T[B, M + N]"],
        {"before": (0, N), "after": (0, 0)},
        beside=("f32[N]",),
    ),
    Case("pad_reflect", {"x": "T[B, M]"}, ["T[B, M + 3]"], {"before": 2, "after": 1, "axis": -1}, ("f32", "i64")),
    Case("pad_edge", {"x": "T[B, M, N]"}, ["T[B, M + N + 1, N]"], {"before": N, "after": 1, "axis": 1}, ("f32", "i64")),
    Case("tile", {"x": "T[B, M]"}, ["T[B * 2, M * N]"], {"repeats": (2, N)}, ("f32", "i64", "u8", "bool"), ("f32[N]",)),
    Case("expand", {"x": "T[M, 1]"}, ["T[B, M, N]"], {"to": (SYMBOLS["B"], SYMBOLS["M"], N)}, ANY, ("f32[B, N]",)),
    Case("unsqueeze", {"x": "T[B, M]"}, ["T[B, M, 1]"], {"axis": -1}, ANY),
    Case("unsqueeze", {"x": "T[B, M]"}, ["T[1, B, M]"], {"axis": 0}),
    Case("flip", {"x": "T[B, M]"}, ["T[B, M]"], {"axis": -1}, ("f32", "i64", "u8", "bool")),
    Case("flip", {"x": "T[B, M]"}, ["T[B, M]"], {"axis": (0, 1)}),
    *(
        Case("roll", {"x": "T[B, M]"}, ["T[B, M]"], {"shift": shift, "axis": 1}, ("f32", "i64"))
        for shift in (1, -2, 9, 0)
    ),
    *(
        Case("arange", {}, [f"{to}[N]"], {"n": N, "T": dtype_value(to)}, beside=("f32[N]",))
        for to in ("i64", "i32", "u8")
    ),
    Case("arange", {}, ["i64[5]"], {"n": 5, "T": dtype_value("i64")}, beside=("f32[N]",)),
]

INDEX = [
    *(
        Case("take", {"x": "T[M, N]", "index": Given(f"{j}[B, A]", -4, 3)}, ["T[B, A, N]"], {"axis": 0}, dtypes)
        for j, dtypes in (("i64", ANY), ("i32", ("f32",)), ("i8", ("f32",)))
    ),
    Case("take", {"x": "T[B, N, M]", "index": Given("i64[K]", 0, 3)}, ["T[B, K, M]"], {"axis": 1}),
    Case("gather", {"x": "T[B, N]", "index": Given("i64[B, K]", -4, 3)}, ["T[B, K]"], {"axis": -1}, ANY),
    Case("gather", {"x": "T[N, B]", "index": Given("i16[K, B]", 0, 3)}, ["T[K, B]"], {"axis": 0}),
    Case(
        "scatter",
        {"x": "T[M, B]", "index": Given("i64[1, B]", -4, 3), "updates": "T[1, B]"},
        ["T[M, B]"],
        {"axis": 0},
        ("f32", "i64", "bool"),
    ),
    Case(
        "scatter_add",
        {"x": "T[B, M]", "index": Given("i64[B, N]", -4, 3), "updates": "T[B, N]"},
        ["T[B, M]"],
        {"axis": 1},
        ("f32", "i64", "i32"),
    ),
    *(
        Case(
            "index_add",
            {"x": "T[B, M, A]", "index": Given(f"{j}[N]", -4, 3), "updates": "T[B, N, A]"},
            ["T[B, M, A]"],
            {"axis": 1},
            ("f32", "i64"),
        )
        for j in ("i64", "i32", "u8")
        if j != "u8"
    ),
    Case(
        "update_slice",
        {"x": "T[B, S, M]", "values": "T[B, K, M]", "start": Given("i64[]", 0, 3)},
        ["T[B, S, M]"],
        {"axis": 1},
        ANY,
    ),
    *(
        Case("top_k", {"x": Given("T[B, N]", -3, 3)}, ["T[B, 3]", "i64[B, 3]"], {"k": 3, "largest": largest}, dtypes)
        for largest, dtypes in ((True, ("f32", "f64", "i64", "i32")), (False, ("f32", "i64")))
    ),
    Case("top_k", {"x": Given("T[B, N]", -3, 3)}, ["T[B, N]", "i64[B, N]"], {"k": N, "largest": False}),
    Case("nonzero", {"x": Given("T[M, N]", -1, 1)}, ["i64[K + 0 * N, 2]"], dtypes=("i64", "bool", "i32")),
    Case("true_positions", {"keep": "bool[N]"}, ["i64[L]"]),
    Case("compress", {"x": "T[N, M]", "keep": "bool[N]"}, ["T[L, M]"], dtypes=ANY),
    *(
        Case(
            "slice",
            {"x": "T[M, N]"},
            [f"T[{', '.join(result)}]"],
            {"starts": (start,), "stops": (stop,), "steps": (step,), "axes": (1,)},
            dtypes,
        )
        for start, stop, step, result, dtypes in (
            (1, None, None, ("M", "max(N - 1, 0)"), ANY),
            (None, -1, None, ("M", "max(N - 1, 0)"), ("f32",)),
            (-3, 9, None, ("M", "3"), ("f32",)),
            (None, None, 2, ("M", "(N + 1) // 2"), ("f32",)),
            (None, None, -1, ("M", "N"), ANY),
            (None, None, -2, ("M", "(N + 1) // 2"), ("f32",)),
            (N // 2, N - 1, 1, ("M", "N - 1 - N // 2"), ("f32",)),
            (-N, N + 4, None, ("M", "N"), ("f32",)),
        )
    ),
    Case(
        "slice",
        {"x": "T[M, 2, N]"},
        ["T[M - 1, 2, 2]"],
        {"starts": (1, None), "stops": (None, 2), "steps": (None, None), "axes": (0, 2)},
    ),
    *(
        Case("select", {"x": "T[M, N]"}, [result], {"axis": axis, "index": index}, ANY)
        for axis, index, result in ((0, -1, "T[N]"), (1, 2, "T[M]"), (1, N - 2, "T[M]"))
    ),
]


def places(size: str, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> str:
    return f"({size} + {2 * padding - dilation * (kernel - 1) - 1}) // {stride} + 1"


GROUPED = Case(
    "conv_transpose2d",
    {"x": "T[B, 4, H, W]", "weight": "T[4, 3, 2, 2]", "bias": "T[6]"},
    ["T[B, 6, 2 * H, 2 * W]"],
    {**ENLARGED, "stride": 2, "groups": 2},
)
"""Only onnxruntime runs it: onnx's evaluator refuses groups here."""

CONV = [
    Case(
        "conv1d",
        {"x": "T[B, 4, L]", "weight": "T[6, 4, 3]"},
        ["T[B, 6, L - 2]"],
        {**CONVOLVED, "bias": None},
        ("f32", "f64", "f16", "bf16"),
    ),
    Case(
        "conv1d",
        {"x": "T[B, 4, L]", "weight": "T[6, 2, 3]", "bias": "T[6]"},
        [f"T[B, 6, {places('L', 3, 2, 1, 2)}]"],
        {"stride": 2, "padding": 1, "dilation": 2, "groups": 2},
    ),
    Case(
        "conv2d",
        {"x": "T[B, 3, H, W]", "weight": "T[5, 3, 3, 2]"},
        ["T[B, 5, H - 2, W - 1]"],
        {**CONVOLVED, "bias": None},
    ),
    Case(
        "conv2d",
        {"x": "T[B, 4, H, W]", "weight": "T[4, 1, 3, 3]", "bias": "T[4]"},
        [f"T[B, 4, {places('H', 3, 2, 1)}, {places('W', 3, 2, 1)}]"],
        {"stride": 2, "padding": 1, "dilation": 1, "groups": 4},
    ),
    Case(
        "conv3d",
        {"x": "T[B, 2, 5, H, W]", "weight": "T[3, 2, 2, 3, 1]", "bias": "T[3]"},
        ["T[B, 3, 4, H - 2, W]"],
        CONVOLVED,
    ),
    Case(
        "conv_transpose1d",
        {"x": "T[B, 4, L]", "weight": "T[4, 3, 2]"},
        ["T[B, 3, 2 * L]"],
        {**ENLARGED, "stride": 2, "bias": None},
    ),
    Case(
        "conv_transpose1d",
        {"x": "T[B, 4, L]", "weight": "T[4, 3, 3]", "bias": "T[3]"},
        ["T[B, 3, 3 * L + 2]"],
        {**ENLARGED, "stride": 3, "padding": 1, "output_padding": 2, "dilation": 2},
    ),
    Case(
        "conv_transpose2d",
        {"x": "T[B, 4, H, W]", "weight": "T[4, 3, 3, 3]", "bias": "T[3]"},
        ["T[B, 3, 2 * H, 2 * W]"],
        {**ENLARGED, "stride": 2, "padding": 1, "output_padding": 1},
    ),
    GROUPED,
]


def pooled(op: str, axes: str, kernel: int, stride: int, padding: int, **more: Static) -> Case:
    dilation = more.get("dilation", 1)
    assert isinstance(dilation, int)
    found = ", ".join(places(axis, kernel, stride, padding, dilation) for axis in axes)
    statics = {"kernel": kernel, "stride": stride, "padding": padding, **more}
    return Case(op, {"x": f"T[B, 3, {', '.join(axes)}]"}, [f"T[B, 3, {found}]"], statics, ("f32", "f64"))


POOL = [
    pooled("max_pool1d", "L", 2, 2, 0, dilation=1),
    pooled("max_pool1d", "L", 3, 2, 1, dilation=2),
    pooled("max_pool2d", "HW", 2, 2, 0, dilation=1),
    pooled("max_pool2d", "HW", 3, 1, 1, dilation=2),
    pooled("max_pool3d", "HWL", 3, 2, 1, dilation=1),
    pooled("avg_pool1d", "L", 3, 2, 1, count_padding=True),
    pooled("avg_pool1d", "L", 2, 2, 0, count_padding=True),
    pooled("avg_pool2d", "HW", 3, 2, 1, count_padding=True),
    pooled("avg_pool2d", "HW", 3, 2, 1, count_padding=False),
    pooled("avg_pool3d", "HWL", 3, 2, 1, count_padding=False),
]

RESIZE = [
    Case("resize_nearest", {"x": "T[B, 3, H, W]"}, [f"T[B, 3, {h}, {w}]"], {"height": high, "width": wide}, dtypes)
    for h, w, high, wide, dtypes in (
        ("2 * H", "3 * W", 2 * SYMBOLS["H"], 3 * SYMBOLS["W"], ("f32", "f64", "i64", "bool")),
        ("9", "4", 9, 4, ("f32", "i64")),
        ("H // 2", "W + 5", SYMBOLS["H"] // 2, SYMBOLS["W"] + 5, ("f32",)),
    )
]

QUANTISED = [
    Case(
        "dequantize", {"x": "T[M, N]", "scale": "f32[]"}, ["f32[M, N]"], {"axis": None, "group": None}, ("i8", "f8e4m3")
    ),
    Case(
        "dequantize",
        {"x": "T[M, N]", "scale": Given("f32[M]", 0.1, 0.2)},
        ["f32[M, N]"],
        {"axis": 0, "group": None},
        ("i8", "f8e5m2"),
    ),
    Case(
        "dequantize",
        {"x": "T[M, S, 4]", "scale": "f32[M, S // 3, 4]"},
        ["f32[M, S, 4]"],
        {"axis": 1, "group": 3},
        ("i8", "f8e4m3"),
    ),
]
"""Numbers and scales; elements of less than a byte come from weights alone, and `test_quantised.py` has those."""

FAMILIES: Mapping[str, Sequence[Case]] = {
    "elementwise": ELEMENTWISE,
    "compare": COMPARE,
    "linear": LINEAR,
    "mixed": MIXED,
    "reduce": REDUCE,
    "shape": SHAPE,
    "index": INDEX,
    "conv": CONV,
    "pool": POOL,
    "resize": RESIZE,
    "quantised": QUANTISED,
}
NOT_FED = frozenset({"bf16", "f8e4m3", "f8e5m2"})
"""onnxruntime takes these from no NumPy array."""

IN_F32 = 1000.0
"""How much less exact onnx's evaluator is where it computes an f64 in f32."""

LACKS: Mapping[str, frozenset[tuple[str, str]]] = {
    "onnxruntime": frozenset((op, dtype) for dtype, ops in read("onnxruntime.cpu").lacks.items() for op in ops),
    "onnx": frozenset(),
}
"""What a runtime does not compute: the model is right, the runtime refuses it."""

RUNS = [
    pytest.param(case, dtype, id=f"{family}-{case.op}-{at}-{dtype}")
    for family, cases in FAMILIES.items()
    for at, case in enumerate(cases)
    for dtype in case.dtypes
]


def test_every_primitive_has_a_case() -> None:
    primitives = {
        name
        for name, target in modules.prelude().items()
        if modules.offered(Database(), target.file).get(name) == syntax.Keyword.OP.value
    }
    assert primitives | {"slice", "select", "dequantize"} == {case.op for cases in FAMILIES.values() for case in cases}


def test_the_rules_are_those_that_the_library_asks_for() -> None:
    db = Database()
    found = {name: declared(db, target.file, name) for name, target in modules.prelude().items()}
    asked = {name for name, item in found.items() if item is not None and item.lowering.operator is None}
    assert set(RULES) == asked | {"slice", "select", "dequantize"}
    assert all((item := found[name]) is not None and item.lowering.operator is not None for name in EXCEPTIONS)


def _outside(graph: Graph) -> Sequence[Ssa]:
    return [*graph.entry.inputs, *graph.entry.results]


@pytest.mark.parametrize(("case", "dtype"), RUNS)
def test_a_primitive_means_what_the_reference_means(case: Case, dtype: str) -> None:
    _compare(case, dtype, Options(Profile.PORTABLE))


@pytest.mark.heavy
@pytest.mark.parametrize("opset", range(22, 27))
@pytest.mark.parametrize(("case", "dtype"), RUNS)
def test_a_primitive_means_the_same_in_every_opset(case: Case, dtype: str, opset: int) -> None:
    _compare(case, dtype, Options(Profile.MODERN, opset=opset))


def _compare(case: Case, dtype: str, options: Options) -> None:
    graph, given = one_node(case, dtype)
    model = built(graph, options)
    chance = np.random.default_rng(5)
    for runner, start in RUNNERS.items():
        if runner == "onnxruntime" and NOT_FED & {str(ssa.type.dtype) for ssa in _outside(graph)}:
            continue
        if runner == "onnx" and case is GROUPED:
            continue
        if (case.op, dtype) in LACKS[runner]:
            with pytest.raises(Exception, match="NOT_IMPLEMENTED"):
                start(model)
            continue
        session = start(model)
        for binding in BINDINGS:
            inputs = [
                random_array(chance, ssa.type, binding, item)
                for ssa, item in zip(graph.entry.inputs, given, strict=True)
            ]
            with np.errstate(all="ignore"):
                given_back = session.run(None, feeds_of(model, inputs))
                agree(expected(graph, inputs), given_back, IN_F32 if (case.op, dtype) == ("erf", "f64") else 1.0)
