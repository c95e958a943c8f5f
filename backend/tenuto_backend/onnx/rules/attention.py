"""Attention as one operator, from opset 23 on: four axes, nothing masked but by order.

A row that a mask hides whole is 0 in the body and not in ONNX, so a call with a mask keeps its body.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tenuto_analysis.dims import Dim
from tenuto_analysis.graph import Ssa
from tenuto_analysis.types import Float, NoneValue
from tenuto_backend.onnx.infos import dims_of
from tenuto_backend.onnx.schemas import takes
from tenuto_backend.onnx.site import Rule, Site


def attention(site: Site) -> Sequence[str] | None:
    scale = _scale(site)
    shapes = [site.shape(name) for name in ("q", "k", "v")]
    if scale is None or not _fits(site) or any(shape[:2] != shapes[0][:2] for shape in shapes):
        return None
    bias = site.arguments.get("bias", NoneValue())
    more = (site.scope.value(bias),) if isinstance(bias, Ssa) else ()
    return [_attend(site, scale, more, _is_causal(site))]


def grouped_query_attention(site: Site) -> Sequence[str] | None:
    scale = _scale(site)
    if scale is None or not _fits(site):
        return None
    return [_attend(site, scale, (), _is_causal(site))]


def cached_attention(site: Site) -> Sequence[str] | None:
    scale = _scale(site)
    if scale is None or not _known(site):
        return None
    inputs = [site.value(name) for name in ("q", "k", "v")]
    past = [site.value(name) for name in ("past_k", "past_v")]
    names = [site.scope.unit.names.fresh(f"{site.scope.unit.hint}.Attention") for _ in site.results]
    return site.scope.ops("Attention", [*inputs, "", *past], names, is_causal=1, **scale)


def _attend(site: Site, scale: Mapping[str, float], more: Sequence[str], causal: bool) -> str:
    inputs = [site.value(name) for name in ("q", "k", "v")]
    return site("Attention", *inputs, *more, is_causal=int(causal), **scale)


def _fits(site: Site) -> bool:
    """No mask, no keys of earlier calls, four axes."""
    if not _known(site) or not site.is_none("mask"):
        return False
    if _is_causal(site) and site.dim("past").constant != 0:
        return False
    bias = site.arguments.get("bias", NoneValue())
    biased: tuple[Dim, ...] = dims_of(bias.type) if isinstance(bias, Ssa) else site.shape("q")
    return len(site.shape("q")) == 4 and len(biased) in (2, 4)


def _known(site: Site) -> bool:
    return takes("Attention", site.scope.unit.opset, site.dtype("q"))


def _is_causal(site: Site) -> bool:
    return site.truth("causal")


def _scale(site: Site) -> Mapping[str, float] | None:
    """The attribute that says the scale; none for the default, `1 / sqrt(D)`, which is ONNX's too."""
    match site.arguments["scale"]:
        case Float(value=None):
            return {}
        case Float(value=float(value)):
            return {"scale": value}
        case _:
            return None


RULES: Mapping[str, Rule] = {
    "attention": attention,
    "grouped_query_attention": grouped_query_attention,
    "cached_attention": cached_attention,
}
