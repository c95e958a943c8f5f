"""What is wrong with a deploy as a whole: found on its graph, told at the places that cause it.

An analysis is a function of the graph; `ANALYSES` lists them in order. There is a graph only where nothing that a
deploy is made of has an error. What is found may stand in any declaration that is reached. `model.findings` tells it in
the file of the deploy, where it happens or at the call that leads there, and an editor hears of it after the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tenuto_analysis import extremes
from tenuto_analysis.database import Database, query
from tenuto_analysis.diagnostics.base import GraphProblem
from tenuto_analysis.elaborate.builder import Refusal
from tenuto_analysis.elaborate.checkpoints import sound
from tenuto_analysis.elaborate.deploys import elaborated
from tenuto_analysis.graph import Graph
from tenuto_analysis.precision.weights import ungrouped
from tenuto_analysis.ranges.problems import range_problems
from tenuto_analysis.targets.analysis import target_problems

Analysis = Callable[[Database, str, str, Graph], Iterator[GraphProblem]]
"""Takes the file and the name of the deploy, and its graph; where it works long, it asks `db.stop_if_cancelled()`."""

ANALYSES: tuple[Analysis, ...] = (extremes.not_finite, ungrouped, range_problems, target_problems)


@query
def problems(db: Database, file: str, name: str) -> tuple[GraphProblem, ...]:
    """What the analyses say of a deploy; nothing where a mistake, or what no build can do yet, hides its graph."""
    if not sound(db, file):
        return ()
    graph = elaborated(db, file, name)
    if isinstance(graph, Refusal):
        return ()
    found: list[GraphProblem] = []
    for analysis in ANALYSES:
        db.stop_if_cancelled()
        found += analysis(db, file, name, graph)
    return tuple(found)
