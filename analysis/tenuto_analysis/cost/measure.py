"""What a graph costs at one choice of its sizes."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from tenuto_analysis.cost.liveness import Step, peak
from tenuto_analysis.cost.roofline import Operation, operations
from tenuto_analysis.cost.sizes import largest, unbound
from tenuto_analysis.cost.summary import Cost, cost_of
from tenuto_analysis.cost.work import Numbers, at
from tenuto_analysis.database import Database, query
from tenuto_analysis.dims import Leaf
from tenuto_analysis.elaborate.builder import Refusal
from tenuto_analysis.elaborate.checkpoints import sound
from tenuto_analysis.elaborate.deploys import elaborated
from tenuto_analysis.graph import Graph


class Measured(Struct, frozen=True, eq=False):
    """The cost of a graph, with numbers for `sizes`; `missing` names the sizes that have none.

    What needs one of those is None: the numbers, the most bytes that are live and where, the operators of a run.
    """

    graph: Graph
    cost: Cost
    sizes: Mapping[Leaf, int]
    missing: tuple[str, ...]
    work: Numbers | None
    peak: tuple[int, Step] | None
    run: tuple[Operation, ...] | None


def measured(graph: Graph, asked: Mapping[str, int]) -> Measured:
    """At the sizes that are asked for by name, and else at the largest that the deploy allows."""
    cost = cost_of(graph.entry)
    sizes = largest(graph, asked)
    # A loop that ends by a condition has a number of steps that is no symbol of the entry.
    steps = (leaf for leaf in sorted(cost.leaves, key=str) if leaf not in sizes and str(leaf) in asked)
    sizes = {**sizes, **{leaf: asked[str(leaf)] for leaf in steps}}
    return Measured(
        graph,
        cost,
        sizes,
        unbound((*cost.work.parts, *(step.live for step in cost.steps)), sizes),
        at(cost.work, sizes),
        peak(cost.steps, sizes),
        operations(graph.entry, sizes),
    )


@query
def measured_deploy(db: Database, file: str, deploy: str) -> Measured | None:
    """At the largest sizes; None where a mistake, or what no build can do yet, hides the graph of a deploy."""
    if not sound(db, file):
        return None
    graph = elaborated(db, file, deploy)
    return None if isinstance(graph, Refusal) else measured(graph, {})
