"""The options of `tenuto build`."""

from __future__ import annotations

import argparse

from tenuto.cli.misuse import Misuse
from tenuto.cli.options.sizes import add_dim

EMITTED = ("onnx", "mlir", "stablehlo", "vmfb")
PROFILE = "portable"


def read(arguments: list[str]) -> argparse.Namespace:
    """What was said; raises `Misuse` where it makes no sense."""
    parser = argparse.ArgumentParser(
        prog="tenuto build",
        description="Make an artifact of a deploy, or of every deploy of a file.",
        epilog="Exit code: 0 built, 1 findings or an artifact that could not be made, 2 misuse.",
    )
    parser.add_argument("target", metavar="FILE[:DEPLOY]")
    known = ", ".join(EMITTED)
    parser.add_argument(
        "--emit", metavar="FORMAT", help=f"the artifact: {known} (default: what the deploy's target takes, else onnx)"
    )
    parser.add_argument(
        "--target",
        action="append",
        dest="targets",
        metavar="NAME",
        help="with --emit vmfb: what it runs on, such as cuda.sm_80; may be said several times, for one artifact each "
        "(default: the deploy's targets, or this processor)",
    )
    parser.add_argument("--output", "-o", default=".", metavar="DIR", help="where it goes (default: here)")
    add_dim(parser, "a number for a size that the deploy leaves open")
    parser.add_argument(
        "--profile",
        choices=["portable", "modern"],
        help=f"portable: opset 21, understood most widely; modern: operators such as Attention (default: {PROFILE})",
    )
    parser.add_argument(
        "--portable",
        action="store_true",
        help="with --emit stablehlo: also the portable form, NAME.mlirbc; needs tenuto[xla]",
    )
    parser.add_argument("--opset", type=int, metavar="N", help="this opset, 21 to 26, instead of the profile's")
    parser.add_argument("--inline", action="store_true", help="weights in the model's own file, up to 2 GB")
    parser.add_argument(
        "--in-place",
        action="store_true",
        help="weights that a safetensors or NumPy file in DIR holds as the model wants them stay there",
    )
    parser.add_argument(
        "--fold-batch-norm",
        action="store_true",
        help="put normalisations by recorded statistics into the layers before them, whose weights are then no more "
        "those of the checkpoint",
    )
    parser.add_argument("--no-ledger", dest="ledger", action="store_false", help="leave the type ledger out")
    parser.add_argument(
        "--report",
        action="store_true",
        help="what is lost in weights that are stored in small numbers: in each, and in what the model gives",
    )
    parser.add_argument(
        "--samples", metavar="FILE", help="inputs for --report, a .npz or a .json by name (default: drawn)"
    )
    parser.add_argument("--allow-outside", action="store_true", help="read weights from outside of the workspace")
    parser.add_argument("--color", choices=["auto", "always", "never"], default="auto", help="default: auto")
    parser.add_argument("--quiet", "-q", action="store_true", help="no progress and no summary")
    found = parser.parse_args(arguments)
    if found.emit is not None and found.emit not in EMITTED:
        raise Misuse(f"--emit {found.emit} is not there yet: this version emits {known}")
    found.report = found.report or found.samples is not None
    if found.inline and found.in_place:
        raise Misuse("--inline and --in-place exclude each other")
    if found.emit not in (None, "onnx"):
        only_of_onnx(found, found.emit)
    if found.portable and found.emit != "stablehlo":
        raise Misuse("--portable is an option of StableHLO: say --emit stablehlo")
    if found.targets and found.emit != "vmfb":
        raise Misuse("--target is an option of machine code: say --emit vmfb")
    found.targets = tuple(dict.fromkeys(found.targets or ()))
    return found


def only_of_onnx(found: argparse.Namespace, form: str) -> None:
    """Raises `Misuse` where something was said that changes nothing in an artifact of another form."""
    said = {
        "--profile": found.profile is not None,
        "--opset": found.opset is not None,
        "--inline": found.inline,
        "--in-place": found.in_place,
        "--no-ledger": not found.ledger,
    }
    for option, is_said in said.items():
        if is_said:
            raise Misuse(f"{option} is an option of ONNX models: leave it out with --emit {form}")
