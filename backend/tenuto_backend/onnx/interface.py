"""An artifact's interface, as Tenuto signatures: from its structure, with the ranges that only its ledger knows.

A range is taken from the ledger only where the ledger and the structure agree on the type.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from tenuto_backend.onnx.bodies import DOMAIN
from tenuto_backend.onnx.options import HIGHEST_OPSET, LOWEST_OPSET
from tenuto_backend.onnx.structure import Body, Stored, Structure
from tenuto_backend.onnx.witness import Ledger, ToldFunction, differences, stated, torn, without_range


class Parameter(Struct, frozen=True):
    name: str
    type: str


class Signature(Struct, frozen=True):
    """The main graph or a function; `weights` are inputs that are always given stored tensors.

    `policy` is the precision policy that the ledger tells, and `f32` where it tells none.
    """

    name: str
    inputs: tuple[Parameter, ...]
    outputs: tuple[Parameter, ...]
    weights: tuple[Parameter, ...]
    calls: int
    nodes: int
    source: str
    policy: str

    def text(self) -> str:
        """As Tenuto writes it: a definition with weights is a `model`."""
        inputs = ", ".join(f"{item.name}: {item.type}" for item in self.inputs)
        types = [item.type for item in self.outputs]
        result = types[0] if len(types) == 1 else f"({', '.join(types)})"
        precision = f" precision {self.policy}" if self.policy != "f32" else ""
        return f"{'model' if self.weights else 'fn'} {self.name}({inputs}) -> {result}{precision}"


class HeldWeight(Struct, frozen=True):
    """A weight, by its path, with its names in the checkpoint where the ledger tells them."""

    path: str
    type: str
    parameters: int
    bytes: int
    file: str
    checkpoint: tuple[str, ...]


class Interface(Struct, frozen=True):
    """What `tenuto inspect` shows. `profile` is None where the operators are of no profile of ours."""

    opset: int
    ir: int
    profile: str | None
    producer: str
    domains: tuple[str, ...]
    entry: Signature
    functions: tuple[Signature, ...]
    bounds: tuple[str, ...]
    assumed: tuple[tuple[str, str], ...]
    weights: tuple[HeldWeight, ...]
    contradictions: tuple[str, ...]
    ledger: str
    differences: tuple[str, ...]
    cost: tuple[tuple[str, str], ...] = ()

    @property
    def parameters(self) -> int:
        return sum(weight.parameters for weight in self.weights)

    @property
    def bytes(self) -> int:
        return sum(weight.bytes for weight in self.weights)

    def plain(self) -> dict[str, object]:
        """As JSON holds it."""
        sums = {"parameters": self.parameters, "bytes": self.bytes}
        return {"signature": self.entry.text(), **msgspec.to_builtins(self), **sums}


def interface(found: Structure, ledger: Ledger | None, unreadable: str = "") -> Interface:
    """`unreadable` says why there is no ledger although the artifact has an entry for one."""
    told: Mapping[str, ToldFunction] = {item.name: item for item in ledger.functions} if ledger is not None else {}
    calls, weight_inputs = found.calls(), found.weight_inputs()
    own = ledger.functions[-1] if ledger is not None and not torn(ledger) else None
    said = tuple(differences(found, ledger)) if ledger is not None else ()
    state = "absent" if ledger is None else "differs" if said else "agrees"
    checkpoints = {path: names for path, _, *names in ledger.weights} if ledger is not None else {}
    return Interface(
        found.opset,
        found.ir,
        _profile(found),
        found.producer,
        tuple(sorted(_foreign(found))),
        _signature(found.entry, own, tuple(path for path, _ in _weights(found.entry)), 1),
        tuple(
            _signature(body, told.get(body.name), tuple(weight_inputs[op]), calls[op])
            for op, body in found.functions.items()
        ),
        ledger.bounds if ledger is not None else (),
        ledger.assumed if ledger is not None else (),
        tuple(_weight(path, item, tuple(checkpoints.get(path, ()))) for path, item in _weights(found.entry)),
        contradictions(found),
        "unreadable" if unreadable else state,
        (f"it cannot be read: {unreadable}",) if unreadable else said,
        ledger.cost if ledger is not None else (),
    )


def contradictions(found: Structure) -> tuple[str, ...]:
    """Where a model's own statements exclude each other: a value with two types, a call with another dtype or rank."""
    said: list[str] = []
    for body in found.bodies:
        said += [f"in `{body.name}`, {text}" for text in body.twice]
        for step in body.steps:
            callee = found.functions.get(step.op)
            if callee is not None:
                said += _call(body, callee, step.inputs)
    return tuple(dict.fromkeys(said))


def _call(caller: Body, callee: Body, given: tuple[str, ...]) -> list[str]:
    said = []
    for name, value in zip(callee.inputs, given, strict=False):
        wanted, got = callee.types.get(name), caller.types.get(value)
        if wanted is None or got is None or wanted.shape is None or got.shape is None:
            continue
        if wanted.dtype != got.dtype or len(wanted.shape) != len(got.shape):
            said.append(f"`{callee.name}` states `{name}` as {wanted}, and `{caller.name}` gives it {got}")
    return said


def _signature(body: Body, told: ToldFunction | None, weights: tuple[str, ...], calls: int) -> Signature:
    def parameter(name: str) -> Parameter:
        type_ = body.types.get(name)
        said = told.types.get(name, "") if told is not None else ""
        if type_ is not None and stated(type_) == without_range(said):
            return Parameter(name, said)
        return Parameter(name, "?" if type_ is None else str(type_))

    held = [name for name in (*body.inputs, *body.stored) if name in weights]  # In their order.
    return Signature(
        body.name,
        tuple(parameter(name) for name in body.inputs if name not in weights),
        tuple(parameter(name) for name in body.outputs),
        tuple(map(parameter, held)),
        calls,
        sum(step.op != "Constant" for step in body.steps),
        told.source if told is not None else "",
        told.policy if told is not None else "f32",
    )


def _weights(body: Body) -> list[tuple[str, Stored]]:
    """Stored tensors that are no constants of the program: those that are large, or that have a path for a name."""
    return [(path, item) for path, item in body.stored.items() if _is_weight(path, item, body)]


def _is_weight(path: str, item: Stored, body: Body) -> bool:
    return path not in body.constants or (item.type.dtype not in ("i64", "bool", "string") and item.elements > 1)


def _has_weights(body: Body) -> bool:
    return bool(_weights(body))


def _weight(path: str, item: Stored, checkpoint: tuple[str, ...]) -> HeldWeight:
    return HeldWeight(path, str(item.type), item.elements, item.bytes, item.file, checkpoint)


def _foreign(found: Structure) -> set[str]:
    """Domains of operators that are neither ONNX's own nor functions of the model."""
    ops = {step.op for body in found.bodies for step in body.steps}
    return {op.rpartition(".")[0] for op in ops if "." in op and op not in found.functions}


def _profile(found: Structure) -> str | None:
    if _foreign(found) or not LOWEST_OPSET <= found.opset <= HIGHEST_OPSET:
        return None
    functions = all(op.startswith(f"{DOMAIN}.") for op in found.functions)
    return ("portable" if found.opset == LOWEST_OPSET else "modern") if functions else None
