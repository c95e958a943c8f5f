"""The options of `tenuto diff`."""

from __future__ import annotations

import argparse


def read(arguments: list[str]) -> argparse.Namespace:
    """What was said."""
    parser = argparse.ArgumentParser(
        prog="tenuto diff",
        description="Compare an ONNX model with the source that it was built from.",
        epilog="Exit code: 0 all intact, 1 something changed, 2 misuse.",
    )
    parser.add_argument("source", metavar="SOURCE[:DEPLOY]")
    parser.add_argument("model", metavar="MODEL.onnx")
    parser.add_argument(
        "--fold-batch-norm", action="store_true", help="compare with what a build with this option makes of the source"
    )
    parser.add_argument("--all", action="store_true", help="every detail, however many there are")
    parser.add_argument("--json", action="store_true", help="everything, as JSON")
    return parser.parse_args(arguments)
