"""From a deploy without an error to an artifact: the whole way, in order.

What a build cannot do is told as findings at the source; a file of weights that cannot be used, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from tenuto_analysis import model, modules
from tenuto_analysis.check import loading
from tenuto_analysis.compat import override
from tenuto_analysis.database import Database
from tenuto_analysis.diagnostics.base import Diagnostic, Finding, Place, Severity
from tenuto_analysis.diagnostics.deploys import CannotBuild
from tenuto_analysis.elaborate.builder import Refusal
from tenuto_analysis.elaborate.deploys import elaborate, elaborated
from tenuto_analysis.graph import Graph
from tenuto_analysis.targets.analysis import elsewhere
from tenuto_analysis.targets.profile import Profile
from tenuto_analysis.types import Tensor
from tenuto_analysis.verify import verify
from tenuto_analysis.weights import Drawn, Source, Wanted, numbers_of, plan
from tenuto_backend.bound import bound, chosen
from tenuto_backend.legalise import legalised
from tenuto_backend.passes import optimised
from tenuto_backend.passes.batch_norm import fold_batch_norms
from tenuto_backend.passes.scales import F32, stored_in, with_scales
from tenuto_backend.reference.values import Array
from tenuto_backend.weights.base import Weights, WeightsError
from tenuto_backend.weights.files import open_weights, resolve
from tenuto_backend.weights.folded import FoldedWeights
from tenuto_backend.weights.materialise import draw, load
from tenuto_backend.weights.quantised import QuantisedWeights
from tenuto_grammar.text import Span


class Stopped(Exception):
    """The build cannot go on; the findings say why, and where."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__(*(finding.message for finding in findings))
        self.findings = findings


class Program(Struct, frozen=True, eq=False):
    """A deploy, ready for a back end: its graph and its weights, which are read when they are asked for.

    `checkpoints` gives, for the path of a weight, the tensors of the file that it is made of; `floats` the weights
    before they are stored in small numbers.
    """

    graph: Graph
    weights: Mapping[str, Array]
    checkpoints: Mapping[str, tuple[str, ...]]
    floats: Mapping[str, Array]


def typed_graph(
    db: Database, file: str, deploy: str, fold: bool = False, target: Profile | None = None, exact: bool = False
) -> Graph:
    """The typed graph of a deploy, whatever its weights are; raises `Stopped`.

    For a `target` it has the dtypes and sizes that its compiler takes. An `exact` one has as floats the weights that a
    policy stores in small numbers.
    """
    try:
        found = elaborate(db, file, deploy) if exact else elaborated(db, file, deploy)
        if isinstance(found, Refusal):
            raise found
    except Refusal as refusal:
        raise stopped(db, refusal.place, CannotBuild(refusal.place.span, refusal.reason)) from refusal
    graph = optimised(verify(with_scales(verify(found))))
    if target is not None:
        other = elsewhere(db, graph, target.name)
        if other is not None:
            placed = " or ".join(f"`{name}`" for name in other.targets)
            reason = f"this part is placed on {placed}: an artifact for `{target.name}` cannot hold it"
            here = next(place for place in (other.place, *reversed(other.calls)) if place.file == file)
            raise stopped(db, here, CannotBuild(here.span, reason))
        graph = legalised(graph, target)
    return fold_batch_norms(graph)[0] if fold else graph


def program(
    db: Database,
    file: str,
    deploy: str,
    root: str,
    allow_outside: bool = False,
    fold: bool = False,
    target: Profile | None = None,
    exact: bool = False,
) -> Program:
    """The typed graph of a deploy and its weights, normalisations folded into them or not; raises `Stopped`.

    For a `target` it is as its compiler takes it. An `exact` one stores all weights in floats.
    """
    graph = typed_graph(db, file, deploy, target=target, exact=exact)
    setting = loading.setting_of(db, file, deploy)
    if setting is None:
        reason = "a build needs weights: a file, `load(...)`, or `init(seed = 0)`"
        whole = Place(file, deploy, Span(0, 0))
        raise stopped(db, whole, CannotBuild(name_span(db, file, deploy), reason))
    wanted = wanted_by(graph)
    if isinstance(setting, Drawn):
        return _program(graph, WeightsOf(graph, wanted, None, {}, setting.seed), fold)
    place = Place(file, deploy, setting.span)
    try:
        path = resolve(setting.file, Path(file), Path(root), allow_outside)
        opened = open_weights(path, None if allow_outside else Path(root))
    except WeightsError as error:
        raise stopped(db, place, CannotBuild(setting.span, str(error))) from error
    sources, problems = plan(setting, opened.header, wanted)
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    if errors:
        raise stopped(db, place, *errors)
    return _program(graph, WeightsOf(graph, wanted, opened, sources, 0), fold)


def wanted_by(graph: Graph) -> list[Wanted]:
    """The weights that a graph is made of, by path: floats where it stores numbers and scales of them."""
    parts = {path for item in stored_in(graph) for path in item.paths[1:]}
    return [
        (weight.path, weight.value.type if weight.typed is None else Tensor(F32, weight.value.type.shape))
        for weight in graph.entry.weights
        if weight.path not in parts
    ]


def with_sizes(made: Program, sizes: Mapping[str, int]) -> Program:
    """The program with these numbers for sizes that it leaves open, by name; raises `ArtifactError`."""
    return replace(made, graph=bound(made.graph, chosen(made.graph, sizes))) if sizes else made


def parameters(graph: Graph) -> int:
    """How many numbers the weights of a graph are; scales are none of them."""
    return sum(prod(numbers_of(type_)) for _, type_ in wanted_by(graph))


class WeightsOf(Mapping[str, Array]):
    """The weights of a graph by path. Each is read, or drawn, anew whenever it is asked for, and not kept here."""

    def __init__(
        self,
        graph: Graph,
        wanted: list[Wanted],
        opened: Weights | None,
        sources: Mapping[str, Source],
        seed: int,
    ) -> None:
        self._types = dict(wanted)
        self._initialisers = {weight.path: weight.initialiser for weight in graph.entry.weights}
        self._opened = opened
        self._seed = seed
        self.sources = sources

    @override
    def __getitem__(self, path: str) -> Array:
        type_ = self._types[path]
        if self._opened is None:
            return draw(self._seed, path, self._initialisers[path], type_)
        return load(self._opened, self.sources[path], path, type_)

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._types)

    @override
    def __len__(self) -> int:
        return len(self._types)


def stopped(db: Database, place: Place, *problems: Diagnostic) -> Stopped:
    """What to raise where these problems, which are at a place, end the build."""
    return Stopped(tuple(model.finding_at(db, place, problem) for problem in problems))


def _program(graph: Graph, weights: WeightsOf, fold: bool) -> Program:
    names = {path: tuple(piece.name for piece in source.pieces) for path, source in weights.sources.items()}
    given: Mapping[str, Array] = weights
    stored = stored_in(graph)
    if stored:
        names |= {path: names[item.path] for item in stored for path in item.paths if item.path in names}
        given = QuantisedWeights(weights, [weight.path for weight in graph.entry.weights], stored)
    if not fold:
        return Program(graph, given, names, weights)
    graph, folds = fold_batch_norms(graph)
    names |= {
        path: tuple(name for part in found.parts for name in names.get(part, ())) for path, found in folds.items()
    }
    made = FoldedWeights(given, [weight.path for weight in graph.entry.weights], folds)
    return Program(graph, made, names, weights)


def name_span(db: Database, file: str, deploy: str) -> Span:
    """Where a deploy is named."""
    node = modules.declaration(db, file, deploy)
    assert node is not None
    return node.span
