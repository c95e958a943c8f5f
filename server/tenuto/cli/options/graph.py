"""The options of `tenuto graph`."""

from __future__ import annotations

import argparse

FORMATS = ("svg", "html")


def read(arguments: list[str]) -> argparse.Namespace:
    """What was said."""
    parser = argparse.ArgumentParser(
        prog="tenuto graph",
        description="Draw a deploy, or every deploy of a file.",
        epilog="Exit code: 0 drawn, 1 findings, 2 misuse.",
    )
    parser.add_argument("target", metavar="FILE[:DEPLOY]")
    parser.add_argument("--output", "-o", metavar="OUT", help="OUT.svg or OUT.html; - is standard output (DEPLOY.svg)")
    parser.add_argument("--format", choices=FORMATS, help="svg draws one function, html has all (default: svg)")
    parser.add_argument("--function", metavar="NAME", help="draw this function and not the deploy's own (svg)")
    parser.add_argument("--color", choices=["auto", "always", "never"], default="auto", help="default: auto")
    parser.add_argument("--quiet", "-q", action="store_true", help="no word about what was written")
    return parser.parse_args(arguments)
