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
from tenuto_analysis.elaborate.alone import alone
from tenuto_analysis.elaborate.builder import Refusal
from tenuto_analysis.elaborate.checkpoints import sound
from tenuto_analysis.elaborate.deploys import elaborated
from tenuto_analysis.graph import Graph
from tenuto_analysis.modules import declaration
from tenuto_grammar import syntax


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
    sizes = _numbers(graph, cost, asked)
    return _measured(graph, cost, sizes, operations(graph.entry, sizes))


def graph_of(db: Database, file: str, name: str) -> Graph | Refusal:
    """The graph of a deploy, or of a definition by itself, in a file without an error."""
    is_deploy = isinstance(declaration(db, file, name), syntax.Deploy)
    return elaborated(db, file, name) if is_deploy else alone(db, file, name)


@query
def cost_of_declaration(db: Database, file: str, name: str) -> Cost | Refusal | None:
    """What a deploy or a definition costs for all sizes, or why that is not known; None where a mistake hides it."""
    if not sound(db, file):
        return None
    graph = graph_of(db, file, name)
    return graph if isinstance(graph, Refusal) else cost_of(graph.entry, db.stop_if_cancelled)


@query
def measured_deploy(db: Database, file: str, deploy: str) -> Measured | None:
    """At the largest sizes; None where a mistake, or what no build can do yet, hides the graph of a deploy.

    It is made in steps, so that what is more urgent need not wait for all of them.
    """
    cost = cost_of_declaration(db, file, deploy)
    graph = graph_of(db, file, deploy) if isinstance(cost, Cost) else None
    if not isinstance(cost, Cost) or not isinstance(graph, Graph):
        return None
    return _measured(graph, cost, _numbers(graph, cost, {}), _run(db, file, deploy))


@query
def _run(db: Database, file: str, deploy: str) -> tuple[Operation, ...] | None:
    graph = graph_of(db, file, deploy)
    if isinstance(graph, Refusal):
        return None
    return operations(graph.entry, largest(graph, {}), db.stop_if_cancelled)


def _numbers(graph: Graph, cost: Cost, asked: Mapping[str, int]) -> Mapping[Leaf, int]:
    sizes = largest(graph, asked)
    # A loop that ends by a condition has a number of steps that is no symbol of the entry.
    steps = (leaf for leaf in sorted(cost.leaves, key=str) if leaf not in sizes and str(leaf) in asked)
    return {**sizes, **{leaf: asked[str(leaf)] for leaf in steps}}


def _measured(graph: Graph, cost: Cost, sizes: Mapping[Leaf, int], run: tuple[Operation, ...] | None) -> Measured:
    missing = unbound((*cost.work.parts, *(step.live for step in cost.steps)), sizes)
    return Measured(graph, cost, sizes, missing, at(cost.work, sizes), peak(cost.steps, sizes), run)
