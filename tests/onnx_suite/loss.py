"""Losses, and the steps of optimisers."""

from __future__ import annotations

from collections.abc import Mapping

from tests.onnx_suite.cases import Case
from tests.onnx_suite.saying import Saying, decimal


def likelihood(case: Case, scores: str) -> str:
    """Statements that leave the loss in `loss`: classes are axis 1, and a label that is ignored weighs nothing."""
    column = ", ".join(["none", ":"] + ["none"] * (case.rank - 2))
    lines = [
        f"let hot = unsqueeze(x1, 1) == arange({case.shape[1]})[{column}]",
        f"let picked = sum(where(hot, {scores}, 0.0), axis = 1)",
    ]
    ignored = case.attribute("ignore_index")
    if case.has(2):
        lines.append(f"let weight = sum(where(hot, x2[{column}], 0.0), axis = 1)")
    elif ignored is not None:
        lines.append(
            f"let weight = where(x1 == {ignored}, 0.0, ones[f32](shape[{', '.join(map(str, case.given(1).shape))}]))"
        )
    if ignored is not None and case.has(2):
        lines.append(f"let kept = where(x1 == {ignored}, 0.0, weight)")
    weight = "kept" if ignored is not None and case.has(2) else "weight" if case.has(2) or ignored is not None else ""
    each = f"-picked * {weight}" if weight else "-picked"
    match case.attribute("reduction", b"mean"):
        case b"none":
            found = each
        case b"sum":
            found = f"sum({each})"
        case _:
            found = f"sum({each}) / sum({weight})" if weight else "-mean(picked)"
    return f"{' '.join(lines)} let loss = {found}"


def negative_log_likelihood(case: Case) -> str:
    return f"{likelihood(case, 'x0')} return loss"


def cross_entropy(case: Case) -> str:
    results = "(loss, scores)" if len(case.outputs) > 1 else "loss"
    return f"let scores = log_softmax(x0, axis = 1) {likelihood(case, 'scores')} return {results}"


# ----------------------------------------------------------------------------------------------------------- optimisers


def groups(case: Case, each: int) -> list[list[str]]:
    """The tensors of each optimised weight, after the rate and the step: all weights, then all gradients, and so on."""
    count = (len(case.inputs) - 2) // each
    return [[f"x{2 + kind * count + i}" for kind in range(each)] for i in range(count)]


def gathered(lines: list[str], results: list[list[str]]) -> str:
    ordered = [result[kind] for kind in range(len(results[0])) for result in results]
    return f"{' '.join(lines)} return ({', '.join(ordered)})"


def regularised(case: Case, x: str, g: str) -> str:
    return f"{decimal(case.attribute('norm_coefficient', 0.0))} * {x} + {g}"


def adagrad(case: Case) -> str:
    eps, decay = decimal(case.attribute("epsilon", 0.0)), decimal(case.attribute("decay_factor", 0.0))
    lines, results = [f"let rate = x0 / (1.0 + (x1 as f32) * {decay})"], []
    for i, (x, g, h) in enumerate(groups(case, 3)):
        lines.append(f"let g{i} = {regularised(case, x, g)} let h{i} = {h} + g{i} * g{i}")
        results.append([f"{x} - rate * g{i} / (sqrt(h{i}) + {eps})", f"h{i}"])
    return gathered(lines, results)


def momentum(case: Case) -> str:
    alpha, beta = decimal(case.attribute("alpha")), decimal(case.attribute("beta"))
    nesterov = case.attribute("mode") == b"nesterov"
    lines, results = [f"let share = where(x1 > 0, {beta}, x0 * 0.0 + 1.0)"], []
    for i, (x, g, v) in enumerate(groups(case, 3)):
        lines.append(f"let g{i} = {regularised(case, x, g)} let v{i} = {alpha} * {v} + share * g{i}")
        step = f"g{i} + {alpha} * v{i}" if nesterov else f"v{i}"
        results.append([f"{x} - x0 * ({step})", f"v{i}"])
    return gathered(lines, results)


SAID: Mapping[str, Saying] = {
    "Adagrad": adagrad,
    "Momentum": momentum,
    "NegativeLogLikelihoodLoss": negative_log_likelihood,
    "SoftmaxCrossEntropyLoss": cross_entropy,
}
