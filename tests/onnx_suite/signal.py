"""Windows and grids: numbers that come from places."""

from __future__ import annotations

from collections.abc import Mapping

from tests.onnx_suite.cases import Case
from tests.onnx_suite.saying import Saying, decimal


def window(name: str) -> Saying:
    def saying(case: Case) -> str:
        periodic = "true" if case.attribute("periodic", 1) else "false"
        return f"{name}({case.result().shape[0]}, periodic = {periodic})"

    return saying


def affine_grid(case: Case) -> str:
    """The places of a grid between -1 and 1, mapped; the last axis of the grid is the first coordinate."""
    sizes = case.result().shape[1:-1]
    rank = len(sizes)
    lines, columns = [], []
    for axis, size in reversed(list(enumerate(sizes))):
        places = f"arange({size}) as f32"
        if case.attribute("align_corners", 0):
            line = f"{places} * {decimal(2 / (size - 1))} - 1.0"
        else:
            line = f"(2.0 * ({places}) + 1.0) / {decimal(size)} - 1.0"
        shown = ", ".join(":" if i == axis else "none" for i in range(rank))
        whole = f"shape[{', '.join(map(str, sizes))}]"
        lines.append(f"let p{axis} = expand(({line})[{shown}], {whole})")
        columns.append(f"p{axis}")
    columns.append(f"ones[f32](shape[{', '.join(map(str, sizes))}])")
    places = " ".join("hwd"[:rank])
    lines.append(f"let base = stack({', '.join(columns)}, axis = -1)")
    return f'{" ".join(lines)} return einsum("{places} k, n j k -> n {places} j", base, x0)'


SAID: Mapping[str, Saying] = {
    "AffineGrid": affine_grid,
    "BlackmanWindow": window("blackman_window"),
    "HammingWindow": window("hamming_window"),
    "HannWindow": window("hann_window"),
}
