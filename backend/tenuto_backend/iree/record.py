"""What a binary tells of itself: its interface, the target and the processor that it is made for, who made it.

IREE keeps such notes (`iree.reflection`) of a module's public function. They are read without a look at the code, and
compared with this machine before anything runs.
"""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from tenuto_analysis import modules
from tenuto_analysis.check import queries
from tenuto_analysis.database import Database
from tenuto_analysis.dims import Leaf, leaves
from tenuto_analysis.graph import dims_of
from tenuto_analysis.types import Tensor
from tenuto_backend.iree.compiler import Machine
from tenuto_backend.iree.targets import Target
from tenuto_backend.runtime.base import Interface, Port, RunError

_FILE = "/interface.ten"
_ARCHITECTURES = {"AMD64": "x86_64", "amd64": "x86_64", "arm64": "arm_64", "aarch64": "arm_64"}
_OF_LINUX = {
    "sha": "shani",
    "crc": "crc32",
    "neon": "asimd",
    "fullfp16": "asimdhp",
    "dotprod": "asimddp",
    "lse": "atomics",
}
"""What Linux calls abilities of a processor that LLVM calls otherwise, signs left out."""

_X86 = (
    *("aes", "avx", "avx2", "avx512bf16", "avx512bitalg", "avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512fp16"),
    *("avx512ifma", "avx512vbmi", "avx512vbmi2", "avx512vl", "avx512vnni", "avx512vp2intersect", "avx512vpopcntdq"),
    *("amx-bf16", "amx-int8", "amx-tile", "avxvnni", "bmi2", "f16c", "fma", "gfni", "movbe", "popcnt", "sha"),
    *("sse", "sse2", "sse4.1", "sse4.2", "sse4a", "ssse3", "vaes", "vpclmulqdq"),
)
_ARM = ("bf16", "crc", "dotprod", "fullfp16", "i8mm", "lse", "neon", "sha2", "sha3", "sm4", "sve", "sve2")
_COMPARED = frozenset((*_X86, *_ARM))
"""The abilities that change what code a compiler makes, as LLVM calls them."""


class Record(Struct, frozen=True):
    """The notes of a binary; `weights` is the name of the file beside it that gives its parameters."""

    interface: Interface
    function: str
    target: str
    device: str
    compiler: str
    machine: Machine
    weights: str | None


def notes(target: Target, machine: Machine, compiler: str, weights: str | None) -> Iterator[tuple[str, str]]:
    """What a build writes beside the interface."""
    yield "tenuto.target", target.name
    yield "tenuto.device", target.device
    yield "tenuto.compiler", compiler
    if machine.architecture:
        yield "tenuto.architecture", machine.architecture
        yield "tenuto.cpu", machine.cpu
        yield "tenuto.features", ",".join(machine.features)
    if weights is not None:
        yield "tenuto.weights", weights


def record(name: str, function: str, told: Mapping[str, str]) -> Record:
    """The notes of a binary; raises `RunError` where it is none of Tenuto's."""
    if "tenuto.target" not in told:
        raise RunError(f"`{name}` is no module that Tenuto has compiled: nothing in it tells what it takes")
    machine = Machine(
        told.get("tenuto.architecture", ""),
        told.get("tenuto.cpu", ""),
        tuple(item for item in told.get("tenuto.features", "").split(",") if item),
    )
    return Record(
        _interface(told.get("tenuto.deploy", name), told),
        function,
        told["tenuto.target"],
        told["tenuto.device"],
        told["tenuto.compiler"],
        machine,
        told.get("tenuto.weights"),
    )


def refuse_other_machine(name: str, found: Record) -> None:
    """Raises `RunError` where this machine's processor cannot run a binary."""
    if not found.machine.architecture:
        return
    own = _ARCHITECTURES.get(platform.machine(), platform.machine())
    if found.machine.architecture != own:
        raise RunError(f"`{name}` is compiled for `{found.target}`, and this machine is {own}: build it for this one")
    able = _abilities()
    missing = [item for item in found.machine.features if item in _COMPARED and _linux(item) not in able]
    if able and missing:
        raise RunError(
            f"`{name}` is compiled for `{found.target}` ({found.machine.cpu}), and this processor lacks "
            f"{', '.join(missing)}: build it for this one"
        )


def _linux(feature: str) -> str:
    plain = re.sub(r"[._-]", "", feature)
    return _OF_LINUX.get(plain, plain)


def _abilities() -> frozenset[str]:
    """What this processor can do, in the words of Linux without signs; empty where nobody tells."""
    if sys.platform != "linux":
        return frozenset()
    told = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    found = re.search(r"^(?:flags|Features)\s*: (.*)$", told, re.MULTILINE)
    return frozenset() if found is None else frozenset(re.sub(r"[._-]", "", found[1]).split())


def _interface(name: str, told: Mapping[str, str]) -> Interface:
    """The ports and the facts, read back as the language writes them."""
    ports = [[*_listed(told, kind)] for kind in ("input", "output")]
    named = [[entry.partition(": ")[::2] for entry in entries] for entries in ports]
    types = [type_ for entries in named for _, type_ in entries]
    sizes = [*_listed(told, "size")]
    bounds = [*_listed(told, "bound")]
    parameters = [f"p{at}: {type_}" for at, type_ in enumerate(types)]
    parameters += [f"s{at}: bool[{size}]" for at, size in enumerate(sizes)]
    where = f" where {', '.join(bounds)}" if bounds else ""
    database = Database()
    database.set(modules.root, _FILE, "/")
    database.set(modules.file_text, _FILE, f"fn f({', '.join(parameters)}) -> bool[]{where} = true\n")
    head = queries.interface(database, _FILE, "f")
    if head.signature is None or any(problem.severity.value == "error" for problem in head.problems):
        raise RunError(f"`{name}` tells its interface in words that this version does not know: build it again")
    found = [item.type for item in head.signature.parameters[: len(types)]]
    tensors = [item for item in found if isinstance(item, Tensor)]
    symbols: dict[str, Leaf] = {
        str(leaf): leaf
        for item in head.signature.parameters
        if isinstance(item.type, Tensor)
        for dim in dims_of(item.type)
        for leaf in leaves(dim)
    }
    count = len(named[0])
    return Interface(
        name,
        tuple(Port(entry[0], type_) for entry, type_ in zip(named[0], tensors[:count], strict=True)),
        tuple(Port(entry[0], type_) for entry, type_ in zip(named[1], tensors[count:], strict=True)),
        tuple(item.constraint for item in head.signature.requirements),
        tuple((entry.partition(" = ")[0], symbols[entry.partition(" = ")[2]]) for entry in _listed(told, "size_input")),
    )


def _listed(told: Mapping[str, str], kind: str) -> Iterator[str]:
    """`tenuto.input.0`, `tenuto.input.1`, ..."""
    at = 0
    while f"tenuto.{kind}.{at}" in told:
        yield told[f"tenuto.{kind}.{at}"]
        at += 1
