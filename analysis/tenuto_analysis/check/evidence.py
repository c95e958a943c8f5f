"""From a failed proof to the words that a diagnostic shows of it."""

from __future__ import annotations

from tenuto_analysis.check.context import Context, owned_by
from tenuto_analysis.diagnostics.base import Diagnostic, Related
from tenuto_analysis.diagnostics.evidence import Evidence
from tenuto_analysis.diagnostics.shapes import (
    AxisOutOfRange,
    BadPattern,
    BroadcastMismatch,
    ShapeMismatch,
)
from tenuto_analysis.dims import Leaf, leaves_of_constraint, render
from tenuto_analysis.facts import Unproved
from tenuto_analysis.shapes import Failure, FailureKind
from tenuto_analysis.types import BoolSymbol, IsNone, SamePack, StaticTest
from tenuto_grammar.text import Span

_FLAGS = (BoolSymbol, IsNone, SamePack, StaticTest)


def evidence_of(ctx: Context, unproved: Unproved | None) -> Evidence:
    """The counterexample and the sufficing facts, in the names of the declaration."""
    if unproved is None:
        return Evidence((), False, (), None, None)
    example = unproved.counterexample or {}
    values = sorted((str(leaf), value) for leaf, value in example.items() if not isinstance(leaf, _FLAGS))
    own = [fact for fact in unproved.suffices if all(_nameable(ctx, leaf) for leaf in leaves_of_constraint(fact))]
    return Evidence(tuple(values), unproved.refuted_always, tuple(map(render, own)), unproved.gave_up, ctx.where_insert)


def _nameable(ctx: Context, leaf: Leaf) -> bool:
    """Whether a `where` of the declaration could mention this."""
    return not isinstance(leaf, _FLAGS) and owned_by(leaf, ctx.owner) and "#" not in getattr(leaf, "owner", "")


def failure_of(ctx: Context, failure: Failure, span: Span, origins: tuple[Related, ...] = ()) -> Diagnostic:
    """The diagnostic for a shape function that has no result."""
    unproved = ctx.prove(failure.obligation) if failure.obligation is not None else None
    evidence = evidence_of(ctx, unproved)
    if failure.obligation is not None:
        origins = (*origins, *ctx.origin_of_constraint(failure.obligation))
    match failure.kind:
        case FailureKind.BROADCAST:
            return BroadcastMismatch(span, failure.message, evidence, origins)
        case FailureKind.SIZES | FailureKind.RANK:
            return ShapeMismatch(span, failure.message, evidence, origins)
        case FailureKind.AXIS:
            return AxisOutOfRange(span, failure.message, origins)
        case FailureKind.PATTERN:
            return BadPattern(span, failure.message, origins)
