"""What makes a graph smaller without changing a bit of what it computes: one file a pass, all of them in `PASSES`.

A pass gives a new graph and leaves the old one as it was; values that stay the same are shared between the two. Inputs,
weights and results keep their order, and a value that stands for another takes over its name where it had none.
"""

from __future__ import annotations

from collections.abc import Callable

from tenuto_analysis.graph import Graph
from tenuto_analysis.verify import verify
from tenuto_backend.passes.common_subexpressions import share_common_subexpressions
from tenuto_backend.passes.constant_folding import fold_constants
from tenuto_backend.passes.dead_code import drop_dead_code

PASSES: tuple[Callable[[Graph], Graph], ...] = (fold_constants, share_common_subexpressions, drop_dead_code)


def optimised(graph: Graph) -> Graph:
    """The graph after all passes, verified after each."""
    for change in PASSES:
        graph = verify(change(graph))
    return graph
