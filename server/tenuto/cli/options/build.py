"""The options of `tenuto build`."""

from __future__ import annotations

import argparse

from tenuto.cli.misuse import Misuse

EMITTED = ("onnx",)


def read(arguments: list[str]) -> argparse.Namespace:
    """What was said; raises `Misuse` where it makes no sense."""
    parser = argparse.ArgumentParser(
        prog="tenuto build",
        description="Make an artifact of a deploy, or of every deploy of a file.",
        epilog="Exit code: 0 built, 1 findings or an artifact that could not be made, 2 misuse.",
    )
    parser.add_argument("target", metavar="FILE[:DEPLOY]")
    parser.add_argument("--emit", default="onnx", metavar="FORMAT", help="the artifact: onnx (default: onnx)")
    parser.add_argument("--output", "-o", default=".", metavar="DIR", help="where it goes (default: here)")
    parser.add_argument(
        "--profile",
        choices=["portable", "modern"],
        default="portable",
        help="portable: opset 21, understood most widely; modern: operators such as Attention (default: portable)",
    )
    parser.add_argument("--opset", type=int, metavar="N", help="this opset, 21 to 26, instead of the profile's")
    parser.add_argument("--inline", action="store_true", help="weights in the model's own file, up to 2 GB")
    parser.add_argument(
        "--fold-batch-norm",
        action="store_true",
        help="put normalisations by recorded statistics into the layers before them, whose weights are then no more "
        "those of the checkpoint",
    )
    parser.add_argument("--no-ledger", dest="ledger", action="store_false", help="leave the type ledger out")
    parser.add_argument("--allow-outside", action="store_true", help="read weights from outside of the workspace")
    parser.add_argument("--color", choices=["auto", "always", "never"], default="auto", help="default: auto")
    parser.add_argument("--quiet", "-q", action="store_true", help="no progress and no summary")
    found = parser.parse_args(arguments)
    if found.emit not in EMITTED:
        raise Misuse(f"--emit {found.emit} is not there yet: this version emits {', '.join(EMITTED)}")
    return found
