"""Random programs whose inputs all say how large they are, and runs of them in which every value is watched.

The programs are short, and of everything that changes numbers; nothing keeps them from going wrong.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from msgspec import Struct, field

FLOATS = ("f32", "f32", "f32", "bf16", "f16", "f16", "f8e4m3", "f64")
POLICIES = ("f32", "bf16", "f16", "mixed")
RANGES = (
    "0.0 .. 1.0",
    "-1.0 .. 1.0",
    "-10.0 .. 10.0",
    "-100.0 .. 100.0",
    "0.0 .. 200.0",
    "0.5 .. 2.0",
    "-400.0 .. -1.0",
    "1e-3 .. 3.0",
    "-0.0 .. 0.25",
)
CONSTANTS = ("0.5", "2.0", "1.0", "-3.0", "100.0", "1e-3", "1e-8", "0.1", "7.0", "300.0", "1e4")

SAME = (
    *("relu({0})", "-{0}", "abs({0})", "exp({0})", "exp2({0})", "expm1({0})", "log({0})", "log1p({0})", "log2({0})"),
    *("sqrt({0})", "rsqrt({0})", "sin({0})", "cos({0})", "tanh({0})", "sigmoid({0})", "softplus({0})", "sign({0})"),
    *("log_sigmoid({0})", "gelu({0})", "gelu_tanh({0})", "silu({0})", "mish({0})", "elu({0})", "leaky_relu({0})"),
    *("hard_swish({0})", "hard_sigmoid({0})", "hard_tanh({0})", "softsign({0})", "erf({0})", "floor({0})"),
    *("ceil({0})", "round({0})", "trunc({0})", "square({0})", "reciprocal({0})", "atan({0})", "asin({0})"),
    *("sinh({0})", "cosh({0})", "asinh({0})", "{0} ** 2", "{0} ** 0.5", "{0} ** -1.0", "{0} ** 3", "log10({0})"),
    *("clamp({0}, -2.0, 2.0)", "clamp({0}, 0.001, 50.0)", "relu6({0})", "tan({0})", "acosh({0})", "atanh({0})"),
)
WITH_CONSTANT = (
    *("{0} + {1}", "{1} - {0}", "{0} * {1}", "{0} / {1}", "{1} / {0}", "maximum({0}, {1})", "minimum({0}, {1})"),
    *("where({0} > {1}, {0}, {1})", "{0} + {1} * {0}", "log({0} + {1})", "{1} / (abs({0}) + {1})", "{0} % {1}"),
    *("sqrt(square({0}) + {1})", "{0} - {1}", "where({0} > {1}, -inf, {0})"),
)
ROWS = (
    *("softmax({0})", "log_softmax({0})", "standardize({0})", "cumulative_sum({0}, axis = -1)", "flip({0}, axis = -1)"),
    *("{0} - max({0}, axis = -1, keepdims = true)", "{0} / sum({0}, axis = -1, keepdims = true)"),
    *("{0} - mean({0}, axis = -1, keepdims = true)", "{0} * rsqrt(mean({0} * {0}, axis = -1, keepdims = true) + 1e-5)"),
    *("exp({0}) / sum(exp({0}), axis = -1, keepdims = true)", "exp({0} - max({0}, axis = -1, keepdims = true))"),
    *("where(mask, {0}, -inf)", "softmax(where(mask, {0}, -1e9))", "masked_softmax({0}, mask)"),
    "where(mask, {0}, 0.0)",
    *("softmax(where(mask, {0}, -inf))", "{0} * (mask as {T})", "scanned({0})", "halved({0})", "chosen({0})"),
    *("(clamp({0}, -100.0, 100.0) as i8) as {T}", "({0} as f16) as {T}", "({0} as i32) as {T}", "({0} as bf16) as {T}"),
    *("({0} as f8e4m3) as {T}", "(count as {T}) * {0}", "((count * count) as {T}) + {0}", "log(softmax({0}))"),
    *("({0} @ table) @ transpose(table)", "{0} * table[0, 0]", "rms_norm({0}, ones[{T}](shape[4]))"),
    *("concat({0}[:, 2:], {0}[:, :2], axis = 1)", "reshape(reshape({0}, (4, B)), (B, 4))", "{0}[:, 0:1] * {0}"),
)
PAIRS = (
    *("{0} + {1}", "{0} - {1}", "{0} * {1}", "{0} / {1}", "maximum({0}, {1})", "minimum({0}, {1})"),
    "where(mask, {0}, {1})",
)
REDUCED = ("sum", "mean", "max", "min", "prod")

HELPERS = """
fn scanned[B](x: {T}[B, 4]) -> {T}[B, 4] {{
  var state = zeros[{T}](shape[4])
  for t in range(B) {{
    state = state * {0} + x[t]
    collect rows = state
  }}
  return rows
}}

fn halved[B](x: {T}[B, 4]) -> {T}[B, 4] {{
  var h = tanh(x)
  var steps = 0 as i64
  while steps < 5 {{
    h = h * 0.5 + {1}
    steps = steps + 1
  }}
  return h
}}

fn chosen[B](x: {T}[B, 4]) -> {T}[B, 4] {{
  if sum(x) > 0.0 {{
    return x * {1}
  }}
  return x - {0}
}}
"""


class Making(Struct):
    """A program in the making: its variables of shape `[B, 4]` and `[B, 1]`."""

    chance: random.Random
    dtype: str
    rows: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def let(self, expression: str, among: list[str]) -> None:
        name = f"v{len(self.lines)}"
        self.lines.append(f"  let {name} = {expression}")
        among.append(name)

    def pick(self) -> str:
        return self.rows[-1] if self.chance.random() < 0.5 else self.chance.choice(self.rows)

    def constant(self) -> str:
        return self.chance.choice(CONSTANTS)


def _same(making: Making) -> None:
    making.let(making.chance.choice(SAME).format(making.pick()), making.rows)


def _constant(making: Making) -> None:
    making.let(making.chance.choice(WITH_CONSTANT).format(making.pick(), making.constant()), making.rows)


def _row(making: Making) -> None:
    making.let(making.chance.choice(ROWS).format(making.pick(), T=making.dtype), making.rows)


def _pair(making: Making) -> None:
    making.let(making.chance.choice(PAIRS).format(making.pick(), making.chance.choice(making.rows)), making.rows)


def _column(making: Making) -> None:
    reduction = making.chance.choice(REDUCED)
    making.let(f"{reduction}({making.pick()}, axis = -1, keepdims = true)", making.columns)
    sign = making.chance.choice(("+", "-", "*", "/"))
    making.let(f"{making.pick()} {sign} {making.columns[-1]}", making.rows)


MOVES: Sequence[Callable[[Making], None]] = (_same, _same, _constant, _row, _row, _pair, _column)


def numeric(seed: int) -> str:
    """A program with a deploy `made`; `B` is 1 to 3."""
    chance = random.Random(seed)
    policy = chance.choice(POLICIES) if chance.random() < 0.3 else None
    dtype = "float" if policy is not None else chance.choice(FLOATS)
    making = Making(chance, dtype, rows=["x", "y"])
    for _ in range(chance.randint(2, 7)):
        chance.choice(MOVES)(making)
    first, second, third = (chance.choice(RANGES) for _ in range(3))
    low = chance.choice((-20, 0, 1))
    head = (
        f"x: {dtype}[B, 4] within {first}, y: {dtype}[B, 4] within {second}, "
        f"table: {dtype}[4, 3] within {third}, mask: bool[B, 4], "
        f"count: i32[B, 4] within {low} .. {chance.randint(1, 300)}"
    )
    body = "\n".join(making.lines)
    helpers = HELPERS.format(making.constant(), making.constant(), T=dtype)
    precision = f", precision: {policy}" if policy is not None else ""
    return (
        f"model Main({head}) -> {dtype}[B, 4] {{\n{body}\n  return {making.rows[-1]}\n}}\n{helpers}\n"
        f"deploy made = Main {{ weights: init(seed = 0){precision}, dims: {{ B: 1 .. 3 }} }}\n"
    )
