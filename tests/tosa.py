"""Operators of the library as modules of TOSA, and TOSA's own validator.

`SAID` gives the body of a function for each operator that TOSA can say, over tensors of `T` called `%a` and `%b`.
`tosa-opt` is a program of the package tosa-tools, which the heavy tests install.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from tenuto_analysis.dtypes import SCALARS, Kind


def _tool() -> Path:
    """The program itself: the command of the package starts Python first."""
    found = find_spec("tosa_tools_cli")
    assert found is not None and found.origin is not None, "`./dev test all` installs tosa-tools"
    return Path(found.origin).parent.parent / "bin" / "tosa-opt"


_ELEMENTS = {"f8e4m3": "f8E4M3FN", "f8e5m2": "f8E5M2", "f4e2m1": "f4E2M1FN", "f8e8m0": "f8E8M0FNU", "bool": "i1"}


class Said(NamedTuple):
    """The lines of a body, the types of its arguments, and that of its result, which the last line makes as `%y`."""

    body: str
    arguments: tuple[str, ...]
    result: str


def element(dtype: str) -> str | None:
    """A dtype as MLIR writes it; None where it has none that TOSA knows of."""
    scalar = SCALARS[dtype]
    if dtype in _ELEMENTS:
        return _ELEMENTS[dtype]
    if dtype.endswith("fnuz") or scalar.kind in (Kind.COMPLEX, Kind.STRING):
        return None
    return f"ui{scalar.bits}" if scalar.kind is Kind.UNSIGNED else dtype


def unary(name: str) -> Said:
    return Said(f"%y = tosa.{name} %a : (tensor<2x4xT>) -> tensor<2x4xT>", ("tensor<2x4xT>",), "tensor<2x4xT>")


def binary(name: str, result: str = "T") -> Said:
    both = ("tensor<2x4xT>", "tensor<2x4xT>")
    made = f"tensor<2x4x{result}>"
    return Said(f"%y = tosa.{name} %a, %b : ({', '.join(both)}) -> {made}", both, made)


def reduction(name: str) -> Said:
    body = f"%y = tosa.{name} %a {{axis = 1 : i32}} : (tensor<2x4xT>) -> tensor<2x1xT>"
    return Said(body, ("tensor<2x4xT>",), "tensor<2x1xT>")


_SHIFT = '%s = "tosa.const"() {values = dense<0> : tensor<1xi8>} : () -> tensor<1xi8>\n'
_ZERO = '%z = "tosa.const"() {values = dense<0> : tensor<1xT>} : () -> tensor<1xT>\n'


def _shape(*sizes: int) -> str:
    values = ", ".join(map(str, sizes))
    dense = f"dense<[{values}]>" if sizes else "dense<>"
    return f"tosa.const_shape {{values = {dense} : tensor<{len(sizes)}xindex>}} : () -> !tosa.shape<{len(sizes)}>"


def convolution(name: str, x: str, w: str, b: str, made: str, how: str) -> Said:
    body = _ZERO + (
        f"%y = tosa.{name} %a, %b, %c, %z, %z {{acc_type = ACC, {how}}} : "
        f"({x}, {w}, {b}, tensor<1xT>, tensor<1xT>) -> {made}"
    )
    return Said(body, (x, w, b), made)


SAID: Mapping[str, Said] = {
    **{op: binary(name) for op, name in (("add", "add"), ("subtract", "sub"), ("maximum", "maximum"))},
    **{op: binary(name) for op, name in (("minimum", "minimum"), ("power", "pow"))},
    **{op: binary(op) for op in ("logical_and", "logical_or", "logical_xor")},
    **{op: binary(op) for op in ("bitwise_and", "bitwise_or", "bitwise_xor")},
    **{op: binary(name, "i1") for op, name in (("equal", "equal"), ("greater", "greater"))},
    **{op: binary(name, "i1") for op, name in (("greater_equal", "greater_equal"), ("less", "greater"))},
    "less_equal": binary("greater_equal", "i1"),
    "shift_left": binary("logical_left_shift"),
    "shift_right": binary("logical_right_shift"),
    "multiply": Said(
        _SHIFT + "%y = tosa.mul %a, %b, %s : (tensor<2x4xT>, tensor<2x4xT>, tensor<1xi8>) -> tensor<2x4xPRODUCT>",
        ("tensor<2x4xT>", "tensor<2x4xT>"),
        "tensor<2x4xPRODUCT>",
    ),
    "divide": Said(
        "%r = tosa.reciprocal %b : (tensor<2x4xT>) -> tensor<2x4xT>\n"
        + _SHIFT
        + "%y = tosa.mul %a, %r, %s : (tensor<2x4xT>, tensor<2x4xT>, tensor<1xi8>) -> tensor<2x4xT>",
        ("tensor<2x4xT>", "tensor<2x4xT>"),
        "tensor<2x4xT>",
    ),
    "negate": Said(
        _ZERO + "%y = tosa.negate %a, %z, %z : (tensor<2x4xT>, tensor<1xT>, tensor<1xT>) -> tensor<2x4xT>",
        ("tensor<2x4xT>",),
        "tensor<2x4xT>",
    ),
    **{op: unary(op) for op in ("abs", "exp", "log", "sin", "cos", "tanh", "erf", "floor", "ceil", "rsqrt")},
    **{op: unary(op) for op in ("logical_not", "bitwise_not")},
    "sqrt": Said(
        "%r = tosa.rsqrt %a : (tensor<2x4xT>) -> tensor<2x4xT>\n"
        "%y = tosa.reciprocal %r : (tensor<2x4xT>) -> tensor<2x4xT>",
        ("tensor<2x4xT>",),
        "tensor<2x4xT>",
    ),
    "where": Said(
        "%y = tosa.select %a, %b, %c : (tensor<2x4xi1>, tensor<2x4xT>, tensor<2x4xT>) -> tensor<2x4xT>",
        ("tensor<2x4xi1>", "tensor<2x4xT>", "tensor<2x4xT>"),
        "tensor<2x4xT>",
    ),
    **{op: reduction(f"reduce_{op}") for op in ("sum", "max", "min", "any", "all")},
    "prod": reduction("reduce_product"),
    "transpose": Said(
        "%y = tosa.transpose %a {perms = array<i32: 1, 0>} : (tensor<2x4xT>) -> tensor<4x2xT>",
        ("tensor<2x4xT>",),
        "tensor<4x2xT>",
    ),
    "reshape": Said(
        f"%s = {_shape(8)}\n%y = tosa.reshape %a, %s : (tensor<2x4xT>, !tosa.shape<1>) -> tensor<8xT>",
        ("tensor<2x4xT>",),
        "tensor<8xT>",
    ),
    "concat": Said(
        "%y = tosa.concat %a, %b {axis = 0 : i32} : (tensor<2x4xT>, tensor<2x4xT>) -> tensor<4x4xT>",
        ("tensor<2x4xT>", "tensor<2x4xT>"),
        "tensor<4x4xT>",
    ),
    "flip": Said(
        "%y = tosa.reverse %a {axis = 1 : i32} : (tensor<2x4xT>) -> tensor<2x4xT>", ("tensor<2x4xT>",), "tensor<2x4xT>"
    ),
    "tile": Said(
        f"%s = {_shape(2, 1)}\n%y = tosa.tile %a, %s : (tensor<2x4xT>, !tosa.shape<2>) -> tensor<4x4xT>",
        ("tensor<2x4xT>",),
        "tensor<4x4xT>",
    ),
    "pad": Said(
        f"%s = {_shape(1, 0, 0, 1)}\n"
        + _ZERO
        + "%y = tosa.pad %a, %s, %z : (tensor<2x4xT>, !tosa.shape<4>, tensor<1xT>) -> tensor<3x5xT>",
        ("tensor<2x4xT>",),
        "tensor<3x5xT>",
    ),
    "slice": Said(
        f"%s = {_shape(0, 1)}\n%n = {_shape(2, 2)}\n"
        "%y = tosa.slice %a, %s, %n : (tensor<2x4xT>, !tosa.shape<2>, !tosa.shape<2>) -> tensor<2x2xT>",
        ("tensor<2x4xT>",),
        "tensor<2x2xT>",
    ),
    "take": Said(
        "%y = tosa.gather %a, %b : (tensor<1x4x8xT>, tensor<1x3xi32>) -> tensor<1x3x8xT>",
        ("tensor<1x4x8xT>", "tensor<1x3xi32>"),
        "tensor<1x3x8xT>",
    ),
    "matmul": Said(
        _ZERO
        + "%y = tosa.matmul %a, %b, %z, %z : (tensor<1x2x4xT>, tensor<1x4x3xT>, tensor<1xT>, tensor<1xT>) "
        + "-> tensor<1x2x3xSUM>",
        ("tensor<1x2x4xT>", "tensor<1x4x3xT>"),
        "tensor<1x2x3xSUM>",
    ),
    "conv2d": convolution(
        *("conv2d", "tensor<1x8x8x4xT>", "tensor<6x3x3x4xT>", "tensor<6xCONVOLVED>", "tensor<1x6x6x6xCONVOLVED>"),
        "dilation = array<i64: 1, 1>, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>",
    ),
    "conv3d": convolution(
        *("conv3d", "tensor<1x8x8x8x4xT>", "tensor<6x3x3x3x4xT>", "tensor<6xCONVOLVED>", "tensor<1x6x6x6x6xCONVOLVED>"),
        "dilation = array<i64: 1, 1, 1>, pad = array<i64: 0, 0, 0, 0, 0, 0>, stride = array<i64: 1, 1, 1>",
    ),
    "max_pool2d": Said(
        "%y = tosa.max_pool2d %a {kernel = array<i64: 2, 2>, pad = array<i64: 0, 0, 0, 0>, "
        "stride = array<i64: 2, 2>} : (tensor<1x8x8x4xT>) -> tensor<1x4x4x4xT>",
        ("tensor<1x8x8x4xT>",),
        "tensor<1x4x4x4xT>",
    ),
}

SUMS = {"i8": "i32", "i16": "i32", "i4": "i32", "f8e4m3": "f16", "f8e5m2": "f16", "bf16": "f32"}
"""What the sums of a product are kept in, as `std` says it of integers."""

_CONVOLVED = {**SUMS, "bf16": "bf16"}
_PRODUCTS = {"i8": "i32", "i16": "i32"}

EVERYTHING = "extensions=int16,int4,bf16,fp8e4m3,fp8e5m2 profiles=pro_int,pro_fp"


def module(op: str, dtype: str) -> str | None:
    """The module of an operator for a dtype; None where TOSA cannot say it."""
    said, name = SAID.get(op), element(dtype)
    if said is None or name is None:
        return None
    arguments = ", ".join(f"%{letter}: {type_}" for letter, type_ in zip("abc", said.arguments, strict=False))
    text = f"func.func @f({arguments}) -> {said.result} {{\n{said.body}\nreturn %y : {said.result}\n}}\n"
    scalar = SCALARS[dtype]
    sums = SUMS.get(dtype, name)
    zero = "0.0" if scalar.kind is Kind.FLOAT else "false" if dtype == "bool" else "0"
    text = text.replace("dense<0> : tensor<1xT>", f"dense<{zero}> : tensor<1xT>")
    for variable, by in (
        ("PRODUCT", _PRODUCTS.get(dtype, name)),
        ("SUM", sums),
        ("CONVOLVED", _CONVOLVED.get(dtype, name)),
        ("ACC", sums),
    ):
        text = text.replace(variable, by)
    return text.replace("xT>", f"x{name}>")


def accepted(text: str, environment: str = EVERYTHING, level: str = "8k") -> str | None:
    """What TOSA's validator says against a module; None where it accepts it."""
    options = f"specification_version=1.0 level={level} {environment}"
    ran = subprocess.run(
        [_tool(), f"--tosa-attach-target={options}", "--tosa-validate=strict-op-spec-alignment", "-"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    return None if ran.returncode == 0 else ran.stderr
