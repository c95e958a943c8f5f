"""Whether the file of weights that a deploy names fits the model: its header against the weights of the graph."""

from __future__ import annotations

from tenuto_analysis import modules
from tenuto_analysis.check import loading, queries
from tenuto_analysis.database import Database, query
from tenuto_analysis.diagnostics.base import Diagnostic, Severity
from tenuto_analysis.elaborate.builder import Refusal
from tenuto_analysis.elaborate.deploys import elaborated
from tenuto_analysis.modules import STD
from tenuto_analysis.weights import Wanted, plan


def problems(db: Database, file: str, key: str) -> tuple[Diagnostic, ...]:
    """What is wrong between a deploy's model and the header of its file; nothing where either is not known."""
    named = loading.known_file(db, file, key)
    if named is None:
        return ()
    checkpoint, header = named
    wanted = wanted_weights(db, file, key)
    return plan(checkpoint, header, wanted)[1] if wanted is not None else ()


@query
def wanted_weights(db: Database, file: str, key: str) -> tuple[Wanted, ...] | None:
    """The weights that a deploy's model wants; None where a mistake, or what no build can do yet, hides them."""
    if not sound(db, file):
        return None
    graph = elaborated(db, file, key)
    if isinstance(graph, Refusal):
        return None
    return tuple((weight.path, weight.value.type) for weight in graph.entry.weights)


@query
def sound(db: Database, file: str) -> bool:
    """Whether a file, and all that its imports reach, is without an error."""
    reached = {file: None}
    waiting = [file]
    while waiting:
        current = waiting.pop()
        if modules.file_text(db, current) is None or not _without_error(db, current):
            return False
        for found in modules.imports(db, current):
            if found.file not in reached and not found.file.startswith(str(STD)):
                reached[found.file] = None
                waiting.append(found.file)
    return True


@query
def _without_error(db: Database, file: str) -> bool:
    if any(modules.parsed_problems(db, file)):
        return False
    for key, _ in modules.keys(db, file):
        found = (*queries.interface(db, file, key).problems, *queries.body(db, file, key).problems)
        if any(problem.severity is Severity.ERROR for problem in found):
            return False
    return True
