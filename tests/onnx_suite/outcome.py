"""What came of each case: agreed everywhere, not said and why, or where it differs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from msgspec import Struct

from tenuto_analysis.database import Database
from tenuto_backend.onnx.options import Options, Profile
from tenuto_backend.reference.program import prelude
from tenuto_backend.reference.values import Array
from tests.onnx_suite.cases import Case, cases
from tests.onnx_suite.running import Program, as_graph, as_onnx, as_tree, graph_of
from tests.onnx_suite.saying import NotSaid, Said
from tests.onnx_suite.table import TABLE

WAYS: Mapping[str, Options] = {
    "portable": Options(),
    "modern": Options(profile=Profile.MODERN),
    "bodies": Options(recognise=False),
}
"""How a program is written as ONNX: library calls as the operators of either profile, or as their bodies."""

_DATABASE = Database()


class Outcome(Struct, frozen=True):
    """`reason` why the case is not said; `differs` by the part that gives something else."""

    case: str
    uses: frozenset[str] = frozenset()
    reason: str = ""
    differs: Mapping[str, str] = {}
    unloaded: str = ""


@cache
def outcomes(operator: str) -> tuple[Outcome, ...]:
    with np.errstate(all="ignore"):  # Infinities are among the numbers that cases expect.
        return tuple(_outcome(case) for case in cases()[operator])


def _outcome(case: Case) -> Outcome:
    if case.unknown:
        return Outcome(case.name, reason=case.unknown)
    said = TABLE[case.operator](case)
    if isinstance(said, NotSaid):
        return Outcome(case.name, reason=said.reason)
    program = Program(case, said if isinstance(said, Said) else Said(said))
    arrays, weights = program.arrays(case), program.weights
    graph = graph_of(_DATABASE, program.text)
    given: dict[str, Sequence[Array]] = {
        "graph": as_graph(graph, arrays, weights),
        "syntax tree": as_tree(program.text, arrays, weights),
    }
    unloaded = ""
    for way, options in WAYS.items():
        for runner, results in as_onnx(_DATABASE, graph, arrays, weights, options).items():
            if isinstance(results, str):
                unloaded = results
            else:
                given[f"{runner}, {way}"] = results
    differs = {part: words for part, results in given.items() if (words := difference(case, results))}
    return Outcome(case.name, _uses(program.text), differs=differs, unloaded=unloaded)


def difference(case: Case, results: Sequence[Array]) -> str:
    """What is wrong with these results; nothing where they are what the suite expects."""
    wanted = [output for output in case.outputs if output is not None]
    if len(results) != len(wanted):
        return f"{len(results)} results, not {len(wanted)}"
    for ours, theirs in zip(results, wanted, strict=True):
        if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
            return f"{ours.dtype}{ours.shape}, not {theirs.dtype}{theirs.shape}"
        a, b = ours.astype(np.float64), theirs.astype(np.float64)
        exact = ours.dtype.kind in "biu" or "int" in ours.dtype.name
        same = np.array_equal(ours, theirs) if exact else np.allclose(a, b, case.rtol, case.atol, equal_nan=True)
        if not same:
            return f"{a.ravel()[:8]}, not {b.ravel()[:8]}"
    return ""


def _uses(text: str) -> frozenset[str]:
    """The functions of the standard library that a program names."""
    without_strings = re.sub(r'"[^"]*"', "", text)
    return frozenset(re.findall(r"\b([a-z]\w*)(?=\()", without_strings)) & frozenset(prelude())
