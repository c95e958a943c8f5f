"""Policies that are made by a call: `mixed(compute = f16)`, `int4(group = 32)`. A table says what each takes."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from tenuto_analysis.check import expressions
from tenuto_analysis.check.context import Context
from tenuto_analysis.diagnostics.types import InvalidPolicy, UnknownPolicy
from tenuto_analysis.diagnostics.words import nearest
from tenuto_analysis.dtypes import SCALARS, Kind, Scalar
from tenuto_analysis.precision.policies import F32, NAMED, Activations, Field, Precision, Quantisation, Scaled
from tenuto_analysis.types import UNKNOWN, DTypeValue, Int, PolicyValue, Value
from tenuto_grammar import syntax
from tenuto_grammar.text import Span


class Takes(Enum):
    """What an argument of a policy must be."""

    DTYPE = "a float dtype"
    SCALE = "the dtype of a scale"
    STORED = "an 8-bit float"
    SCALED = "`per_tensor` or `per_channel`"
    GROUP = "a number, at least 1"
    ACTIVATIONS = "`none` or `dynamic`"


class Maker(Struct, frozen=True):
    """What a call takes, by name; what it starts from; what must be given."""

    takes: Mapping[str, Takes]
    base: Precision
    required: tuple[str, ...] = ()


Read = Scalar | Scaled | Activations | int
"""What an argument of a policy says."""

_DTYPES = {field.value: Takes.DTYPE for field in Field}
_QUANTISED = {"weights": Takes.SCALED, "group": Takes.GROUP, "scale": Takes.SCALE, "activations": Takes.ACTIVATIONS}


def _quantised(dtype: str, scaled: Scaled, group: int | None = None) -> Precision:
    return replace(F32, weights=Quantisation(SCALARS[dtype], scaled, group, SCALARS["f32"]))


MAKERS: Mapping[str, Maker] = {
    "mixed": Maker(_DTYPES, NAMED["mixed"]),
    "policy": Maker(_DTYPES, F32, ("compute", "accumulate")),
    "int8": Maker({**_QUANTISED, **_DTYPES}, _quantised("i8", Scaled.CHANNEL)),
    "int4": Maker({**_QUANTISED, **_DTYPES}, _quantised("i4", Scaled.GROUP, 32)),
    "fp8": Maker({"format": Takes.STORED, **_QUANTISED, **_DTYPES}, _quantised("f8e4m3", Scaled.CHANNEL)),
}
# Narrow floats that hold scales alone.
_SCALES_ONLY = ("f8e8m0",)


def of_constant(ctx: Context, node: syntax.Expression) -> Value | None:
    """The policy that a `const` names or makes; None where its value is something else."""
    match node:
        case syntax.Parenthesized(inner=inner):
            return of_constant(ctx, inner)
        case syntax.Name(text=text) if text in MAKERS and expressions.declared_here(ctx, text) is None:
            found = made(ctx, text, (), node.span)
        case syntax.Call(callee=syntax.Name(text=text), arguments=arguments) if (
            text in MAKERS and expressions.declared_here(ctx, text) is None
        ):
            found = made(ctx, text, arguments, node.span)
        case _:
            return None
    return PolicyValue(found) if found is not None else UNKNOWN


def made(ctx: Context, name: str, arguments: tuple[syntax.Argument, ...], span: Span) -> Precision | None:
    """The policy that a call makes; None after a mistake in it."""
    maker = MAKERS.get(name)
    if maker is None:
        ctx.report(InvalidPolicy(span, f"`{name}` is one dtype throughout and takes no arguments"))
        return None
    before = len(ctx.problems)
    given: dict[str, Read] = {}
    for argument in arguments:
        _take(ctx, name, maker, argument, given)
    missing = [field for field in maker.required if field not in given]
    if missing and len(ctx.problems) == before:
        ctx.report(InvalidPolicy(span, f"`{name}` needs {' and '.join(f'`{field}`' for field in missing)}"))
    return _with(maker.base, given) if len(ctx.problems) == before else None


def _take(ctx: Context, name: str, maker: Maker, argument: syntax.Argument, given: dict[str, Read]) -> None:
    """One argument, read by what the policy takes under its name."""
    if argument.name is None:
        ctx.report(InvalidPolicy(argument.value.span, f"`{name}` takes its arguments by name", _known(maker)))
        return
    field, span = argument.name.text, argument.name.span
    if not field or isinstance(argument.value, syntax.Missing):
        return  # The syntax has said what is missing.
    takes = maker.takes.get(field)
    if takes is None:
        near = nearest(field, maker.takes)
        help_ = f"did you mean `{near[0]}`?" if near else _known(maker)
        ctx.report(InvalidPolicy(span, f"`{name}` takes no `{field}`", help_))
    elif field in given:
        ctx.report(InvalidPolicy(span, f"`{field}` is given twice"))
    else:
        value = _read(ctx, takes, field, argument.value)
        if value is not None:
            given[field] = value


def _known(maker: Maker) -> str:
    return f"it takes {', '.join(maker.takes)}"


def _read(ctx: Context, takes: Takes, field: str, node: syntax.Expression) -> Read | None:
    """The value of an argument; None after a mistake."""
    match takes, node:
        case Takes.DTYPE | Takes.SCALE | Takes.STORED, _:
            return _dtype(ctx, takes, node)
        case Takes.SCALED, syntax.Name(text=("per_tensor" | "per_channel") as text):
            return Scaled(text)
        case Takes.ACTIVATIONS, syntax.NoneLiteral():
            return Activations.KEPT
        case Takes.ACTIVATIONS, syntax.Name(text="dynamic"):
            return Activations.DYNAMIC
        case Takes.GROUP, _:
            value = expressions.infer(ctx, node)
            number = value.value.constant if isinstance(value, Int) else None
            if number is not None and number >= 1:
                return number
            if value == UNKNOWN:
                return None
        case _:
            pass
    ctx.report(InvalidPolicy(node.span, f"`{field}` is {takes.value}"))
    return None


def _dtype(ctx: Context, takes: Takes, node: syntax.Expression) -> Scalar | None:
    scalar: Scalar | None = None
    match node:
        case syntax.Name(text=text):
            declared = expressions.declared_here(ctx, text)
            scalar = SCALARS.get(text) if declared is None else _scalar_in(declared)
        case _:
            text = ""
    if scalar is None or scalar.kind not in (Kind.FLOAT, Kind.SIGNED, Kind.UNSIGNED):
        shown = f"`{text}`" if text else "this"
        ctx.report(UnknownPolicy(node.span, shown, "dtype to compute in", nearest(text, SCALARS), ()))
        return None
    held = {
        Takes.STORED: scalar.kind is Kind.FLOAT and scalar.bits == 8 and scalar.name not in _SCALES_ONLY,
        Takes.SCALE: scalar.kind is Kind.FLOAT and scalar.bits >= 8,
    }
    if not held.get(takes, scalar.kind is Kind.FLOAT and scalar.name not in _SCALES_ONLY):
        help_ = "integers are `int8(...)` and `int4(...)`, which scale them" if scalar.kind is not Kind.FLOAT else None
        ctx.report(InvalidPolicy(node.span, f"`{scalar}` is not {takes.value}", help_))
        return None
    return scalar


def _scalar_in(value: Value) -> Scalar | None:
    return value.dtype if isinstance(value, DTypeValue) and isinstance(value.dtype, Scalar) else None


def _with(base: Precision, given: Mapping[str, Read]) -> Precision:
    """The policy with what was given in the place of what it starts from."""
    policy = replace(base, **{field: value for field, value in given.items() if field in _DTYPES})
    if base.weights is None:
        return policy
    before = base.weights
    group = _chosen(int, given.get("group"), before.group or 0)
    scaled = _chosen(Scaled, given.get("weights"), Scaled.GROUP if "group" in given else before.scaled)
    weights = Quantisation(
        _chosen(Scalar, given.get("format"), before.dtype),
        scaled,
        group if scaled is Scaled.GROUP else None,
        _chosen(Scalar, given.get("scale"), before.scale),
    )
    activations = _chosen(Activations, given.get("activations"), policy.activations)
    return replace(policy, weights=weights, activations=activations)


_Chosen = TypeVar("_Chosen", Scalar, Scaled, Activations, int)


def _chosen(kind: type[_Chosen], given: Read | None, default: _Chosen) -> _Chosen:
    return given if isinstance(given, kind) else default
