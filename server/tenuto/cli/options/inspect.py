"""The options of `tenuto inspect`."""

from __future__ import annotations

import argparse


def read(arguments: list[str]) -> argparse.Namespace:
    """What was said."""
    parser = argparse.ArgumentParser(
        prog="tenuto inspect",
        description="Show the typed interface and the structure of an ONNX model, or of a module of MLIR or StableHLO.",
        epilog="Exit code: 0 read, 1 its ledger says what its structure does not or it contradicts itself, 2 misuse.",
    )
    parser.add_argument("model", metavar="MODEL", help="MODEL.onnx, or MODEL.mlir as tenuto build writes it")
    parser.add_argument("--weights", action="store_true", help="list each weight with its names in the checkpoint")
    parser.add_argument("--json", action="store_true", help="everything, as JSON")
    return parser.parse_args(arguments)
