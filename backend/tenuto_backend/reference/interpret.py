"""Run a definition of a program on concrete inputs.

`WrongByExecution` says that the program broke a rule of the language on these inputs; `Undetermined` that the evaluator
cannot tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tenuto_backend.reference import calls
from tenuto_backend.reference.expressions import evaluate
from tenuto_backend.reference.program import Program
from tenuto_backend.reference.values import (
    Applied,
    Declared,
    Frame,
    Instance,
    Run,
    Undetermined,
    Value,
)
from tenuto_grammar import syntax
from tenuto_grammar.text import Span

Observer = Callable[[Frame, Span, Value], None]


def start(program: Program, seed: int = 0, observe: Observer | None = None) -> Run:
    """A run of `program`: weights are drawn with `seed`; `observe` is told what each expression gives."""
    return Run(program.find, calls.call, calls.member, np.random.default_rng(seed), observe)


def definition(run: Run, file: str, name: str, generics: Mapping[str, Value] | None = None) -> Applied | Instance:
    """The definition `name` of `file` with generic arguments; a model with weights of its own."""
    found = run.find(file, name)
    if not isinstance(found, Declared) or not isinstance(found.declaration, syntax.Definition):
        raise Undetermined(f"{file} has no definition `{name}`")
    applied = Applied(found.file, found.declaration, dict(generics or {}))
    return Instance(applied) if found.declaration.keyword is syntax.Keyword.MODEL else applied


def deployed(run: Run, file: str, name: str) -> Applied | Instance:
    """The model that the deploy `name` closes, with its configuration."""
    found = run.find(file, name)
    if not isinstance(found, Declared) or not isinstance(found.declaration, syntax.Deploy):
        raise Undetermined(f"{file} has no deploy `{name}`")
    value = evaluate(Frame(run, file, found.declaration, {}), found.declaration.model)
    if not isinstance(value, Applied):
        raise Undetermined(f"`{name}` deploys no definition")
    return Instance(value) if value.definition.keyword is syntax.Keyword.MODEL else value


def invoke(
    run: Run, target: Applied | Instance, inputs: Sequence[Value], named: Mapping[str, Value] | None = None
) -> Value:
    """Call `target` from outside: what does not fit is reported at its own declaration."""
    applied = target.applied if isinstance(target, Instance) else target
    outside = Frame(run, applied.file, applied.definition, {})
    return calls.call(outside, target, list(inputs), dict(named or {}), outside.place(applied.definition.name.span))
