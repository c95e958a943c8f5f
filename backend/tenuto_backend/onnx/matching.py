"""Which value of an artifact is which value of its source, found by what computes it and what it is computed into.

Names come second: tools rename what they touch, and give a name that was free to something else. Values are paired
from the inputs on (the same operator on paired operands), from the results back (the operands of paired values of the
same operator), and by their names where a rewritten part stands between; a name must then be the only one in its place.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Set

from msgspec import Struct

from tenuto_backend.onnx.flow import Flow
from tenuto_backend.onnx.structure import Step, Type

_NUMBERS = re.compile(r"(?:_+\d+)+$")


class Fate(Struct, frozen=True):
    """What became of a value that is not there: `into` says what holds its computation now; lost where it is empty."""

    into: str


class Match:
    """`pairs` leads from the values of the source to those of the artifact.

    `shared` leads to what a value has in common with another one: the same weight stored once, or computed once.
    """

    def __init__(self, source: Flow, artifact: Flow, ops: Mapping[str, str], names: Mapping[str, str]) -> None:
        """`ops` gives operators of the artifact the names of the source; `names` what a value was called there."""
        self._source = source
        self._artifact = artifact
        self._ops = ops
        self._names = names
        self.pairs: dict[str, str] = {}
        self.shared: dict[str, str] = {}
        self._taken: dict[str, str] = {}
        self._pair_ends()
        self._pair_all()

    def fate(self, value: str) -> Fate:
        """Fused, where what it was computed from still goes into what was computed from it; else lost."""
        if value in self.shared:
            return Fate(f"`{self.shared[value]}`, which is the same")
        known = self.pairs.keys() | self.shared.keys()
        for after in self._source.after(value, known):
            now = self._now(after)
            assert now is not None, "it is one of those that are known"
            maker = self._artifact.makers.get(now)
            if maker is None:
                return Fate(f"`{now}`, computed beforehand")
            if self._goes_into(value, after, now, known):
                return Fate(f"{maker.op} `{maker.name or now}`")
        return Fate("")

    def _goes_into(self, value: str, after: str, now: str, known: Set[str]) -> bool:
        """Whether the steps that lead to `now` may hold the computation of a value that led to `after`."""
        artifact = self._artifact
        read = _read(artifact, now, self._taken.keys())
        mine = {self._now(name) for name in _read(self._source, after, known)}
        origins = {self._now(name) for name in _read(self._source, value, known) if not self._is_given(name)} - {None}
        if origins or value in self._source.constants:
            return (origins or mine - artifact.stored.keys() - artifact.constants.keys() - {None}) <= read
        return any(name in artifact.stored and name not in mine for name in read)  # Made of weights alone.

    def _is_given(self, name: str) -> bool:
        return name in self._source.stored or name in self._source.constants

    # ---------------------------------------------------------------------------------------------------------- pairing

    def _pair_ends(self) -> None:
        for mine, theirs in (
            (self._source.inputs, self._artifact.inputs),
            (self._source.outputs, self._artifact.outputs),
        ):
            for name in mine:
                if name in theirs:
                    self._pair(name, name)
            if len(mine) == len(theirs):
                for name, other in zip(mine, theirs, strict=True):
                    self._pair(name, other)
        for path in self._source.stored:
            if path in self._artifact.stored or path in self._artifact.constants:
                self._pair(path, path)

    def _pair_all(self) -> None:
        self._pair_by_structure()
        for name in self._source.makers:
            if self._names.get(name) == name and name in self._artifact.makers and self._may(name, name):
                self._pair(name, name)
        self._pair_by_structure()
        while self._pair_by_stem():
            self._pair_by_structure()
        for name, content in self._source.constants.items():
            if name not in self.pairs:
                now = self._constant(name, content)
                if now is not None:
                    self.pairs[name] = now

    def _pair(self, mine: str, theirs: str) -> bool:
        if mine in self.pairs or mine in self.shared or theirs in self._taken:
            return False
        self.pairs[mine] = theirs
        self._taken[theirs] = mine
        return True

    def _constant(self, name: str, content: str) -> str | None:
        """Where a constant stands now: with its content, under its name if possible; else at its place."""
        constants = self._artifact.constants
        same = [other for other, found in constants.items() if found == content]
        wanted = self._names.get(name, name)
        if same:
            return wanted if wanted in same else same[0]
        for step in self._source.readers.get(name, ()):
            other = self._artifact.makers.get(self.pairs.get(step.outputs[0], ""))
            if other is not None and self._op(other) == step.op and len(other.inputs) == len(step.inputs):
                now = other.inputs[step.inputs.index(name)] if name in step.inputs else ""
                if now in constants:
                    return now
        return None

    def _pair_by_structure(self) -> None:
        changed = True
        while changed:
            changed = False
            for step in self._source.steps:
                if any(name in self.pairs for name in step.outputs):
                    continue
                found = self._forward(step)
                free = [other for other in found if not any(name in self._taken for name in other.outputs)]
                if free:
                    changed |= self._pair_steps(step, free[0])
                elif found and not any(name in self.shared for name in step.outputs):
                    self.shared.update(zip(step.outputs, found[0].outputs, strict=False))
                    changed = True
            for step in reversed(self._source.steps):
                changed |= self._backward(step)

    def _pair_steps(self, step: Step, other: Step) -> bool:
        pairs = list(zip(step.outputs, other.outputs, strict=False))
        for branch, theirs in zip(step.branches, other.branches, strict=False):
            pairs += zip(branch.inputs, theirs.inputs, strict=False)
            pairs += zip(branch.outputs, theirs.outputs, strict=False)
        return sum(self._pair(mine, now) for mine, now in pairs if mine and now) > 0

    def _forward(self, step: Step) -> list[Step]:
        """The artifact's steps that do the same to the same operands."""
        now = next((found for name in step.inputs if (found := self._now(name)) is not None), None)
        if now is None:
            return []
        return [
            other
            for other in self._artifact.readers.get(now, ())
            if self._op(other) == step.op
            and other.attributes == step.attributes
            and len(other.inputs) == len(step.inputs)
            and all(map(self._same, step.inputs, other.inputs))
        ]

    def _backward(self, step: Step) -> bool:
        """Pairs the operands of a step whose result is paired with one of the same operator."""
        result = next((name for name in step.outputs if name in self.pairs), None)
        other = self._artifact.makers.get(self.pairs[result]) if result is not None else None
        if other is None or self._op(other) != step.op or len(other.inputs) != len(step.inputs):
            return False
        changed = self._pair_steps(step, other) if step.branches else False
        if other.attributes != step.attributes or any(map(self._differ, step.inputs, other.inputs)):
            return changed
        done = {name for name in step.inputs if self.pairs.get(name) in other.inputs}
        used = {self.pairs[name] for name in done}
        mine = [name for name in step.inputs if name not in done]
        theirs = [name for name in other.inputs if name not in used]
        if len(mine) != len(theirs):
            return changed
        for name, now in zip(mine, theirs, strict=True):
            if not name or not now or name in self._source.constants or not self._may(name, now):
                continue
            if now not in self._taken:
                changed |= self._pair(name, now)
            elif name not in self.pairs and name not in self.shared and self._alike(name, self._taken[now]):
                self.shared[name] = now
                changed = True
        return changed

    def _pair_by_stem(self) -> bool:
        """Pairs values by what a tool left of their names, where only one such stands between their neighbours."""
        free = [name for step in self._artifact.steps for name in step.outputs if name and name not in self._taken]
        found: list[tuple[str, str]] = []
        for name in self._source.makers:
            if name in self.pairs or name in self.shared or name in self._source.constants:
                continue
            stem = self._names.get(name, name)
            for test in (_ends, _numbered):
                fitting = [other for other in free if test(stem, other)]
                if fitting:
                    fitting = [other for other in fitting if self._between(name, other)]
                    if len(fitting) == 1:
                        found.append((name, fitting[0]))
                    break
        times = Counter(theirs for _, theirs in found)
        return sum(self._pair(mine, theirs) for mine, theirs in found if times[theirs] == 1) > 0

    def _between(self, name: str, other: str) -> bool:
        """Whether `other` stands after what stands before `name`, and before what stands after it."""
        if not self._may(name, other):
            return False
        stop = self.pairs.keys() - {name}
        before = self._source.before([name], stop)
        computed = {read for step in before.values() for read in self._source.reads(step) if read in self.pairs}
        origins = {self.pairs[read] for read in computed if read in self._source.makers}
        artifact = self._artifact
        if not all(artifact.leads(origin, other) for origin in origins if origin in artifact.makers):
            return False
        afters = [self.pairs[after] for after in self._source.after(name, stop)]
        return bool(afters) and all(after in artifact.makers and artifact.leads(other, after) for after in afters)

    # ------------------------------------------------------------------------------------------------------------ tests

    def _op(self, step: Step) -> str:
        return self._ops.get(step.op, step.op)

    def _now(self, name: str) -> str | None:
        return self.pairs.get(name, self.shared.get(name))

    def _same(self, mine: str, theirs: str) -> bool:
        now = self._now(mine)
        if now is not None:
            return now == theirs
        if not mine or not theirs:
            return mine == theirs
        content = self._source.constants.get(mine)
        return content is not None and content == self._artifact.constants.get(theirs)

    def _alike(self, first: str, second: str) -> bool:
        """Whether two values of the source may be one: both are stored, or they are one value of several calls."""
        source = self._source
        if first in source.stored or second in source.stored:
            return first in source.stored and second in source.stored
        same = self._names.get(first) == self._names.get(second)
        return same and first in source.makers and second in source.makers

    def _differ(self, mine: str, theirs: str) -> bool:
        """Whether two operands are certainly not the same: constants of another content, one that is left out."""
        ours, other = self._source.constants.get(mine), self._artifact.constants.get(theirs)
        return bool(mine) != bool(theirs) or (ours is not None and ours != other)

    def _may(self, mine: str, theirs: str) -> bool:
        return fits(self._source.types.get(mine), self._artifact.types.get(theirs))


def fits(mine: Type | None, theirs: Type | None) -> bool:
    """Whether what is stated of their shapes lets two values be the same."""
    if mine is None or theirs is None or mine.shape is None or theirs.shape is None:
        return True
    return len(mine.shape) == len(theirs.shape) and all(map(_may_be, mine.shape, theirs.shape))


def _may_be(mine: int | str | None, theirs: int | str | None) -> bool:
    return mine == theirs or not (isinstance(mine, int) and isinstance(theirs, int))


def _read(flow: Flow, value: str, stop: Set[str]) -> set[str]:
    """What the steps that lead to a value read, not beyond what stands in `stop`."""
    return {name for step in flow.before([value], stop).values() for name in flow.reads(step)}


def _ends(stem: str, name: str) -> bool:
    """`_inlfunc_Layer_h` ends with `h`."""
    return name == stem or name.endswith((f"_{stem}", f"/{stem}", f".{stem}"))


def _numbered(stem: str, name: str) -> bool:
    """`h__4_17` is `h` with numbers after it."""
    return name.startswith(f"{stem}_") and not _NUMBERS.sub("", name[len(stem) :])
