"""One random program: what the checker says of it, against what happens when it runs."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from tenuto_analysis import model, modules
from tenuto_analysis.database import Database
from tenuto_analysis.diagnostics.base import Severity
from tenuto_analysis.types import Value as Inferred
from tenuto_backend.reference import interpret
from tenuto_backend.reference.program import Program, program
from tenuto_backend.reference.values import Frame, Undetermined, Value, WrongByExecution
from tenuto_grammar import syntax
from tenuto_grammar.text import Span
from tests.generate.agree import contradiction
from tests.generate.inputs import random_inputs
from tests.generate.mutants import mutants
from tests.generate.programs import generate

FILE = "/soundness/main.ten"
SIZES_TRIED = 4

Types = Mapping[tuple[str, Span], Sequence[Inferred]]
"""What the checker inferred, by definition and place in it; a loop that is checked step by step gives several."""


class Outcome(Enum):
    ACCEPTED = "accepted"
    REFUSED = "refused"
    NOT_RUN = "accepted, no sizes satisfy its facts"
    UNSOUND = "accepted, and wrong"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of the program of a seed; `report` tells why."""

    outcome: Outcome
    perturbed: bool
    report: str = ""


def case(seed: int) -> tuple[str, bool]:
    """The program of a seed; every second one has a mistake made by rule."""
    text = generate(seed)
    found = mutants(text) if seed % 2 else []
    return (random.Random(seed).choice(found).mutated, True) if found else (text, False)


def judge(db: Database, seed: int) -> Verdict:
    """Check the program of a seed, and run it on random sizes where the checker accepts it."""
    text, perturbed = case(seed)
    db.set(modules.file_text, FILE, text)
    errors = [finding for finding in model.findings(db, FILE) if finding.severity is Severity.ERROR]
    if errors:
        shown = "\n".join(f"{error.span} {error.rule}: {error.message}" for error in errors)
        return Verdict(Outcome.REFUSED, perturbed, f"seed {seed}\n{text}\n{shown}")
    words = disagreement(program({"main": text}), inferred_types(db), seed)
    if words is None:
        return Verdict(Outcome.NOT_RUN, perturbed)
    return Verdict(Outcome.UNSOUND if words else Outcome.ACCEPTED, perturbed, f"seed {seed}\n{text}\n{words}")


def inferred_types(db: Database) -> Types:
    found: dict[tuple[str, Span], list[Inferred]] = defaultdict(list)
    for key, start in modules.starts(db, FILE).items():
        for typed in model.value_types(db, FILE, key):
            found[(key, typed.span.shifted(-start))].append(typed.value)
    return found


def disagreement(whole: Program, inferred: Types, seed: int) -> str | None:
    """How a run contradicts the checker: nothing said where none does, None where the program cannot be run."""
    runs = 0
    for number in range(SIZES_TRIED):
        words = _run(whole, inferred, random.Random(f"{seed}.{number}"))
        if words:
            return words
        runs += words is not None
    return "" if runs else None


def _run(whole: Program, inferred: Types, chance: random.Random) -> str | None:
    problems: list[str] = []

    def observe(frame: Frame, span: Span, value: Value) -> None:
        name = _name(frame.declaration)
        kinds = inferred.get((name, span), ()) if frame.file == "main" and not problems else ()
        words = [contradiction(frame, kind, value) for kind in kinds]
        if words and all(words):
            problems.append(f"in `{name}` at {span}: {words[0]}")

    going = interpret.start(whole, 0, observe)
    target = interpret.definition(going, "main", "main")
    found = random_inputs(going, target, chance)
    if found is None:
        return None
    sizes, values = found
    main = whole.files["main"].declarations["main"]
    assert isinstance(main, syntax.Definition)
    generics = {generic.name.text: sizes[generic.name.text] for generic in main.generics}
    try:
        interpret.invoke(going, interpret.definition(going, "main", "main", generics), values)
    except WrongByExecution as wrong:
        where = f"{wrong.place.file}, `{_name(wrong.place.declaration)}` at {wrong.place.span}"
        return f"sizes {sizes}: {wrong.reason} ({where})"
    except Undetermined:
        return None
    return f"sizes {sizes}: {problems[0]}" if problems else ""


def _name(declaration: syntax.Declaration) -> str:
    return "" if isinstance(declaration, syntax.Import) else declaration.name.text
