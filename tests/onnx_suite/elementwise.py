"""One element from one of each operand: arithmetic, elementary functions, comparison, bits, casts."""

from __future__ import annotations

from collections.abc import Mapping

from tests.onnx_suite.cases import Case
from tests.onnx_suite.saying import Said, Saying, dtype_of, fold, number, text

LARGEST = {"f8e4m3": "448.0", "f8e4m3fnuz": "240.0", "f8e5m2": "57344.0", "f8e5m2fnuz": "57344.0"}


def operands(case: Case) -> list[str]:
    return [f"x{at}" for at in range(len(case.inputs))]


def folded(function: str) -> Saying:
    return lambda case: fold(function, operands(case))


def summed(case: Case) -> str:
    return " + ".join(operands(case))


def mean(case: Case) -> str:
    return f"({summed(case)}) / {len(case.inputs)}"


def divide(case: Case) -> str:
    """ONNX rounds the quotient of integers towards zero."""
    if case.dtype.startswith("f"):
        return "x0 / x1"
    return "x0 // x1" if case.dtype.startswith("u") else "sign(x0) * sign(x1) * (abs(x0) // abs(x1))"


def modulo(case: Case) -> str:
    if not case.attribute("fmod", 0) or case.dtype.startswith("u"):
        return "x0 % x1"
    return "sign(x0) * (abs(x0) % abs(x1))"


def power(case: Case) -> str:
    base, exponent = case.dtype, dtype_of(case.given(1))
    if base == exponent:
        return "x0 ** x1"
    if base.startswith("f"):
        return f"x0 ** (x1 as {base})"
    return f"((x0 as f64) ** (x1 as f64)) as {base}" if exponent.startswith("f") else f"x0 ** (x1 as {base})"


def shift(case: Case) -> str:
    return f"shift_{case.attribute('direction').decode().lower()}(x0, x1)"


def clip(case: Case) -> str:
    match case.has(1), case.has(2):
        case True, True:
            return "clamp(x0, x1, x2)"
        case True, False:
            return "maximum(x0, x1)"
        case False, True:
            return "minimum(x0, x2)"
        case _:
            return "x0"


def is_infinite(case: Case) -> str:
    negative, positive = case.attribute("detect_negative", 1), case.attribute("detect_positive", 1)
    if negative and positive:
        return "is_inf(x0)"
    return f"is_inf(x0) and x0 {'<' if negative else '>'} 0.0"


def cast(case: Case) -> str:
    """Where ONNX holds what is too large for an 8-bit float at the largest, the program does."""
    to = dtype_of(case.result())
    if to in LARGEST and case.attribute("saturate", 1):
        largest = LARGEST[to]
        return f"clamp(x0 as f32, -{largest}, {largest}) as {to}"
    if to == "f8e8m0":
        wide = "maximum(x0 as f64, 5.877471754111438e-39)"
        return f"(2.0 ** ceil(log2({wide}))) as f32 as {to}"
    return f"x0 as {to}"


def binarizer(case: Case) -> str:
    return f"(x0 > {number(case.attribute('threshold', 0.0), case.dtype)}) as {case.dtype}"


def constant(case: Case) -> Said:
    return Said("kept", weights={"kept": case.result()})


SAID: Mapping[str, Saying] = {
    **{
        name: text(f"{function}(x0)")
        for name, function in {
            "Abs": "abs",
            "Acos": "acos",
            "Acosh": "acosh",
            "Asin": "asin",
            "Asinh": "asinh",
            "Atan": "atan",
            "Atanh": "atanh",
            "BitwiseNot": "bitwise_not",
            "Ceil": "ceil",
            "Cos": "cos",
            "Cosh": "cosh",
            "Erf": "erf",
            "Exp": "exp",
            "Floor": "floor",
            "IsNaN": "is_nan",
            "Log": "log",
            "Reciprocal": "reciprocal",
            "Round": "round",
            "Sign": "sign",
            "Sin": "sin",
            "Sinh": "sinh",
            "Sqrt": "sqrt",
            "Tan": "tan",
            "Tanh": "tanh",
        }.items()
    },
    **{
        name: text(f"x0 {sign} x1")
        for name, sign in {
            "Add": "+",
            "And": "and",
            "Equal": "==",
            "Greater": ">",
            "GreaterOrEqual": ">=",
            "Less": "<",
            "LessOrEqual": "<=",
            "Mul": "*",
            "Or": "or",
            "Sub": "-",
        }.items()
    },
    **{
        name: text(f"{function}(x0, x1)")
        for name, function in {
            "BitwiseAnd": "bitwise_and",
            "BitwiseOr": "bitwise_or",
            "BitwiseXor": "bitwise_xor",
            "Xor": "logical_xor",
        }.items()
    },
    "Binarizer": binarizer,
    "BitShift": shift,
    "Cast": cast,
    "CastLike": cast,
    "Clip": clip,
    "Constant": constant,
    "Div": divide,
    "Identity": text("x0"),
    "IsInf": is_infinite,
    "Max": folded("maximum"),
    "Mean": mean,
    "Min": folded("minimum"),
    "Mod": modulo,
    "Neg": text("-x0"),
    "Not": text("not x0"),
    "Pow": power,
    "Sum": summed,
    "Where": text("where(x0, x1, x2)"),
}
