"""What an artifact tells of the cost of its model: names and formulas, as text."""

from __future__ import annotations

from tenuto_analysis.cost.liveness import peak_formulas
from tenuto_analysis.cost.summary import cost_of
from tenuto_analysis.graph import Graph


def told(graph: Graph) -> tuple[tuple[str, str], ...]:
    """Operations, bytes and the most bytes of activations of a run, for all sizes; the bytes of the weights."""
    cost = cost_of(graph.entry)
    peaks = peak_formulas(cost.steps)
    return (
        ("flops", str(cost.work.flops)),
        ("product_flops", str(cost.work.products)),
        ("bytes_read", str(cost.work.read)),
        ("bytes_written", str(cost.work.written)),
        ("activation_bytes", f"max({', '.join(map(str, peaks))})" if len(peaks) > 1 else str(peaks[0])),
        ("weight_bytes", str(cost.weight_bytes)),
    )
