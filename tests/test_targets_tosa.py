"""What the profile of TOSA says against TOSA's own validator: small modules, for every operator that TOSA can say."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tenuto_analysis.dtypes import SCALARS
from tenuto_analysis.targets.demand import demand_of_function
from tenuto_analysis.targets.legality import obstacles
from tenuto_analysis.targets.profile import read
from tests.one_node import Case, one_node
from tests.test_targets_onnxruntime import CASES, DATABASE, WITHOUT_NUMBERS, types_of, well_typed
from tests.tosa import SAID, SUMS, accepted, module

pytestmark = pytest.mark.heavy

PROFILE = read("tosa")
DTYPES = [name for name in SCALARS if name not in WITHOUT_NUMBERS]


def case_of(op: str, dtype: str) -> Case | None:
    """A node of an operator as the profile is asked about it: TOSA's indices are `i32`, its short sums wider."""
    sums = SUMS.get(dtype, dtype)
    match op:
        case "matmul":
            return Case(op, {"a": "T[1, 2, 4]", "b": "T[1, 4, 3]"}, [f"{sums}[1, 2, 3]"])
        case "take":
            return Case(op, {"x": "T[4, 8]", "index": "i32[3]"}, ["T[3, 8]"], {"axis": 0})
        case "conv2d" | "conv3d":
            plain = (case for case in CASES if case.op == op and all(text[0] == "T" for text in types_of(case)))
            found = next((case for case in plain if well_typed(case, dtype)), None)
            if found is None or not dtype.startswith("f8"):
                return found
            return replace(found, results=[text.replace("T[", f"{sums}[") for text in found.results])
        case _:
            return next((case for case in CASES if case.op == op and well_typed(case, dtype)), None)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_profile_says_what_the_validator_accepts(dtype: str) -> None:
    told: set[str] = set()
    taken: set[str] = set()
    for op in SAID:
        case = case_of(op, dtype)
        if case is not None:
            demand = demand_of_function(DATABASE, one_node(case, dtype)[0].entry)
            told |= set() if any(obstacles(PROFILE, demand, None)) else {op}
            text = module(op, dtype)
            taken |= {op} if text is not None and accepted(text) is None else set()
    assert told == taken


@pytest.mark.parametrize(("rank", "level", "fits"), [(6, "8k", True), (7, "8k", False), (7, "none", True)])
def test_the_rank_of_the_profile_is_that_of_the_level(rank: int, level: str, fits: bool) -> None:
    type_ = f"tensor<{'x'.join(['1'] * rank)}xf32>"
    body = f"%y = tosa.abs %a : ({type_}) -> {type_}\nreturn %y : {type_}"
    found = accepted(f"func.func @f(%a: {type_}) -> {type_} {{\n{body}\n}}\n", level=level)
    assert (found is None) is fits, found
    assert PROFILE.rank is not None
    assert (rank <= PROFILE.rank.value) is (fits and level == "8k")


def test_a_size_that_is_open_is_refused_as_the_profile_says() -> None:
    assert PROFILE.sizes.open == "static"
    text = module("add", "f32")
    assert text is not None
    assert accepted(text.replace("2x4x", "?x4x")) is not None
