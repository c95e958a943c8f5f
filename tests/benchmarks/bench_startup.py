"""What a run of the command line costs beside `python -c pass`: the version, and a check of 60 files, warm and cold.

The medians of interleaved rounds are compared, so that a slow moment of the machine touches all alike.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

ROUNDS = 15
FILES = 60
EXAMPLES = Path(__file__).parent.parent.parent / "examples"
TENUTO = str(Path(sys.executable).with_name("tenuto"))


def seconds(command: list[str], folder: Path, environment: Mapping[str, str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
    return time.perf_counter() - begun


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        examples = sorted(EXAMPLES.glob("*.ten"))
        for number in range(FILES):
            source = examples[number % len(examples)]
            (folder / f"m{number:02}_{source.name}").write_bytes(source.read_bytes())
        lines = sum(path.read_text(encoding="utf-8").count("\n") for path in folder.glob("*.ten"))
        environment = {**os.environ, "TENUTO_CACHE_DIR": str(folder / ".cache")}
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "tenuto --version": [TENUTO, "--version"],
            f"tenuto check, {FILES} files ({lines} lines), unchanged": [TENUTO, "check"],
        }
        cold = [TENUTO, "check", "--no-cache"]
        seconds(commands["tenuto --version"], folder, environment)  # writes the bytecode
        first = [seconds(cold, folder, environment) for _ in range(3)]
        seconds([TENUTO, "check"], folder, environment)
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(ROUNDS):
            for what, command in commands.items():
                times[what].append(seconds(command, folder, environment))
        base = statistics.median(times["python -c pass"])
        for what, measured in times.items():
            median = statistics.median(measured)
            print(f"  {what}: {median * 1000:.1f} ms, {median / base:.2f} of python -c pass")
        print(f"  tenuto check, {FILES} files, cold: {statistics.median(first) * 1000:.0f} ms")


if __name__ == "__main__":
    main()
