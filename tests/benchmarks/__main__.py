"""`./dev bench [NAME ...]`: runs all measurements or the named ones, each in a process of its own."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

HOME = Path(__file__).parent
NAMES = [path.stem.removeprefix("bench_") for path in sorted(HOME.glob("bench_*.py"))]


def main() -> int:
    wanted = sys.argv[1:] or NAMES
    unknown = [name for name in wanted if name not in NAMES]
    if unknown:
        print(f"there is no measurement called {', '.join(unknown)}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}", flush=True)
    # Measured as users run it: with bytecode and buffered output.
    dropped = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
    environment = {name: value for name, value in os.environ.items() if name not in dropped}
    failed = False
    for name in wanted:
        print(f"\n{name}", flush=True)
        ran = subprocess.run([sys.executable, "-m", f"tests.benchmarks.bench_{name}"], env=environment, check=False)
        failed = failed or ran.returncode != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
