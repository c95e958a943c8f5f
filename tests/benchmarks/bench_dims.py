"""Deciding that two sizes are equal, beside a general computer algebra system.

Run by `./dev bench`, or alone. The same expressions are built and compared by both, over names that neither has seen
before, so that nothing remembered helps. sympy is no dependency of Tenuto; where it is missing that is said.
"""

from __future__ import annotations

import importlib
import statistics
import time
from collections.abc import Callable
from typing import Any

from tenuto_analysis.dims import Symbol, of
from tenuto_analysis.facts import EMPTY

PAIRS: list[Callable[[Any, Any, Any], tuple[Any, Any]]] = [
    lambda a, b, c: (1 + a, a + 1),
    lambda a, b, c: (a + 1 - 1, a),
    lambda a, b, c: (a + (b + c), (a + b) + c),
    lambda a, b, c: (a * (b + 1), a * b + a),
    lambda a, b, c: ((a + b) * (a - b), a * a - b * b),
    lambda a, b, c: (a * b * (3 * c), 3 * (a * (c * b))),
    lambda a, b, c: ((2 * a) // 2, a),
    lambda a, b, c: ((a - 1) // 2 + 1, (a + 1) // 2),
    lambda a, b, c: (((a // 2) // 2) // 2, a // 8),
    lambda a, b, c: ((a + 2 * 1 - 1 * (3 - 1) - 1) // 1 + 1, a),
    lambda a, b, c: (a, b),
    lambda a, b, c: (a * b, a * c),
]
ROUNDS = 5
OUR_REPEATS = 200


def main() -> None:
    ours, our_answers = _measured(_our_answers, OUR_REPEATS)
    print(f"tenuto  {ours * 1e6:9.1f} us a pair   {_counted(our_answers)}")
    try:
        sympy = importlib.import_module("sympy")
    except ImportError:
        print("sympy   not installed, so nothing to compare with (pip install sympy)")
        return
    theirs, their_answers = _measured(lambda serial: _sympys_answers(sympy, serial), 1)
    print(f"sympy   {theirs * 1e6:9.1f} us a pair   {_counted(their_answers)}")
    print(f"ratio   {theirs / ours:9.0f} x   (median of {ROUNDS} rounds)")


def _measured(answers: Callable[[int], list[bool]], repeats: int) -> tuple[float, list[bool]]:
    seconds = []
    last: list[bool] = []
    for i in range(ROUNDS):
        start = time.perf_counter()
        for j in range(repeats):
            last = answers(i * repeats + j)
        seconds.append((time.perf_counter() - start) / repeats / len(PAIRS))
    return statistics.median(seconds), last


def _our_answers(serial: int) -> list[bool]:
    a, b, c = (of(Symbol(name, owner=str(serial))) for name in "ABC")
    return [EMPTY.equal(*pair(a, b, c)) for pair in PAIRS]


def _sympys_answers(sympy: Any, serial: int) -> list[bool]:
    a, b, c = (sympy.Symbol(f"{name}{serial}", integer=True, nonnegative=True) for name in "ABC")
    return [bool(sympy.simplify(left - right) == 0) for left, right in (pair(a, b, c) for pair in PAIRS)]


def _counted(answers: list[bool]) -> str:
    return f"{sum(answers)} of {len(answers)} pairs found equal (10 are)"


if __name__ == "__main__":
    main()
