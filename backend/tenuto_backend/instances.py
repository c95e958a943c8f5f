"""What artifacts call functions: by their definition and, where it has several instances, by what tells them apart:
their static arguments, or else the policy that they are made under.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tenuto_analysis.graph import Function
from tenuto_analysis.precision.policies import F32

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9]+")
_LONGEST = 60


def names_of(functions: Iterable[Function], reserved: Iterable[str] = ()) -> dict[Function, str]:
    """A name for each, of letters, digits and `_`; the static arguments stand in it that another instance has not."""
    instances: dict[str, list[Function]] = {}
    for function in functions:
        instances.setdefault(function.name, []).append(function)
    taken = set(reserved)
    found: dict[Function, str] = {}
    for name, several in instances.items():
        for function, text in zip(several, _differences(several), strict=True):
            wanted = _NOT_IN_A_NAME.sub("_", f"{name} {text}"[:_LONGEST]).strip("_")
            found[function] = _fresh(wanted, taken)
    return found


def policy_text(function: Function) -> str:
    """The policy that a function is made under; empty where that is `f32`."""
    return "" if function.policy == F32 else str(function.policy)


def _fresh(wanted: str, taken: set[str]) -> str:
    name, count = wanted, 1
    while name in taken:
        count += 1
        name = f"{wanted}_{count}"
    taken.add(name)
    return name


def _differences(several: Sequence[Function]) -> list[str]:
    """Of each instance the static arguments that another has not."""
    given = [_told(function) for function in several]
    common = set.intersection(*map(set, given))
    return [" ".join(value for name, value in told if (name, value) not in common) for told in given]


def _told(function: Function) -> list[tuple[str, str]]:
    return [*((name, str(value)) for name, value in function.statics), ("precision", str(function.policy))]
