"""Chooses the command and turns what may go wrong around it into exit codes.

0: clean, 1: findings, 2: misuse, 130: interrupted, 141: nobody reads the output any more. A command's module is loaded
only when it is called, so that `check` does not pay for what `lsp` needs.
"""

from __future__ import annotations

import errno
import os
import sys
from difflib import get_close_matches
from importlib import import_module
from io import TextIOWrapper
from typing import Any, NamedTuple

from tenuto import __version__
from tenuto.cli.misuse import Misuse
from tenuto.extras import needed
from tenuto_server.settings import SettingsError


class Command(NamedTuple):
    """A command that needs an extra has its options in a module of their own, which shows its help without that."""

    module: str
    summary: str
    extra: str | None = None

    def read(self, arguments: list[str]) -> Any:
        """What the module's `run` takes."""
        if self.extra is None:
            return arguments
        return import_module(self.module.replace("tenuto.cli.", "tenuto.cli.options.")).read(arguments)


COMMANDS = {
    "check": Command("tenuto.cli.check", "find mistakes in files and folders"),
    "fmt": Command("tenuto.cli.fmt", "lay out files in the one canonical way"),
    "build": Command("tenuto.cli.build", "make an artifact of a deploy", "onnx"),
    "run": Command("tenuto.cli.execute", "run a deploy or an ONNX model on inputs", "run"),
    "inspect": Command("tenuto.cli.inspect", "show the typed interface of an artifact", "onnx"),
    "cost": Command("tenuto.cli.cost", "count what a run of a deploy costs"),
    "targets": Command("tenuto.cli.targets", "say which targets can run a deploy"),
    "graph": Command("tenuto.cli.graph", "draw a deploy", "graph"),
    "diff": Command("tenuto.cli.diff", "compare an artifact with its source", "onnx"),
    "bind": Command("tenuto.cli.bind", "write a typed Python module for a deploy", "onnx"),
    "explain": Command("tenuto.cli.explain", "explain a rule or an operator"),
    "explain-value": Command("tenuto.cli.explain_value", "say why a value has its dtype, in each deploy"),
    "lsp": Command("tenuto.cli.lsp", "serve an editor over standard input and output"),
}

INTERRUPTED = 130
PIPE_CLOSED = 141


def run(arguments: list[str]) -> int:
    """Runs `tenuto` with these arguments and returns its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # A path or a source may hold what the locale cannot show.
    try:
        code = _dispatch(arguments)
        if not sys.stdout.closed:  # The language server closes it when it leaves.
            sys.stdout.flush()
        return code
    except (Misuse, SettingsError) as error:
        print(f"tenuto: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _discard_output()
        return PIPE_CLOSED
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _discard_output()
        print(f"tenuto: {error.strerror}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        command = COMMANDS.get(arguments[0])
        told = needed(error, command.extra if command is not None else None)
        if told is None:
            raise
        print(f"tenuto: {told}", file=sys.stderr)
        return 2


def _discard_output() -> None:
    """The interpreter flushes standard output once more when it ends; give it a place to write to."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _dispatch(arguments: list[str]) -> int:
    if not arguments:
        print(_usage(), file=sys.stderr)
        return 2
    name, *rest = arguments
    if name == "help" and rest:
        name, rest = rest[0], ["--help"]
    if name in ("help", "--help", "-h"):
        print(_usage())
        return 0
    if name in ("--version", "-V"):
        print(f"tenuto {__version__}")
        return 0
    command = COMMANDS.get(name)
    if command is None:
        found = get_close_matches(name, COMMANDS, n=1)
        hint = f"; did you mean `{found[0]}`?" if found else "; `tenuto help` lists them"
        raise Misuse(f"there is no command `{name}`{hint}")
    said = command.read(rest)  # First: what is said may be `--help`, or wrong.
    code: int = import_module(command.module).run(said)
    return code


def _usage() -> str:
    lines = [
        "usage: tenuto COMMAND [OPTIONS]",
        "",
        "A typed language for neural-network models.",
        "",
        *(f"  {name:<15}{command.summary}" for name, command in COMMANDS.items()),
        f"  {'help':<15}this text, or the options of a command: tenuto help COMMAND",
        "",
        "  --version      the version",
    ]
    return "\n".join(lines)
