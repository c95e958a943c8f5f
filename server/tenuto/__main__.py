"""The entry of the command `tenuto`, also as `python -m tenuto`.

It imports nothing but the version: a start that only prints it pays for nothing else, and the rest is loaded inside the
handling of interrupts and closed pipes.
"""

import sys
from importlib import import_module

from tenuto import __version__


def main() -> int:
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["-V"]):
        print(f"tenuto {__version__}")
        return 0
    code: int = import_module("tenuto.cli.main").run(arguments)
    return code


if __name__ == "__main__":
    sys.exit(main())
