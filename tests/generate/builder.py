"""One random definition in the making: its parameters, facts and statements, and the shape that each variable has.

Dimensions are texts which mean the same in Tenuto and in Python.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

Dims = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    dims: Dims


@dataclass(slots=True)
class Builder:
    """One definition in the making."""

    chance: random.Random
    names: tuple[str, ...]
    facts: list[str] = field(default_factory=list)
    parameters: list[tuple[str, str]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    variables: list[Variable] = field(default_factory=list)
    weights: list[str] = field(default_factory=list)
    library: set[str] = field(default_factory=set)
    model: bool = False
    count: int = 0

    def fresh(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def parameter(self, dims: Dims, dtype: str = "f32", within: str = "") -> Variable:
        name = self.fresh("x")
        self.parameters.append((name, f"{dtype}[{', '.join(dims)}]{within}"))
        variable = Variable(name, dims)
        if dtype == "f32":
            self.variables.append(variable)
        return variable

    def let(self, expression: str, dims: Dims) -> Variable:
        name = self.fresh("v")
        declared = f": f32[{', '.join(dims)}]" if self.chance.random() < 0.3 else ""
        self.lines.append(f"let {name}{declared} = {expression}")
        variable = Variable(name, dims)
        self.variables.append(variable)
        return variable

    def pick(self, low: int = 0, high: int = 4) -> Variable:
        """A variable of a rank in the range, a new parameter if there is none; the latest are the likeliest."""
        fitting = [variable for variable in self.variables if low <= len(variable.dims) <= high]
        if not fitting or (self.chance.random() < 0.1 and len(self.parameters) < 5):
            rank = self.chance.randint(low, min(high, max(low, 3)))
            return self.parameter(tuple(self.dimension() for _ in range(rank)))
        return fitting[-1] if self.chance.random() < 0.5 else self.chance.choice(fitting)

    def dimension(self) -> str:
        return self.chance.choice(self.names) if self.chance.random() < 0.9 else str(self.chance.randint(1, 4))

    def know(self, fact: str) -> None:
        if fact not in self.facts:
            self.facts.append(fact)


def shape_text(dims: Dims) -> str:
    return f"shape[{', '.join(dims)}]"


def term(dim: str) -> str:
    """The dimension as an operand of `+`, `-` and comparisons."""
    return dim if dim.isidentifier() or dim.isdigit() else f"({dim})"
