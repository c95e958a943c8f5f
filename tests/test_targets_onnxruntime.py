"""What the profile of onnxruntime says against onnxruntime itself: models of one operator, for every dtype it may have.

An operator is lacking where one of its cases is not loaded. The profile is the only list: other tests read it too.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tenuto_analysis.check import queries
from tenuto_analysis.dtypes import SCALARS, Accumulated, accumulated, in_class
from tenuto_analysis.modules import prelude
from tenuto_analysis.targets.demand import demand_of_function
from tenuto_analysis.targets.legality import obstacles
from tenuto_analysis.targets.profile import read
from tenuto_analysis.types import DTypeKind, Tensor
from tenuto_backend.onnx.emit import emit
from tenuto_backend.onnx.options import OnnxError, Options
from tenuto_backend.onnx.save import with_weights
from tests.one_node import Case, Given, database, in_onnxruntime, one_node
from tests.test_onnx_rules import FAMILIES

PROFILE = read("onnxruntime.cpu")
WITHOUT_NUMBERS = {"c64", "c128", "string"}
DTYPES = [name for name in SCALARS if name not in WITHOUT_NUMBERS]
DATABASE = database()
CASES = [case for cases in FAMILIES.values() for case in cases if case.op != "dequantize"]
"""All but what only a pass makes, for storages that it chooses."""


def types_of(case: Case) -> Iterator[str]:
    for passed in case.inputs.values():
        for item in passed if isinstance(passed, tuple) else (passed,):
            yield item.type if isinstance(item, Given) else item
    yield from case.results


def well_typed(case: Case, dtype: str) -> bool:
    """Whether `std` declares the operator for a dtype, and the case says what it then gives."""
    if not any(text.startswith("T[") for text in types_of(case)):
        return False
    target = prelude().get(case.op)
    if target is None:
        return True
    signature = queries.signature(DATABASE, target.file, case.op)
    assert signature is not None
    kind = next((item.kind for item in signature.generics if item.name == "T"), None)
    if not isinstance(kind, DTypeKind):
        return dtype in case.dtypes
    result = signature.result
    if isinstance(result, Tensor) and isinstance(result.dtype, Accumulated):
        given = case.results[0].split("[")[0]
        if (dtype if given == "T" else given) != str(accumulated(SCALARS[dtype])):
            return False
    return in_class(SCALARS[dtype], kind.bound)


def loads(case: Case, dtype: str) -> bool:
    """Whether onnxruntime takes the model, if there is one."""
    try:
        model = with_weights(emit(DATABASE, one_node(case, dtype)[0], Options()), {})
        in_onnxruntime(model)
    except OnnxError:
        return False
    except Exception as error:
        assert "ONNXRuntimeError" in str(error), error
        return False
    return True


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_profile_says_what_onnxruntime_loads(dtype: str) -> None:
    told: dict[str, bool] = {}
    loaded: dict[str, bool] = {}
    for case in CASES:
        if well_typed(case, dtype):
            demand = demand_of_function(DATABASE, one_node(case, dtype)[0].entry)
            told[case.op] = told.get(case.op, True) and not any(obstacles(PROFILE, demand, None))
            loaded[case.op] = loaded.get(case.op, True) and loads(case, dtype)
    assert {op for op, ok in told.items() if not ok} == {op for op, ok in loaded.items() if not ok}
    assert len(loaded) > 30
