"""What the kinds `axis`, `axes`, `after` and `shape` say of the tensors that stand beside them in a signature."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from tenuto_backend.reference.expressions import evaluate
from tenuto_backend.reference.functions import axes_of, axis_of, sizes_of
from tenuto_backend.reference.matching import Binder, fit_shape, kind_of
from tenuto_backend.reference.values import Place, Refused, Shape, Undetermined, Value, WrongByExecution
from tenuto_grammar import syntax


def fit_places(binder: Binder, parameters: Sequence[tuple[syntax.Parameter, Value]], place: Place) -> None:
    """Check what the kinds `axis`, `axes`, `after` and `shape` say of the tensors beside them, and bind by it."""
    for parameter, value in parameters:
        base = parameter.type.base
        if not isinstance(base, syntax.TensorType) or not base.dims or value is None:
            continue
        match kind_of(parameter.type):
            case "after":
                _fit_after(binder, base.dims[0], value, parameters, place)
            case "axis" | "axes":
                _fit_axes(binder, base.dims[0], value, place)
            case "shape":
                fit_shape(binder, base.dims, _to_sizes(binder, parameter.name.text, value, parameters, place), place)
            case _:
                pass


def _fit_after(
    binder: Binder,
    pack: syntax.Index,
    value: Value,
    parameters: Sequence[tuple[syntax.Parameter, Value]],
    place: Place,
) -> None:
    """`axis: after[A]`: the axis that follows the pack `A` of a tensor beside it, counted from either end."""
    assert isinstance(pack, syntax.Name)
    for parameter, tensor in parameters:
        base = parameter.type.base
        if not isinstance(base, syntax.TensorType) or not base.dims or not isinstance(tensor, np.ndarray):
            continue
        match base.dims[0]:
            case syntax.Pack(value=syntax.Name(text=name)) if name == pack.text:
                merged = len(base.dims) == 2
                before = tensor.shape[: _place_of(value, tensor.ndim, merged, place)]
                fit_shape(binder, base.dims[:1], before, place)
                return


def _place_of(value: Value, rank: int, end_allowed: bool, place: Place) -> int:
    if end_allowed and value == rank:
        return rank
    try:
        return axis_of(value, rank)
    except Refused as problem:
        raise WrongByExecution(place, str(problem)) from problem


def _fit_axes(binder: Binder, pack: syntax.Index, value: Value, place: Place) -> None:
    def check() -> bool:
        if not binder.closed(pack):
            return False
        assert isinstance(pack, syntax.Name)
        try:
            axes_of(value, len(sizes_of(evaluate(binder.frame, pack))))
        except Refused as problem:
            raise WrongByExecution(place, str(problem)) from problem
        return True

    binder.later(check)


def _to_sizes(
    binder: Binder,
    name: str,
    value: Value,
    parameters: Sequence[tuple[syntax.Parameter, Value]],
    place: Place,
) -> tuple[int, ...]:
    """The shape asked for, where a number is one size; -1 is what the elements of the tensor beside it leave."""
    try:
        asked = sizes_of([value] if isinstance(value, int) else value)
    except Refused as problem:
        raise WrongByExecution(place, str(problem)) from problem
    rest = prod(size for size in asked if size != -1)
    total = next((tensor.size for _, tensor in parameters if isinstance(tensor, np.ndarray)), None)
    if asked.count(-1) == 1 and total is not None:
        if rest == 0 and total == 0:
            raise Undetermined("the size -1 of an empty tensor follows from terms that a run does not see")
        if rest == 0 or total % rest != 0:
            raise WrongByExecution(place, f"{total} elements do not fit the shape {asked}")
        asked = tuple(total // rest if size == -1 else size for size in asked)
    if any(size < 0 for size in asked):
        raise WrongByExecution(place, f"the shape {asked} has a negative size")
    binder.frame.names[name] = Shape(asked)
    return asked
