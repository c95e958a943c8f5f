"""A compiled module as something to call: what it takes and gives it says itself."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct, field

from tenuto_analysis.compat import override
from tenuto_backend.iree.record import Record
from tenuto_backend.reference.values import Array
from tenuto_backend.runtime.base import Interface, Port, Runner
from tenuto_backend.runtime.inputs import ready
from tenuto_backend.runtime.iree import of_record, read_record


class Binary(Struct, frozen=True, eq=False):
    """Machine code for one target, in a file; its weights lie beside it."""

    path: Path
    record: Record
    _runners: list[Runner] = field(default_factory=list)

    @override
    def __repr__(self) -> str:
        return f"<binary for {self.record.target}, {self.path}>"

    @property
    def interface(self) -> Interface:
        return self.record.interface

    @property
    def inputs(self) -> tuple[Port, ...]:
        """What the module takes, in order."""
        return self.interface.inputs

    @property
    def outputs(self) -> tuple[Port, ...]:
        """What the module gives, in order."""
        return self.interface.outputs

    @property
    def target(self) -> str:
        """What it is made for: `cuda.sm_80`."""
        return self.record.target

    def run(self, /, **inputs: Array) -> dict[str, Array]:
        """The outputs by name, computed by IREE; names with dots are given as `**{"past.0.keys": keys}`.

        Raises `WrongInput` where an input does not fit its type, and `RunError` where this machine cannot run the
        module, or the module fails.
        """
        found = self.runner()(ready(self.interface, inputs).arrays)
        return {port.name: array for port, array in zip(self.outputs, found, strict=True)}

    def runner(self) -> Runner:
        """The process that runs it, which is started when it is first asked for."""
        if not self._runners:
            self._runners.append(of_record(self.path, self.record))
        return self._runners[0]


def open_binary(path: str | Path) -> Binary:
    """A module that `tenuto build --emit vmfb` made; raises `RunError` where the file is none."""
    return Binary(Path(path), read_record(Path(path)))
