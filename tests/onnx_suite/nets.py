"""Convolution, pooling, normalisation: windows that slide, and groups brought to mean 0 and variance 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from math import prod

from msgspec import Struct

from tests.onnx_suite.cases import Case
from tests.onnx_suite.saying import NotSaid, Said, Saying, decimal, numbers, shape

# -------------------------------------------------------------------------------------------------------------- windows


class Window(Struct, frozen=True):
    """A kernel's steps along each axis of a grid; `extra` is what a rounded-up count needs beyond the padding."""

    sizes: Sequence[int]
    kernel: Sequence[int]
    strides: Sequence[int]
    dilations: Sequence[int]
    before: Sequence[int]
    after: Sequence[int]
    extra: Sequence[int]

    @property
    def rank(self) -> int:
        return len(self.kernel)

    @property
    def even(self) -> int | None:
        """The padding, where it is the same on all sides and within what pooling takes."""
        found = {*self.before, *self.after}
        padding = next(iter(found))
        fits = len(found) == 1 and not any(self.extra) and 2 * padding <= min(self.kernel)
        return padding if fits else None


def window(case: Case, kernel: Sequence[int]) -> Window:
    sizes = case.shape[2:]
    rank = len(sizes)
    strides = case.attribute("strides", [1] * rank)
    dilations = case.attribute("dilations", [1] * rank)
    pads = case.attribute("pads", [0] * (2 * rank))
    before, after = list(pads[:rank]), list(pads[rank:])
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    mode = case.attribute("auto_pad", b"NOTSET").decode()
    if mode.startswith("SAME"):
        for axis, size in enumerate(sizes):
            total = max((-(-size // strides[axis]) - 1) * strides[axis] + reach[axis] - size, 0)
            low, high = total // 2, total - total // 2
            before[axis], after[axis] = (low, high) if mode == "SAME_UPPER" else (high, low)
    extra = [0] * rank
    if case.attribute("ceil_mode", 0):
        for axis, size in enumerate(sizes):
            padded = size + before[axis] + after[axis]
            count = -(-(padded - reach[axis]) // strides[axis]) + 1
            count -= (count - 1) * strides[axis] >= size + before[axis]
            extra[axis] = max((count - 1) * strides[axis] + reach[axis] - padded, 0)
    return Window(sizes, kernel, strides, dilations, before, after, extra)


def one(values: Sequence[int]) -> int:
    """The number that all axes share: the functions of `std` take one."""
    assert len(set(values)) == 1, values
    return values[0]


def padded(value: str, w: Window, fill: str, explicit: bool = True, extra: bool = True) -> str:
    before = [0, 0, *(w.before if explicit else [0] * w.rank)]
    ends = [(a if explicit else 0) + (e if extra else 0) for a, e in zip(w.after, w.extra, strict=True)]
    if not any((*before, *ends)):
        return value
    return f"pad({value}, before = {numbers(before)}, after = {numbers([0, 0, *ends])}, value = {fill})"


def pooled(function: str, value: str, w: Window, more: str = "") -> str:
    return f"{function}{w.rank}d({value}, {one(w.kernel)}, stride = {one(w.strides)}{more})"


def summed(value: str, w: Window, channels: int) -> str:
    """The sum of each window, dilated or not: a convolution of each channel with ones."""
    ones = f"ones[f32]({shape([channels, 1, *w.kernel])})"
    steps = f"stride = {one(w.strides)}, dilation = {one(w.dilations)}, groups = {channels}"
    return f"conv{w.rank}d({value}, {ones}, {steps})"


# -------------------------------------------------------------------------------------------------------------- pooling


def max_pool(case: Case) -> str:
    w = window(case, case.attribute("kernel_shape"))
    if len(case.outputs) > 1:
        return max_pool_with_places(case, w)
    value = "x0" if case.dtype == "f32" else "(x0 as f32)"
    dilation = f", dilation = {one(w.dilations)}"
    if w.even is not None:
        found = pooled("max_pool", value, w, f", padding = {w.even}{dilation}")
    else:
        found = pooled("max_pool", padded(value, w, "-inf"), w, dilation)
    return found if case.dtype == "f32" else f"{found} as {case.dtype}"


def max_pool_with_places(case: Case, w: Window) -> str:
    """Every place of the kernel is a slice; the largest says which."""
    height, width = w.sizes
    counts = case.result().shape[2:]
    order = f"reshape(arange({height * width}), {shape([1, 1, height, width])})"
    if case.attribute("storage_order", 0):
        order = f"transpose(reshape(arange({height * width}), {shape([1, 1, width, height])}))"
    lines = [f"let p = {padded('x0', w, '-inf')}", f"let o = {padded(order, w, '0')}"]
    columns: dict[str, str] = {}
    for name in ("p", "o"):
        parts = []
        for i, j in product(*(range(k) for k in w.kernel)):
            ends = [s + (n - 1) * t + 1 for s, n, t in zip((i, j), counts, w.strides, strict=True)]
            parts.append(f"{name}[:, :, {i}:{ends[0]}:{w.strides[0]}, {j}:{ends[1]}:{w.strides[1]}]")
        columns[name] = f"stack({', '.join(parts)}, axis = -1)"
    lines.append(f"let values = {columns['p']} let places = {columns['o']}")
    lines.append(f"let best = unsqueeze(arg_max(values, axis = -1), -1) == arange({prod(w.kernel)})")
    return f"{' '.join(lines)} return (max(values, axis = -1), sum(where(best, places, 0), axis = -1))"


def max_unpool(case: Case) -> Said:
    strides, kernel = case.attribute("strides"), case.attribute("kernel_shape")
    small = [(n - 1) * s + k for n, s, k in zip(case.shape[2:], strides, kernel, strict=True)]
    full = [*case.shape[:2], *small]
    places = prod(full)
    lines, found = [], f"zeros[f32]({shape([places])})"
    for number, (n, c, h) in enumerate(product(*map(range, case.shape[:3]))):
        lines.append(f"let h{number} = scatter({found}, x1[{n}, {c}, {h}], x0[{n}, {c}, {h}], axis = 0)")
        found = f"h{number}"
    after = [r - f for r, f in zip(case.result().shape, full, strict=True)]
    border = f"before = {numbers([0] * len(full))}, after = {numbers(after)}"
    body = f"{' '.join(lines)} return pad(reshape({found}, {shape(full)}), {border})"
    return Said(body, {1: f"0 .. {places - 1}"})


def average_pool(case: Case) -> str:
    """Where padding counts but what rounding up adds does not, the sum is divided by the sum of ones."""
    w = window(case, case.attribute("kernel_shape"))
    counted = case.attribute("count_include_pad", 0)
    if w.even is not None and one(w.dilations) == 1:
        flag = "" if counted or w.even == 0 else ", count_padding = false"
        return pooled("avg_pool", "x0", w, f", padding = {w.even}{flag}")
    ones = f"ones[f32]({shape([1, case.shape[1], *w.sizes])})"
    explicit = padded(padded(ones, w, "1.0", extra=False), w, "0.0", explicit=False)
    there = explicit if counted else padded(ones, w, "0.0")
    whole = padded("x0", w, "0.0")
    if one(w.dilations) == 1:
        return f"{pooled('avg_pool', whole, w)} / {pooled('avg_pool', there, w)}"
    return f"{summed(whole, w, case.shape[1])} / {summed(there, w, case.shape[1])}"


def lp_pool(case: Case) -> str:
    w = window(case, case.attribute("kernel_shape"))
    p = case.attribute("p", 2)
    powers = padded(f"abs(x0) ** {decimal(p)}", w, "0.0")
    if one(w.dilations) == 1:
        total = f"{pooled('avg_pool', powers, w)} * {decimal(prod(w.kernel))}"
    else:
        total = summed(powers, w, case.shape[1])
    return f"({total}) ** (1.0 / {decimal(p)})"


def whole(function: str) -> Saying:
    return lambda case: f"reshape({function}(x0), {shape(case.result().shape)})"


# ---------------------------------------------------------------------------------------------------------- convolution


def conv(case: Case) -> str:
    w = window(case, case.given(1).shape[2:])
    symmetric = len({*w.before, *w.after}) == 1
    value = "x0" if symmetric else padded("x0", w, "0.0")
    padding = f", padding = {w.before[0]}" if symmetric else ""
    bias = ", x2" if case.has(2) else ""
    steps = f"stride = {one(w.strides)}{padding}, dilation = {one(w.dilations)}, groups = {case.attribute('group', 1)}"
    return f"conv{w.rank}d({value}, x1{bias}, {steps})"


def integers(name: str, zero: str | None, column: str = "") -> str:
    """A tensor of small integers without its zero point, in a float that holds it exactly."""
    return f"({name} as f64)" if zero is None else f"({name} as f64 - ({zero} as f64){column})"


def conv_integer(case: Case) -> str:
    w = window(case, case.given(1).shape[2:])
    column = "[:, none, none, none]" if case.has(3) and case.given(3).ndim else ""
    x = integers("x0", "x2" if case.has(2) else None)
    weight = integers("x1", "x3" if case.has(3) else None, column)
    return f"conv2d({x}, {weight}, padding = {one((*w.before, *w.after))}) as i32"


def qlinear_conv(case: Case) -> str:
    x = integers("x0", "x2")
    weight = integers("x3", "x5", "[:, none, none, none]")
    scale = "((x1 * x4 / x6) as f64)[:, none, none]"
    return f"clamp(round(conv2d({x}, {weight}) * {scale}) + (x7 as f64), 0.0, 255.0) as u8"


def conv_transpose(case: Case) -> str:
    """By the function of `std` where one step serves all axes; else its meaning: zeros between, and a convolution."""
    kernel = case.given(1).shape[2:]
    rank = len(kernel)
    strides = case.attribute("strides", [1] * rank)
    dilations = case.attribute("dilations", [1] * rank)
    sizes = case.shape[2:]
    full = [(n - 1) * s + d * (k - 1) + 1 for n, s, d, k in zip(sizes, strides, dilations, kernel, strict=True)]
    wanted = case.result().shape[2:]
    pads = case.attribute("pads", [0] * (2 * rank))
    added = case.attribute("output_padding", [0] * rank)
    starts = list(pads[:rank])
    if case.attribute("auto_pad", b"NOTSET") == b"SAME_UPPER":
        starts = [max(f + a - n, 0) // 2 for f, a, n in zip(full, added, wanted, strict=True)]
    if len(set(strides)) == 1 and rank < 3:
        steps = f"stride = {strides[0]}, dilation = {one(dilations)}, groups = {case.attribute('group', 1)}"
        found = f"conv_transpose{rank}d(x0, x1, {steps})"
    else:
        spread, now = "x0", list(case.shape)
        for axis, stride in enumerate(strides, 2):
            before = numbers([0] * (rank + 3))
            after = numbers([stride - 1 if i == axis + 1 else 0 for i in range(rank + 3)])
            now[axis] *= stride
            cut = ", ".join([":"] * axis + [f":{now[axis] - stride + 1}"])
            apart = f"pad(unsqueeze({spread}, {axis + 1}), before = {before}, after = {after})"
            spread = f"reshape({apart}, {shape(now)})[{cut}]"
            now[axis] -= stride - 1
        border = numbers([0, 0, *(k - 1 for k in kernel)])
        turned = f"flip(swap_axes(x1, 0, 1), ({', '.join(map(str, range(2, rank + 2)))}))"
        found = f"conv{rank}d(pad({spread}, before = {border}, after = {border}), {turned})"
    lack = [max(s + n - f, 0) for s, n, f in zip(starts, wanted, full, strict=True)]
    if any(lack):
        found = f"pad({found}, before = {numbers([0] * (rank + 2))}, after = {numbers([0, 0, *lack])})"
    cuts = ", ".join(f"{s}:{s + n}" for s, n in zip(starts, wanted, strict=True))
    return f"({found})[:, :, {cuts}]"


# -------------------------------------------------------------------------------------------------------- normalisation


def layer_norm(case: Case) -> str:
    axis = case.attribute("axis", -1) % case.rank
    lead, size = case.shape[:axis], prod(case.shape[axis:])
    eps = decimal(case.attribute("epsilon", 1e-5))
    parameters = "".join(f", reshape(x{i}, {shape([size])})" for i in (1, 2) if case.has(i))
    lines = [f"let flat = reshape(x0, {shape([*lead, size])})"]
    results = [f"reshape(layer_norm(flat{parameters}, eps = {eps}), {shape(case.shape)})"]
    if len(case.outputs) > 1:
        column = shape(case.result(1).shape)
        results.append(f"reshape(mean(flat, axis = -1), {column})")
        results.append(f"reshape(rsqrt(variance(flat, axis = -1) + {eps}), {column})")
    return f"{' '.join(lines)} return ({', '.join(results)})"


def rms_norm(case: Case) -> str:
    axis = case.attribute("axis", -1) % case.rank
    lead, size = case.shape[:axis], prod(case.shape[axis:])
    eps = decimal(case.attribute("epsilon", 1e-5))
    flat = f"reshape(x0, {shape([*lead, size])})"
    return f"reshape(rms_norm({flat}, reshape(x1, {shape([size])}), eps = {eps}), {shape(case.shape)})"


def batch_norm(case: Case) -> str | NotSaid:
    if case.attribute("training_mode", 0):
        return NotSaid("training mode")
    return f"batch_norm(x0, x3, x4, x1, x2, eps = {decimal(case.attribute('epsilon', 1e-5))})"


def group_norm(case: Case) -> str:
    eps = decimal(case.attribute("epsilon", 1e-5))
    return f"group_norm(x0, {case.attribute('num_groups')}, x1, x2, eps = {eps})"


def instance_norm(case: Case) -> str:
    return f"instance_norm(x0, x1, x2, eps = {decimal(case.attribute('epsilon', 1e-5))})"


def local_response(case: Case) -> str:
    size, channels = case.attribute("size"), case.shape[1]
    low, high = (size - 1) // 2, size - 1 - (size - 1) // 2
    squares = f"pad(square(x0), before = {numbers([0, low, 0, 0])}, after = {numbers([0, high, 0, 0])})"
    around = " + ".join(f"squares[:, {i}:{i + channels}]" for i in range(size))
    factor = decimal(case.attribute("alpha", 1e-4) / size)
    bias, beta = decimal(case.attribute("bias", 1.0)), decimal(case.attribute("beta", 0.75))
    return f"let squares = {squares} return x0 / ({bias} + {factor} * ({around})) ** {beta}"


SAID: Mapping[str, Saying] = {
    "AveragePool": average_pool,
    "BatchNormalization": batch_norm,
    "Conv": conv,
    "ConvInteger": conv_integer,
    "ConvTranspose": conv_transpose,
    "GlobalAveragePool": whole("global_avg_pool"),
    "GlobalMaxPool": whole("global_max_pool"),
    "GroupNormalization": group_norm,
    "InstanceNormalization": instance_norm,
    "LRN": local_response,
    "LayerNormalization": layer_norm,
    "LpPool": lp_pool,
    "MaxPool": max_pool,
    "MaxUnpool": max_unpool,
    "QLinearConv": qlinear_conv,
    "RMSNormalization": rms_norm,
}
