"""What is known of the numbers in a tensor: an interval, how far it is to be believed, and what relates it to others.

A `Range` always holds: every number of the tensor lies between `low` and `high`, or is NaN where `nan` says so. An
end that is not `known` is a bound all the same, often an infinite one, but nobody said that the values go so far: it
raises no hazard. So a tensor without a declared, computed or weight-derived range is *unknown* and silent. Its
numbers may be NaN.

A hazard is not told where an infinity arises but where it does harm: `1 / (1 + exp(-x))` is right even where `exp`
overflows. Until then it is among the `causes` of a range; where the range has no infinity any more, they are gone.

`facts` and `some` are relations that intervals cannot say. They name other values by their number (see `frames.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from math import inf, isinf, isnan

from msgspec import Struct
from msgspec.structs import replace

from tenuto_analysis.compat import override
from tenuto_analysis.diagnostics.base import Place

Number = int | float


class Kind(Enum):
    """What may go wrong: each is a rule."""

    OVERFLOW = "overflow"
    LOST_EPSILON = "lost-epsilon"
    OUTSIDE_DOMAIN = "outside-domain"
    CAST_OUT_OF_RANGE = "cast-out-of-range"
    SATURATION = "saturation"
    LONG_SUM = "long-sum"
    CANCELLATION = "cancellation"
    INFINITE_CONSTANT = "infinite-constant"
    MASKED_ROW = "masked-row"
    INFINITIES_MEET = "infinities-meet"
    UNSTABLE_FORM = "unstable-form"
    UNKNOWN_RANGE = "unknown-range"


class Hazard(Struct, frozen=True):
    """Something that goes wrong at a node; `calls` lead to it from the function that tells of it, outermost first.

    `what` says what happens, `path` the ranges that led there, `advice` what to do. `definite` where it really
    happens to some element, whatever the inputs are within what was asked; `witness` is then what shows it.
    """

    kind: Kind
    place: Place
    calls: tuple[Place, ...]
    what: str
    path: tuple[str, ...] = ()
    advice: str = ""
    definite: bool = False
    witness: str = ""
    doubtful: bool = False
    """Whether only rounding leads there: then it is told only where some input shows it."""

    @property
    def key(self) -> tuple[Kind, Place, tuple[Place, ...]]:
        return self.kind, self.place, self.calls


class Inherited(Struct, frozen=True):
    """The causes that an input of the function brings with it, by the input's place."""

    index: int
    definite: bool


Cause = Hazard | Inherited


class Relation(Enum):
    """How a value `v` relates to another, `x`, element by element, with the factor `n` of the fact."""

    ABOVE = "v * n >= x"
    PEAK = "v is the maximum of x along the fact's axes"
    ABSOLUTE = "v * n >= |x|"
    SQUARE = "v * n >= x * x"
    INVERSE = "0 <= v <= n / |x|"


class Fact(Struct, frozen=True):
    """A relation to the value of the number `of`; `missing` are the axes of that value that this one lacks.

    `axes`, counted from the end, are those of a maximum (PEAK), or of a sum that is not more than this (ABOVE).
    """

    relation: Relation
    of: int
    n: float = 1.0
    axes: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()

    @property
    def aligned(self) -> bool:
        """Whether the two meet element by element where they are broadcast."""
        return self.missing == tuple(range(len(self.missing)))


class Some(Struct, frozen=True):
    """Along `axes`, counted from the end, every slice has an element that is at least `low`."""

    axes: tuple[int, ...]
    low: Number


class Range(Struct, frozen=True):
    low: Number
    high: Number
    low_known: bool = True
    high_known: bool = True
    nan: bool = False
    low_met: bool = False
    """Whether some element is `low`, in what was asked, and not only may be."""
    high_met: bool = False
    fixed: bool = False
    """Whether the values are the same in every run: made of constants and places alone."""
    causes: tuple[Cause, ...] = ()
    facts: tuple[Fact, ...] = ()
    some: Some | None = None
    least: Some | None = None
    """Along these axes every slice has an element that is at most `low` of this."""
    total: Some | None = None
    """The values are not negative, and along these axes their sum is at most `low` of this."""
    spread: bool = False
    """Whether the elements hardly reach the ends together: weights, normalised rows, and what is computed from them."""
    doubtful: bool = False
    """Whether the values are not negative over the reals, though a rounding may make them so."""
    tainted: bool = False
    """Whether something that was told already went into the values: what follows from it is not told again."""

    @property
    def known(self) -> bool:
        return self.low_known and self.high_known

    @property
    def constant(self) -> Number | None:
        """The one number that all elements are."""
        return self.low if self.low == self.high and not self.nan and not isinf(self.low) else None

    @property
    def uniform(self) -> bool:
        """Whether all elements are one number, infinities counted."""
        return self.low == self.high and not self.nan and self.low_met

    @property
    def infinite(self) -> bool:
        """Whether an element may not be finite, as far as anybody said."""
        return self.nan or (self.low_known and self.low == -inf) or (self.high_known and self.high == inf)

    def contains(self, number: Number) -> bool:
        """Whether an element may be `number`. What follows from something that was told may be anything."""
        if self.tainted:
            return True
        if isnan(number):
            return self.nan or not self.known
        return self.low <= number <= self.high

    @override
    def __str__(self) -> str:
        low = "?" if not self.low_known and isinf(self.low) else shown(self.low)
        high = "?" if not self.high_known and isinf(self.high) else shown(self.high)
        if low == high == "?":
            return "unknown"
        text = low if low == high else f"{low} .. {high}"
        return f"{text} or NaN" if self.nan else text


UNKNOWN = Range(-inf, inf, False, False)
TRUTH = Range(0, 1)
"""A `bool` that an input may choose."""
SOME_TRUTH = Range(0, 1, False, False)
"""A `bool` of which nobody knows whether it is both."""


def shown(number: Number) -> str:
    """A number as a message says it."""
    if isinstance(number, int):
        return str(number) if abs(number) < 10**7 else f"{float(number):.4g}"
    if number == 0 or (1e-3 <= abs(number) < 1e6):
        text = f"{number:.4f}".rstrip("0")
        return text + "0" if text.endswith(".") else text
    mantissa, _, exponent = f"{number:.4g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


def exactly(number: Number) -> Range:
    return Range(number, number, low_met=True, high_met=True, fixed=True)


def between(low: Number, high: Number) -> Range:
    return Range(low, high)


def joined(a: Range, b: Range) -> Range:
    """What holds of either: of two branches, of two parts."""
    if a == b:
        return a
    return Range(
        min(a.low, b.low),
        max(a.high, b.high),
        _known_of_least(a, b),
        _known_of_largest(a, b),
        a.nan or b.nan,
        fixed=a.fixed and b.fixed,
        causes=united(a.causes, b.causes),
        facts=tuple(fact for fact in a.facts if fact in b.facts),
        spread=a.spread or b.spread,
        doubtful=a.doubtful or b.doubtful,
        tainted=a.tainted or b.tainted,
    )


def _known_of_least(a: Range, b: Range) -> bool:
    """Of a union the least value is known to be reached where either reaches it."""
    if a.low == b.low:
        return a.low_known or b.low_known
    return a.low_known if a.low < b.low else b.low_known


def _known_of_largest(a: Range, b: Range) -> bool:
    if a.high == b.high:
        return a.high_known or b.high_known
    return a.high_known if a.high > b.high else b.high_known


def united(*all_causes: tuple[Cause, ...]) -> tuple[Cause, ...]:
    found = [causes for causes in all_causes if causes]
    if not found:
        return ()
    if len(found) == 1:
        return found[0]
    return tuple(dict.fromkeys(cause for causes in found for cause in causes))


def softened(causes: Iterable[Cause]) -> tuple[Cause, ...]:
    """The causes, where it is not certain that the elements that they struck are still there."""
    return tuple(replace(cause, definite=False) if cause.definite else cause for cause in causes)
