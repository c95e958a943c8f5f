"""Activations, softmax and dropout."""

from __future__ import annotations

from collections.abc import Mapping

from tests.onnx_suite.cases import Case
from tests.onnx_suite.saying import NotSaid, Saying, decimal, shape, text


def elu(case: Case) -> str:
    return f"elu(x0, alpha = {decimal(case.attribute('alpha', 1.0))})"


def celu(case: Case) -> str:
    return f"celu(x0, alpha = {decimal(case.attribute('alpha', 1.0))})"


def selu(case: Case) -> str:
    alpha, gamma = case.attribute("alpha"), case.attribute("gamma")
    return "selu(x0)" if alpha is None else f"{decimal(gamma)} * elu(x0, alpha = {decimal(alpha)})"


def gelu(case: Case) -> str:
    return "gelu_tanh(x0)" if case.attribute("approximate", b"none") == b"tanh" else "gelu(x0)"


def hard_sigmoid(case: Case) -> str:
    alpha, beta = decimal(case.attribute("alpha", 0.2)), decimal(case.attribute("beta", 0.5))
    return f"clamp({alpha} * x0 + {beta}, 0.0, 1.0)"


def leaky(case: Case) -> str:
    return f"leaky_relu(x0, slope = {decimal(case.attribute('alpha', 0.01))})"


def thresholded(case: Case) -> str:
    return f"thresholded_relu(x0, threshold = {decimal(case.attribute('alpha', 1.0))})"


def shrink(case: Case) -> str:
    bound, bias = case.attribute("lambd", 0.5), case.attribute("bias", 0.0)
    assert bias in (0.0, bound)
    return f"{'soft' if bias else 'hard'}_shrink(x0, bound = {decimal(bound)})"


def swish(case: Case) -> str:
    alpha = case.attribute("alpha", 1.0)
    return "silu(x0)" if alpha == 1.0 else f"x0 * sigmoid({decimal(alpha)} * x0)"


def softmax(case: Case) -> str:
    return f"softmax(x0, axis = {case.attribute('axis', -1)})"


def log_softmax(case: Case) -> str:
    return f"log_softmax(x0, axis = {case.attribute('axis', -1)})"


def hardmax(case: Case) -> str:
    """1 where the largest element first stands."""
    axis = case.attribute("axis", -1) % case.rank
    size = case.shape[axis]
    column = ", ".join(":" if at == axis else "none" for at in range(case.rank))
    return f"(arange({size})[{column}] == unsqueeze(arg_max(x0, axis = {axis}), {axis})) as {case.dtype}"


def dropout(case: Case) -> str | NotSaid:
    if case.has(2) and bool(case.given(2)) and (not case.has(1) or float(case.given(1)) > 0):
        return NotSaid("training: random")
    if len(case.outputs) == 1:
        return "x0"
    return f"(x0, all_true({shape(case.shape)}))"


SAID: Mapping[str, Saying] = {
    "Celu": celu,
    "Dropout": dropout,
    "Elu": elu,
    "Gelu": gelu,
    "HardSigmoid": hard_sigmoid,
    "HardSwish": text("hard_swish(x0)"),
    "Hardmax": hardmax,
    "LeakyRelu": leaky,
    "LogSoftmax": log_softmax,
    "Mish": text("mish(x0)"),
    "PRelu": text("where(x0 >= 0.0, x0, x1 * x0)"),
    "Relu": text("relu(x0)"),
    "Selu": selu,
    "Shrink": shrink,
    "Sigmoid": text("sigmoid(x0)"),
    "Softmax": softmax,
    "Softplus": text("softplus(x0)"),
    "Softsign": text("softsign(x0)"),
    "Swish": swish,
    "ThresholdedRelu": thresholded,
}
