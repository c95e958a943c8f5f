"""Lines parsed a second beside Lark's own tree builder on the same text, and what an edit costs in three sizes of file.

Run by `./dev bench`, or alone. The text is what ships: the standard library and the examples, repeated. Lark builds its
generic trees without places; we build typed trees with a span in each node. The bar is 3.5 times Lark's speed.
"""

from __future__ import annotations

import gc
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from lark import Lark

from tenuto_grammar.chunks import split
from tenuto_grammar.parse import Parsed, parse, parse_chunk
from tenuto_grammar.tables import GRAMMAR

ROOT = Path(__file__).parents[2]
ROUNDS = 5
BAR = 3.5
EDITS = 40


def main() -> int:
    sources = [*(ROOT / "examples").glob("*.ten"), *(ROOT / "analysis/tenuto_analysis/std").glob("*.ten")]
    corpus = "".join(path.read_text(encoding="utf-8") for path in sorted(sources))
    ratio = _speed(corpus)
    for lines in (1_000, 5_000, 20_000):
        _edits(_of_length(corpus, lines))
    return 0 if ratio >= BAR else 1


def _speed(corpus: str) -> float:
    lark = Lark(GRAMMAR.read_text(encoding="utf-8"), parser="lalr", start="module")
    lines = corpus.count("\n")
    assert not [problem for parsed in parse(corpus).parsed for problem in parsed.problems]
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(_seconds(lambda: parse(corpus)))
        theirs.append(_seconds(lambda: lark.parse(corpus)))
    ratio = statistics.median(their / our for our, their in zip(ours, theirs, strict=True))
    print(f"tenuto  {lines / statistics.median(ours):9,.0f} lines/s   typed trees with spans")
    print(f"lark    {lines / statistics.median(theirs):9,.0f} lines/s   its own trees, without places")
    print(f"ratio   {ratio:9.2f} x   (median of {ROUNDS} rounds over {lines:,} lines, at least {BAR})")
    return ratio


def _seconds(work: Callable[[], object]) -> float:
    """The time that `work` takes; clearing away what it made is not counted."""
    gc.collect()
    start = time.process_time()
    made = work()
    seconds = time.process_time() - start
    del made
    return seconds


def _of_length(corpus: str, lines: int) -> str:
    """Whole declarations, about `lines` lines of them."""
    chunks = [chunk.text for chunk in split(corpus) if chunk.keyword is not None]
    taken: list[str] = []
    count = 0
    while count < lines:
        taken.append(chunks[len(taken) % len(chunks)])
        count += taken[-1].count("\n")
    return "".join(taken)


def _edits(text: str) -> None:
    """Insert a line into a body, cut the file anew and parse what is new of it, as the analyzer does."""
    choice = random.Random(1)
    known = {chunk.text: parse_chunk(chunk.text) for chunk in split(text)}
    places = [index for index in range(len(text)) if text.startswith("\n  let ", index)]
    costs, parsed = [], []
    for number in range(EDITS):
        place = choice.choice(places)
        edited = f"{text[:place]}\n  let added{number} = relu(x + {number}){text[place:]}"
        start = time.process_time()
        new: list[Parsed] = [known.get(chunk.text) or parse_chunk(chunk.text) for chunk in split(edited)]
        costs.append(time.process_time() - start)
        parsed.append(sum(each not in known.values() for each in new) if number < 3 else 1)
    assert set(parsed) == {1}, "an edit in a body parses one declaration"
    milliseconds = sorted(cost * 1e3 for cost in costs)
    print(
        f"edit    {milliseconds[EDITS // 2]:9.2f} ms in {text.count(chr(10)):,} lines "
        f"(95th percentile {milliseconds[EDITS * 95 // 100]:.2f}), one declaration parsed"
    )


if __name__ == "__main__":
    sys.exit(main())
