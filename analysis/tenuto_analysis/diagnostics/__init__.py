"""Everything that can be wrong with a program: one class a rule, one file a family, one page a rule in `explain/`."""

from __future__ import annotations

from tenuto_analysis.diagnostics import (
    calls,
    deploys,
    names,
    quantised,
    ranges,
    shapes,
    statements,
    syntax,
    targets,
    types,
    weights,
)
from tenuto_analysis.diagnostics.base import Diagnostic

FAMILIES = (syntax, names, types, shapes, calls, statements, deploys, weights, quantised, ranges, targets)

CATALOGUE: tuple[type[Diagnostic], ...] = tuple(
    item
    for family in FAMILIES
    for item in vars(family).values()
    if isinstance(item, type) and issubclass(item, Diagnostic) and hasattr(item, "rule")
)
