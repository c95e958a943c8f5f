"""Random programs under random policies: clauses at every level, explicit dtypes, loops, branches, parts.

All values are `float[B, 8]`, so that any may meet any; a definition with a clause mixes them with explicit dtypes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial

DTYPES = ("f32", "f16", "bf16", "f64")
FIELDS = ("params", "compute", "accumulate", "wide", "storage")


def program(seed: int) -> str:
    """A program with a deploy `d` of a model over `x: float[B, 8]`."""
    chance = random.Random(seed)
    inner = _model(chance, "Inner", ())
    outer = _model(chance, "Outer", ("Inner", "Linear[8, 8]", "LayerNorm[8]"))
    settings = f"weights: init(seed = 0), precision: {_policy(chance)}, dims: {{ B: 1 .. 4 }}"
    return f"import std.nn {{ LayerNorm, Linear }}\n\n{inner}\n{outer}\ndeploy d = Outer {{ {settings} }}\n"


def _policy(chance: random.Random) -> str:
    kind = chance.random()
    if kind < 0.4:
        return chance.choice(("f32", "f16", "bf16", "mixed", "f64"))
    fields = chance.sample(FIELDS, chance.randint(1, 5))
    given = ", ".join(f"{field} = {chance.choice(DTYPES)}" for field in fields)
    if kind < 0.7:
        return f"mixed({given})"
    rest = [f"{field} = {chance.choice(DTYPES)}" for field in ("compute", "accumulate") if field not in fields]
    return f"policy({', '.join([given, *rest])})"


def _clause(chance: random.Random, share: float) -> str:
    return f" precision {_policy(chance)}" if chance.random() < share else ""


class _Body:
    """The statements of one model: `names` are the values that may be read."""

    def __init__(self, chance: random.Random, parts: tuple[str, ...], mixes: bool) -> None:
        self._chance = chance
        self._mixes = mixes
        self._count = 0
        self.names = ["x"]
        self.weights = [f"w{i}" for i in range(chance.randint(1, 2))]
        self.parts = [f"p{i}" for i in range(len(parts))]

    def statements(self, indent: str, count: int) -> Iterator[str]:
        for _ in range(count):
            yield from (f"{indent}{line}" for line in self._statement())

    def _statement(self) -> Iterator[str]:
        kind = self._chance.random()
        if kind < 0.15:
            yield from self._loop()
        elif kind < 0.25:
            yield from self._branch()
        else:
            name = self._fresh()
            explicit = f": {self._chance.choice(DTYPES)}[B, 8]" if self._mixes and self._chance.random() < 0.2 else ""
            yield f"let {name}{explicit} = {self._expression(2)}{self._local()}"
            self.names.append(name)

    def _local(self) -> str:
        """A clause that leaves a `float` what it is, where dtypes meet only by casts."""
        if self._mixes:
            return _clause(self._chance, 0.2)
        return " precision mixed(compute = f16)" if self._chance.random() < 0.1 else ""

    def _loop(self) -> Iterator[str]:
        name = self._fresh()
        yield f"var {name} = {self._expression(1)} as float"
        self.names.append(name)
        before = len(self.names)
        yield f"for _ in range({self._chance.choice(('B', '2'))}) {{"
        yield from self.statements("  ", self._chance.randint(0, 2))
        yield f"  {name} = ({self._expression(2)}) as float"
        yield "}"
        del self.names[before:]

    def _branch(self) -> Iterator[str]:
        name = self._fresh()
        yield f"var {name} = {self._expression(1)} as float"
        self.names.append(name)
        yield f"if any(x > 0.5, axis = 0)[0] {{ {name} = ({self._expression(1)}) as float }}"

    def _fresh(self) -> str:
        self._count += 1
        return f"v{self._count}"

    def _expression(self, depth: int) -> str:
        if depth == 0 or self._chance.random() < 0.2:
            return self._chance.choice(self.names)
        sub = self._expression
        forms: tuple[Callable[[], str], ...] = (
            lambda: f"({sub(depth - 1)} + {sub(depth - 1)})",
            lambda: f"({sub(depth - 1)} * 0.5)",
            lambda: f"({sub(depth - 1)} @ {self._chance.choice(self.weights)})",
            lambda: f"({sub(depth - 1)} @ transpose({self._chance.choice(self.weights)}))",
            lambda: f"softmax({sub(depth - 1)}, axis = -1)",
            lambda: f"tanh({sub(depth - 1)})",
            lambda: f"sin({sub(depth - 1)})",
            lambda: f"relu({sub(depth - 1)})",
            lambda: f"standardize({sub(depth - 1)})",
            lambda: f"concat({sub(depth - 1)}[:, 4:], {sub(depth - 1)}[:, :4], axis = 1)",
            lambda: f"({sub(depth - 1)} + sum({sub(depth - 1)}, axis = 1)[:, none] * 0.1)",
            *(partial(self._call, part, depth - 1) for part in self.parts),
        )
        return self._chance.choice(forms)()

    def _call(self, part: str, depth: int) -> str:
        return f"{part}({self._expression(depth)})"


def _model(chance: random.Random, name: str, parts: tuple[str, ...]) -> str:
    clause = _clause(chance, 0.4)
    body = _Body(chance, parts, bool(clause))
    lines = [f"model {name}(x: float[B, 8]) -> float[B, 8]{clause} {{"]
    for weight in body.weights:
        lines.append(f"  param {weight}: float[8, 8] = normal(std = 0.3){_clause(chance, 0.2) if clause else ''}")
    for part, model in zip(body.parts, parts, strict=True):
        lines.append(f"  sub {part} = {model}{_clause(chance, 0.3)}")
    lines += body.statements("  ", chance.randint(3, 6))
    everything = " + ".join(f"(({name_}) as float)" for name_ in body.names)
    return "\n".join([*lines, f"  return {everything}", "}", ""])
