"""The entry of the command `tenuto`, also as `python -m tenuto`.

It imports nothing but the version: a start that only prints it pays for nothing else, and the rest is loaded inside the
handling of interrupts and closed pipes.
"""

import gc
import sys
from importlib import import_module

from tenuto import __version__

# What a command loads and learns lives as long as it does: looking for garbage in it again and again would cost a third
# of a check.
GARBAGE_THRESHOLD = 200_000


def main() -> int:
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["-V"]):
        print(f"tenuto {__version__}")
        return 0
    gc.set_threshold(GARBAGE_THRESHOLD)
    code: int = import_module("tenuto.cli.main").run(arguments)
    return code


if __name__ == "__main__":
    sys.exit(main())
