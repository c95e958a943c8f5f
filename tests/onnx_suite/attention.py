"""Attention and rotary positions."""

from __future__ import annotations

from collections.abc import Mapping

from tests.onnx_suite.cases import Case
from tests.onnx_suite.saying import Said, Saying, decimal, numbers


def attention(case: Case) -> str:
    """By the functions of `std`; where the scores are capped or given out too, by their meaning."""
    lines = []
    flat = case.rank == 3
    heads, groups = case.attribute("q_num_heads"), case.attribute("kv_num_heads")
    for at, (name, count) in enumerate((("q", heads), ("k", groups), ("v", groups))):
        apart = f'rearrange(x{at}, "b s (h d) -> b h s d", h = {count})' if flat else f"x{at}"
        joined = at and case.has(3 + at)
        lines.append(f"let {name} = " + (f"concat(x{3 + at}, {apart}, axis = 2)" if joined else apart))
    if not flat:
        heads, groups = case.shape[1], case.given(1).shape[1]
    length = case.shape[-2]
    past = case.given(4).shape[2] if case.has(4) else 0
    keys = case.given(1).shape[-2] + past
    scale = case.attribute("scale")
    mode = case.attribute("qk_matmul_output_mode", 0)
    shown = len(case.outputs) > 3 and case.outputs[3] is not None
    kind, mask = allowed(case, keys)
    if not shown and not case.attribute("softcap", 0.0) and not case.has(6) and (kind != "bias" or heads == groups):
        name = "attention" if heads == groups else "grouped_query_attention"
        more = f", {kind} = {mask}" if kind else ""
        more += f", causal = true, past = {past}" if case.attribute("is_causal", 0) else ""
        more += f", scale = {decimal(scale)}" if scale is not None else ""
        lines.append(f"let y = {name}(q, k, v{more})")
    else:
        lines += scores(case, heads // groups, length, keys, past, kind, mask, scale)
    results = ['rearrange(y, "b h s d -> b s (h d)")' if flat else "y"]
    results += ["k", "v"] if len(case.outputs) > 2 and case.outputs[1] is not None else []
    results += [("products", "masked", "capped", "weights")[mode]] if shown else []
    return f"{' '.join(lines)} return ({', '.join(results)})"


def allowed(case: Case, keys: int) -> tuple[str, str]:
    """Whether the mask says what is visible or is added, and the mask; keys that it does not speak of are hidden."""
    if not case.has(3):
        return "", ""
    mask = case.given(3)
    lack = keys - mask.shape[-1]
    if mask.dtype.kind == "b":
        return "mask", "x3"
    if not lack:
        return "bias", "x3"
    before, after = [0] * mask.ndim, [0] * (mask.ndim - 1) + [lack]
    return "bias", f"pad(x3, before = {numbers(before)}, after = {numbers(after)}, value = -inf)"


def scores(
    case: Case, share: int, length: int, keys: int, past: int, kind: str, mask: str, scale: float | None
) -> list[str]:
    size = case.given(1).shape[-1] // (case.attribute("kv_num_heads") if case.rank == 3 else 1)
    factor = decimal(scale) if scale is not None else f"1.0 / sqrt({size})"
    shared = [f"repeat({name}, {share}, axis = 1)" if share > 1 else name for name in ("k", "v")]
    masked = "products"
    if kind:
        masked = "products + " + (mask if kind == "bias" else f"where({mask}, 0.0, -inf)")
    if case.attribute("is_causal", 0):
        masked = f"where(tril({length}, {keys}, diagonal = {past}), {masked}, -inf)"
    if case.has(6):
        masked = f"where(arange({keys})[none, none, none, :] < x6[:, none, none, none], {masked}, -inf)"
    cap = case.attribute("softcap", 0.0)
    capped = f"{decimal(cap)} * tanh(masked / {decimal(cap)})" if cap else "masked"
    return [
        f"let products = q @ transpose({shared[0]}) * ({factor})",
        f"let masked = {masked}",
        f"let capped = {capped}",
        "let weights = softmax(capped, axis = -1)",
        f"let y = weights @ {shared[1]}",
    ]


def rotary(case: Case) -> Said:
    flat = case.rank == 3
    size = case.given(1).shape[-1] * 2
    lines = [
        f'let x = rearrange(x0, "b s (h d) -> b h s d", h = {case.attribute("num_heads")})' if flat else "let x = x0"
    ]
    ranges = {}
    for at, name in ((1, "c"), (2, "s")):
        table = f"take(x{at}, x3)" if case.has(3) else f"x{at}"
        lines.append(f"let {name} = ({table})[:, none]")
    if case.has(3):
        ranges[3] = f"0 .. {case.given(1).shape[0] - 1}"
    name = "rotary_interleaved" if case.attribute("interleaved", 0) else "rotary"
    turned = f"{name}(x, c, s)"
    if case.attribute("rotary_embedding_dim", 0):
        turned = f"concat({name}(x[..., :{size}], c, s), x[..., {size}:], axis = -1)"
    result = f'rearrange({turned}, "b h s d -> b s (h d)")' if flat else turned
    return Said(f"{' '.join(lines)} return {result}", ranges)


SAID: Mapping[str, Saying] = {"Attention": attention, "RotaryEmbedding": rotary}
