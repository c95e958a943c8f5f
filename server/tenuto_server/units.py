"""Numbers as people read them: three digits and a unit."""

from __future__ import annotations

_LARGE = ("", "K", "M", "G", "T", "P", "E")
_SMALL = ("s", "ms", "µs", "ns", "ps")


def counted(number: float) -> str:
    """`2.87 G`; numbers below a thousand as they are."""
    exponent = 0
    while number >= 999.5 and exponent + 1 < len(_LARGE):
        number, exponent = number / 1000, exponent + 1
    return f"{_digits(number)} {_LARGE[exponent]}".rstrip() if exponent else f"{number:g}"


def in_bytes(number: float) -> str:
    """`93.8 MB`."""
    text = counted(number)
    return f"{text}B" if " " in text else f"{text} B"


def in_seconds(seconds: float) -> str:
    """`1.23 ms`."""
    exponent = 0
    while seconds < 0.9995 and exponent + 1 < len(_SMALL):
        seconds, exponent = seconds * 1000, exponent + 1
    return f"{_digits(seconds)} {_SMALL[exponent]}"


def _digits(number: float) -> str:
    """Three digits, none after the point where that is more."""
    return f"{number:.{max(0, 3 - len(str(int(number))))}f}" if number < 1000 else f"{number:,.0f}"
