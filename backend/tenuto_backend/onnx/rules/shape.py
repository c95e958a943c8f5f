"""The same elements elsewhere: orders, patterns, joints, borders, and tensors that a size alone makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tenuto_analysis.dims import ONE, Dim, maximum
from tenuto_analysis.dtypes import SCALARS
from tenuto_backend.onnx import sizes
from tenuto_backend.onnx.reshaping import permute, reshape
from tenuto_backend.onnx.rules.index import END, START
from tenuto_backend.onnx.site import Rule, Site, fitting
from tenuto_backend.spelling import Spelled, spelled


def reshape_(site: Site) -> Sequence[str]:
    return [reshape(site.scope, site.value("x"), site.shape("x"), site.result_shape)]


def transpose(site: Site) -> Sequence[str]:
    rank = len(site.result_shape)
    return [permute(site.scope, site.value("x"), [*range(rank - 2), rank - 1, rank - 2])]


def permute_(site: Site) -> Sequence[str]:
    rank = len(site.result_shape)
    order = [dim.constant % rank for dim in site.dims("order") if dim.constant is not None]
    return [permute(site.scope, site.value("x"), order)]


def swap_axes(site: Site) -> Sequence[str]:
    rank = len(site.result_shape)
    order = list(range(rank))
    a, b = site.axis("a", rank), site.axis("b", rank)
    order[a], order[b] = order[b], order[a]
    return [permute(site.scope, site.value("x"), order)]


def expand(site: Site) -> Sequence[str]:
    if site.shape("x") == site.result_shape:
        return [site.value("x")]
    return [site("Expand", site.value("x"), site.vector(site.result_shape))]


def split(site: Site) -> Sequence[str] | None:
    """Of nothing, parts of no element: onnxruntime takes them by their sizes alone."""
    axis = site.axis("axis", len(site.shape("x")))
    if site.shape("x")[axis].constant != 0:
        return None
    sizes_ = site.integers(*[0] * len(site.results))
    names = [site.scope.unit.names.fresh("part") for _ in site.results]
    return site.scope.ops("Split", [site.value("x"), sizes_], names, axis=axis)


def stack(site: Site) -> Sequence[str]:
    axis = site.axis("axis", len(site.result_shape))
    parts = [site("Unsqueeze", value, site.integers(axis)) for value in site.values("parts")]
    return [site("Concat", *parts, axis=axis)]


# ------------------------------------------------------------------------------------------------------------- patterns


def rearrange(site: Site) -> Sequence[str]:
    pattern = spelled(site)
    return [_merged(site, _split(site, pattern), pattern.names, pattern)]


REDUCERS: Mapping[str, str] = {
    "sum": "ReduceSum",
    "mean": "ReduceMean",
    "max": "ReduceMax",
    "min": "ReduceMin",
    "prod": "ReduceProd",
}


def reduce(site: Site) -> Sequence[str]:
    pattern = spelled(site)
    gone = [at for at, name in enumerate(pattern.names) if name not in pattern.kept]
    left = [name for name in pattern.names if name in pattern.kept]
    value = _split(site, pattern)
    if gone:
        dtype, operator = site.dtype("x"), REDUCERS[site.text("reducer")]
        wide = fitting(site, operator, dtype)
        reduced = site(operator, site.recast(value, dtype, wide), site.integers(*gone), keepdims=0)
        value = site.recast(reduced, wide, dtype)
    return [_merged(site, value, left, pattern)]


def _split(site: Site, pattern: Spelled) -> str:
    return reshape(site.scope, site.value("x"), site.shape("x"), pattern.dims)


def _merged(site: Site, value: str, names: Sequence[str], pattern: Spelled) -> str:
    """The axes `names` in the order of the right side, then grouped as it says."""
    ordered = permute(site.scope, value, [names.index(name) for name in pattern.kept])
    return reshape(site.scope, ordered, [pattern.sizes[name] for name in pattern.kept], site.result_shape)


# -------------------------------------------------------------------------------------------------------------- borders


def pad(site: Site) -> Sequence[str]:
    widths = site.vector([*site.dims("before"), *site.dims("after")])
    return [site("Pad", site.value("x"), widths, site.value("value"), mode="constant")]


def pad_reflect(site: Site) -> Sequence[str]:
    return _continued(site, "reflect")


def pad_edge(site: Site) -> Sequence[str]:
    return _continued(site, "edge")


def _continued(site: Site, mode: str) -> Sequence[str]:
    widths = site.vector([site.dim("before"), site.dim("after")])
    axis = site.integers(site.axis("axis", len(site.result_shape)))
    return [site("Pad", site.value("x"), widths, "", axis, mode=mode)]


# ------------------------------------------------------------------------------------------------------ order and count


def flip(site: Site) -> Sequence[str]:
    axes = site.dims("axis")
    bounds = [site.integers(*[bound] * len(axes)) for bound in (END, START)]
    return [site("Slice", site.value("x"), *bounds, site.vector(axes), site.integers(*[-1] * len(axes)))]


def roll(site: Site) -> Sequence[str]:
    """Each element from the place before it by `shift`, counted around: `(i - shift) % n`, and no division by 0."""
    axis = site.axis("axis", len(site.result_shape))
    dim = site.result_shape[axis]
    places = site("Sub", _counted(site, dim), site.integers(site.integer("shift")))
    return [site("Gather", site.value("x"), site("Mod", places, site.size(maximum(dim, ONE))), axis=axis)]


def arange(site: Site) -> Sequence[str]:
    dtype = site.result.dtype
    counted = _counted(site, site.dim("n"))
    return [counted if dtype == SCALARS["i64"] else site.cast(counted, dtype)]


def _counted(site: Site, dim: Dim) -> str:
    return site("Range", site.scope.integer(0), sizes.scalar(site.scope, dim), site.scope.integer(1))


RULES: Mapping[str, Rule] = {
    "transpose": transpose,
    "swap_axes": swap_axes,
    "rearrange": rearrange,
    "reduce": reduce,
    "stack": stack,
    "pad": pad,
    "pad_reflect": pad_reflect,
    "pad_edge": pad_edge,
    "flip": flip,
    "roll": roll,
    "arange": arange,
}

EXCEPTIONS: Mapping[str, Rule] = {"reshape": reshape_, "permute": permute_, "expand": expand, "split": split}
