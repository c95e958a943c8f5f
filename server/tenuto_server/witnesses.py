"""Runs of a deploy that show a hazard: by NumPy, where it is installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module

from tenuto_analysis.graph import Graph
from tenuto_analysis.ranges.witnesses import Runner, Suspect


def run_graph(graph: Graph, suspects: Sequence[Suspect], seed: int) -> Mapping[Suspect, str]:
    """Inputs, in words, for those of the suspects that a run on them meets; none where nothing runs it."""
    try:
        run: Runner = import_module("tenuto_backend.witnesses").confirmed
    except ModuleNotFoundError:
        return {}
    return run(graph, suspects, seed)
