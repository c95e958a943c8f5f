"""`docs/backends.md`: what each back end computes of the library and of the examples. `pytest --update` writes it anew.

*Equal* is held by a test that runs the case: `test_onnx_rules.py` in onnxruntime, `test_mlir_iree.py` in IREE,
`test_models.py` for the examples; *refused* by one that fails once the back end has learned it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.one_node import TOLERANCE
from tests.test_mlir_iree import NOT_COMPILED
from tests.test_mlir_iree import RUNS as CASES
from tests.test_models import SMALL
from tests.test_onnx_rules import LACKS, NOT_FED
from tests.voice import keep_or_fail

PAGE = Path(__file__).parent.parent / "docs" / "backends.md"
COMMON = frozenset({"f32", "f16", "bf16", "i32", "i64", "bool"})
REASONS = {"undefined symbol": "links no mathematics for it", "failed to legalize": "makes no code for it"}
"""What IREE says, and what that means."""

HEAD = """# What the back ends compute

Of each operator of the library, in every dtype of its cases, and of each example: whether a back end gives the numbers
of the reference, which is the evaluator of typed graphs in NumPy. `tests/test_backends_page.py` writes this page; what
it says is held by tests that run every case at two choices of its sizes.

*Equal* is within {float32} in `f32`, {float16} in `f16`, {bfloat16} in `bf16` and {float64} in `f64`, absolutely and
relatively; integers and truth values are equal as they are. *Refused* is told before anything runs, *not fed* is what
onnxruntime takes from no array of NumPy. Nothing is *wrong*.

IREE's column is its code for a processor. Of the pairs of operator and dtype it refuses {refused} of {pairs}, none of
them in `f32`, `f16`, `bf16`, `i32`, `i64` or `bool`.
"""


def test_the_page_says_what_every_back_end_computes(request: pytest.FixtureRequest) -> None:
    old = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    keep_or_fail(PAGE, old, page(), request.config)


def test_a_processor_lacks_nothing_that_is_common() -> None:
    """The bar is one pair in twenty."""
    assert not [(op, dtype) for op, dtype in NOT_COMPILED if dtype in COMMON]


def page() -> str:
    dtypes = of_operators()
    pairs = sum(map(len, dtypes.values()))
    limits = {name: f"{limit:g}" for name, limit in TOLERANCE.items()}
    refused = sum((op, name) in NOT_COMPILED for op, names in dtypes.items() for name in names)
    head = HEAD.format(**limits, refused=refused, pairs=pairs)
    return "\n".join((head, *operators(dtypes), "", *examples())) + "\n"


def of_operators() -> Mapping[str, Sequence[str]]:
    """The dtypes of each operator's cases."""
    found: dict[str, dict[str, None]] = {}
    for case, dtype in CASES:
        found.setdefault(case.op, {})[dtype] = None
    return {op: [*found[op]] for op in sorted(found)}


def operators(dtypes: Mapping[str, Sequence[str]]) -> Iterator[str]:
    yield "| operator | dtypes | reference | onnxruntime | IREE |"
    yield "| --- | --- | --- | --- | --- |"
    for op, names in dtypes.items():
        lacks = [name for name in names if (op, name) in LACKS["onnxruntime"]]
        unfed = [name for name in names if name in NOT_FED and name not in lacks]
        onnxruntime = cell(names, {"refused, it has no kernel": lacks, "not fed": unfed})
        reasons: dict[str, list[str]] = {}
        for name in names:
            if (op, name) in NOT_COMPILED:
                reasons.setdefault(f"refused, it {reason(NOT_COMPILED[op, name])}", []).append(name)
        yield f"| `{op}` | {', '.join(names)} | equal | {onnxruntime} | {cell(names, reasons)} |"


def cell(names: Sequence[str], others: Mapping[str, Sequence[str]]) -> str:
    """`equal; not fed: bf16`."""
    told = [f"{what}: {', '.join(of)}" for what, of in others.items() if of]
    rest = [name for name in names if not any(name in of for of in others.values())]
    return "; ".join(["equal", *told] if rest else told)


def reason(said: str) -> str:
    return next(meaning for words, meaning in REASONS.items() if said.startswith(words))


def examples() -> Iterator[str]:
    yield "| example | reference | onnxruntime | IREE |"
    yield "| --- | --- | --- | --- |"
    for name in sorted(SMALL):
        yield f"| [{name}.ten](../examples/{name}.ten) | equal | equal | equal |"
