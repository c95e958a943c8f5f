"""What starting the command line costs, beside `python -c pass`: the version, and a check of one small file.

Run by `./dev bench startup`. Whole commands; the medians of interleaved rounds.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.processes import TENUTO, Job, interleaved, table, verdict

SMALL = "fn double(x: f32[N]) -> f32[N] = x + x\n"
BASE = "python -c pass"
VERSION = "tenuto --version"
ROUNDS = 15
BAR = 2.5


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "small.ten").write_text(SMALL, encoding="utf-8")
        environment = {**os.environ, "TENUTO_CACHE_DIR": str(folder / "cache")}
        commands = {
            BASE: [sys.executable, "-c", "pass"],
            VERSION: [TENUTO, "--version"],
            "tenuto check, one small file, cold": [TENUTO, "check", "--no-cache", "small.ten"],
            "tenuto check, one small file, unchanged": [TENUTO, "check", "small.ten"],
        }
        jobs = {name: Job(command, folder, environment) for name, command in commands.items()}
        interleaved(jobs, 1)  # Writes the bytecode and the cache.
        costs = interleaved(jobs, ROUNDS)
    table(costs, BASE)
    return 0 if verdict(f"{VERSION}, wall", costs[VERSION].wall / costs[BASE].wall, BAR) else 1


if __name__ == "__main__":
    sys.exit(main())
