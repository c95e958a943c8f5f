"""From a failed proof to the words that a diagnostic shows of it."""

from __future__ import annotations

from tenuto_analysis.check.context import Context, Doubt, owned_by
from tenuto_analysis.diagnostics.base import Diagnostic, Related
from tenuto_analysis.diagnostics.evidence import Evidence
from tenuto_analysis.diagnostics.shapes import (
    AxisOutOfRange,
    BadPattern,
    BroadcastMismatch,
    ShapeMismatch,
)
from tenuto_analysis.dims import Compare, Constraint, Leaf, Relation, leaves_of_constraint, render
from tenuto_analysis.normal_form import single_atom
from tenuto_analysis.shapes import Failure, FailureKind
from tenuto_analysis.types import BoolSymbol, IsNone, SamePack, StaticTest
from tenuto_grammar.text import Span

_SHORT = 60  # A longer constraint is no help.


def evidence_of(ctx: Context, doubt: Doubt | None) -> Evidence:
    """The counterexample and the sufficing facts, in the names of the declaration.

    What is reported once is taken as true afterwards, so that one missing fact is one diagnostic.
    """
    if doubt is None:
        return Evidence((), False, False, (), None, None)
    unproved = doubt.verdict
    if not unproved.refuted_always:
        ctx.assume(doubt.goal)
    example = unproved.counterexample or {}
    about = leaves_of_constraint(doubt.goal)
    values = sorted((str(leaf), value) for leaf, value in example.items() if leaf in about and not _is_flag(leaf))
    own = [fact for fact in unproved.suffices if _helps(ctx, fact)]
    facts = tuple(map(render, own))
    return Evidence(tuple(values), unproved.refuted_always, bool(about), facts, unproved.gave_up, ctx.where_insert)


def restated(constraint: Constraint, requirement: str) -> str | None:
    """A callee's requirement in the sizes of the caller, where that tells more and is short."""
    text = render(constraint)
    told = not leaves_of_constraint(constraint) or text == requirement or len(text) > _SHORT
    return None if told else text


def _is_flag(leaf: Leaf) -> bool:
    return isinstance(leaf, BoolSymbol | IsNone | SamePack | StaticTest)


def _helps(ctx: Context, fact: Constraint) -> bool:
    """Whether a fact is one to suggest: a `where` could say it, and it is not that a size is 0."""
    match fact:
        case Compare(op=Relation.EQ, left=left, right=right) if right.constant == 0:
            if isinstance(single_atom(left), Leaf):
                return False
        case _:
            pass
    return all(_nameable(ctx, leaf) for leaf in leaves_of_constraint(fact))


def _nameable(ctx: Context, leaf: Leaf) -> bool:
    """Whether a `where` of the declaration could mention this."""
    return not _is_flag(leaf) and owned_by(leaf, ctx.owner) and "#" not in getattr(leaf, "owner", "")


def failure_of(ctx: Context, failure: Failure, span: Span, origins: tuple[Related, ...] = ()) -> Diagnostic:
    """The diagnostic for a shape function that has no result."""
    unproved = ctx.prove(failure.obligation) if failure.obligation is not None else None
    evidence = evidence_of(ctx, unproved)
    if failure.obligation is not None:
        origins = (*origins, *ctx.origin_of_constraint(failure.obligation))
    match failure.kind:
        case FailureKind.BROADCAST:
            return BroadcastMismatch(span, failure.message, evidence=evidence, origins=origins)
        case FailureKind.SIZES | FailureKind.RANK:
            return ShapeMismatch(span, failure.message, evidence=evidence, origins=origins)
        case FailureKind.AXIS:
            return AxisOutOfRange(span, failure.message, origins=origins)
        case FailureKind.PATTERN:
            return BadPattern(span, failure.message, origins=origins)
