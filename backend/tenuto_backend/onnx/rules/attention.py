"""Attention: one operator from opset 23 on, a few nodes before, in the sizes that the caller knows.

A row that a mask hides whole is 0 in the body and not in ONNX's operator, so a call with a mask is taken apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt

from msgspec import Struct

from tenuto_analysis.dims import ONE, ZERO, Dim
from tenuto_analysis.graph import Ssa, dims_of
from tenuto_analysis.types import Float
from tenuto_backend.onnx import sizes
from tenuto_backend.onnx.reshaping import permute, reshape
from tenuto_backend.onnx.rules.softmax import LOWEST, softmax_of_shown
from tenuto_backend.onnx.schemas import takes
from tenuto_backend.onnx.site import Rule, Site


class _Operand(Struct, frozen=True):
    value: str
    shape: tuple[Dim, ...]


def attention(site: Site) -> Sequence[str] | None:
    if _is_operator(site) and site.shape("k")[:2] == site.shape("v")[:2] == site.shape("q")[:2]:
        return [_operator(site)]
    return [_taken_apart(site, *_operands(site), past=site.dim("past"))] if _is_known(site) else None


def grouped_query_attention(site: Site) -> Sequence[str] | None:
    if _is_operator(site):
        return [_operator(site)]
    if not _is_known(site) or not _groups_are_known(site):
        return None
    return [_taken_apart(site, *_grouped(site, *_operands(site)), past=site.dim("past"))]


def cached_attention(site: Site) -> Sequence[str] | None:
    scale = _scale(site)
    if scale is not None and takes("Attention", site.scope.unit.opset, site.dtype("q")):
        inputs = [site.value(name) for name in ("q", "k", "v")]
        past = [site.value(name) for name in ("past_k", "past_v")]
        names = [site.scope.unit.names.fresh(f"{site.scope.unit.hint}.Attention") for _ in site.results]
        return site.scope.ops("Attention", [*inputs, "", *past], names, is_causal=1, **scale)
    if not _is_known(site) or not _groups_are_known(site):
        return None
    keys, values = (
        _Operand(site("Concat", site.value(past), site.value(new), axis=2), dims_of(result.type))
        for past, new, result in zip(("past_k", "past_v"), ("k", "v"), site.results[1:], strict=True)
    )
    grouped = _grouped(site, _operand(site, "q"), keys, values)
    return [_taken_apart(site, *grouped, past=site.shape("past_k")[2]), keys.value, values.value]


def _operands(site: Site) -> tuple[_Operand, _Operand, _Operand]:
    return _operand(site, "q"), _operand(site, "k"), _operand(site, "v")


def _operand(site: Site, name: str) -> _Operand:
    return _Operand(site.value(name), site.shape(name))


# --------------------------------------------------------------------------------------------------------- one operator


def _is_operator(site: Site) -> bool:
    """Four axes, no mask, no keys of earlier calls, in an opset that has the operator."""
    bias = site.arguments.get("bias")
    biased = len(dims_of(bias.type)) if isinstance(bias, Ssa) else 4
    return (
        takes("Attention", site.scope.unit.opset, site.dtype("q"))
        and _scale(site) is not None
        and site.is_none("mask")
        and not (_is_causal(site) and site.dim("past").constant != 0)
        and len(site.shape("q")) == 4
        and biased in (2, 4)
    )


def _operator(site: Site) -> str:
    inputs = [site.value(name) for name in ("q", "k", "v")]
    bias = site.arguments.get("bias")
    more = [site.scope.value(bias)] if isinstance(bias, Ssa) else []
    return site("Attention", *inputs, *more, is_causal=int(_is_causal(site)), **(_scale(site) or {}))


def _is_causal(site: Site) -> bool:
    return "causal" not in site.arguments or site.truth("causal")


def _scale(site: Site) -> Mapping[str, float] | None:
    """The attribute that says the scale; none for the default, `1 / sqrt(D)`, which is ONNX's too."""
    match site.arguments["scale"]:
        case Float(value=None):
            return {}
        case Float(value=float(value)):
            return {"scale": value}
        case _:
            return None


# ---------------------------------------------------------------------------------------------------------- taken apart


def _is_known(site: Site) -> bool:
    """Whether the scale is a number, and the dtype one that has a lowest."""
    return _scale(site) is not None and bool(site.shape("q")[-1].constant) and site.dtype("q").name in LOWEST


def _groups_are_known(site: Site) -> bool:
    """Whether each head of queries has its own of keys, or, without a mask, how many share one."""
    heads, groups = site.shape("q")[1], site.shape("k")[1]
    return heads == groups or (bool(heads.constant and groups.constant) and site.is_none("mask"))


def _grouped(site: Site, q: _Operand, k: _Operand, v: _Operand) -> tuple[_Operand, _Operand, _Operand]:
    """Queries by the head of keys that serves them: an axis for the group, and one for the queries in it."""
    if q.shape[1] == k.shape[1]:
        return q, k, v
    split = (q.shape[0], k.shape[1], q.shape[1] // k.shape[1], *q.shape[2:])
    queries = _Operand(reshape(site.scope, q.value, q.shape, split), split)
    keys, values = (
        _Operand(site("Unsqueeze", item.value, site.integers(2)), (*item.shape[:2], ONE, *item.shape[2:]))
        for item in (k, v)
    )
    return queries, keys, values


def _taken_apart(site: Site, q: _Operand, k: _Operand, v: _Operand, past: Dim) -> str:
    """`softmax(q * scale @ transpose(k) + bias) @ v` over what is visible."""
    width, given = q.shape[-1].constant, _scale(site)
    assert given is not None and width
    rank = len(k.shape)
    turned = permute(site.scope, k.value, [*range(rank - 2), rank - 1, rank - 2])
    scaled = site("Mul", q.value, site.number(given.get("scale", 1 / sqrt(width))))
    scores = site("MatMul", scaled, turned)
    bias, mask = site.arguments.get("bias"), site.arguments.get("mask")
    if isinstance(bias, Ssa):
        scores = site("Add", scores, site.scope.value(bias))
    shown = [site.scope.value(mask)] if isinstance(mask, Ssa) else []
    last_alone = q.shape[-2] is ONE and k.shape[-2] == past + 1
    if _is_causal(site) and not last_alone:
        shown.append(_earlier(site, q.shape[-2], k.shape[-2], past))
    axis = len(q.shape) - 1
    if not shown:
        weights = site("Softmax", scores, axis=axis)
    else:
        visible = shown[0] if len(shown) == 1 else site("And", *shown)
        weights = softmax_of_shown(site, scores, visible, axis, rows_may_be_hidden=isinstance(mask, Ssa))
    found = site("MatMul", weights, v.value)
    return reshape(site.scope, found, (*q.shape[:-1], v.shape[-1]), site.result_shape)


def _earlier(site: Site, queries: Dim, keys: Dim, past: Dim) -> str:
    """Which keys each query sees: `column <= row + past`. The first is one of them, so no row is hidden whole."""
    columns = _counted(site, ZERO, keys)
    rows = site("Unsqueeze", _counted(site, past, past + queries), site.integers(1))
    return site("LessOrEqual", columns, rows)


def _counted(site: Site, start: Dim, stop: Dim) -> str:
    return site("Range", sizes.scalar(site.scope, start), sizes.scalar(site.scope, stop), site.scope.integer(1))


RULES: Mapping[str, Rule] = {
    "attention": attention,
    "grouped_query_attention": grouped_query_attention,
    "cached_attention": cached_attention,
}
