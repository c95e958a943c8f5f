"""What a deploy costs as a picture: its operators under the roof of a target, and what is in memory as a run goes on.

Loaded on demand: it needs matplotlib, which an extra brings.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import NamedTuple

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from tenuto_analysis.cost.measure import Measured
from tenuto_analysis.cost.roofline import Operation, rates, seconds_of
from tenuto_analysis.dims import evaluate
from tenuto_analysis.targets.profile import Profile

# The same picture every time: no date, no random names, and text as text.
_SETTINGS = {"svg.hashsalt": "tenuto", "svg.fonttype": "none", "font.size": 9}
_WIDTH, _HEIGHT = 11.0, 4.2  # inches
_LARGEST_DOT = 400.0  # square points, for an operator that takes all of the time


class NothingToDraw(Exception):
    """A size has no number, without which there are no points; the words say which."""


def drawn(found: Measured, target: Profile | None, format_: str) -> bytes:
    """The picture as `svg`, `png` or `pdf`; raises `NothingToDraw`."""
    if found.run is None or found.peak is None:
        raise NothingToDraw(f"there is no number for {', '.join(found.missing)}")
    with matplotlib.rc_context(_SETTINGS):
        figure = Figure(figsize=(_WIDTH, _HEIGHT), layout="constrained")
        left, right = figure.subplots(1, 2)
        _roofline(left, found.run, target)
        _memory(right, found, target)
        figure.suptitle(_title(found, target))
        content = BytesIO()
        metadata = {"Date": None} if format_ == "svg" else {"CreationDate": None} if format_ == "pdf" else None
        figure.savefig(content, format=format_, metadata=metadata)
    return content.getvalue()


def _title(found: Measured, target: Profile | None) -> str:
    sizes = ", ".join(f"{leaf} = {number}" for leaf, number in found.sizes.items())
    on = f" on {target.name}" if target is not None else ""
    return f"{found.graph.name}{on}{f', {sizes}' if sizes else ''}"


# ------------------------------------------------------------------------------------------------------------- roofline


class _Dot(NamedTuple):
    """Operators that compute as much for a byte, and as fast."""

    products: bool
    intensity: float
    height: float


def _roofline(axes: Axes, run: Sequence[Operation], target: Profile | None) -> None:
    """Each operator by how much it computes for a byte; below the roof where a target's figures are known."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("operations for each byte")
    axes.yaxis.set_major_formatter(EngFormatter())
    axes.grid(True, which="major", linewidth=0.3)
    dots: dict[_Dot, float] = {}
    for item in run:
        if item.work.flops and item.work.moved:
            time = max(filter(None, seconds_of(target, item)), default=0.0) if target is not None else 1.0
            height = item.work.flops / time if time else 0.0
            dot = _Dot(item.work.products > 0, item.work.flops / item.work.moved, height)
            dots[dot] = dots.get(dot, 0.0) + time * item.times
    dots = {dot: time for dot, time in dots.items() if time}
    if target is None:
        axes.set_ylabel("operations")
        axes.set_title("operators: the larger a dot, the more of them")
    else:
        axes.set_ylabel("operations a second, at most")
        axes.set_title("roofline: the larger a dot, the more of the time")
        _roofs(axes, [dot.intensity for dot in dots], _dtypes(run), target)
    for products, label in ((True, "products"), (False, "others")):
        chosen = {dot: time for dot, time in dots.items() if dot.products is products}
        axes.scatter(
            [dot.intensity for dot in chosen],
            [dot.height for dot in chosen],
            s=[8 + _LARGEST_DOT * time / sum(dots.values()) for time in chosen.values()],
            alpha=0.6,
            label=label,
        )
    axes.legend(loc="lower right", markerscale=0.5)


def _dtypes(run: Sequence[Operation]) -> list[str]:
    """The dtypes of products."""
    return sorted({item.precision.compute.name for item in run if item.work.products})


def _roofs(axes: Axes, ranks: Sequence[float], dtypes: Sequence[str], target: Profile) -> None:
    """The slope of the bandwidth, and a ceiling for the products of each dtype."""
    bandwidth = target.bandwidth
    if bandwidth is None or not ranks:
        return
    low = min(ranks) / 2
    for dtype in dtypes:
        peak, _ = rates(target, dtype)
        if peak is not None:
            ridge, high = peak / bandwidth, max(*ranks, peak / bandwidth) * 2
            axes.plot([low, ridge, high], [low * bandwidth, peak, peak], color="black", linewidth=1)
            axes.annotate(f"products of {dtype}", (high, peak), xytext=(0, 3), textcoords="offset points", ha="right")


# --------------------------------------------------------------------------------------------------------------- memory


def _memory(axes: Axes, found: Measured, target: Profile | None) -> None:
    """Bytes in memory, step by step: weights below, activations above."""
    weights = found.cost.weight_bytes.constant or 0
    live = [weights + (evaluate(step.live, found.sizes) or 0) for step in found.cost.steps]
    steps = range(len(live))
    axes.fill_between(steps, weights, live, step="post", alpha=0.5, label="activations")
    axes.fill_between(steps, 0, weights, alpha=0.3, label="weights")
    axes.set_xlabel("operators, in the order of a run")
    axes.yaxis.set_major_formatter(EngFormatter(unit="B"))
    axes.set_xlim(0, max(len(live) - 1, 1))
    most = max(live)
    axes.set_ylim(0, 1.3 * most)
    if target is not None and target.capacity is not None and target.capacity <= 1.3 * most:
        axes.axhline(target.capacity, color="black", linewidth=1, linestyle="dashed", label=f"memory of {target.name}")
    where = live.index(most)
    step = found.cost.steps[where]
    axes.annotate(
        f"{step.op}{f' of {step.part}' if step.part else ''}",
        (where, most),
        xytext=(0, 12),
        textcoords="offset points",
        ha="left" if where < len(live) / 2 else "right",
        arrowprops={"arrowstyle": "-", "linewidth": 0.5},
    )
    axes.legend(loc="upper right", ncols=2)
    axes.set_title("memory")
