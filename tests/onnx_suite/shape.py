"""The same elements elsewhere, cut, joined, padded, chosen and placed by index; products of matrices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise

import numpy as np

from tests.onnx_suite.cases import Case
from tests.onnx_suite.saying import Said, Saying, at, decimal, dtype_of, numbers, shape


def within(size: int) -> str:
    """The range of an index into an axis, which may count from the end."""
    return f"{-size} .. {size - 1}"


def joined(parts: Sequence[str], axis: int) -> str:
    return parts[0] if len(parts) == 1 else f"concat({', '.join(parts)}, axis = {axis})"


# -------------------------------------------------------------------------------------------------- the same, elsewhere


def concat(case: Case) -> str:
    return joined([f"x{at}" for at in range(len(case.inputs))], case.attribute("axis"))


def reshaped(case: Case) -> str:
    return f"reshape(x0, {shape(case.result().shape)})"


def constant_of_shape(case: Case) -> str:
    result = case.result()
    value = result.flat[0] if result.size else 0
    literal = decimal(value) if result.dtype.kind == "f" else str(int(value))
    return f"full[{dtype_of(result)}]({shape(result.shape)}, {literal})"


def depth_to_space(case: Case) -> str:
    function = "pixel_shuffle" if case.attribute("mode", b"DCR") == b"CRD" else "depth_to_space"
    return f"{function}(x0, {case.attribute('blocksize')})"


def space_to_depth(case: Case) -> str:
    return f"space_to_depth(x0, {case.attribute('blocksize')})"


def expand(case: Case) -> str:
    return f"expand(x0, {shape(case.result().shape)})"


def eye(case: Case) -> str:
    rows, columns = case.shape
    here = f"arange({rows})[:, none] + {case.attribute('k', 0)} == arange({columns})[none, :]"
    return f"({here}) as {dtype_of(case.result())}"


def triangle(case: Case) -> str:
    k = int(case.given(1)) if case.has(1) else 0
    name = "triu" if case.attribute("upper", 1) else "tril"
    return f"where({name}({case.shape[-2]}, {case.shape[-1]}, diagonal = {k}), x0, 0)"


def transposed(case: Case) -> str:
    order = case.attribute("perm", list(range(case.rank))[::-1])
    return f"permute(x0, ({', '.join(map(str, order))}))"


def squeezed(case: Case) -> str:
    found = "x0"
    for axis in sorted((int(axis) % case.rank for axis in case.given(1)), reverse=True):
        found = f"squeeze({found}, {axis})"
    return found


def unsqueezed(case: Case) -> str:
    rank = case.result().ndim
    found = "x0"
    for axis in sorted(int(axis) % rank for axis in case.given(1)):
        found = f"unsqueeze({found}, {axis})"
    return found


def tiled(case: Case) -> str:
    return f"tile(x0, {numbers(int(n) for n in case.given(1))})"


def upsampled(case: Case) -> str:
    found = "x0"
    for axis, scale in enumerate(case.given(1)):
        found = f"repeat({found}, {int(scale)}, axis = {axis})"
    return found


# ------------------------------------------------------------------------------------------------------- parts, borders


def split(case: Case) -> str:
    axis = case.attribute("axis", 0) % case.rank
    sizes = [output.shape[axis] for output in case.outputs if output is not None]
    if len(set(sizes)) == 1:
        parts = f"split(x0, {len(sizes)}, axis = {axis})"
        return f"let parts = {parts} return ({', '.join(f'parts[{i}]' for i in range(len(sizes)))})"
    cuts = [f"{start}:{stop}" for start, stop in pairwise([0, *accumulate(sizes)])]
    return f"({', '.join(f'x0{at(case.rank, axis, cut)}' for cut in cuts)})"


def sliced(case: Case) -> str:
    """What is taken backwards is taken forwards, and flipped."""
    starts, stops = ([int(i) for i in case.given(k)] for k in (1, 2))
    axes = [int(i) % case.rank for i in case.given(3)] if case.has(3) else list(range(len(starts)))
    steps = [int(i) for i in case.given(4)] if case.has(4) else [1] * len(starts)
    items = [":"] * case.rank
    flipped = []
    for start, stop, axis, step in zip(starts, stops, axes, steps, strict=True):
        if step > 0:
            items[axis] = f"{start}:{stop}:{step}"
        else:
            taken = range(case.shape[axis])[start:stop:step]
            items[axis] = f"{min(taken)}:{max(taken) + 1}:{-step}"
            flipped.append(axis)
    found = f"x0[{', '.join(items)}]"
    return f"flip({found}, ({', '.join(map(str, flipped))}))" if flipped else found


def padding(case: Case) -> list[tuple[int, int]]:
    pads = [int(i) for i in case.given(1)]
    axes = [int(i) % case.rank for i in case.given(3)] if case.has(3) else list(range(case.rank))
    found = [(0, 0)] * case.rank
    for index, axis in enumerate(axes):
        found[axis] = (pads[index], pads[index + len(axes)])
    return found


def pad(case: Case) -> str:
    pads = padding(case)
    mode = case.attribute("mode", b"constant").decode()
    if mode == "constant":
        value = ", value = x2" if case.has(2) else ""
        return f"pad(x0, before = {numbers(b for b, _ in pads)}, after = {numbers(a for _, a in pads)}{value})"
    lines, found = [], "x0"
    for axis, (before, after) in enumerate(pads):
        if mode == "wrap":
            size = case.shape[axis]
            left = found + at(case.rank, axis, f"{size - before}:")
            right = found + at(case.rank, axis, f":{after}")
            lines.append(f"let p{axis} = concat({left}, {found}, {right}, axis = {axis})")
        else:
            lines.append(f"let p{axis} = pad_{mode}({found}, {before}, {after}, axis = {axis})")
        found = f"p{axis}"
    return f"{' '.join(lines)} return {found}"


def center(case: Case) -> str:
    """Crop what is too long, then pad what is too short."""
    result = case.result().shape
    items, before, after = [], [], []
    for size, wanted in zip(case.shape, result, strict=True):
        cut, lack = max(size - wanted, 0), max(wanted - size, 0)
        items.append(f"{cut // 2}:{cut // 2 + min(size, wanted)}")
        before.append(lack // 2)
        after.append(lack - lack // 2)
    return f"pad(x0[{', '.join(items)}], before = {numbers(before)}, after = {numbers(after)})"


# ---------------------------------------------------------------------------------------------------------------- index


def gather(case: Case) -> Said:
    axis = case.attribute("axis", 0) % case.rank
    return Said(f"take(x0, x1, axis = {axis})", {1: within(case.shape[axis])})


def gather_elements(case: Case) -> Said:
    axis = case.attribute("axis", 0) % case.rank
    return Said(f"gather(x0, x1, axis = {axis})", {1: within(case.shape[axis])})


def gather_nd(case: Case) -> Said:
    """Each row of the index is looked up by itself, one axis after the other."""
    batch = case.attribute("batch_dims", 0)
    index = case.given(1)
    found = []
    for row in np.ndindex(index.shape[:-1]):
        part = f"x0[{row[0]}]" if batch else "x0"
        for axis in range(index.shape[-1]):
            part = f"take({part}, x1[{', '.join(map(str, (*row, axis)))}])"
        found.append(part)
    top = min(case.shape[batch : batch + index.shape[-1]])
    return Said(f"reshape(stack({', '.join(found)}, axis = 0), {shape(case.result().shape)})", {1: within(top)})


COMBINED = {
    "none": "{1}",
    "add": "{0} + {1}",
    "mul": "{0} * {1}",
    "max": "maximum({0}, {1})",
    "min": "minimum({0}, {1})",
}


def reduction(case: Case) -> str:
    return str(case.attribute("reduction", b"none").decode())


def scatter_elements(case: Case) -> Said:
    """A product or an extreme is written place by place along the axis."""
    axis = case.attribute("axis", 0) % case.rank
    ranges = {1: within(case.shape[axis])}
    how = reduction(case)
    if how in ("none", "add"):
        return Said(f"{'scatter' if how == 'none' else 'scatter_add'}(x0, x1, x2, axis = {axis})", ranges)
    lines, found = [], "x0"
    for place in range(case.given(1).shape[axis]):
        part = at(case.rank, axis, f"{place}:{place + 1}")
        new = COMBINED[how].format(f"gather({found}, x1{part}, axis = {axis})", f"x2{part}")
        lines.append(f"let h{place} = scatter({found}, x1{part}, {new}, axis = {axis})")
        found = f"h{place}"
    return Said(f"{' '.join(lines)} return {found}", ranges)


def scatter_nd(case: Case) -> Said:
    """Row by row: the index of each case names one axis."""
    lines, found = [], "x0"
    for row in range(case.given(1).shape[0]):
        new = COMBINED[reduction(case)].format(f"take({found}, x1[{row}])", f"x2[{row} : {row + 1}]")
        lines.append(f"let h{row} = update_slice({found}, {new}, x1[{row}, 0], axis = 0)")
        found = f"h{row}"
    return Said(f"{' '.join(lines)} return {found}", {1: f"0 .. {case.shape[0] - 1}"})


def tensor_scatter(case: Case) -> str:
    """A place of the cache takes the update that stands as far from the start as it does, round the end."""
    axis = case.attribute("axis", -2) % case.rank
    size, count = case.shape[axis], case.given(1).shape[axis]
    column = ", ".join(":" if i == axis else "none" for i in range(1, case.rank))
    lines, parts = [], []
    for b in range(case.shape[0]):
        lines.append(f"let p{b} = ((arange({size}) - x2[{b}]) % {size})[{column}]")
        new = f"x0[{b}]"
        for row in range(count):
            new = f"where(p{b} == {row}, x1[{b}]{at(case.rank - 1, axis - 1, f'{row}:{row + 1}')}, {new})"
        parts.append(new)
    return f"{' '.join(lines)} return stack({', '.join(parts)}, axis = 0)"


def one_hot(case: Case) -> str:
    depth = int(case.given(1))
    rank = case.result().ndim
    axis = case.attribute("axis", -1) % rank
    column = ", ".join(":" if i == axis else "none" for i in range(rank))
    hot = f"unsqueeze(x0 as i64, {axis}) % {depth} == arange({depth})[{column}]"
    return f"where({hot}, x2[1], x2[0])"


def reverse_sequence(case: Case) -> str:
    """Within its length, a place takes the one as far from the end: the sum over all places of that one alone."""
    time = case.attribute("time_axis", 0)
    size = case.shape[time]
    place, length = ("[:, none]", "x1[none, :]") if time == 0 else ("[none, :]", "x1[:, none]")
    here = f"arange({size}){place}"
    back = f"where({here} < {length}, {length} - 1 - {here}, {here})"
    chosen, of = (f"({back})[:, none, :] == arange({size})[none, :, none]", "x0[none, :, :]")
    if time == 1:
        chosen, of = f"({back})[:, :, none] == arange({size})[none, none, :]", "x0[:, none, :]"
    return f"sum(where({chosen}, {of}, 0.0), axis = {time + 1})"


def extract(case: Case) -> Said:
    return Said("take(x0, x1, axis = 1)", {1: within(case.shape[1])})


# --------------------------------------------------------------------------------------------------- numbers of a shape


def range_(case: Case) -> str:
    return f"x0 + (arange({case.result().shape[0]}) as {case.dtype}) * x2"


def sizes_of(case: Case) -> Said:
    names = [f"N{axis}" for axis in range(case.rank)]
    taken = names[case.attribute("start", 0) : case.attribute("end", case.rank)]
    if not taken:
        return Said("zeros[i64](shape[0])")
    parts = [f"full[i64](shape[1], {name})" for name in taken]
    signature = f"fn sizes(x: {case.dtype}[{', '.join(names)}]) -> i64[{len(taken)}]"
    return Said("sizes(x0)", above=f"{signature} = {joined(parts, 0)}\n")


def size_of(case: Case) -> Said:
    names = [f"N{axis}" for axis in range(case.rank)]
    value = " * ".join(names)
    signature = f"fn elements(x: {case.dtype}[{', '.join(names)}]) -> i64[]"
    return Said("elements(x0)", above=f"{signature} = full[i64](shape[], {value})\n")


# ------------------------------------------------------------------------------------------------------------- products


def gemm(case: Case) -> str:
    a = "transpose(x0)" if case.attribute("transA", 0) else "x0"
    b = "transpose(x1)" if case.attribute("transB", 0) else "x1"
    found = f"{decimal(case.attribute('alpha', 1.0))} * ({a} @ {b})"
    return f"{found} + {decimal(case.attribute('beta', 1.0))} * x2" if case.has(2) else found


def matmul(case: Case) -> str:
    return "(x0 @ x1[:, none])[..., 0]" if case.given(1).ndim == 1 else "x0 @ x1"


def einsum(case: Case) -> str:
    written = case.attribute("equation").decode().replace(" ", "")
    if written == "...ii->...i":
        size = case.shape[-1]
        return f"sum(where(arange({size})[:, none] == arange({size})[none, :], x0, 0.0), axis = -1)"
    left, _, right = written.partition("->")
    sides = [" ".join(side) for side in (*left.split(","), right)]
    pattern = f"{', '.join(sides[:-1])} -> {sides[-1]}".strip()
    return f'einsum("{pattern}", {", ".join(f"x{i}" for i in range(len(case.inputs)))})'


SAID: Mapping[str, Saying] = {
    "ArrayFeatureExtractor": extract,
    "CenterCropPad": center,
    "Concat": concat,
    "ConstantOfShape": constant_of_shape,
    "DepthToSpace": depth_to_space,
    "Einsum": einsum,
    "Expand": expand,
    "EyeLike": eye,
    "Flatten": reshaped,
    "Gather": gather,
    "GatherElements": gather_elements,
    "GatherND": gather_nd,
    "Gemm": gemm,
    "MatMul": matmul,
    "OneHot": one_hot,
    "Pad": pad,
    "Range": range_,
    "Reshape": reshaped,
    "ReverseSequence": reverse_sequence,
    "Scatter": scatter_elements,
    "ScatterElements": scatter_elements,
    "ScatterND": scatter_nd,
    "Shape": sizes_of,
    "Size": size_of,
    "Slice": sliced,
    "SpaceToDepth": space_to_depth,
    "Split": split,
    "Squeeze": squeezed,
    "TensorScatter": tensor_scatter,
    "Tile": tiled,
    "Transpose": transposed,
    "Trilu": triangle,
    "Unsqueeze": unsqueezed,
    "Upsample": upsampled,
}
