"""`tenuto lsp`: the language server, over standard input and output."""

from __future__ import annotations

import argparse

from tenuto_server.lsp import serve


def run(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="tenuto lsp",
        description="Serve an editor over standard input and output, by the Language Server Protocol.",
    )
    parser.add_argument("--stdio", action="store_true", help="the only way there is; accepted because editors say it")
    parser.parse_args(arguments)
    return serve()
