"""Functions of mathematics that StableHLO has no operation for, made of those that it has.

The operations are those of its first stable version, so that the oldest reader of the portable form can follow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import log, sqrt

from tenuto_backend.mlir.body import Body
from tenuto_backend.mlir.operations import Scalar, Value
from tenuto_backend.stablehlo.tensors import compare, like, same, select
from tenuto_backend.stablehlo.types import kind

Compute = Callable[[Body, Value], Value]
"""From a tensor of `f32` or `f64` to one of the same type."""

_LARGEST = {"f32": 3.4028234663852886e38, "f64": 1.7976931348623157e308}
_LN2 = log(2.0)


class _Numbers:
    """Arithmetic on one tensor and on numbers."""

    def __init__(self, body: Body, x: Value) -> None:
        self.body = body
        self.x = x

    @property
    def kind(self) -> Scalar:
        return kind(self.x)

    def number(self, value: float) -> Value:
        return like(self.body, value, self.x)

    def __call__(self, operation: str, *operands: Value | float) -> Value:
        return same(self.body, operation, [self._value(item) for item in operands])

    def choose(self, direction: str, a: Value, bound: float, then: Value, otherwise: Value) -> Value:
        return select(self.body, compare(self.body, direction, a, self.number(bound)), then, otherwise)

    def polynomial(self, x: Value, coefficients: Sequence[float]) -> Value:
        """The coefficient of the highest power first."""
        found = self.number(coefficients[0])
        for coefficient in coefficients[1:]:
            found = self("add", self("multiply", found, x), coefficient)
        return found

    def _value(self, item: Value | float) -> Value:
        return item if isinstance(item, Value) else self.number(item)


def _exp2(body: Body, x: Value) -> Value:
    m = _Numbers(body, x)
    return m("power", 2.0, x)


def _logarithm(base: float) -> Compute:
    def compute(body: Body, x: Value) -> Value:
        m = _Numbers(body, x)
        return m("divide", m("log", x), log(base))

    return compute


def _tan(body: Body, x: Value) -> Value:
    m = _Numbers(body, x)
    return m("divide", m("sine", x), m("cosine", x))


def _asin(body: Body, x: Value) -> Value:
    m = _Numbers(body, x)
    return m("multiply", 2.0, m("atan2", x, m("add", 1.0, _circle(m))))


def _acos(body: Body, x: Value) -> Value:
    m = _Numbers(body, x)
    return m("atan2", _circle(m), x)


def _circle(m: _Numbers) -> Value:
    """`sqrt(1 - x * x)`, exact where `x` is near to 1."""
    return m("sqrt", m("multiply", m("subtract", 1.0, m.x), m("add", 1.0, m.x)))


def _atan(body: Body, x: Value) -> Value:
    m = _Numbers(body, x)
    return m("atan2", x, 1.0)


def _sinh(body: Body, x: Value) -> Value:
    """Near 0 the difference of two exponentials would lose its digits."""
    m = _Numbers(body, x)
    less_one = m("exponential_minus_one", x)
    near = m("multiply", 0.5, m("add", less_one, m("divide", less_one, m("add", less_one, 1.0))))
    up, down = _halves(m)
    return m.choose("LT", m("abs", x), 1.0, near, m("subtract", up, down))


def _cosh(body: Body, x: Value) -> Value:
    m = _Numbers(body, x)
    return m("add", *_halves(m))


def _halves(m: _Numbers) -> tuple[Value, Value]:
    """`exp(x) / 2` and `exp(-x) / 2`, where `exp(x)` would be too large already."""
    return m("exponential", m("subtract", m.x, _LN2)), m("exponential", m("subtract", m("negate", m.x), _LN2))


def _asinh(body: Body, x: Value) -> Value:
    m = _Numbers(body, x)
    size = m("abs", x)
    square = m("multiply", size, size)
    more = m("divide", square, m("add", 1.0, m("sqrt", m("add", square, 1.0))))
    near = m("log_plus_one", m("add", size, more))
    far = m("add", m("log", size), _LN2)
    found = m.choose("GT", size, sqrt(_LARGEST[m.kind.name]), far, near)
    return m("multiply", m("sign", x), found)


def _acosh(body: Body, x: Value) -> Value:
    m = _Numbers(body, x)
    above = m("subtract", x, 1.0)
    root = m("sqrt", m("multiply", above, m("add", above, 2.0)))
    near = m("log_plus_one", m("add", above, root))
    far = m("add", m("log", x), _LN2)
    return m.choose("GT", x, sqrt(_LARGEST[m.kind.name]) / 2, far, near)


def _atanh(body: Body, x: Value) -> Value:
    m = _Numbers(body, x)
    return m("multiply", 0.5, m("subtract", m("log_plus_one", x), m("log_plus_one", m("negate", x))))


# The rational approximations of Cephes (Stephen L. Moshier) and, for `f32`, of Eigen; highest powers first.
_ERF_ABOVE = (
    0.00022905065861350646,
    0.0034082910107109506,
    0.050955695062380861,
    0.18520832239976145,
    1.128379143519084,
)
_ERF_BELOW = (
    -1.1791602954361697e-7,
    0.000023547966471313185,
    0.0010179625278914885,
    0.014070470171167667,
    0.11098505178285362,
    0.49746925110067538,
    1.0,
)
_ERF_END = 3.7439211627767994565  # From here on the result is 1 in `f32`.
_T = (
    9.60497373987051638749e0,
    9.00260197203842689217e1,
    2.23200534594684319226e3,
    7.00332514112805075473e3,
    5.55923013010394962768e4,
)
_U = (
    1.0,
    3.35617141647503099647e1,
    5.21357949780152679795e2,
    4.59432382970980127987e3,
    2.26290000613890934246e4,
    4.92673942608635921086e4,
)
_P = (
    2.46196981473530512524e-10,
    5.64189564831068821977e-1,
    7.46321056442269912687e0,
    4.86371970985681366614e1,
    1.96520832956077098242e2,
    5.26445194995477358631e2,
    9.34528527171957607540e2,
    1.02755188689515710272e3,
    5.57535335369399327526e2,
)
_Q = (
    1.0,
    1.32281951154744992508e1,
    8.67072140885989742329e1,
    3.54937778887819891062e2,
    9.75708501743205489753e2,
    1.82390916687909736289e3,
    2.24633760818710981792e3,
    1.65666309194161350182e3,
    5.57535340817727675546e2,
)
_ERFC_END = 6.0  # From here on `1 - erfc(x)` is 1 in `f64`.


def _erf(body: Body, x: Value) -> Value:
    m = _Numbers(body, x)
    if m.kind.name == "f64":
        return _erf_of_f64(m)
    held = m("maximum", m("minimum", x, _ERF_END), -_ERF_END)
    square = m("multiply", held, held)
    above = m("multiply", held, m.polynomial(square, _ERF_ABOVE))
    found = m("divide", above, m.polynomial(square, _ERF_BELOW))
    return m("maximum", m("minimum", found, 1.0), -1.0)


def _erf_of_f64(m: _Numbers) -> Value:
    square = m("multiply", m.x, m.x)
    near = m("divide", m("multiply", m.x, m.polynomial(square, _T)), m.polynomial(square, _U))
    size = m("minimum", m("abs", m.x), _ERFC_END)
    rest = m("divide", m.polynomial(size, _P), m.polynomial(size, _Q))
    rest = m("multiply", m("exponential", m("negate", m("multiply", size, size))), rest)
    far = m("multiply", m("sign", m.x), m("subtract", 1.0, rest))
    return m.choose("LE", m("abs", m.x), 1.0, near, far)


FUNCTIONS: Mapping[str, Compute] = {
    "exp2": _exp2,
    "log2": _logarithm(2.0),
    "log10": _logarithm(10.0),
    "tan": _tan,
    "asin": _asin,
    "acos": _acos,
    "atan": _atan,
    "sinh": _sinh,
    "cosh": _cosh,
    "asinh": _asinh,
    "acosh": _acosh,
    "atanh": _atanh,
    "erf": _erf,
}
