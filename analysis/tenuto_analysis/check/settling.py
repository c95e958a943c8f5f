"""What a match had to leave for later: sizes, packs and ranges, compared once every name is bound."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from tenuto_analysis.check import matching
from tenuto_analysis.check.context import Context
from tenuto_analysis.check.evidence import evidence_of, failure_of
from tenuto_analysis.diagnostics.base import Related
from tenuto_analysis.diagnostics.shapes import DimensionMismatch, OutOfRange
from tenuto_analysis.dims import All, Compare, Constraint, Dim, Relation, Symbol, leaves, literal
from tenuto_analysis.normal_form import single_atom
from tenuto_analysis.shapes import same_item
from tenuto_analysis.types import DTypeValue, Interval
from tenuto_grammar.text import Span


def settle(ctx: Context, fit: matching.Fit) -> None:
    """Compare what had to wait. One argument reports one size: what follows from it would only repeat it."""
    for name, (weak, source) in fit.weak.items():
        if name not in fit.substitution.values:
            matching.bind(fit, name, DTypeValue(weak), source)
    reported: set[Span | str] = set()
    for item in fit.later:
        names = _solved_names(fit, item)
        if item.source.span in reported or names & reported:
            continue
        match item:
            case matching.LaterSize():
                wrong = _settle_size(ctx, fit, item)
            case matching.LaterPack():
                wrong = _settle_pack(ctx, fit, item)
            case matching.LaterRange():
                wrong = _settle_range(ctx, fit, item)
            case _:
                assert_never(item)
        if wrong:
            reported |= {item.source.span, *names}
            fit.failed = True
    fit.later.clear()


def _solved_names(
    fit: matching.Fit, item: matching.LaterSize | matching.LaterPack | matching.LaterRange
) -> set[Span | str]:
    """The name that another argument solved and that this one is compared with."""
    if not isinstance(item, matching.LaterSize):
        return set()
    atom = single_atom(item.wanted)
    own = isinstance(atom, Symbol) and atom.owner == fit.substitution.owner
    return {str(atom)} if own else {item.binder} if item.binder is not None else set()


def _binders(ctx: Context, fit: matching.Fit, names: set[str], source: matching.Source) -> Iterator[Related]:
    """What fixed the given names, where that is another argument than the one that does not fit."""
    for name in sorted(names):
        binder = fit.bound_by.get(name)
        if binder is not None and binder.span != source.span:
            value = fit.substitution.values.get(name)
            yield Related(ctx.place(binder.span), f"`{name}` is `{value}` because of {binder.what}")


def _own_names(fit: matching.Fit, dim: Dim) -> set[str]:
    """The names of the wanted type that a size mentions."""
    found = (leaf for leaf in leaves(dim) if isinstance(leaf, Symbol) and leaf.owner == fit.substitution.owner)
    return {leaf.name.split(".")[0] for leaf in found}


def _settle_size(ctx: Context, fit: matching.Fit, item: matching.LaterSize) -> bool:
    wanted = fit.substitution.dim(item.wanted)
    if wanted is item.actual or ctx.known.facts.equal(wanted, item.actual):
        return False
    goal = Compare(Relation.EQ, wanted, item.actual)
    unproved = ctx.prove(goal)
    if unproved is None:
        return False
    what = f"axis {item.axis} of {item.source.what}" if item.found else item.source.what
    names = {item.binder} if item.binder is not None else _own_names(fit, item.wanted)
    binders = _binders(ctx, fit, names, item.source)
    origins = (*binders, *item.source.declared, *ctx.origin_of(wanted, item.actual))
    ctx.report(
        DimensionMismatch(
            item.source.span, what, str(wanted), str(item.actual), evidence=evidence_of(ctx, unproved), origins=origins
        )
    )
    return True


def _settle_pack(ctx: Context, fit: matching.Fit, item: matching.LaterPack) -> bool:
    wanted = fit.substitution.shape(item.wanted)
    known = ctx.known
    if wanted == item.actual or known.rewrite(wanted) == item.actual or known.rewrite(item.actual) == wanted:
        return False
    if fit.substitution.failures:
        for failure in fit.substitution.failures:
            ctx.report(failure_of(ctx, failure, item.source.span, item.source.declared))
        fit.substitution.failures.clear()
        return True
    if len(wanted) != len(item.actual):
        matching.rank(ctx, fit, wanted, item.actual, item.source)
        return True
    for axis, (want, have) in enumerate(zip(wanted, item.actual, strict=True)):
        if same_item(known, want, have) is not None:
            if isinstance(want, Dim) and isinstance(have, Dim):
                return _settle_size(ctx, fit, matching.LaterSize(want, have, axis, item.source, wanted, item.actual))
            matching.rank(ctx, fit, wanted, item.actual, item.source)
            return True
    return False


def _settle_range(ctx: Context, fit: matching.Fit, item: matching.LaterRange) -> bool:
    wanted = fit.substitution.interval(item.wanted)
    declared = item.source.declared
    if item.actual is None:
        if not item.whole_numbers:
            return False
        ctx.report(OutOfRange(item.source.span, str(wanted), None, evidence=evidence_of(ctx, None), origins=declared))
        return True
    goal = inside(item.actual, wanted)
    if goal is None:
        return False
    unproved = ctx.prove(goal)
    if unproved is None:
        return False
    bounds = [bound for bound in (item.actual.high, wanted.high) if isinstance(bound, Dim)]
    ends = [end for end in (item.wanted.low, item.wanted.high) if isinstance(end, Dim)]
    names = {name for end in ends for name in _own_names(fit, end)}
    origins = (*_binders(ctx, fit, names, item.source), *declared, *ctx.origin_of(*bounds))
    evidence = evidence_of(ctx, unproved)
    ctx.report(OutOfRange(item.source.span, str(wanted), str(item.actual), evidence=evidence, origins=origins))
    return True


def inside(inner: Interval, outer: Interval) -> Constraint | None:
    """That one interval lies in another; None where floats decide it and it does."""
    parts: list[Constraint] = []
    for low, high in ((outer.low, inner.low), (inner.high, outer.high)):
        if isinstance(low, Dim) and isinstance(high, Dim):
            parts.append(Compare(Relation.LE, low, high))
        else:
            a, b = _number(low), _number(high)
            if a is not None and b is not None and a > b:
                return Compare(Relation.EQ, literal(0), literal(1))
    return All(tuple(parts)) if parts else None


def _number(bound: Dim | float | None) -> float | None:
    return (
        float(bound.constant)
        if isinstance(bound, Dim) and bound.constant is not None
        else (bound if isinstance(bound, int | float) else None)
    )
