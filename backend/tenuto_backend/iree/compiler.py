"""IREE's compiler, the program of its wheel: a bad option or a bug of its ends a process of its own, not ours."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from msgspec import Struct

from tenuto_backend.iree.targets import Target
from tenuto_backend.weights.beside import ArtifactError

TIMEOUT = 1800.0
"""Seconds; the largest models of the examples take less than one minute."""

_PLACE = re.compile(r"^(?P<place>.+?:\d+:\d+): error: (?P<told>.*)$", re.MULTILINE)
_ERROR = re.compile(r"^.*?(?:error|ERROR): (?P<told>.*)$", re.MULTILINE)
_UNDEFINED = re.compile(r"undefined symbol: \S+")
_MACHINE = re.compile(r'cpu = "(?P<cpu>[^"]*)", cpu_features = "(?P<features>[^"]*)"')
_ARCHITECTURE = re.compile(r'embedded-elf-(?P<architecture>\w+)"')
_PROBE = """
  func.func @probe(%x: tensor<4xf32>) -> tensor<4xf32> {
    %y = "arith.addf"(%x, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    return %y : tensor<4xf32>
  }
"""


class Told(Struct, frozen=True):
    """An error of the compiler: `file:line:column` where it says one, and its words."""

    place: str | None
    words: str


class NotCompiled(Exception):
    """The compiler refused a module, or broke down on it."""

    def __init__(self, errors: tuple[Told, ...]) -> None:
        super().__init__(errors[0].words)
        self.errors = errors


class Machine(Struct, frozen=True):
    """The processor that code is made for, and what it must be able to do; all empty for a GPU."""

    architecture: str = ""
    cpu: str = ""
    features: tuple[str, ...] = ()


def compiled(text: str, target: Target, options: Sequence[str] = (), timeout: float = TIMEOUT) -> bytes:
    """The binary of a module. Raises `NotCompiled`, and `ArtifactError` where it takes too long."""
    first: NotCompiled | None = None
    for flags in target.tries:
        try:
            return run(text, (*flags, *options), timeout)
        except NotCompiled as refused:
            first = first or refused
    assert first is not None
    raise first


def run(text: str, flags: Sequence[str], timeout: float = TIMEOUT) -> bytes:
    """What the compiler writes for a module."""
    pipe = subprocess.PIPE
    command = [str(program()), "-", "-o", "-", *flags]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        try:
            written, told = process.communicate(text.encode(), timeout)
        except subprocess.TimeoutExpired as error:
            raise ArtifactError(f"IREE's compiler was ended after {timeout:.0f} s") from error
        finally:
            process.kill()  # Also where the user has interrupted us.
    if process.returncode != 0:
        raise NotCompiled(_errors(process.returncode, told.decode(errors="replace")))
    return written


def program() -> Path:
    """The compiler; raises ModuleNotFoundError where it is not installed."""
    found = find_spec("iree") and find_spec("iree.compiler")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("No module named 'iree.compiler'", name="iree.compiler")
    name = "iree-compile.exe" if sys.platform == "win32" else "iree-compile"
    return Path(found.origin).parent / "_mlir_libs" / name


def compiler_version() -> str:
    return f"IREE {version('iree-base-compiler')}"


@cache
def machine_of(target: Target) -> Machine:
    """What the compiler understands under a target, which may be the processor that it runs on."""
    if target.device != "local-task":
        return Machine()
    try:
        told = run(probe("module {\n}\n"), (*target.tries[0], "--compile-to=flow")).decode()
    except NotCompiled as refused:
        raise ArtifactError(f"IREE makes no code for `{target.name}`: {refused}") from refused
    machine, architecture = _MACHINE.search(told), _ARCHITECTURE.search(told)
    if machine is None or architecture is None:
        raise ArtifactError(f"IREE's compiler does not say what `{target.name}` is")
    features = sorted({item[1:] for item in machine["features"].split(",") if item.startswith("+")})
    return Machine(architecture["architecture"], machine["cpu"], tuple(features))


def probe(module: str) -> str:
    """An empty module with a function that every target can run."""
    start, _, _ = module.rpartition("}")
    return f"{start}{_PROBE}}}\n"


def _errors(code: int, told: str) -> tuple[Told, ...]:
    """The first is what went wrong; what LLVM prints of its own stack is left out."""
    placed = [Told(found["place"], found["told"]) for found in _PLACE.finditer(told)]
    missing = _UNDEFINED.search(told)
    if missing is not None:
        placed = [Told(placed[0].place if placed else None, f"{missing[0]} (IREE links no library of mathematics)")]
    if code < 0:
        name = signal.Signals(-code).name
        crash = f"it broke down ({name}), which is a bug of IREE {version('iree-base-compiler')}"
        return (Told(placed[0].place, f"{placed[0].words}; {crash}") if placed else Told(None, crash),)
    if placed:
        return tuple(dict.fromkeys(placed))
    found = _ERROR.search(told)
    lines = [line for line in told.splitlines() if line.strip()]
    return (Told(None, found["told"] if found else lines[0] if lines else f"it ended with {code}"),)
