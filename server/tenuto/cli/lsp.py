"""`tenuto lsp`: the language server, over standard input and output, or a port of this machine."""

from __future__ import annotations

import argparse
import gc
import sys
from importlib import import_module

# Nearly all that is allocated stays: the collector need not look for cycles as often as Python does by itself.
COLLECT = (50_000, 20, 100)


def run(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="tenuto lsp",
        description="Serve an editor by the Language Server Protocol, over standard input and output.",
    )
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--stdio", action="store_true", help="the default; accepted because editors say it")
    way.add_argument(
        "--tcp", type=_port, metavar="PORT", help="serve one client on this port of this machine; 0 picks a free one"
    )
    read = parser.parse_args(arguments)
    gc.set_threshold(*COLLECT)  # Before the protocol's thousand classes are made, which is half of the start.
    try:
        code: int = import_module("tenuto_server.protocol.server").serve(read.tcp)
        return code
    except OSError as error:
        where = "standard input and output" if read.tcp is None else f"port {read.tcp}"
        print(f"tenuto: cannot serve on {where}: {error.strerror or error}", file=sys.stderr)
        return 1


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"a port is a number up to 65535, not `{text}`")
    return int(text)
