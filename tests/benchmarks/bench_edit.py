"""Checking a file again after a line was typed into a body, in files of 1,000 and 5,000 lines.

Run by `./dev bench edit`. The editor's process has checked the file before; each edit is one more line in another body.
What is measured is all from the new text to the findings.
"""

from __future__ import annotations

import gc
import re
import statistics
import sys
import time

from tenuto_analysis import model, modules
from tenuto_analysis.database import Database
from tests.benchmarks.processes import verdict
from tests.benchmarks.programs import program

FILE = "/w/main.ten"
BARS = {1_000: 12.0, 5_000: 20.0}  # milliseconds
ROUNDS = 5
EDITS = 40


def main() -> int:
    rounds = {lines: [_round(program(lines), turn) for turn in range(ROUNDS)] for lines in BARS}
    met = []
    for lines, bar in BARS.items():
        medians, highest, bodies = zip(*rounds[lines], strict=True)
        print(f"  {lines} lines: p50 {statistics.median(medians):.1f} ms, p95 {statistics.median(highest):.1f} ms")
        met.append(verdict(f"{lines} lines, p50 in ms", statistics.median(medians), bar))
        met.append(verdict("bodies that an edit checked", max(bodies), 1))
    return 0 if all(met) else 1


def _round(text: str, turn: int) -> tuple[float, float, int]:
    """The median and the 95th percentile of what edits took, and the most bodies that one of them checked."""
    db = Database()
    db.set(modules.file_text, FILE, text)
    model.findings(db, FILE)
    gc.collect()
    gc.freeze()
    seconds: list[float] = []
    bodies = 0
    for number in range(EDITS):
        places = [found.start() for found in re.finditer(r"^  let ", text, re.MULTILINE)]
        place = places[(turn * 7 + number * 37) % len(places)]
        text = f"{text[:place]}  let typed{number} = relu(1.0)\n{text[place:]}"
        db.executed.clear()
        begun = time.perf_counter()
        db.set(modules.file_text, FILE, text)
        found = model.findings(db, FILE)
        seconds.append(time.perf_counter() - begun)
        assert found
        bodies = max(bodies, sum(call.startswith("body(") for call in db.executed_names()))
    gc.unfreeze()
    in_order = sorted(1000 * value for value in seconds)
    return statistics.median(in_order), in_order[int(0.95 * EDITS)], bodies


if __name__ == "__main__":
    sys.exit(main())
