"""Mistakes made by rule in the examples: those that are wrong when they run are found, and found where they are."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from os import cpu_count
from pathlib import Path

import pytest

from tenuto_analysis.database import Database
from tests.generate.execution import Fate, Judged, entries, judge
from tests.generate.mutants import Mutant, mutants

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.ten"))
REPORT = ROOT / "build" / "mutants.md"


def judged(path: Path, step: int = 1, first: int = 0) -> list[Judged]:
    """What comes of every `step`th mutant of an example."""
    text = path.read_text(encoding="utf-8")
    db = Database()
    originals = entries(path.stem, text)
    found: list[Judged] = []
    for mutant in mutants(text)[first::step]:
        found.append(judge(db, path.stem, mutant, originals))
        if found[-1].fate is Fate.CRASHED:
            db = Database()
    return found


def share_found(found: list[Judged]) -> float:
    """Of the mutants that are wrong when they run, the share that was found where the mistake is."""
    counts = Counter(one.fate for one in found)
    wrong = len(found) - counts[Fate.HARMLESS]
    assert wrong > 0 and counts[Fate.CRASHED] == 0
    return counts[Fate.FOUND] / wrong


def report(found: dict[str, list[Judged]]) -> str:
    """The mutants that are wrong when they run and were not found where they are, as Markdown."""
    lines = ["# Mutants of the examples", "", "| example | mutants | wrong when run | found | elsewhere | not found |"]
    lines.append("| --- | --- | --- | --- | --- | --- |")
    for name, ones in found.items():
        counts = Counter(one.fate for one in ones)
        wrong = len(ones) - counts[Fate.HARMLESS]
        cells = (name, len(ones), wrong, counts[Fate.FOUND], counts[Fate.MISPLACED], counts[Fate.SURVIVED])
        lines.append(f"| {' | '.join(map(str, cells))} |")
    for fate in (Fate.CRASHED, Fate.SURVIVED, Fate.MISPLACED):
        lines += ["", f"## {fate.value.capitalize()}", ""]
        for name, ones in found.items():
            lines += [
                f"- {name}: {one.mutant.title}. Run: {one.reason}.{f' Said: {one.said}.' if one.said else ''}"
                for one in ones
                if one.fate is fate
            ]
    return "\n".join(lines) + "\n"


def test_there_are_mutants_of_every_kind() -> None:
    found: list[Mutant] = [mutant for path in EXAMPLES for mutant in mutants(path.read_text(encoding="utf-8"))]
    assert len(found) >= 500
    assert len({mutant.rule for mutant in found}) >= 10
    assert all(mutant.mutated != mutant.text for mutant in found)


def test_a_sample_of_the_mutants_is_found_at_the_right_place() -> None:
    found = {path.stem: judged(path, step=40, first=7) for path in EXAMPLES}
    assert share_found([one for ones in found.values() for one in ones]) >= 0.95, report(found)


@pytest.mark.heavy
@pytest.mark.timeout(1500)
def test_the_mutants_that_are_wrong_by_execution_are_found_at_the_right_place() -> None:
    with ProcessPoolExecutor(cpu_count()) as pool:
        found = dict(zip((path.stem for path in EXAMPLES), pool.map(judged, EXAMPLES), strict=True))
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(report(found), encoding="utf-8")
    assert share_found([one for ones in found.values() for one in ones]) >= 0.95, f"see {REPORT.relative_to(ROOT)}"
