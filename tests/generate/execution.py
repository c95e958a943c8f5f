"""Mutants of a program: whether one is wrong when it runs, and whether the checker finds it at the right place."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from tenuto_analysis import model, modules
from tenuto_analysis.database import Database
from tenuto_analysis.diagnostics.base import Finding, Severity
from tenuto_backend.reference import interpret
from tenuto_backend.reference.matching import Binder, fit
from tenuto_backend.reference.program import Program, program
from tenuto_backend.reference.values import Frame, Instance, Undetermined, WrongByExecution
from tenuto_grammar import syntax
from tenuto_grammar.text import Span
from tests.generate.inputs import deployed_dims, random_inputs
from tests.generate.mutants import Mutant

RUNS = 3
"""How often each deploy of a mutant is run, each time on other sizes."""


class Fate(Enum):
    HARMLESS = "runs like the original"
    FOUND = "found"
    MISPLACED = "found elsewhere"
    SURVIVED = "not found"
    CRASHED = "the checker raised"


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of a mutant; `reason` says how its run went wrong."""

    mutant: Mutant
    fate: Fate
    reason: str
    said: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A deploy of the original that its mutants must repeat, and the result that its definition declares."""

    deploy: str
    definition: str
    result: syntax.Type
    dims: Mapping[str, tuple[int, int]]


def entries(path: str, text: str) -> list[Entry]:
    """The deploys of the configuration made for running; all of a program that has only one configuration."""
    whole = program({path: text})
    deploys = [found for found in whole.files[path].declarations.values() if isinstance(found, syntax.Deploy)]
    found: list[Entry] = []
    for deploy in [deploy for deploy in deploys if "small" in deploy.name.text] or deploys:
        target = interpret.deployed(interpret.start(whole), path, deploy.name.text)
        definition = (target.applied if isinstance(target, Instance) else target).definition
        assert definition.result is not None
        found.append(Entry(deploy.name.text, definition.name.text, definition.result, deployed_dims(deploy)))
    return found


def judge(db: Database, path: str, mutant: Mutant, originals: Sequence[Entry]) -> Judged:
    """Run a mutant and check it."""
    file = f"/mutants/{path}.ten"
    db.set(modules.file_text, file, mutant.mutated)
    try:
        errors = [finding for finding in model.findings(db, file) if finding.severity is Severity.ERROR]
    except Exception as crash:
        return Judged(mutant, Fate.CRASHED, "", repr(crash))
    said = "; ".join(f"{error.rule}: {error.message}" for error in errors)
    reason = wrong_by_execution(path, mutant, originals)
    if reason is None:
        return Judged(mutant, Fate.HARMLESS, "", said)
    if not errors:
        return Judged(mutant, Fate.SURVIVED, reason, said)
    placed = any(touches(error, file, mutant) for error in errors)
    return Judged(mutant, Fate.FOUND if placed else Fate.MISPLACED, reason, said)


def wrong_by_execution(path: str, mutant: Mutant, originals: Sequence[Entry]) -> str | None:
    """How a run of the mutant breaks a rule, or gives what the original's declared result forbids."""
    whole = program({path: mutant.mutated})
    for entry in originals:
        for number in range(RUNS):
            try:
                reason = _run(whole, path, entry, random.Random(number))
            except WrongByExecution as wrong:
                reason = wrong.reason
            except Undetermined:
                continue
            if reason is not None:
                return reason
    return None


def _run(whole: Program, path: str, entry: Entry, chance: random.Random) -> str | None:
    going = interpret.start(whole)
    target = interpret.deployed(going, path, entry.deploy)
    found = random_inputs(going, target, chance, entry.dims)
    if found is None:
        return "no sizes satisfy the facts of the entry"
    names, values = found
    result = interpret.invoke(going, target, values)
    applied = target.applied if isinstance(target, Instance) else target
    frame = Frame(going, path, applied.definition, {**applied.generics, **names})
    binder = Binder(frame, set(), casts=applied.definition.clauses.precision is not None)
    fit(binder, entry.result, result, frame.place(entry.result.span))
    return None


def touches(finding: Finding, file: str, mutant: Mutant) -> bool:
    """Whether a finding, or a place that it tells as related, touches the mistake or the statement around it."""
    grown = len(mutant.written) - (mutant.span.end - mutant.span.start)
    container = Span(mutant.container.start, mutant.container.end + grown)
    places = [finding.span, *(related.span for related in finding.related if related.file == file)]
    return any(place.start <= container.end and container.start <= place.end for place in places)
