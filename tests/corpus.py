"""The programs of tests/hazards: each section has one with a hazard, marked by carets, and its repaired twin.

A block `verdicts` has a line for each dtype in which the two can be written: where runs go wrong in that dtype.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.markdown import CARETS, FENCE, sections, without_carets

FOLDER = Path(__file__).parent / "hazards"
BUILT_IN = "index"  # Indices are checked with the definition: a deploy of a wrong one has no graph to run.
DTYPES = ("f16", "bf16", "f32", "f8e4m3")


class Pair(NamedTuple):
    """A hazard: the texts of the program that has it and of its twin, and the stretches of the text that are marked."""

    name: str
    buggy: str
    twin: str
    marked: tuple[str, ...]
    verdicts: Mapping[str, str]

    def written(self) -> str:
        """The dtype that the programs are written in: the first of those that verdicts are given for."""
        return next((dtype for dtype in DTYPES if dtype in self.verdicts and self.uses(dtype)), "")

    def uses(self, dtype: str) -> bool:
        return re.search(rf"\b{dtype}\b", self.buggy) is not None

    def in_dtype(self, dtype: str) -> tuple[str, str]:
        """Both programs in another dtype."""
        buggy, twin = (re.sub(rf"\b{self.written()}\b", dtype, text) for text in (self.buggy, self.twin))
        return buggy, twin


def pairs() -> Iterator[Pair]:
    for path in sorted(FOLDER.glob("*.md")):
        yield from pairs_of(path)


def pairs_of(path: Path) -> Iterator[Pair]:
    document = path.read_text(encoding="utf-8")
    for section in sections(document):
        blocks = [*FENCE.finditer(document, section.start, section.end)]
        buggy, twin = (block["body"] for block in blocks if block["tag"] == "tenuto")
        verdicts = "".join(block["body"] for block in blocks if block["tag"] == "verdicts")
        lines = (line.partition(": ") for line in verdicts.splitlines())
        name = f"{path.stem}: {section.name.split(' / ')[-1]}"
        told = {dtype: verdict for dtype, _, verdict in lines}
        yield Pair(name, without_carets(buggy), without_carets(twin), tuple(_marked(buggy)), told)


def _marked(body: str) -> Iterator[str]:
    above = ""
    for line in body.splitlines():
        found = CARETS.match(line)
        if found is None:
            above = line
        else:
            yield above[found.start("carets") : found.end("carets")]
