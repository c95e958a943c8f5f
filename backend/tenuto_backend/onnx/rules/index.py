"""Elements placed by index, positions of elements, and the two operations that the language writes as an index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tenuto_analysis.dims import ONE, Dim, literal
from tenuto_analysis.dtypes import SCALARS
from tenuto_backend.onnx.reshaping import reshape
from tenuto_backend.onnx.site import Rule, Site

END, START = 2**63 - 1, -(2**63) + 1
"""Bounds that any slice holds at its end and, for a negative step, before its start."""


def index_add(site: Site) -> Sequence[str]:
    """Every element of a slice is added where the slice belongs: the index repeated over the other axes."""
    shape = site.shape("updates")
    axis = site.axis("axis", len(shape))
    column = [dim if at == axis else ONE for at, dim in enumerate(shape)]
    index = reshape(site.scope, _long(site, "index"), site.shape("index"), column)
    everywhere = site("Expand", index, site.vector(shape))
    updates = site.value("updates")
    return [site("ScatterElements", site.value("x"), everywhere, updates, axis=axis, reduction="add")]


def update_slice(site: Site) -> Sequence[str]:
    """What is before, the new values, what is after."""
    x, axis = site.value("x"), site.axis("axis", len(site.result_shape))
    start = site("Reshape", site.value("start"), site.integers(1))
    stop = site("Add", start, site.size(site.shape("values")[axis]))
    axes = site.integers(axis)
    before = site("Slice", x, site.integers(0), start, axes)
    after = site("Slice", x, stop, site.integers(END), axes)
    return [site("Concat", before, site.value("values"), after, axis=axis)]


def nonzero(site: Site) -> Sequence[str]:
    return [site("Transpose", site("NonZero", site.value("x")), perm=[1, 0])]


def true_positions(site: Site) -> Sequence[str]:
    return [site("Squeeze", site("NonZero", site.value("keep")), site.integers(0))]


def slice_(site: Site) -> Sequence[str]:
    """Bounds as in Python, which are those of ONNX but for the ones that are left out."""
    starts, stops, steps = (site.bounds(name) for name in ("starts", "stops", "steps"))
    backwards = [step is not None and (step.constant or 1) < 0 for step in steps]
    first = [_bound(start, END if back else 0) for start, back in zip(starts, backwards, strict=True)]
    last = [_bound(stop, START if back else END) for stop, back in zip(stops, backwards, strict=True)]
    by = [_bound(step, 1) for step in steps]
    more = () if all(step is ONE for step in by) else (site.vector(by),)
    axes = site.vector(site.dims("axes"))
    return [site("Slice", site.value("x"), site.vector(first), site.vector(last), axes, *more)]


def select(site: Site) -> Sequence[str]:
    place = site.dim("index")
    at = site.scope.integer(place.constant) if place.constant is not None else site("Squeeze", site.size(place))
    return [site("Gather", site.value("x"), at, axis=site.integer("axis"))]


def _bound(bound: Dim | None, otherwise: int) -> Dim:
    return literal(otherwise) if bound is None else bound


def _long(site: Site, name: str) -> str:
    """An index in a dtype that ONNX takes as one."""
    if site.dtype(name).name in ("i32", "i64"):
        return site.value(name)
    return site.cast(site.value(name), SCALARS["i64"])


RULES: Mapping[str, Rule] = {
    "index_add": index_add,
    "update_slice": update_slice,
    "nonzero": nonzero,
    "true_positions": true_positions,
    "slice": slice_,
    "select": select,
}
