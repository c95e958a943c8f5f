"""The steps of a body as they follow each other, with calls written out where a comparison asks for it.

A call that is written out gives its values names with the call before them, and remembers whose values they are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property

from tenuto_backend.onnx.structure import Body, Branch, Step, Stored, Structure, Type

Owned = tuple[str, str]
"""A value as its definition knows it: the op of the function (empty for the model itself) and the value's name."""


class Flow:
    """Steps, and from them what makes a value and what reads it. A branch's results flow into its step's."""

    def __init__(
        self,
        inputs: tuple[str, ...],
        outputs: tuple[str, ...],
        stored: Mapping[str, Stored],
        constants: Mapping[str, str],
        steps: Iterable[Step],
        types: Mapping[str, Type],
    ) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self.stored = stored
        self.constants = constants
        self.steps = tuple(steps)
        self.types = types

    @cached_property
    def makers(self) -> Mapping[str, Step]:
        return {name: step for step in self.steps for name in step.outputs if name}

    @cached_property
    def readers(self) -> Mapping[str, list[Step]]:
        found: defaultdict[str, list[Step]] = defaultdict(list)
        for step in self.steps:
            for name in dict.fromkeys(self.reads(step)):
                found[name].append(step)
        return found

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {name: place for place, step in enumerate(self.steps) for name in step.outputs if name}

    @cached_property
    def _earlier(self) -> list[int]:
        """For each step, those before it: a bit for each."""
        found: list[int] = []
        for step in self.steps:
            bits = 0
            for name in self.reads(step):
                place = self._places.get(name, len(found))
                if place < len(found):
                    bits |= found[place] | 1 << place
            found.append(bits)
        return found

    def leads(self, earlier: str, later: str) -> bool:
        """Whether one computed value goes into another."""
        return bool(self._earlier[self._places[later]] >> self._places[earlier] & 1)

    def reads(self, step: Step) -> Iterator[str]:
        """What flows into a step, the results of its branches among it."""
        for name in step.inputs:
            if name:
                yield name
        for branch in step.branches:
            yield from branch.outputs

    def before(self, names: Iterable[str], stop: Collection[str]) -> dict[str, Step]:
        """The steps from which these values come, each by the value that led to it; not beyond those in `stop`."""
        found: dict[str, Step] = {}
        todo = list(names)
        while todo:
            name = todo.pop()
            step = self.makers.get(name)
            if step is None or name in found:
                continue
            found[name] = step
            todo += [read for read in self.reads(step) if read not in stop]
        return found

    def after(self, name: str, stop: Collection[str]) -> list[str]:
        """The first values in `stop` that are computed from a value."""
        seen, todo = {name}, [name]
        found: list[str] = []
        while todo:
            for step in self.readers.get(todo.pop(), ()):
                for output in step.outputs:
                    if output and output not in seen:
                        seen.add(output)
                        (found if output in stop else todo).append(output)
        return found


def plain(body: Body) -> Flow:
    """A body as it is."""
    return Flow(body.inputs, body.outputs, body.stored, body.constants, body.steps, body.types)


class Written:
    """A body whose calls of functions outside of `kept` are written out: `homes` says whose each value is."""

    def __init__(self, found: Structure, op: str, body: Body, kept: Collection[str]) -> None:
        self._found = found
        self._kept = kept
        self._steps: list[Step] = []
        self._constants: dict[str, str] = {}
        self._types: dict[str, Type] = {}
        self.homes: defaultdict[str, list[Owned]] = defaultdict(list)
        self._write(op, body, "", {}, (op,))
        self.flow = Flow(body.inputs, body.outputs, body.stored, self._constants, self._steps, self._types)

    def _write(self, op: str, body: Body, prefix: str, given: Mapping[str, str], inside: tuple[str, ...]) -> None:
        def named(name: str) -> str:
            return given.get(name, prefix + name) if name else ""

        for name, type_ in body.types.items():
            self._types.setdefault(named(name), type_)
        for name, content in body.constants.items():
            self._constants[named(name)] = content
            self.homes[named(name)].append((op, name))
        for number, step in enumerate(body.steps):
            inputs, outputs = tuple(map(named, step.inputs)), tuple(map(named, step.outputs))
            for name in step.outputs:
                if name and name not in body.constants:
                    self.homes[named(name)].append((op, name))
            callee = self._found.functions.get(step.op)
            if callee is None or step.op in self._kept or step.op in inside:
                branches = tuple(
                    Branch(tuple(map(named, branch.inputs)), tuple(map(named, branch.outputs)))
                    for branch in step.branches
                )
                self._steps.append(Step(step.op, step.name, inputs, outputs, step.attributes, branches, step.source))
                continue
            passed = {
                **dict(zip(callee.inputs, inputs, strict=False)),
                **dict(zip(callee.outputs, outputs, strict=False)),
            }
            self._write(step.op, callee, f"{prefix}{step.name or number}/", passed, (*inside, step.op))
