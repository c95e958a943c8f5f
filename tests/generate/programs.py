"""Random programs that look well typed: a few definitions over symbolic sizes, with facts about them.

The generator is no checker: it follows shapes only well enough that most of its programs are right.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.generate.builder import Builder, Variable
from tests.generate.moves import MOVES

Move = Callable[[Builder], None]

FACTS = (
    "{0} % 2 == 0",
    "{0} % 3 == 0",
    "{0} % 4 == 0",
    "{0} >= 1",
    "{0} >= 2",
    "{0} >= 4",
    "{0} % {1} == 0",
    "{0} <= {1}",
    "{0} == 2 * {1}",
    "{0} == {1} + 1",
    "{0} >= 1, {1} >= 1",
)


def generate(seed: int, moves: Sequence[Move] = MOVES) -> str:
    """A program of a few definitions; the last one, `main`, is the entry."""
    chance = random.Random(seed)
    helpers: list[Helper] = []
    texts: list[str] = []
    for number in range(chance.choice((0, 0, 1, 2))):
        builder = _definition(chance, helpers, chance.randint(1, 3), moves)
        name = f"helper{number}"
        result = chance.choice(builder.variables)
        texts.append(_text(builder, name, result, declared=chance.random() < 0.6))
        helpers.append(Helper(name, builder, result))
    builder = _definition(chance, helpers, chance.randint(2, 7), moves)
    result = builder.variables[-1]
    texts.append(_text(builder, "main", result, declared=chance.random() < 0.5))
    library = sorted(builder.library.union(*(helper.builder.library for helper in helpers)))
    return "import std.nn { Linear }\n" + "".join(library) + "\n" + "\n".join(texts)


@dataclass(frozen=True, slots=True)
class Helper:
    """A definition that later ones may call."""

    name: str
    builder: Builder
    result: Variable


def _definition(chance: random.Random, helpers: Sequence[Helper], steps: int, moves: Sequence[Move]) -> Builder:
    names = tuple(chance.sample(("B", "N", "M", "K", "S", "D", "H"), chance.randint(2, 4)))
    builder = Builder(chance, names, model=chance.random() < 0.25)
    for _ in range(chance.choice((0, 1, 1, 2))):
        first, second = chance.sample(names, 2)
        for fact in chance.choice(FACTS).format(first, second).split(", "):
            builder.know(fact)
    for _ in range(chance.randint(1, 2)):
        builder.parameter(tuple(builder.dimension() for _ in range(chance.randint(1, 3))))
    for _ in range(steps):
        if helpers and chance.random() < 0.25 and _call(builder, chance.choice(helpers)):
            continue
        chance.choice(moves)(builder)
    return builder


def _text(builder: Builder, name: str, result: Variable, declared: bool) -> str:
    keyword = "model" if builder.model else "fn"
    parameters = ", ".join(f"{parameter}: {type_}" for parameter, type_ in builder.parameters)
    arrow = f" -> f32[{', '.join(result.dims)}]" if declared else ""
    shapes = " ".join(type_ for _, type_ in builder.parameters)
    explicit = [size for size in builder.names if not _stands_alone(size, shapes) and _mentions(builder, size)]
    generics = f"[{', '.join(explicit)}]" if explicit else ""
    where = f"\n  where {', '.join(builder.facts)}" if builder.facts else ""
    body = "".join(f"  {line}\n" for line in (*builder.weights, *builder.lines, f"return {result.name}"))
    return f"{keyword} {name}{generics}({parameters}){arrow}{where}\n{{\n{body}}}\n"


def _stands_alone(name: str, shapes: str) -> bool:
    inside = shapes.replace("[", ",").replace("]", ",").replace(" ", "")
    return name in inside.split(",")


def _mentions(builder: Builder, name: str) -> bool:
    words = " ".join((*builder.facts, *builder.lines, *builder.weights, *(type_ for _, type_ in builder.parameters)))
    return name in "".join(letter if letter.isalnum() else " " for letter in words).split()


def _call(builder: Builder, helper: Helper) -> bool:
    """Call a helper with variables whose shapes fit its parameters, and with its facts made facts here."""
    if helper.builder.model:
        return False
    known: dict[str, str] = {}
    arguments = []
    for _, type_ in helper.builder.parameters:
        if not type_.startswith("f32") or "within" in type_:
            return False
        dims = type_[4:-1].split(", ") if type_ != "f32[]" else []
        if not all(dim.isdigit() or dim in helper.builder.names for dim in dims):
            return False
        wanted = []
        for dim in dims:
            if not dim.isdigit():
                known.setdefault(dim, builder.dimension())
            wanted.append(known.get(dim, dim))
        same = [variable for variable in builder.variables if variable.dims == tuple(wanted)]
        arguments.append((builder.chance.choice(same) if same else builder.parameter(tuple(wanted))).name)
    mentioned = [name for name in helper.builder.names if _mentions(helper.builder, name)]
    if not all(name in known for name in mentioned):
        return False
    for fact in helper.builder.facts:
        builder.know(_renamed(fact, known))
    result = tuple(_renamed(dim, known) for dim in helper.result.dims)
    builder.let(f"{helper.name}({', '.join(arguments)})", result)
    return True


def _renamed(text: str, known: Mapping[str, str]) -> str:
    found, word = [], ""
    for letter in text + " ":
        if letter.isalnum() or letter == "_":
            word += letter
        else:
            found.append(known.get(word, word) + letter)
            word = ""
    return "".join(found).rstrip()
