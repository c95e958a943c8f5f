"""`tenuto lsp`: the language server, over standard input and output, or a port of this machine."""

from __future__ import annotations

import argparse
import sys

from tenuto_server.protocol.server import serve


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
    try:
        return serve(read.tcp)
    except OSError as error:
        where = "standard input and output" if read.tcp is None else f"port {read.tcp}"
        print(f"tenuto: cannot serve on {where}: {error.strerror or error}", file=sys.stderr)
        return 1


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"a port is a number up to 65535, not `{text}`")
    return int(text)
