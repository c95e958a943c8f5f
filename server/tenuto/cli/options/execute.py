"""The options of `tenuto run`."""

from __future__ import annotations

import argparse
import os

from tenuto.cli.misuse import Misuse


def read(arguments: list[str]) -> argparse.Namespace:
    """What was said; raises `Misuse` where it makes no sense."""
    parser = argparse.ArgumentParser(
        prog="tenuto run",
        description="Run a deploy or an artifact. Inputs that are not given are drawn within their types.",
        epilog="Exit code: 0 it ran, 1 findings or a run that failed, 2 misuse, which inputs that do not fit are.",
    )
    parser.add_argument("target", metavar="FILE[:DEPLOY]|MODEL.onnx|MODULE.vmfb")
    parser.add_argument(
        "--input",
        "-i",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an input: a .npy file, or JSON such as [[1, 2, 3]]; may be repeated",
    )
    parser.add_argument("--inputs", metavar="FILE", help="inputs by name: a .npz, or an object in a .json")
    parser.add_argument(
        "--dim", action="append", default=[], metavar="SIZE=N", help="a size of what is drawn, S=12; may be repeated"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="what is drawn depends on it (default: 0)")
    parser.add_argument("--output", "-o", metavar="FILE.npz", help="write the outputs to this file")
    parser.add_argument(
        "--backend",
        choices=["onnxruntime", "iree", "reference"],
        help="onnxruntime, IREE, or NumPy: slow, and the meaning that the others are held against (default: IREE for a "
        ".vmfb, else onnxruntime)",
    )
    parser.add_argument("--allow-outside", action="store_true", help="read weights from outside of the workspace")
    parser.add_argument("--color", choices=["auto", "always", "never"], default="auto", help="default: auto")
    parser.add_argument("--quiet", "-q", action="store_true", help="no summary")
    found = parser.parse_args(arguments)
    if found.seed < 0:
        raise Misuse("--seed: an integer that is not negative")
    if found.output is not None and not found.output.endswith(".npz"):
        raise Misuse(f"--output {found.output}: outputs are written to a .npz file")
    if found.output is not None and not os.path.isdir(os.path.dirname(found.output) or "."):
        raise Misuse(f"--output {found.output}: there is no folder `{os.path.dirname(found.output)}`")
    is_binary = found.target.endswith(".vmfb")
    found.backend = found.backend or ("iree" if is_binary else "onnxruntime")
    if is_binary and found.backend != "iree":
        raise Misuse(f"{found.target} is machine code, which --backend {found.backend} cannot run")
    if found.target.endswith(".onnx") and found.backend == "iree":
        raise Misuse("IREE runs a deploy, or a .vmfb of `tenuto build --emit vmfb`: an ONNX model runs in onnxruntime")
    return found
