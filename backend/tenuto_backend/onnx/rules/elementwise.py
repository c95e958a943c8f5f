"""Arithmetic that is more than one operator: division rounded down, functions exact near zero, angles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import log, pi

from tenuto_analysis.dtypes import BOOL, SCALARS, Kind, Scalar
from tenuto_analysis.graph import Argument, Ssa
from tenuto_analysis.types import Tensor
from tenuto_backend.onnx.dtypes import element
from tenuto_backend.onnx.site import Rule, Site

F32 = SCALARS["f32"]


def _is_float(site: Site, name: str) -> bool:
    return site.dtype(name).kind is Kind.FLOAT


def floor_divide(site: Site) -> Sequence[str]:
    """The remainder is taken away first, so that the quotient comes out even whatever the signs."""
    a, b = site.value("a"), site.value("b")
    if site.dtype("a").kind is Kind.UNSIGNED:
        return [site("Div", a, b)]
    quotient = site("Div", site("Sub", a, _remainder(site, a, b)), b)
    return [site("Round", quotient) if _is_float(site, "a") else quotient]


def modulo(site: Site) -> Sequence[str]:
    return [_remainder(site, site.value("a"), site.value("b"))]


def _remainder(site: Site, a: str, b: str) -> str:
    """The remainder with the sign of `b`: for floats ONNX gives that with the sign of `a`."""
    if not _is_float(site, "a"):
        return site("Mod", a, b)
    rest = site("Mod", a, b, fmod=1)
    zero = site.number(0)
    other_side = site("Xor", site("Less", rest, zero), site("Less", b, zero))
    moved = site("And", other_side, site("Not", site("Equal", rest, zero)))
    return site("Where", moved, site("Add", rest, b), rest)


def cast(site: Site) -> Sequence[str] | None:
    """To 8-bit floats as NumPy and PyTorch cast: what is too large is infinite, or NaN. ONNX alone would hold it."""
    to = str(site.result.dtype)
    if not to.startswith("f8"):
        return None
    rounding = {"round_mode": "nearest"} if to == "f8e8m0" else {}
    return [site("Cast", site.value("x"), to=element(site.result.dtype), saturate=0, **rounding)]


def power(site: Site) -> Sequence[str] | None:
    """Of integers, a negative power is 0, which ONNX leaves open."""
    if _is_float(site, "base") or site.dtype("exponent").kind is Kind.UNSIGNED:
        return None
    exponent, zero = site.value("exponent"), site.number(0)
    raised = site("Pow", site.value("base"), site("Max", exponent, zero))
    return [site("Where", site("Less", exponent, zero), zero, raised)]


def rsqrt(site: Site) -> Sequence[str]:
    return [site("Reciprocal", site("Sqrt", site.value("x")))]


def exp2(site: Site) -> Sequence[str]:
    return [site("Pow", site.number(2.0), site.value("x"))]


def expm1(site: Site) -> Sequence[str]:
    """`exp(x) - 1` is `tanh(x / 2) * (exp(x) + 1)`, where nothing cancels."""
    x = site.value("x")
    half = site("Tanh", site("Mul", x, site.number(0.5)))
    return [site("Mul", half, site("Add", site("Exp", x), site.number(1.0)))]


def log1p(site: Site) -> Sequence[str]:
    """`log(1 + x)` corrected by what the sum lost: `log(u) * x / (u - 1)` where `u` is the rounded sum (Kahan)."""
    x = site.value("x")
    total = site("Add", x, site.number(1.0))
    kept = site("Sub", total, site.number(1.0))
    logarithm = site("Log", total)
    corrected = site("Mul", logarithm, site("Div", x, kept))
    small = site("Where", site("Equal", kept, site.number(0.0)), x, corrected)
    return [site("Where", site("Equal", kept, x), logarithm, small)]


def log2(site: Site) -> Sequence[str]:
    return [site("Mul", site("Log", site.value("x")), site.number(1 / log(2)))]


def log10(site: Site) -> Sequence[str]:
    return [site("Mul", site("Log", site.value("x")), site.number(1 / log(10)))]


def atan2(site: Site) -> Sequence[str]:
    """The arc tangent of `y / x`, moved by half a turn where `x` is negative; a quarter turn where it is 0."""
    y, x = site.value("y"), site.value("x")
    zero = site.number(0.0)
    half_turn = site("Where", site("Less", y, zero), site.number(-pi), site.number(pi))
    added = site("Where", site("Less", x, zero), half_turn, zero)
    angle = site("Add", site("Atan", site("Div", y, x)), added)
    quarter = site("Mul", site("Sign", y), site.number(pi / 2))
    return [site("Where", site("Equal", x, zero), quarter, angle)]


def trunc(site: Site) -> Sequence[str]:
    x = site.value("x")
    return [site("Where", site("Less", x, site.number(0.0)), site("Ceil", x), site("Floor", x))]


def where(site: Site) -> Sequence[str] | None:
    """Of truth values, by logic: onnxruntime has no choice between them."""
    if site.result.dtype != BOOL:
        return None
    condition = site.value("condition")
    first = site("And", condition, site.value("a"))
    return [site("Or", first, site("And", site("Not", condition), site.value("b")))]


def _in_f32(rule: Callable[[Site], Sequence[str]]) -> Rule:
    """A rule whose steps would each round, or that ONNX does not take, in the short floats: computed in f32."""

    def computed(site: Site) -> Sequence[str]:
        dtype = site.result.dtype
        if not isinstance(dtype, Scalar) or dtype.kind is not Kind.FLOAT or dtype.bits >= F32.bits:
            return rule(site)
        wide: dict[str, Argument] = {}
        for name, argument in site.arguments.items():
            assert isinstance(argument, Ssa)
            wide[name] = ssa = Ssa(Tensor(F32, argument.type.shape))
            site.scope.bind(ssa, site.cast(site.scope.value(argument), F32))
        results = tuple(Ssa(Tensor(F32, result.type.shape)) for result in site.results)
        return [site.cast(value, dtype) for value in rule(Site(site.op, wide, results, site.scope))]

    return computed


RULES: Mapping[str, Rule] = {
    "floor_divide": _in_f32(floor_divide),
    "modulo": _in_f32(modulo),
    "rsqrt": _in_f32(rsqrt),
    "exp2": _in_f32(exp2),
    "expm1": _in_f32(expm1),
    "log1p": _in_f32(log1p),
    "log2": _in_f32(log2),
    "log10": _in_f32(log10),
    "atan2": _in_f32(atan2),
    "trunc": _in_f32(trunc),
}

EXCEPTIONS: Mapping[str, Rule] = {"cast": cast, "power": power, "where": where}
