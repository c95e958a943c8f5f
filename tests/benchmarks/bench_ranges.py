"""What ranges add to the check of the examples: the time of their analysis against that of all else.

Run by `./dev bench ranges`. In one process, with a fresh database for each example; the best of several rounds counts.
"""

from __future__ import annotations

import sys
from pathlib import Path
from time import perf_counter

from tenuto_analysis import deployed, modules
from tenuto_analysis.ranges.problems import range_problems
from tenuto_server.texts import decode
from tenuto_server.workspace import Workspace
from tests.benchmarks.processes import verdict

ROOT = Path(__file__).parents[2]
ROUNDS = 3
MOST = 0.5


def main() -> int:
    whole = {path: min(checked(path) for _ in range(ROUNDS)) for path in sorted((ROOT / "examples").glob("*.ten"))}
    everything = deployed.ANALYSES
    deployed.ANALYSES = tuple(analysis for analysis in everything if analysis is not range_problems)
    without = {path: min(checked(path) for _ in range(ROUNDS)) for path in whole}
    deployed.ANALYSES = everything
    print(f"  {'example':<20} {'check':>8} {'ranges':>8}")
    for path, seconds in whole.items():
        print(f"  {path.stem:<20} {seconds * 1000:6.0f}ms {(seconds - without[path]) * 1000:6.0f}ms")
    added = sum(whole.values()) / sum(without.values()) - 1
    return 0 if verdict("ranges, of the rest of the check", added, MOST) else 1


def checked(path: Path) -> float:
    """The seconds of one check of a file, with nothing known before; the library is read first."""
    workspace = Workspace(lambda file: decode(file, Path(file).read_bytes()), lambda file: str(path.parent))
    for module in modules.std_modules():
        workspace.reports(str(modules.STD / f"{module}.ten"))
    begun = perf_counter()
    workspace.reports(str(path))
    return perf_counter() - begun


if __name__ == "__main__":
    sys.exit(main())
