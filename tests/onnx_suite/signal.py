"""Windows and grids: numbers that come from places."""

from __future__ import annotations

from collections.abc import Mapping
from math import pi

from tests.onnx_suite.cases import Case
from tests.onnx_suite.saying import Saying, decimal


def window(*terms: float) -> Saying:
    """A sum of cosines: `terms[k]` counts `cos(k * angle)`."""

    def saying(case: Case) -> str:
        size = case.result().shape[0]
        length = size if case.attribute("periodic", 1) else size - 1
        angles = f"arange({size}) as f32 * {decimal(2 * pi / length)}"
        waves = [f"{decimal(term)} * cos({decimal(k)} * angle)" for k, term in enumerate(terms) if k]
        return f"let angle = {angles} return {decimal(terms[0])} + {' + '.join(waves)}"

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
    "BlackmanWindow": window(0.42, -0.5, 0.08),
    "HammingWindow": window(25 / 46, -21 / 46),
    "HannWindow": window(0.5, -0.5),
}
