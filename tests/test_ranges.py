"""Ranges of values: they round as the dtypes do, they hold, and what they say of a program is what happens."""

from __future__ import annotations

import math
import re
from itertools import count
from pathlib import Path
from random import Random

import numpy as np
import pytest

from tenuto_analysis import model, modules
from tenuto_analysis.database import Database
from tenuto_analysis.elaborate.builder import Refusal
from tenuto_analysis.elaborate.deploys import elaborated
from tenuto_analysis.ranges.analysis import Analysis, analyse
from tenuto_analysis.ranges.formats import FORMATS, Format, rounded
from tenuto_analysis.ranges.problems import strict_ranges
from tenuto_analysis.ranges.transfer.table import TRANSFERS
from tenuto_analysis.ranges.values import Range
from tenuto_backend.reference.dtypes import DTYPES
from tenuto_grammar import syntax
from tests.command import Command

ROOT = Path(__file__).parent.parent
DATABASE = Database()
NUMBERS = count(1)


# ------------------------------------------------------------------------------------------------------------- rounding


def numbers_near(to: Format, chance: Random) -> list[float]:
    """Numbers of all sizes that a format has, those between two of them, and those at and beyond its ends."""
    top = math.frexp(to.largest)[1]
    ends = [to.largest * (1 + to.unit * part) for part in (0, 0.5, 0.999, 1, 1.001, 2)]
    bottom = max(to.least - 3, -149)
    anywhere = [math.ldexp(chance.random(), chance.randint(bottom, min(top + 2, 127))) for _ in range(2000)]
    small, steps = max(to.least, -140), 1 << min(to.precision + 2, 24)
    halves = [math.ldexp(chance.randint(1, steps), chance.randint(small, top) - to.precision) for _ in range(2000)]
    found = [0.0, math.inf, math.nan, *ends, *anywhere, *halves]
    with np.errstate(all="ignore"):
        return [float(np.float32(sign * number)) for number in found for sign in (1, -1)]


@pytest.mark.parametrize("to", [to for to in FORMATS.values() if to.name != "f64"], ids=lambda to: to.name)
def test_a_number_rounds_as_the_dtype_rounds_it(to: Format) -> None:
    numbers = numbers_near(to, Random(1))
    with np.errstate(all="ignore"):
        stored = np.asarray(numbers, np.float32).astype(DTYPES[to.name]).astype(np.float64)
    for number, wanted in zip(numbers, stored, strict=True):
        if math.isnan(number) and to.name == "f4e2m1":
            continue  # It has no NaN.
        found = rounded(number, to)
        assert found == wanted or (math.isnan(found) and math.isnan(wanted)), number


# ------------------------------------------------------------------------------------------------------------ the table


def test_every_primitive_says_what_it_does_to_ranges() -> None:
    """And no other: `slice` and `select` are what the language writes as an index."""
    database = Database()
    declared = {"slice", "select"}
    for module in modules.std_modules():
        file = str(modules.STD / f"{module}.ten")
        for name in modules.offered(database, file):
            node = modules.declaration(database, file, name)
            if isinstance(node, syntax.Definition) and node.keyword is syntax.Keyword.OP:
                declared.add(name)
    assert set(TRANSFERS) == declared


# ----------------------------------------------------------------------------------------------- what is said of values


def loaded(text: str) -> str:
    file = f"/ranges/{next(NUMBERS)}.ten"
    DATABASE.set(modules.root, file, "/ranges")
    DATABASE.set(modules.file_text, file, text)
    return file


def analysed(text: str) -> tuple[Analysis, Range]:
    """The analysis of a program's deploy `made`, and the range of its first result."""
    graph = elaborated(DATABASE, loaded(text), "made")
    assert not isinstance(graph, Refusal), graph.reason
    found = analyse(graph)
    return found, found.ranges[id(graph.entry.results[0])]


def result(expression: str, given: str = "x: f32[4, 8] within -3.0 .. 5.0") -> tuple[Analysis, Range]:
    return analysed(
        f"model Made({given}) {{\n  return {expression}\n}}\n\ndeploy made = Made {{ weights: init(seed = 0) }}\n"
    )


@pytest.mark.parametrize(
    ("expression", "low", "high"),
    [
        ("x - max(x, axis = -1, keepdims = true)", -8.0, 0.0),
        ("softmax(x)", 0.0, 1.0),
        ("x * x", 0.0, 25.0),
        ("x - x", 0.0, 0.0),
        ("relu(x)", 0.0, 5.0),
        ("clamp(x, -1.0, 2.0)", -1.0, 2.0),
        ("tanh(100.0 * x)", -1.0, 1.0),
        ("where(x > 0.0, x, 0.5)", 0.0, 5.0),
        ("sum(x, axis = 1)", -24.0, 40.0),
        ("mean(x, axis = 1)", -3.0, 5.0),
        ("x / maximum(norm(x, axis = -1, keepdims = true), 1e-6)", -1.0, 1.0),
        ("standardize(x)", -(8**0.5), 8**0.5),
        ("softmax(x) @ transpose(x)", -3.0, 5.0),
        ("concat(x, x + 10.0, axis = 0)", -3.0, 15.0),
    ],
)
def test_relations_make_ranges_narrow(expression: str, low: float, high: float) -> None:
    analysis, found = result(expression) if "softmax(x) @" not in expression else result(expression, SQUARE)
    assert not analysis.findings
    assert low - 0.02 * (abs(low) + 1) <= found.low <= low + 1e-3
    assert high - 1e-3 <= found.high <= high + 0.02 * (abs(high) + 1)


SQUARE = "x: f32[8, 8] within -3.0 .. 5.0"


def test_what_nobody_bounds_is_unknown_and_silent() -> None:
    analysis, found = result("log(x) / x + exp(x) * x", "x: f32[4, 8]")
    assert not analysis.findings
    assert str(found) == "unknown"
    assert found.contains(math.nan)


SHIFTED = "exp(x - max(x, axis = -1, keepdims = true))"


@pytest.mark.parametrize(
    "expression",
    [
        f"{SHIFTED} / sum({SHIFTED}, axis = -1, keepdims = true)",
        "softmax(where(tril(8, 8), x, -inf))",
        "softmax(where(arange(8)[:, none] >= arange(8)[none, :], x, -inf))",
        "log_softmax(x)",
        "logsumexp(x, axis = -1)",
        "1.0 / (1.0 + exp(-1000.0 * x))",
        "where(x > 0.0, log(where(x > 0.0, x, 1.0)), 0.0)",
        "binary_cross_entropy(sigmoid(100.0 * x), relu(tanh(x)))",
        "x / (sum(abs(x), axis = -1, keepdims = true) + 1e-9)",
    ],
)
@pytest.mark.parametrize("within", ["", " within -40.0 .. 40.0"])
def test_stable_forms_are_silent(expression: str, within: str) -> None:
    analysis, _ = result(expression, f"x: f32[8, 8]{within}")
    assert not analysis.findings


@pytest.mark.parametrize(
    "expression",
    [
        "exp(x) / sum(exp(x), axis = -1, keepdims = true)",
        "log(softmax(x))",
        "log(sigmoid(x))",
        "log(1.0 - sigmoid(x))",
        "log(1.0 + exp(x))",
        "log(sum(exp(x), axis = -1))",
        "sqrt(exp(x))",
        "mean(x * x, axis = -1) - mean(x, axis = -1) * mean(x, axis = -1)",
    ],
)
@pytest.mark.parametrize("dtype", ["f32", "f16", "bf16"])
def test_unstable_forms_are_told_with_a_witness_where_nothing_bounds_them(expression: str, dtype: str) -> None:
    analysis, _ = result(expression, f"x: {dtype}[8, 8]")
    assert [finding.hazard.kind.value for finding in analysis.findings] in (["unstable-form"], ["cancellation"])
    assert all(finding.proved and finding.witness for finding in analysis.findings)


def test_a_loop_is_widened_to_where_it_stays() -> None:
    program = """
model Made(x: f16[N, 4] within -1.0 .. 1.0) -> f16[4] {
  var state = zeros[f16](shape[4])
  for t in range(N) { state = 0.5 * state + x[0] }
  return state
}

deploy made = Made { weights: init(seed = 0), dims: { N: 1 .. 9000 } }
"""

    analysis, found = analysed(program)
    assert not analysis.findings
    assert found.low <= -2.0
    assert found.high >= 2.0
    assert not math.isinf(found.high)


# ------------------------------------------------------------------------------------------------ programs and examples


def told(text: str) -> list[tuple[str, str]]:
    """The stretches of a program of which something is told, and the rules."""
    file = loaded(text)
    found = model.findings(DATABASE, file)
    return [(text[finding.span.start : finding.span.end], finding.rule) for finding in found]


@pytest.mark.parametrize("policy", ["f32", "bf16"])
@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.ten")), ids=lambda path: path.stem)
def test_examples_are_silent(example: Path, policy: str) -> None:
    text = example.read_text(encoding="utf-8")
    text = re.sub(r"^  precision: .*,$", "", text, flags=re.MULTILINE)
    text = re.sub(r"^(deploy .* \{)$", rf"\1\n  precision: {policy},", text, flags=re.MULTILINE)
    ours = {rule for _, rule in told(text) if rule in RULES}
    assert not ours


RULES = {
    "overflow",
    "lost-epsilon",
    "outside-domain",
    "cast-out-of-range",
    "saturation",
    "long-sum",
    "cancellation",
    "infinite-constant",
    "masked-row",
    "infinities-meet",
    "unstable-form",
}


# ------------------------------------------------------------------------------------------------------------- strictly


@pytest.mark.parametrize(
    ("expression", "given", "strict"),
    [
        ("log(x)", "x: f32[4]", ["log(x)"]),
        ("log(x)", "x: f32[4] within 0.5 .. 2.0", []),
        ("exp(-abs(x))", "x: f32[4]", []),
        ("1.0 / (1.0 + exp(x))", "x: f32[4]", ["exp(x)"]),
        ("softmax(x)", "x: f32[4]", []),
    ],
)
def test_strict_ranges_tell_where_nobody_bounds_a_value(expression: str, given: str, strict: list[str]) -> None:
    text = f"model Made({given}) -> f32[4] {{\n  return {expression}\n}}\n\ndeploy made = Made {{}}\n"
    assert told(text) == []
    file = loaded(text)
    DATABASE.set(strict_ranges, file, True)
    found = model.findings(DATABASE, file)
    assert [(text[item.span.start : item.span.end], item.rule) for item in found] == [
        (stretch, "unknown-range") for stretch in strict
    ]


def test_strict_ranges_are_asked_for_by_an_option_or_a_setting(tenuto: Command) -> None:
    tenuto.write({"logged.ten": "model Logged(x: f32[B]) -> f32[B] = log(x)\n\ndeploy logged = Logged {}\n"})
    assert tenuto("check", "logged.ten").code == 0
    assert "warning[unknown-range]" in tenuto("check", "logged.ten", "--strict-ranges").out
    tenuto.write({"tenuto.toml": "strict-ranges = true\n"})
    assert "warning[unknown-range]" in tenuto("check", "logged.ten").out
