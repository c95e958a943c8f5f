"""Fewer elements from many: sums, extremes, places, cumulative sums, norms."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tests.onnx_suite.cases import Case
from tests.onnx_suite.saying import Saying, at, axes, shape


def reducing(body: str, left: str = "x0") -> Callable[[Case], str]:
    """`body` has `{}` where the arguments for axes stand; `left` is the meaning over no axis."""

    def saying(case: Case) -> str:
        along: list[int] | None = None
        if case.has(1):
            along = [int(axis) for axis in case.given(1)]
        elif "axes" in case.attributes:
            along = list(case.attribute("axes"))
        if not along and case.attribute("noop_with_empty_axes", 0):
            return left
        keep = "true" if case.attribute("keepdims", 1) else "false"
        return body.format(f"axis = {axes(along)}, keepdims = {keep}" if along else f"keepdims = {keep}")

    return saying


def extreme(name: str, of_bool: str) -> Saying:
    def saying(case: Case) -> str:
        function = of_bool if case.given(0).dtype == np.bool_ else name
        return reducing(f"{function}(x0, {{}})")(case)

    return saying


def place(name: str) -> Saying:
    def saying(case: Case) -> str:
        axis = case.attribute("axis", 0) % case.rank
        if case.attribute("select_last_index", 0):
            found = f"{case.shape[axis] - 1} - {name}(flip(x0, {axis}), axis = {axis})"
        else:
            found = f"{name}(x0, axis = {axis})"
        return f"unsqueeze({found}, {axis})" if case.attribute("keepdims", 1) else found

    return saying


def cumulative(function: str) -> Saying:
    def saying(case: Case) -> str:
        flags = "".join(f", {name} = true" for name in ("exclusive", "reverse") if case.attribute(name, 0))
        return f"{function}(x0, axis = {int(case.given(1))}{flags})"

    return saying


def lp_normalization(case: Case) -> str:
    axis = case.attribute("axis", -1)
    if case.attribute("p", 2) == 2:
        return f"l2_normalize(x0, axis = {axis})"
    return f"x0 / maximum(sum(abs(x0), axis = {axis}, keepdims = true), 1e-12)"


def mean_variance(case: Case) -> str:
    along = axes(case.attribute("axes", [0, 2, 3]))
    centred = f"x0 - mean(x0, axis = {along}, keepdims = true)"
    return f"({centred}) / (standard_deviation(x0, axis = {along}, keepdims = true) + 1e-9)"


def top_k(case: Case) -> str:
    axis, last = case.attribute("axis", -1) % case.rank, case.rank - 1
    largest = "true" if case.attribute("largest", 1) else "false"
    k = int(case.given(1)[0])
    if axis == last:
        return f"top_k(x0, {k}, largest = {largest})"
    return (
        f"let (values, places) = top_k(swap_axes(x0, {axis}, {last}), {k}, largest = {largest}) "
        f"return (swap_axes(values, {axis}, {last}), swap_axes(places, {axis}, {last}))"
    )


def compress(case: Case) -> str:
    size = case.given(1).shape[0]
    if "axis" not in case.attributes:
        flat = f"reshape(x0, {shape([case.given(0).size])})"
        return f"compress({flat}[:{size}], x1)"
    axis = case.attribute("axis") % case.rank
    part = f"x0{at(case.rank, axis, f':{size}')}"
    return f"compress({part}, x1)" if axis == 0 else f"take({part}, true_positions(x1), axis = {axis})"


SAID: Mapping[str, Saying] = {
    "ArgMax": place("arg_max"),
    "ArgMin": place("arg_min"),
    "Compress": compress,
    "CumProd": cumulative("cumulative_product"),
    "CumSum": cumulative("cumulative_sum"),
    "LpNormalization": lp_normalization,
    "MeanVarianceNormalization": mean_variance,
    "NonZero": lambda case: "transpose(nonzero(x0))",
    "ReduceL1": reducing("l1_norm(x0, {})", "abs(x0)"),
    "ReduceL2": reducing("norm(x0, {})", "abs(x0)"),
    "ReduceLogSum": reducing("log_sum(x0, {})", "log(x0)"),
    "ReduceLogSumExp": reducing("logsumexp(x0, {})", "x0"),
    "ReduceMax": extreme("max", "any"),
    "ReduceMean": reducing("mean(x0, {})"),
    "ReduceMin": extreme("min", "all"),
    "ReduceProd": reducing("prod(x0, {})"),
    "ReduceSum": reducing("sum(x0, {})"),
    "ReduceSumSquare": reducing("sum_of_squares(x0, {})", "square(x0)"),
    "TopK": top_k,
}
