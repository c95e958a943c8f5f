"""Formulas that are right over the reals and wrong on a machine, whatever range nobody has declared.

A naked softmax is right for small arguments. Where those have no range, an ordinary one breaks it: `exp(100)` is
infinite in `f32`. Each form is looked for at the operator that finishes it, tried in the dtype on such an argument,
and told with the stable form that says the same. Where the ranges show that the form is safe, it is silent.
"""

from __future__ import annotations

import math
from math import inf, isfinite, isnan

from tenuto_analysis.graph import Apply, Call, Literal, Ssa, tensors_of
from tenuto_analysis.ranges.formats import Format, rounded
from tenuto_analysis.ranges.frames import Step
from tenuto_analysis.ranges.values import Hazard, Kind, Range, shown


def at_divide(step: Step) -> Hazard | None:
    """`exp(z) / sum(exp(z))`, `exp(z) / (1 + exp(z))`."""
    if step.format is None:
        return None
    numerator = step.maker(step.ssa("a"), "exp")
    if numerator is None or not _may_overflow(step, numerator):
        return None
    below = step.ssa("b")
    added = step.maker(below, "sum")
    top = step.frame.number(_exp_result(numerator))
    if added is not None:
        inner = step.maker(_tensor(added, "x"), "exp")
        if inner is not None and step.frame.number(_exp_result(inner)) == top:
            z = _large(step.format)
            told = f"with z = {shown(z)}, exp(z) is {shown(_exp(z, step.format))} and the quotient is NaN"
            return _form(step, "exp(z) / sum(exp(z))", "softmax(z)", told, "softmax", _quotient(z, step.format))
    one_more = _one_plus_exp(step, below)
    if one_more is not None and step.frame.number(_exp_result(one_more)) == top:
        z = _large(step.format)
        told = f"with z = {shown(z)}, exp(z) is {shown(_exp(z, step.format))} and the quotient is NaN"
        return _form(step, "exp(z) / (1 + exp(z))", "sigmoid(z)", told, "sigmoid", _quotient(z, step.format))
    return None


def at_log(step: Step, x: Range) -> Hazard | None:
    """`log(softmax(z))`, `log(sigmoid(z))`, `log(1 + exp(z))`, `log(sum(exp(z)))`."""
    if step.format is None:
        return None
    ssa = step.ssa("x")
    if step.node.op == "log1p":
        naked = step.maker(ssa, "exp")
        if naked is not None and _may_overflow(step, naked):
            return _log_of_exp(step, "log1p(exp(z))", "softplus(z)", "softplus")
        return None
    if x.low == 0 and x.low_known and not step.frame.executing and not step.struck and _scores_unknown(step, ssa):
        called = _called(step, ssa)
        if called == "softmax" or _softmax_by_hand(step, ssa):
            told = (
                f"beside a score larger by {shown(_apart(step.format))} a probability is 0 in {step.result.type.dtype}"
            )
            return _form(step, "log(softmax(z))", "log_softmax(z)", f"{told}, and its log -inf", "log-softmax", -inf)
        if called == "sigmoid":
            told = f"with z = {shown(-_large(step.format) * 2)}, sigmoid(z) is 0 in {step.result.type.dtype}"
            return _form(step, "log(sigmoid(z))", "log_sigmoid(z)", f"{told}, and its log -inf", "log-sigmoid", -inf)
        less = _one_minus_sigmoid(step, ssa)
        if less:
            told = f"with z = {shown(_large(step.format) * 2)}, sigmoid(z) is 1 in {step.result.type.dtype}"
            return _form(
                step, "log(1 - sigmoid(z))", "log_sigmoid(-z)", f"{told}, and the log of 0 is -inf", "log-sigmoid", -inf
            )
    inner = _one_plus_exp(step, ssa)
    if inner is not None and _may_overflow(step, inner):
        return _log_of_exp(step, "log(1 + exp(z))", "softplus(z)", "softplus")
    added = step.maker(ssa, "sum")
    if added is not None:
        naked = step.maker(_tensor(added, "x"), "exp")
        if naked is not None and _may_overflow(step, naked):
            return _log_of_exp(step, "log(sum(exp(z)))", "logsumexp(z)", "logsumexp")
    return None


def at_sqrt(step: Step) -> Hazard | None:
    """`sqrt(exp(v))`."""
    if step.format is None:
        return None
    naked = step.maker(step.ssa("x"), "exp")
    if naked is None or not _may_overflow(step, naked):
        return None
    v = _large(step.format)
    half = math.exp(0.5 * v)
    told = f"with v = {shown(v)}, exp(v) is {shown(_exp(v, step.format))}, though its root is {shown(half)}"
    return _form(step, "sqrt(exp(v))", "exp(0.5 * v)", told, "half-exponent", _exp(v, step.format))


def at_subtract(step: Step) -> Hazard | None:
    """`mean(x * x) - mean(x) * mean(x)`."""
    if step.format is None:
        return None
    inner = _of_variance(step)
    if inner is None:
        return None
    x = step.frame.ranges[id(inner)]
    if x.known or step.frame.executing or step.struck:
        return None  # The ranges decide: it matters where the difference falls below 0.
    return _cancelled(step, x)


def not_negative(step: Step) -> bool:
    """Whether a difference is not negative over the reals: a variance, or the square of a distance."""
    first = step.frame.makers.get(id(step.ssa("a")))
    if not isinstance(first, Apply) or first.op not in ("mean", "add"):
        return False
    if first.op == "mean":
        return _of_variance(step) is not None
    sums = [step.maker(_tensor(first, name), "sum") for name in ("a", "b")]
    squares = [None if added is None else _squared(step, _tensor(added, "x")) for added in sums]
    doubled = step.maker(step.ssa("b"), "multiply")
    if doubled is None:
        return False
    factors = (_tensor(doubled, "a"), _tensor(doubled, "b"))
    mixed = next((step.maker(other, "sum") for one, other in (factors, factors[::-1]) if _number(step, one) == 2), None)
    product = step.maker(_tensor(mixed, "x"), "multiply") if mixed is not None else None
    if product is None:
        return False
    wanted = {step.frame.number(square) for square in squares if square is not None}
    return wanted == {step.frame.number(_tensor(product, name)) for name in ("a", "b")}


def _of_variance(step: Step) -> Ssa | None:
    """What `mean(x * x) - mean(x) * mean(x)` is the variance of."""
    first, second = step.maker(step.ssa("a"), "mean"), _squared(step, step.ssa("b"))
    squares = _squared(step, _tensor(first, "x")) if first is not None else None
    mean = step.maker(second, "mean") if second is not None else None
    if squares is None or mean is None:
        return None
    inner = _tensor(mean, "x")
    return inner if step.frame.number(squares) == step.frame.number(inner) else None


def _cancelled(step: Step, x: Range) -> Hazard:
    """Two numbers near the largest that the range allows, or that are ordinary where nothing bounds them."""
    assert step.format is not None
    to = step.format
    large = x.high if x.high_known and isfinite(x.high) else min(2.0 ** (to.precision // 2 + 2), to.largest**0.25)
    apart = abs(large) * to.unit * 4
    low = rounded(large - apart, to)
    found = _variance((low, rounded(large, to)), to)
    true = ((rounded(large, to) - low) / 2) ** 2
    dtype = step.result.type.dtype
    what = f"`mean(x * x) - mean(x) * mean(x)` takes two nearly equal numbers from each other in {dtype}"
    proved = found <= 0 or isnan(found) or abs(found - true) > 0.5 * true
    witness = f"of x = ({_exactly(low)}, {_exactly(large)}) it gives {shown(found)}, and the variance is {shown(true)}"
    advice = "centre first: `variance(x)` is `mean(square(x - mean(x)))`"
    return step.hazard(Kind.CANCELLATION, what, proved, advice, witness if proved else "")


def _exactly(x: float) -> str:
    return f"{x:.9g}"


def _variance(x: tuple[float, float], to: Format) -> float:
    squares = [rounded(item * item, to) for item in x]
    mean_of_squares = rounded(rounded(squares[0] + squares[1], to) / 2, to)
    mean = rounded(rounded(x[0] + x[1], to) / 2, to)
    return rounded(mean_of_squares - rounded(mean * mean, to), to)


# -------------------------------------------------------------------------------------------------------------- pieces


def _form(step: Step, form: str, stable: str, told: str, fix: str, executed: float) -> Hazard:
    """The hazard; it is proved where the form, carried out on the argument that is told, is not finite."""
    dtype = step.result.type.dtype
    what = f"`{form}` is not stable in {dtype}"
    del fix
    return step.hazard(
        Kind.UNSTABLE_FORM, what, not isfinite(executed), f"`{stable}` says the same and is stable", told
    )


def _log_of_exp(step: Step, form: str, stable: str, fix: str) -> Hazard:
    assert step.format is not None
    z = _large(step.format)
    told = f"with z = {shown(z)}, exp(z) is {shown(_exp(z, step.format))}, though the result is about {shown(z)}"
    return _form(step, form, stable, told, fix, _exp(z, step.format))


def _may_overflow(step: Step, made: Apply) -> bool:
    """Whether an exponential has an argument that nothing bounds."""
    argument = step.frame.ranges.get(id(_tensor(made, "x")))
    if argument is None or step.frame.executing or step.struck:
        return False
    assert step.format is not None
    return not argument.high_known and not isfinite(_exp(argument.high, step.format))


def _large(to: Format) -> float:
    """An ordinary argument whose exponential the format cannot hold."""
    for z in (12.0, 100.0, 1000.0):
        if not isfinite(_exp(z, to)):
            return z
    return 1000.0


def _apart(to: Format) -> float:
    """How far a score must lie below another for its probability to be 0."""
    for z in (20.0, 200.0, 2000.0):
        if rounded(math.exp(-z) if z < 700 else 0.0, to) == 0:
            return z
    return 2000.0


def _exp(z: float, to: Format) -> float:
    try:
        return rounded(math.exp(z), to)
    except OverflowError:
        return inf


def _quotient(z: float, to: Format) -> float:
    above = _exp(z, to)
    return above / above if isfinite(above) else math.nan


def _exp_result(made: Apply) -> Ssa:
    return made.results[0]


def _tensor(made: Apply, name: str) -> Ssa:
    found = made.arguments[name]
    assert isinstance(found, Ssa)
    return found


def _scores_unknown(step: Step, ssa: Ssa) -> bool:
    """Whether nothing bounds what went into a probability: else the ranges decide."""
    waiting, seen = [ssa], 0
    while waiting and seen < 32:
        seen += 1
        made = step.frame.makers.get(id(waiting.pop()))
        if isinstance(made, Call):
            return any(not step.frame.ranges[id(operand)].known for operand in made.operands)
        if isinstance(made, Apply):
            operands = [item for argument in made.arguments.values() for item in tensors_of(argument)]
            if made.op == "exp":
                return any(not step.frame.ranges[id(operand)].low_known for operand in operands)
            waiting += operands
    return False


def _one_plus_exp(step: Step, ssa: Ssa) -> Apply | None:
    added = step.maker(ssa, "add")
    if added is None:
        return None
    a, b = _tensor(added, "a"), _tensor(added, "b")
    for one, other in ((a, b), (b, a)):
        made = step.maker(other, "exp")
        if made is not None and _number(step, one) == 1:
            return made
    return None


def _one_minus_sigmoid(step: Step, ssa: Ssa) -> bool:
    made = step.maker(ssa, "subtract")
    if made is None:
        return False
    return _number(step, _tensor(made, "a")) == 1 and _called(step, _tensor(made, "b")) == "sigmoid"


def _number(step: Step, ssa: Ssa) -> float | int | None:
    made = step.frame.makers.get(id(ssa))
    while isinstance(made, Apply) and made.op in ("cast", "expand", "unsqueeze"):
        made = step.frame.makers.get(id(made.arguments["x"]))
    return made.value if isinstance(made, Literal) else None


def _called(step: Step, ssa: Ssa) -> str:
    """The name of the function of the library that gives a value."""
    made = step.frame.makers.get(id(ssa))
    while isinstance(made, Apply) and made.op in ("cast", "expand", "unsqueeze", "reshape"):
        made = step.frame.makers.get(id(made.arguments["x"]))
    return made.function.name if isinstance(made, Call) else ""


def _softmax_by_hand(step: Step, ssa: Ssa) -> bool:
    made = step.maker(ssa, "divide")
    if made is None or step.maker(_tensor(made, "a"), "exp") is None:
        return False
    return step.maker(_tensor(made, "b"), "sum") is not None


def _squared(step: Step, ssa: Ssa) -> Ssa | None:
    """What a value is the square of."""
    made = step.maker(ssa, "multiply")
    if made is not None:
        a, b = _tensor(made, "a"), _tensor(made, "b")
        return a if a is b or step.frame.number(a) == step.frame.number(b) else None
    made = step.maker(ssa, "power")
    if made is not None and _number(step, _tensor(made, "exponent")) == 2:
        return _tensor(made, "base")
    called = step.frame.makers.get(id(ssa))
    if isinstance(called, Call) and called.function.name == "square":
        return called.operands[0]
    return None
