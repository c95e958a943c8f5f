"""Runs whole commands, as users do, and says what they took."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

TENUTO = str(Path(sys.executable).with_name("tenuto"))
ROUNDS = 5


class Cost(NamedTuple):
    """What a command took: seconds on the clock, seconds of processors, megabytes at most in one process."""

    wall: float
    cpu: float
    memory: float


class Job(NamedTuple):
    """A command, where it runs, and what is done before each run that is not counted."""

    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    before: Callable[[], object] = lambda: None


def interleaved(jobs: Mapping[str, Job], rounds: int = ROUNDS) -> dict[str, Cost]:
    """The medians of rounds in which each job has its turn, so that a slow moment of the machine touches all alike."""
    found: dict[str, list[Cost]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            job.before()
            found[name].append(_cost(job))
    return {name: Cost(*map(statistics.median, zip(*costs, strict=True))) for name, costs in found.items()}


def _cost(job: Job) -> Cost:
    begun = time.perf_counter()
    process = subprocess.Popen(
        job.command,
        cwd=job.folder,
        env=job.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise RuntimeError(f"{' '.join(job.command)} ended with {process.returncode}")
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit)


def table(costs: Mapping[str, Cost], peer: str) -> None:
    """Print what each took, and its ratio to the peer."""
    width = max(map(len, costs))
    print(f"  {'':{width}}   wall s          CPU s           MB")
    for name, cost in costs.items():
        against = Cost(*(own / other for own, other in zip(cost, costs[peer], strict=True)))
        print(
            f"  {name:{width}}   {cost.wall:6.3f} ({against.wall:4.2f})   {cost.cpu:6.3f} ({against.cpu:4.2f})   "
            f"{cost.memory:5.0f} ({against.memory:4.2f})"
        )


def verdict(what: str, value: float, bar: float) -> bool:
    """Print whether a bar is met."""
    met = value <= bar
    print(f"  {what}: {value:.2f}, at most {bar:g}: {'met' if met else 'NOT MET'}")
    return met
