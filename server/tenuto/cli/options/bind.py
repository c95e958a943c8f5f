"""The options of `tenuto bind`."""

from __future__ import annotations

import argparse

from tenuto.cli.misuse import Misuse


def read(arguments: list[str]) -> argparse.Namespace:
    """What was said; raises `Misuse` where it makes no sense."""
    parser = argparse.ArgumentParser(
        prog="tenuto bind",
        description="Write a Python module that runs a deploy's artifact, with the types of NumPy.",
        epilog="Exit code: 0 written, 1 findings or a file that cannot be written, 2 misuse.",
    )
    parser.add_argument("target", metavar="FILE[:DEPLOY]")
    parser.add_argument("--output", "-o", metavar="MODULE.py", help="the module (default: DEPLOY.py); - is the output")
    parser.add_argument("--color", choices=["auto", "always", "never"], default="auto", help="default: auto")
    found = parser.parse_args(arguments)
    if found.output not in (None, "-") and not found.output.endswith(".py"):
        raise Misuse(f"--output {found.output}: the name of a module ends in .py")
    return found
