"""`--dim NAME=SIZE`, as several commands take it."""

from __future__ import annotations

import argparse


def add_dim(parser: argparse.ArgumentParser, what: str) -> None:
    """Adds the option; `what` says what its numbers are for."""
    parser.add_argument(
        "--dim",
        action="append",
        default=[],
        type=_size,
        metavar="NAME=SIZE",
        help=f"{what}; may be said several times",
    )


def _size(text: str) -> tuple[str, int]:
    """`S=128`."""
    name, equals, number = text.partition("=")
    if not (all(part.isidentifier() for part in name.split(".")) and equals and number.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is no size: say it as S=128")
    return name, int(number)
