"""The call of a library function as the one operator that its declaration names, where that means the same.

An operator computes in one dtype. So does a function whose body computes in one, whatever its operands and results are:
the operator then stands between the casts that the body has. A body that computes in several, as an attention whose
products are short and whose softmax is wide, stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator

from tenuto_analysis.dtypes import SCALARS, Kind, Scalar
from tenuto_analysis.graph import Apply, Argument, Call, Function, Node, Ssa, walk
from tenuto_analysis.types import Tensor
from tenuto_backend.applied import scalar
from tenuto_backend.onnx.scope import Scope
from tenuto_backend.onnx.site import Site
from tenuto_backend.passes.constant_folding import exact

F32 = SCALARS["f32"]
OF_SIZES = Tensor(SCALARS["f64"], ())
"""What the library computes of sizes, before it meets a tensor."""


def computed_in(node: Call) -> Scalar | None:
    """The one float that the function of a call computes in; any where it has none, None where it has several."""
    outside = _floats(node)
    found = {*_inside(node.function)} or {*outside[:1]} or {F32}
    (dtype, *others) = found
    return None if others or not all(exact(float_, dtype) for float_ in outside) else dtype


def has_others(node: Call, dtype: Scalar) -> bool:
    """Whether a call takes or gives floats of another dtype."""
    return any(found != dtype for found in _floats(node))


def between_casts(scope: Scope, node: Call, dtype: Scalar) -> Site:
    """What the operator for a call sees where it computes in `dtype`: its operands, cast in `scope`."""
    arguments = {name: _widened(scope, argument, dtype) for name, argument in node.arguments.items()}
    results = tuple(Ssa(_wide(ssa.type, dtype), ssa.name) for ssa in node.results)
    return Site(node.function.name, arguments, results, scope)


def _floats(node: Call) -> list[Scalar]:
    dtypes = (scalar(ssa.type.dtype) for ssa in (*node.operands, *node.results))
    return [dtype for dtype in dtypes if dtype.kind is Kind.FLOAT]


def _inside(function: Function) -> Iterator[Scalar]:
    """The floats that a function computes in: of all that it makes, but for a cast that it ends in."""
    ends = set(map(id, function.results))
    for node in walk(function.body):
        if isinstance(node, Call):
            yield from _inside(node.function)
        for result in node.results:
            dtype = scalar(result.type.dtype)
            ending = id(result) in ends and _is_cast_of_float(node)
            if dtype.kind is Kind.FLOAT and not ending and result.type != OF_SIZES:
                yield dtype


def _is_cast_of_float(node: Node) -> bool:
    match node:
        case Apply(op="cast", arguments={"x": Ssa() as x}):
            return scalar(x.type.dtype).kind is Kind.FLOAT
        case _:
            return False


def _widened(scope: Scope, argument: Argument, wide: Scalar) -> Argument:
    if isinstance(argument, tuple):
        return tuple(_widened(scope, item, wide) for item in argument)
    if not isinstance(argument, Ssa) or _wide(argument.type, wide) == argument.type:
        return argument
    found = Ssa(_wide(argument.type, wide), argument.name)
    site = Site("cast", {"x": argument}, (found,), scope)
    scope.bind(found, site.cast(scope.value(argument), wide))
    return found


def _wide(type_: Tensor, wide: Scalar) -> Tensor:
    return Tensor(wide, type_.shape) if scalar(type_.dtype).kind is Kind.FLOAT else type_
