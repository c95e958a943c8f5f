"""What a deploy or a model costs, in the words of a lens and of a hover."""

from __future__ import annotations

from collections.abc import Iterator

from tenuto_analysis.cost.liveness import peak_formulas
from tenuto_analysis.cost.measure import Measured, cost_of_declaration, measured_deploy
from tenuto_analysis.cost.roofline import time_on
from tenuto_analysis.cost.summary import Cost
from tenuto_analysis.database import Database
from tenuto_analysis.targets.analysis import targets_named
from tenuto_analysis.targets.profile import profile
from tenuto_server.units import counted, in_bytes, in_seconds

_LONGEST = 100  # Characters of a formula that a hover shows.


def costs_in_short(db: Database, file: str, found: Measured) -> Iterator[str]:
    """The parameters of a deploy, and what a run costs at its largest sizes."""
    yield (
        f"{found.cost.parameters} parameters"
        if found.cost.parameters.constant is None
        else (f"{found.cost.parameters.constant:,} parameters in {len(found.graph.entry.weights):,} tensors")
    )
    if found.work is not None and found.peak is not None:
        sizes = _sizes(found)
        yield f"{_flops(found.work.flops)}, {in_bytes(found.peak[0])} of activations{f' at {sizes}' if sizes else ''}"
    time = _time(db, file, found)
    if time is not None:
        yield time


def deploy_costs(db: Database, file: str, deploy: str) -> Iterator[str]:
    """As Markdown, with formulas where sizes are open."""
    found = measured_deploy(db, file, deploy)
    if found is None:
        return
    cost = found.cost
    weights = f", {in_bytes(cost.weight_bytes.constant)}" if cost.weight_bytes.constant is not None else ""
    yield f"Weights: {len(found.graph.entry.weights):,} tensors, {cost.parameters.constant or 0:,} parameters{weights}."
    lines: list[str] = []
    if found.work is not None:
        intensity = f", {found.work.intensity:.1f} operations for each byte" if found.work.intensity is not None else ""
        lines.append(f"- operations: {_flops(found.work.flops)}")
        lines.append(f"- bytes read and written: {in_bytes(found.work.moved)}{intensity}")
    if found.peak is not None:
        most, step = found.peak
        part = f" of `{step.part}`" if step.part else ""
        lines.append(f"- activations: {in_bytes(most)} at most, at `{step.op}`{part}")
    time = _time(db, file, found)
    if time is not None:
        lines.append(f"- time: {time}")
    sizes = _sizes(found)
    if lines:
        yield f"A run{f' at {sizes}' if sizes else ''}:\n" + "\n".join(lines)
    if found.graph.entry.symbols:
        yield from _formulas(cost)


def model_costs(db: Database, file: str, name: str) -> Iterator[str]:
    """Those of a model by itself, as Markdown; nothing where only a caller knows enough."""
    cost = cost_of_declaration(db, file, name)
    if isinstance(cost, Cost):
        yield from _formulas(cost)


def _formulas(cost: Cost) -> Iterator[str]:
    peaks = peak_formulas(cost.steps)
    told = {
        "operations": str(cost.work.flops),
        "bytes read and written": str(cost.work.moved),
        "bytes of activations": f"{peaks[0]}" if len(peaks) == 1 else f"max({', '.join(map(str, peaks))})",
    }
    lines = [f"- {name}: `{formula}`" for name, formula in told.items() if len(formula) <= _LONGEST]
    if lines:
        yield "For all sizes:\n" + "\n".join(lines)


def _sizes(found: Measured) -> str:
    return ", ".join(f"{leaf} = {number}" for leaf, number in found.sizes.items())


def _flops(number: int) -> str:
    text = counted(number)
    return f"{text}FLOPs" if " " in text else f"{text} FLOPs"


def _time(db: Database, file: str, found: Measured) -> str | None:
    """The least time on the first target of a deploy; None where it has none, or that says no rates."""
    targets = targets_named(db, file, found.graph.name)
    target = profile(db, file, targets[0]) if targets else None
    if target is None or found.run is None:
        return None
    time = time_on(target, found.run)
    return f"{in_seconds(time.seconds)} at least on {target.name}" if time.seconds else None
