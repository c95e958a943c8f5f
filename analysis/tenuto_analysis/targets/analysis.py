"""What the targets that a deploy names cannot do of it, and which of all targets could run it.

A deploy without a target has no findings; `targets_of` answers for it all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from tenuto_analysis.check.deploys import target_names
from tenuto_analysis.database import Database, query
from tenuto_analysis.diagnostics.base import GraphProblem, Place, Severity
from tenuto_analysis.dims import Leaf, evaluate
from tenuto_analysis.elaborate.builder import Refusal
from tenuto_analysis.elaborate.deploys import elaborated
from tenuto_analysis.graph import Apply, Call, Function, Graph, walk
from tenuto_analysis.modules import declaration
from tenuto_analysis.targets.demand import Demand, Transfer, Use, demand_of, demand_of_function
from tenuto_analysis.targets.legality import memory, obstacles
from tenuto_analysis.targets.profile import Profile, profile, profiles
from tenuto_grammar import syntax


class Priced(Struct, frozen=True):
    """A transfer at given sizes: its bytes, and the seconds on the slower of the links; None where not known."""

    transfer: Transfer
    bytes: int | None
    seconds: float | None


class Verdict(Struct, frozen=True):
    """Whether a target can run a program; `obstacle` is the first thing in the way, None where there is none."""

    target: Profile
    obstacle: GraphProblem | None

    @property
    def runs(self) -> bool:
        return self.obstacle is None


def target_problems(db: Database, file: str, name: str, graph: Graph) -> Iterator[GraphProblem]:
    """What stands in the way of the targets that a deploy names, each cause once."""
    own = targets_named(db, file, name)
    if not own and not is_placed(graph):
        return
    demand = demand_of(db, graph, own)
    policy = _policy(db, file, name)
    told: set[tuple[str, Place]] = set()
    for target, placed in _wanted(db, file, own or graph.entry.target, demand):
        whole = () if placed else memory(db, target, graph)
        for problem in (*obstacles(target, demand.on(placed), policy), *whole):
            if (problem.rule, problem.place) not in told:
                told.add((problem.rule, problem.place))
                yield problem


def _wanted(db: Database, file: str, own: tuple[str, ...], demand: Demand) -> Iterator[tuple[Profile, tuple[str, ...]]]:
    """The targets of a deploy and those of parts, with the placement of what is asked of them."""
    for placed in ((), *demand.placements):
        for text in placed or own:
            found = profile(db, file, text)
            if found is not None:
                yield found, placed


def is_placed(graph: Graph) -> bool:
    """Whether a clause of the program names a target."""
    return any(
        function.target or any(isinstance(node, Apply | Call) and node.target for node in walk(function.body))
        for function in graph.functions
    )


def transfers_of(db: Database, graph: Graph, sizes: Mapping[Leaf, int]) -> tuple[Priced, ...]:
    """The values that cross between the parts of a deploy that stand on different targets, with their price."""
    own = targets_named(db, graph.file, graph.name) or graph.entry.target
    found: list[Priced] = []
    for transfer in demand_of(db, graph, own).transfers:
        size = evaluate(transfer.bytes, sizes)
        links = [_link(db, graph.file, targets or own) for targets in (transfer.source, transfer.to)]
        known = [link for link in links if link is not None]
        found.append(Priced(transfer, size, size / min(known) if size is not None and known else None))
    return tuple(found)


def _link(db: Database, file: str, targets: tuple[str, ...]) -> float | None:
    """The bytes/s to the first of these targets."""
    target = profile(db, file, targets[0]) if targets else None
    return target.link.value if target is not None and target.link is not None else None


def elsewhere(db: Database, graph: Graph, target: str) -> Use | None:
    """The first operator that a clause places on other targets than the one that an artifact is for."""
    if not is_placed(graph):
        return None
    demand = demand_of(db, graph, (target,))
    return next((use for use in demand.uses if use.targets and target not in use.targets), None)


def targets_of(db: Database, graph: Graph) -> tuple[Verdict, ...]:
    """What each target makes of a deploy, in the order of their names."""
    demand = demand_of(db, graph)
    policy = _policy(db, graph.file, graph.name)
    return tuple(
        Verdict(target, _first(_all(db, target, demand, policy, graph))) for target in profiles(db, graph.file)
    )


def targets_of_function(db: Database, function: Function) -> tuple[Verdict, ...]:
    """What each target makes of one function of a deploy, whose sizes its callers fix."""
    demand = demand_of_function(db, function)
    return tuple(Verdict(target, _first(obstacles(target, demand, None))) for target in profiles(db, function.file))


@query
def verdicts(db: Database, file: str, name: str) -> tuple[Verdict, ...]:
    """What each target makes of a deploy; nothing where its graph is hidden by a mistake."""
    graph = elaborated(db, file, name)
    return () if isinstance(graph, Refusal) else targets_of(db, graph)


def targets_named(db: Database, file: str, name: str) -> tuple[str, ...]:
    """The targets that a deploy names, in its order."""
    setting = _setting(db, file, name, "target")
    return tuple(dict.fromkeys(target_names(setting.value))) if setting is not None else ()


def only_target(db: Database, file: str, name: str, artifact: str = "") -> Profile | None:
    """The one target that a deploy names; of several, the one that the name of an artifact ends with."""
    named = targets_named(db, file, name)
    meant = named if len(named) == 1 else [text for text in named if artifact == text or artifact.endswith(f".{text}")]
    return profile(db, file, meant[0]) if meant else None


def _all(db: Database, target: Profile, demand: Demand, policy: Place | None, graph: Graph) -> Iterator[GraphProblem]:
    yield from obstacles(target, demand, policy)
    yield from memory(db, target, graph)


def _first(problems: Iterator[GraphProblem]) -> GraphProblem | None:
    return next((problem for problem in problems if problem.severity is Severity.ERROR), None)


def _policy(db: Database, file: str, name: str) -> Place | None:
    """Where the deploy chooses the dtypes: its `precision`, or else its `target`, which the default does not suit."""
    for key in ("precision", "target"):
        setting = _setting(db, file, name, key)
        if setting is not None:
            return Place(file, name, setting.value.span)
    return None


def _setting(db: Database, file: str, name: str, key: str) -> syntax.Setting | None:
    node = declaration(db, file, name)
    settings = node.settings.settings if isinstance(node, syntax.Deploy) else ()
    return next((item for item in settings if item.key.text == key), None)
